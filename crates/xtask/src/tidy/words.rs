//! Text that must not be committed: unfinished work, and what is true on one machine only.

use crate::workspace::SourceFile;

/// Code that says it is not finished, or a test that does not run. Assembled, so that this file passes.
fn unfinished() -> Vec<String> {
    [["to", "do!("], ["unimpl", "emented!("], ["#[ig", "nore"]].iter().map(|parts| parts.concat()).collect()
}

/// Folders of one machine, and hosts from which packages come there: whoever builds this may get them
/// from elsewhere.
fn local() -> Vec<String> {
    let parts: [&[&str]; 14] = [
        &["../sha", "red"],
        &["/wo", "rk/"],
        &["/ro", "ot/"],
        &["/ho", "me/"],
        &["/Us", "ers/"],
        &["/tmp/tar", "get"],
        &["crates", ".io"],
        &["py", "pi.org"],
        &["python", "hosted.org"],
        &["npm", "js.org"],
        &["go", "lang.org/dl"],
        &["proxy.go", "lang.org"],
        &["maven", ".org"],
        &["deb", ".debian.org"],
    ];
    parts.iter().map(|parts| parts.concat()).collect()
}

pub(super) fn check(files: &[SourceFile]) -> Vec<String> {
    let unfinished = unfinished();
    let local = local();
    let mut breaches = Vec::new();
    for file in files {
        let Some(text) = &file.text else { continue };
        // Cargo writes where it found each package; that is its business.
        let locked = file.has_extension(&["lock"]);
        for (index, line) in text.lines().enumerate() {
            let code = if file.has_extension(&["rs"]) { unfinished.as_slice() } else { &[] };
            let place = if locked { &[] } else { local.as_slice() };
            for word in code.iter().chain(place).filter(|word| contains_word(line, word)) {
                breaches.push(format!("{}:{}: {word:?} must not be committed", file.path, index + 1));
            }
        }
    }
    breaches
}

/// A word that begins with `/` is an absolute path only where no path goes before it: `docs/home/` is fine.
fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let continues = before.is_some_and(|letter| letter.is_alphanumeric() || "._-*}$".contains(letter));
        !(word.starts_with('/') && continues)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, text: &str) -> usize {
        check(&[SourceFile { path: path.to_owned(), text: Some(text.to_owned()) }]).len()
    }

    #[test]
    fn machine_specific_paths_and_unfinished_code_are_found() {
        assert_eq!(breaches("a.md", &["see /wo", "rk/x and /ho", "me/me"].concat()), 2);
        assert_eq!(breaches("a.md", &["docs/wo", "rk/ is a folder like $X/ho", "me/"].concat()), 0);
        assert_eq!(breaches("a.toml", &["https://crates", ".io"].concat()), 1);
        assert_eq!(breaches("Cargo.lock", &["https://crates", ".io"].concat()), 0);
        assert_eq!(breaches("a.rs", &["#[ig", "nore = \"slow\"]"].concat()), 1);
        assert_eq!(breaches("a.md", &["to", "do!()"].concat()), 0);
    }
}
