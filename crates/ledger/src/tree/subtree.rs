//! Where things are in an RFC 6962 tree: perfect subtrees, and the ranges of leaves that proofs are made of.
//!
//! Every hash of every proof is the root of a range of leaves, and every such range is a run of perfect subtrees. Only perfect
//! subtrees are ever stored, because only they never change.

use std::ops::Range;

/// The perfect subtree over leaves `[index << level, (index + 1) << level)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subtree {
    /// Height above the leaves, at most 63.
    pub(super) level: u8,
    /// Place among the subtrees of this height.
    pub(super) index: u64,
}

/// The largest aligned subtrees that together cover `leaves`, left to right; at most 126 of them.
pub(super) fn covering(leaves: Range<u64>) -> impl Iterator<Item = Subtree> {
    let Range { start: mut begin, end } = leaves;
    std::iter::from_fn(move || {
        let room = end.checked_sub(begin).filter(|&room| room > 0)?;
        let level = begin.trailing_zeros().min(room.ilog2());
        let subtree = Subtree { level: small(level), index: begin >> level };
        begin += 1 << level;
        Some(subtree)
    })
}

/// The ranges whose roots are the inclusion path of leaf `index`, leaf to root (RFC 6962 section 2.1.1). Empty unless
/// `index < size`.
pub(super) fn inclusion_path(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut path = Vec::new();
    if index >= size {
        return path;
    }
    let (mut low, mut high) = (0, size);
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push(middle..high);
            high = middle;
        } else {
            path.push(low..middle);
            low = middle;
        }
    }
    path.reverse();
    path
}

/// The ranges whose roots are the consistency proof from `old` to `new` leaves (RFC 6962 section 2.1.2). Empty unless
/// `0 < old < new`.
pub(super) fn consistency_path(old: u64, new: u64) -> Vec<Range<u64>> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return path;
    }
    let (mut low, mut high) = (0, new);
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            path.push(middle..high);
            high = middle;
        } else {
            path.push(low..middle);
            low = middle;
        }
    }
    // The verifier knows the root of the whole old tree, and nothing smaller.
    if low > 0 {
        path.push(low..high);
    }
    path.reverse();
    path
}

/// The largest power of two below `leaves`, which is at least 2.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// A level or a count of bits as a byte.
pub(super) fn small(bits: u32) -> u8 {
    u8::try_from(bits).expect("a 64-bit number has at most 64 bits")
}

#[cfg(test)]
mod tests {
    use super::{Subtree, consistency_path, covering, inclusion_path};

    #[test]
    fn covering_is_largest_first_from_zero_and_grows_from_elsewhere() {
        let of = |range| covering(range).map(|Subtree { level, index }| (level, index)).collect::<Vec<_>>();
        assert_eq!(of(0..7), [(2, 0), (1, 2), (0, 6)]);
        assert_eq!(of(3..13), [(0, 3), (2, 1), (2, 2), (0, 12)]);
        assert_eq!(of(0..1 << 63), [(63, 0)]);
        assert_eq!(of(1..u64::MAX).len(), 126);
        assert_eq!(of(5..5), []);
        #[expect(clippy::reversed_empty_ranges, reason = "a nonsensical range covers nothing")]
        let reversed = of(6..5);
        assert_eq!(reversed, []);
    }

    /// The tree of seven leaves drawn in RFC 6962 section 2.1.3.
    #[test]
    fn paths_of_the_example_in_the_rfc() {
        assert_eq!(inclusion_path(0, 7), [1..2, 2..4, 4..7]);
        assert_eq!(inclusion_path(3, 7), [2..3, 0..2, 4..7]);
        assert_eq!(inclusion_path(4, 7), [5..6, 6..7, 0..4]);
        assert_eq!(inclusion_path(6, 7), [4..6, 0..4]);
        assert_eq!(consistency_path(3, 7), [2..3, 3..4, 0..2, 4..7]);
        assert_eq!(consistency_path(4, 7).as_slice(), std::slice::from_ref(&(4..7)));
        assert_eq!(consistency_path(6, 7), [4..6, 6..7, 0..4]);
    }

    #[test]
    fn no_path_where_there_is_none() {
        assert!(inclusion_path(7, 7).is_empty() && inclusion_path(0, 0).is_empty());
        assert!(
            consistency_path(0, 7).is_empty() && consistency_path(7, 7).is_empty() && consistency_path(8, 7).is_empty()
        );
    }
}
