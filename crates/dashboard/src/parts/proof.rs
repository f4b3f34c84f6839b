//! A proof as a picture: from the event's leaf up to the signed root, with the hash that joins at each step.

use maud::{Markup, html};

use crate::text;

/// One hash that joins on the way up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The hash.
    pub sibling: String,
    /// Whether it joins from the left.
    pub from_left: bool,
    /// Leaves under it, as far as the picture says.
    pub leaves: u64,
}

/// The steps of an RFC 9162 inclusion path of leaf `index` in a tree of `size`. Pure; draws, verifies nothing.
pub fn steps(index: u64, size: u64, path: &[String]) -> Vec<Step> {
    let mut found = Vec::with_capacity(path.len());
    let (mut node, mut last) = (index, size.saturating_sub(1));
    let mut level = 0_u32;
    for sibling in path {
        // A node without right sibling moves up as it is.
        while node == last && node & 1 == 0 && last > 0 {
            (node, last, level) = (node >> 1, last >> 1, level + 1);
        }
        let from_left = node & 1 == 1;
        let width = 1_u64.checked_shl(level).unwrap_or(u64::MAX);
        let first = (node ^ 1).saturating_mul(width);
        let leaves = size.saturating_sub(first).min(width);
        found.push(Step { sibling: sibling.clone(), from_left, leaves });
        (node, last, level) = (node >> 1, last >> 1, level + 1);
    }
    found
}

/// The picture. `id` marks the part for the script that verifies it.
pub fn ladder(id: &str, top: &str, bottom: &str, steps: &[Step], unit: &str) -> Markup {
    const ROW: usize = 26;
    const MIDDLE: usize = 180;
    let height = ROW * (steps.len() + 2);
    let y = |row: usize| ROW * row + ROW / 2;
    let rows = steps.len();
    html! {
        svg.ladder viewBox={ "0 0 360 " (height) } role="img" data-step=(id)
            aria-label={ (bottom) ", " (rows) " hashes below " (top) } {
            line.spine x1=(MIDDLE) x2=(MIDDLE) y1=(y(0)) y2=(y(rows + 1)) {}
            @for (at, step) in steps.iter().enumerate() {
                // Steps go upwards, the picture downwards.
                @let row = rows - at;
                @let x = if step.from_left { 96 } else { 264 };
                line.join x1=(x) y1=(y(row)) x2=(MIDDLE) y2=(y(row - 1)) {}
                circle.sibling cx=(x) cy=(y(row)) r="5" {}
                circle.node cx=(MIDDLE) cy=(y(row)) r="4" {}
                text.hash x=(if step.from_left { 86 } else { 274 }) y=(y(row) + 4)
                    text-anchor=(if step.from_left { "end" } else { "start" }) {
                    (text::short(&step.sibling))
                    title { (step.sibling) ", over " (text::grouped(step.leaves)) " " (unit) }
                }
            }
            rect.end x="100" y=(y(0) - 11) width="160" height="22" rx="11" {}
            text.label x=(MIDDLE) y=(y(0) + 4) text-anchor="middle" { (top) }
            rect.start x="100" y=(y(rows + 1) - 11) width="160" height="22" rx="11" {}
            text.label x=(MIDDLE) y=(y(rows + 1) + 4) text-anchor="middle" { (bottom) }
        }
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::steps;

    fn node(left: &str, right: &str) -> String {
        let bytes = |text: &str| const_hex::decode(text).unwrap();
        const_hex::encode(
            Sha256::new().chain_update([1]).chain_update(bytes(left)).chain_update(bytes(right)).finalize(),
        )
    }

    fn root(leaves: &[String]) -> String {
        if let [leaf] = leaves {
            return leaf.clone();
        }
        let split = leaves.len().next_power_of_two() / 2;
        node(&root(&leaves[..split]), &root(&leaves[split..]))
    }

    fn path(leaves: &[String], index: usize) -> Vec<String> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (mut below, beside) = if index < split {
            (path(&leaves[..split], index), root(&leaves[split..]))
        } else {
            (path(&leaves[split..], index - split), root(&leaves[..split]))
        };
        below.push(beside);
        below
    }

    /// The picture joins every hash from the side from which it is hashed, and counts its leaves.
    #[test]
    fn sides_and_sizes_are_those_of_the_tree() {
        for size in 1..=33_usize {
            let leaves: Vec<String> = (0..size).map(|at| const_hex::encode(Sha256::digest(at.to_string()))).collect();
            for index in 0..size {
                let found = steps(index as u64, size as u64, &path(&leaves, index));
                let climbed = found.iter().fold(leaves[index].clone(), |hash, step| {
                    if step.from_left { node(&step.sibling, &hash) } else { node(&hash, &step.sibling) }
                });
                assert_eq!(climbed, root(&leaves), "{index} of {size}");
                assert_eq!(found.iter().map(|step| step.leaves).sum::<u64>() + 1, size as u64, "{index} of {size}");
            }
        }
    }
}
