//! Each statement is written for both engines, under the same name; what only one engine needs is in its folder `only`.

use std::collections::BTreeSet;

use crate::workspace::SourceFile;

const FOLDERS: [&str; 4] =
    ["crates/outbox/sql/", "crates/store/sql/", "crates/connector/sql/", "crates/storefront/sql/"];
const ENGINES: [&str; 2] = ["postgres", "sqlite"];

pub(super) fn check(files: &[SourceFile]) -> Vec<String> {
    FOLDERS.iter().flat_map(|folder| check_folder(files, folder)).collect()
}

fn check_folder(files: &[SourceFile], folder: &str) -> Vec<String> {
    let paths: BTreeSet<&str> = files
        .iter()
        .filter(|file| file.has_extension(&["sql"]))
        .filter_map(|file| file.path.strip_prefix(folder))
        .collect();
    let mut breaches = Vec::new();
    for path in &paths {
        let Some((engine, name)) = path.split_once('/').filter(|(engine, _)| ENGINES.contains(engine)) else {
            breaches.push(format!("{folder}{path}: not in the folder of an engine"));
            continue;
        };
        if name.starts_with("only/") {
            continue;
        }
        for other in ENGINES.iter().filter(|other| **other != engine) {
            if !paths.contains(format!("{other}/{name}").as_str()) {
                breaches.push(format!("{folder}{path}: there is no {folder}{other}/{name}"));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_for_one_engine_only_is_found() {
        let file = |path: &str| SourceFile { path: format!("{}{path}", FOLDERS[1]), text: None };
        let files = [
            file("postgres/append.sql"),
            file("sqlite/append.sql"),
            file("sqlite/head.sql"),
            file("sqlite/only/y.sql"),
            file("x.sql"),
        ];
        let breaches = check(&files);
        assert_eq!(breaches.len(), 2, "{breaches:?}");
        assert!(breaches[0].ends_with("there is no crates/store/sql/postgres/head.sql"));
    }
}
