//! Telling a mistyped member name from one that is merely unknown.

/// Longer names are nobody's typing error, and the bound keeps the table below on the stack.
const LONGEST_NAME: usize = 32;
/// `base_verison` is one swap away from `base_version`; beyond two edits, names are likelier to be other names.
const MOST_EDITS: usize = 2;

/// The known member name that `unknown` was probably meant to be: the nearest within two edits, the first of equals.
///
/// An edit inserts, drops or replaces one byte or swaps two neighbours. More than half of a name must be right, so that
/// names of three letters are not taken for each other.
pub fn near_miss<'k>(unknown: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .filter_map(|name| distance(unknown.as_bytes(), name.as_bytes()).map(|edits| (edits, *name)))
        .filter(|(edits, name)| *edits > 0 && 2 * edits < name.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// Edits between two names (optimal string alignment), if there are at most [`MOST_EDITS`].
fn distance(left: &[u8], right: &[u8]) -> Option<usize> {
    if left.len().max(right.len()) > LONGEST_NAME || left.len().abs_diff(right.len()) > MOST_EDITS {
        return None;
    }
    // Three rows of the usual table: the row being filled and the two before it, which a swap reaches back to.
    let mut row: [usize; LONGEST_NAME + 1] = std::array::from_fn(|column| column);
    let mut above = row;
    for (i, l) in left.iter().enumerate() {
        let two_above = std::mem::replace(&mut above, row);
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = above[j] + usize::from(l != r);
            row[j + 1] = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && *l == right[j - 1] && left[i - 1] == *r;
            if swapped {
                row[j + 1] = row[j + 1].min(two_above[j - 1] + 1);
            }
        }
    }
    Some(row[right.len()]).filter(|edits| *edits <= MOST_EDITS)
}

#[cfg(test)]
mod tests {
    use super::near_miss;

    const KNOWN: [&str; 5] = ["base_version", "command_id", "correlation_id", "metadata", "key"];

    #[test]
    fn mistyped_names_are_recognised() {
        for (typed, meant) in [
            ("base_verison", "base_version"),
            ("baseversion", "base_version"),
            ("base_versions", "base_version"),
            ("Base_Version", "base_version"),
            ("comand_id", "command_id"),
            ("command_ids", "command_id"),
            ("metdaata", "metadata"),
            ("keys", "key"),
        ] {
            assert_eq!(near_miss(typed, &KNOWN), Some(meant), "{typed}");
        }
    }

    #[test]
    fn other_names_are_left_alone() {
        for other in
            ["", "kernel", "key_wrap_params", "recipient_wraps", "base_version", "base_vvrrssion", "day", "id", "métà"]
        {
            assert_eq!(near_miss(other, &KNOWN), None, "{other}");
        }
        assert_eq!(near_miss(&"x".repeat(1_000_000), &KNOWN), None);
    }

    #[test]
    fn the_nearest_of_several_is_named() {
        assert_eq!(near_miss("prefix_b", &["prefix_aa", "prefix_bb"]), Some("prefix_bb"));
    }
}
