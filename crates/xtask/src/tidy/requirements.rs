//! Which requirement rows no test cites. For information: a row may be served by something no test names.

use std::collections::BTreeSet;

use crate::workspace::SourceFile;

const ROWS: &str = "docs/spec/requirement-rows.txt";

/// `None` where there is no list of rows. A row is a line that begins with an id such as `A01`.
pub(super) fn summary(files: &[SourceFile]) -> Option<String> {
    let list = files.iter().find(|file| file.path == ROWS)?.text.as_deref()?;
    let rows: BTreeSet<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).filter(is_row).collect();
    let mut cited = BTreeSet::new();
    for text in files.iter().filter(|file| may_hold_tests(file)).filter_map(|file| file.text.as_deref()) {
        cited.extend(text.split(|letter: char| !letter.is_alphanumeric()).filter(is_row));
    }
    let missing: Vec<&str> = rows.difference(&cited).copied().collect();
    let count = rows.len() - missing.len();
    let rest = if missing.is_empty() { String::new() } else { format!("; not cited: {}", missing.join(" ")) };
    Some(format!("{count} of {} requirement rows are cited by a test{rest}", rows.len()))
}

fn is_row(word: &&str) -> bool {
    matches!(word.as_bytes(), [letter, first, second]
        if letter.is_ascii_uppercase() && first.is_ascii_digit() && second.is_ascii_digit())
}

fn may_hold_tests(file: &SourceFile) -> bool {
    if file.path.starts_with("scripts/") {
        return true;
    }
    let text = file.text.as_deref().unwrap_or_default();
    file.has_extension(&["rs"])
        && (file.path.contains("/tests/") || text.contains("#[cfg(test)]") || text.contains("#[test]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_a_test_are_listed() {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: Some(text.to_owned()) };
        let files = [
            file(ROWS, "A01 unique ids\nA02 aliases\n# a comment\nB03 lists\n"),
            file("crates/x/tests/it/a.rs", "/// A01, B03: …"),
            file("crates/x/src/lib.rs", "// A02 is not cited by a test"),
        ];
        let summary = summary(&files).unwrap();
        assert_eq!(summary, "2 of 3 requirement rows are cited by a test; not cited: A02");
        assert_eq!(super::summary(&files[1..]), None);
    }
}
