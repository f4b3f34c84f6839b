//! The ledger is pure: it computes, and touches nothing outside.
//!
//! Strangers use it alone, and its rules are tested without a database or a clock. So its dependencies
//! are a list, and no part of the standard library that reaches the outside may occur in its source.

use super::arrows::Crate;
use crate::workspace::SourceFile;

const DEPENDENCIES: [&str; 10] = [
    "base64",
    "const-hex",
    "ed25519-dalek",
    "serde",
    "serde_json",
    "serde_json_canonicalizer",
    "sha2",
    "thiserror",
    "time",
    "uuid",
];

const BANNED_MODULES: [&str; 6] = ["fs", "net", "env", "time", "process", "thread"];
const BANNED_TEXT: [&str; 3] = ["asyncfn", "asyncmove", "tokio"];

pub(super) fn check_dependencies(crates: &[Crate]) -> Vec<String> {
    let ledger = crates.iter().filter(|member| member.name == "ledger");
    let used = ledger.flat_map(|ledger| &ledger.dependencies).filter(|dependency| !dependency.only_for_tests);
    used.filter(|dependency| !DEPENDENCIES.contains(&dependency.name.as_str()))
        .map(|dependency| format!("crates/ledger/Cargo.toml: {} is not on the list of dependencies", dependency.name))
        .collect()
}

pub(super) fn check_source(files: &[SourceFile]) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("crates/ledger/src/") && file.has_extension(&["rs"])) {
        for found in impurities(file.text.as_deref().unwrap_or_default()) {
            breaches.push(format!("{}: the ledger must not use {found}", file.path));
        }
    }
    breaches
}

fn impurities(source: &str) -> Vec<String> {
    // Without comments and white space, a path reads the same however it was laid out.
    let code: String = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code: String = code.split_whitespace().collect();
    let mut found: Vec<String> =
        BANNED_TEXT.iter().filter(|text| code.contains(**text)).map(|text| (*text).to_owned()).collect();
    for after in code.split("std::").skip(1) {
        let group = after.strip_prefix('{').and_then(|group| group.split(';').next());
        let modules: Vec<&str> = match group {
            Some(group) => group.split(',').collect(),
            None => vec![after],
        };
        for module in modules {
            let name = module.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next();
            if let Some(name) = name.filter(|name| BANNED_MODULES.contains(name)) {
                found.push(format!("std::{name}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::impurities;

    #[test]
    fn what_reaches_outside_is_found_however_it_is_imported() {
        assert_eq!(impurities("use std::fs;"), ["std::fs"]);
        assert_eq!(impurities("use std::{fmt, net::{IpAddr, TcpStream}};"), ["std::net"]);
        assert_eq!(impurities("use std::{\n    fmt,\n    time::Duration,\n};"), ["std::time"]);
        assert_eq!(impurities("let x = std::env::var(\"X\");"), ["std::env"]);
        assert_eq!(impurities("async fn read() {}"), ["asyncfn"]);
        assert!(impurities("// no std::fs, no tokio\nuse std::fmt; use core::str; use time::Date;").is_empty());
        assert!(impurities("use std::collections::{BTreeMap}; fn f(env: u8) {}").is_empty());
    }
}
