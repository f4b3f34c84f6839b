//! No file is longer than a reader can hold.

use crate::workspace::SourceFile;

const MOST_LINES: usize = 800;

pub(super) fn check(files: &[SourceFile]) -> Vec<String> {
    let written = files.iter().filter(|file| {
        let generated = ["docs/reference/", "docs/contracts/"].iter().any(|folder| file.path.starts_with(folder));
        !generated && file.has_extension(&["rs", "sql", "sh", "py", "go", "js", "md", "toml"])
    });
    written
        .filter_map(|file| {
            let lines = file.text.as_deref()?.lines().count();
            (lines > MOST_LINES).then(|| format!("{}: {lines} lines, more than {MOST_LINES}", file.path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_files_may_be_long() {
        let file = |path: &str, lines| SourceFile { path: path.to_owned(), text: Some("x\n".repeat(lines)) };
        let files = [file("a.rs", 801), file("b.rs", 800), file("docs/reference/c.md", 900), file("d.lock", 900)];
        assert_eq!(check(&files), ["a.rs: 801 lines, more than 800"]);
    }
}
