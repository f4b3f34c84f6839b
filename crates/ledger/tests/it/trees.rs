//! The stream tree against the recursion of RFC 6962, written down as it stands there.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use stateset_ledger::bytes::Hash;
use stateset_ledger::tree::frontier::BadFrontier;
use stateset_ledger::tree::proof::{
    RangeProof, all_inclusion_paths, inclusion_length, verify_consistency, verify_inclusion, verify_range,
};
use stateset_ledger::tree::rfc6962::{EMPTY_ROOT, leaf_hash, node_hash};
use stateset_ledger::tree::tile::{
    TILE_WIDTH, TileId, tiles_for_consistency, tiles_for_frontier, tiles_for_inclusion, tiles_for_range,
};
use stateset_ledger::tree::tile_set::NoProof;
use stateset_ledger::tree::{Frontier, TileSet};

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn at(index: u64) -> usize {
    usize::try_from(index).unwrap()
}

/// `k` of the RFC: the largest power of two below `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// `MTH` of section 2.1, over leaf hashes.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&naive_root(left), &naive_root(right))
        },
    }
}

/// `PATH` of section 2.1.1.
fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, sibling) = if index < middle {
        (naive_path(index, left), naive_root(right))
    } else {
        (naive_path(index - middle, right), naive_root(left))
    };
    path.push(sibling);
    path
}

/// `SUBPROOF` of section 2.1.2.
fn naive_consistency(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, sibling) = if old <= middle {
        (naive_consistency(old, left, whole), naive_root(right))
    } else {
        (naive_consistency(old - middle, right, false), naive_root(left))
    };
    path.push(sibling);
    path
}

fn grown(leaves: &[Hash]) -> Frontier {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.push(*leaf, &mut |_, _, _| {});
    }
    frontier
}

/// Exactly the tiles named, built from the definition: each hash is the root of its own range of leaves.
fn tiles_of(names: &[TileId], leaves: &[Hash]) -> TileSet {
    let mut set = TileSet::new();
    for name in names {
        let span = 1_usize << (8 * u32::from(name.level));
        let first = at(name.index) * usize::from(TILE_WIDTH) * span;
        let ranges = leaves[first..].chunks_exact(span).take(usize::from(name.width));
        set.insert(*name, ranges.map(naive_root).collect()).unwrap();
    }
    set
}

/// What an attacker may do to a list of hashes: flip a bit, drop, add, swap. Never the list itself.
fn tampered(hashes: &[Hash], seed: usize) -> Vec<Vec<Hash>> {
    let mut forgeries = Vec::new();
    for (place, bit) in (0..hashes.len()).map(|place| (place, (seed + 7 * place) % 256)) {
        let mut flipped = hashes.to_vec();
        flipped[place].0[bit / 8] ^= 1 << (bit % 8);
        forgeries.push(flipped);
        let mut dropped = hashes.to_vec();
        dropped.remove(place);
        forgeries.push(dropped);
    }
    for place in 0..=hashes.len() {
        let mut added = hashes.to_vec();
        added.insert(place, hashes.get(place).copied().unwrap_or(EMPTY_ROOT));
        forgeries.push(added);
    }
    if hashes.len() > 1 {
        let mut swapped = hashes.to_vec();
        swapped.rotate_left(1);
        forgeries.push(swapped);
    }
    forgeries
}

fn check_inclusion(leaves: &[Hash], index: u64, naive: bool) {
    let size = leaves.len() as u64;
    let root = grown(leaves).root();
    let path = tiles_of(&tiles_for_inclusion(index, size), leaves).inclusion(index, size).unwrap();
    if naive {
        assert_eq!(path, naive_path(at(index), leaves));
    }
    let leaf = &leaves[at(index)];
    assert_eq!(inclusion_length(index, size), Some(path.len()));
    assert_eq!(verify_inclusion(leaf, index, size, &path, &root), Ok(()));
    for forged in tampered(&path, at(index)) {
        assert!(verify_inclusion(leaf, index, size, &forged, &root).is_err());
    }
    for (other_index, other_size) in
        [(index + 1, size), (index.wrapping_sub(1), size), (index, index), (index + size, size)]
    {
        assert!(verify_inclusion(leaf, other_index, other_size, &path, &root).is_err());
    }
    // An inner node with the rest of the path is refused, because the length belongs to (index, size).
    if let Some((sibling, rest)) = path.split_first() {
        let parent = if index % 2 == 1 { node_hash(sibling, leaf) } else { node_hash(leaf, sibling) };
        assert!(verify_inclusion(&parent, index, size, rest, &root).is_err());
    }
}

fn check_consistency(leaves: &[Hash], old: u64, naive: bool) {
    let new = leaves.len() as u64;
    let (old_root, new_root) = (grown(&leaves[..at(old)]).root(), grown(leaves).root());
    let path = tiles_of(&tiles_for_consistency(old, new), leaves).consistency(old, new).unwrap();
    if naive {
        let expected = if old == 0 { Vec::new() } else { naive_consistency(at(old), leaves, true) };
        assert_eq!(path, expected);
    }
    assert_eq!(verify_consistency(old, new, &old_root, &new_root, &path), Ok(()));
    for forged in tampered(&path, at(old)) {
        assert!(verify_consistency(old, new, &old_root, &new_root, &forged).is_err());
    }
    let wrong = leaf_hash(b"wrong");
    assert!(verify_consistency(old, new, &wrong, &new_root, &path).is_err());
    if old > 0 {
        assert!(verify_consistency(old, new, &old_root, &wrong, &path).is_err());
        assert!(verify_consistency(old - 1, new, &old_root, &new_root, &path).is_err());
    }
}

fn check_range(leaves: &[Hash], range: Range<u64>) {
    let size = leaves.len() as u64;
    let (first, end) = (range.start, range.end);
    let root = grown(leaves).root();
    let proof = tiles_of(&tiles_for_range(first, end, size), leaves).range(first, end, size).unwrap();
    let proved = &leaves[at(first)..at(end)];
    assert_eq!(verify_range(first, proved, size, &proof, &root), Ok(()));
    for left in tampered(&proof.left, at(end)) {
        assert!(verify_range(first, proved, size, &RangeProof { left, ..proof.clone() }, &root).is_err());
    }
    for right in tampered(&proof.right, at(first)) {
        assert!(verify_range(first, proved, size, &RangeProof { right, ..proof.clone() }, &root).is_err());
    }
    for forged in tampered(proved, at(first)) {
        // Swapping equal halves is the only forgery that could change nothing; our leaves all differ.
        assert!(verify_range(first, &forged, size, &proof, &root).is_err());
    }
    assert!(verify_range(first + 1, proved, size, &proof, &root).is_err());
    assert!(verify_range(first, &[], size, &proof, &root).is_err());
    let all: Vec<Hash> = [&proof.left[..], &proof.right].concat();
    if !proof.left.is_empty() {
        assert!(verify_range(first, proved, size, &RangeProof { left: vec![], right: all }, &root).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn frontiers_and_roots_are_those_of_the_rfc(size in 0_u64..700) {
        let leaves = leaves(size);
        let mut completed = Vec::new();
        let mut frontier = Frontier::new();
        for leaf in &leaves {
            frontier.push(*leaf, &mut |level, index, node| completed.push((level, index, node)));
        }
        prop_assert_eq!(frontier.root(), naive_root(&leaves));
        prop_assert_eq!(completed.len() as u64, size - u64::from(size.count_ones()));
        for (level, index, node) in completed {
            let span = 1_usize << level;
            let from = at(index) * span;
            prop_assert_eq!(node, naive_root(&leaves[from..from + span]));
        }
        prop_assert_eq!(&Frontier::from_bytes(size, &frontier.to_bytes()).unwrap(), &frontier);
        let tiles = tiles_of(&tiles_for_frontier(size), &leaves);
        prop_assert_eq!(tiles.root(size).unwrap(), frontier.root());
        prop_assert_eq!(tiles.frontier(size).unwrap(), frontier);
    }

    #[test]
    fn inclusion_holds_and_forgeries_do_not((size, index) in (1_u64..700).prop_flat_map(|size| (Just(size), 0..size))) {
        check_inclusion(&leaves(size), index, true);
    }

    #[test]
    fn consistency_holds_and_forgeries_do_not((new, old) in (0_u64..700).prop_flat_map(|new| (Just(new), 0..=new))) {
        check_consistency(&leaves(new), old, true);
    }

    #[test]
    fn ranges_hold_and_forgeries_do_not(
        (size, first, end) in (1_u64..700)
            .prop_flat_map(|size| (Just(size), 0..size))
            .prop_flat_map(|(size, first)| (Just(size), Just(first), first + 1..=size.min(first + 40)))
    ) {
        check_range(&leaves(size), first..end);
    }

    #[test]
    fn paths_of_a_flush_are_those_of_the_tree(old in 0_u64..600, added in 0_u64..300) {
        let leaves = leaves(old + added);
        let (before, new) = leaves.split_at(at(old));
        let paths = all_inclusion_paths(&grown(before), new);
        prop_assert_eq!(paths.len(), new.len());
        for (index, path) in (old..).zip(paths) {
            prop_assert_eq!(path, naive_path(at(index), &leaves));
        }
    }

    /// Proofs are read from the network with whatever numbers they carry.
    #[test]
    fn no_input_panics(
        (a, b) in (huge(), huge()),
        hashes in vec(any::<[u8; 32]>().prop_map(Hash), 0..130),
        at in 0_usize..130,
    ) {
        let leaf = EMPTY_ROOT;
        let (left, right) = hashes.split_at(at.min(hashes.len()));
        prop_assert!(verify_inclusion(&leaf, a, b, &hashes, &leaf).is_err());
        prop_assert!(a == 0 || a == b || verify_consistency(a, b, &leaf, &leaf, &hashes).is_err());
        let proof = RangeProof { left: left.to_vec(), right: right.to_vec() };
        prop_assert!(verify_range(a, &hashes, b, &proof, &leaf).is_err());
        prop_assert!(Frontier::from_bytes(a, &leaf.0).is_err() || a.is_power_of_two());
        for index in [a, a.wrapping_sub(1), b] {
            if let Some(length) = inclusion_length(index, b) {
                let path = vec![leaf; length];
                prop_assert!(verify_inclusion(&leaf, index, b, &path, &leaf).is_err() || length == 0);
            }
        }
        let none = TileSet::new();
        for tile in [tiles_for_inclusion(a, b), tiles_for_consistency(a, b), tiles_for_range(a, b, b), tiles_for_frontier(b)].concat() {
            prop_assert_eq!(TileId::in_tree(tile.level, tile.index, b), Some(tile));
            prop_assert_eq!(TileId::parse_path(&tile.path()), Ok(tile));
        }
        prop_assert!(none.inclusion(a, b).is_err() || b == 1);
        prop_assert!(none.range(a, b, b).is_err() || a == 0);
        prop_assert!(none.consistency(a, b).is_err() || a == 0 || a == b);
        prop_assert!(none.frontier(b).is_err() || b == 0);
    }

    #[test]
    fn no_text_is_a_tile_by_accident(text in "(tile/)?[0-9x/.p]{0,20}|\\PC*") {
        if let Ok(tile) = TileId::parse_path(&text) {
            prop_assert_eq!(tile.path(), text);
        }
    }
}

/// Small, near a power of two, near the end, anything.
fn huge() -> impl Strategy<Value = u64> {
    let near_power = (0_u32..64, 0_u64..3).prop_map(|(bit, back)| (1_u64 << bit).wrapping_add(1).wrapping_sub(back));
    prop_oneof![0_u64..20, near_power, u64::MAX - 3..=u64::MAX, any::<u64>()]
}

/// Proofs of the right length for sizes no test can build: correct hashes exist only in principle, the walk must not panic.
#[test]
fn proofs_of_right_length_in_the_largest_trees() {
    let node = EMPTY_ROOT;
    for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1] {
        for first in [0, 1, size / 2, size - 2] {
            let left = vec![node; first.count_ones() as usize];
            for right in 0..=128 {
                let proof = RangeProof { left: left.clone(), right: vec![node; right] };
                assert!(verify_range(first, &[node], size, &proof, &node).is_err());
                assert!(verify_consistency(first.max(1), size, &node, &node, &proof.right).is_err());
            }
        }
    }
}

#[test]
fn trees_around_the_width_of_a_tile() {
    for size in [255, 256, 257, 511, 512, 513] {
        let leaves = leaves(size);
        for index in [0, 1, 254, size / 2, size - 1] {
            check_inclusion(&leaves, index, true);
            check_consistency(&leaves, index, true);
            check_range(&leaves, index..(index + 3).min(size));
        }
    }
}

#[test]
fn trees_around_three_tile_levels() {
    for size in [65_535, 65_536, 65_537, 65_793] {
        let leaves = leaves(size);
        for index in [0, 255, 256, 65_279, size - 2, size - 1] {
            check_inclusion(&leaves, index, false);
            check_consistency(&leaves, index, false);
            check_range(&leaves, index..(index + 2).min(size));
        }
    }
}

/// A wider version of a tile serves an older tree; a narrower one does not replace it, and a missing one is named.
#[test]
fn tiles_grow() {
    let leaves = leaves(300);
    let tile = |index, width| TileId { level: 0, index, width };
    let mut set = tiles_of(&[tile(0, 256), tile(1, 44)], &leaves);
    assert_eq!(set.root(290), Err(NoProof::MissingTile(TileId { level: 1, index: 0, width: 1 })));
    set.insert(TileId { level: 1, index: 0, width: 1 }, vec![naive_root(&leaves[..256])]).unwrap();
    set.insert(tile(1, 2), leaves[256..258].to_vec()).unwrap();
    for size in 256..=300 {
        assert_eq!(set.root(size), Ok(naive_root(&leaves[..at(size)])));
        assert_eq!(set.inclusion(3, size), Ok(naive_path(3, &leaves[..at(size)])));
    }
    assert_eq!(set.inclusion(0, 301), Err(NoProof::MissingTile(tile(1, 45))));
    assert_eq!(set.inclusion(7, 7), Err(NoProof::Outside { first: 7, end: 8, size: 7 }));
    assert!(set.range(5, 5, 10).is_err() && set.range(5, 11, 10).is_err() && set.consistency(8, 7).is_err());
    assert!(set.insert(tile(2, 3), leaves[..2].to_vec()).is_err());
    assert!(set.insert(tile(2, 0), Vec::new()).is_err());
    assert!(set.insert(tile(2, 300), leaves.clone()).is_err());
}

#[test]
fn entries_of_32_bytes_become_leaves() {
    let entries: Vec<Hash> = leaves(5);
    let hashed: Vec<Hash> = entries.iter().map(|entry| leaf_hash(&entry.0)).collect();
    let mut set = TileSet::new();
    set.insert_entries(0, &entries).unwrap();
    assert_eq!(set.root(5), Ok(naive_root(&hashed)));
    assert!(set.insert_entries(1, &[]).is_err() && set.insert_entries(1, &vec![EMPTY_ROOT; 257]).is_err());
}

#[test]
fn a_frontier_of_the_wrong_length_is_refused() {
    assert_eq!(Frontier::from_bytes(0, &[]), Ok(Frontier::new()));
    assert_eq!(Frontier::from_bytes(3, &[0; 63]), Err(BadFrontier::WrongLength { size: 3, expected: 64, found: 63 }));
    assert_eq!(Frontier::from_bytes(u64::MAX, &[0; 2048]), Err(BadFrontier::TooLarge { size: u64::MAX }));
    assert!(Frontier::from_nodes(2, vec![EMPTY_ROOT; 2]).is_err());
}

/// Roots and proofs published with the Certificate Transparency reference code: eight leaves.
#[test]
fn published_roots() {
    let entries: [&[u8]; 8] = [b"", &[0], &[0x10], &[0x20, 0x21], b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let leaves = entries.map(leaf_hash);
    for (size, root) in (1..).zip(roots) {
        assert_eq!(grown(&leaves[..size]).root().to_hex(), root);
    }
    let proof: Vec<Hash> = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    .iter()
    .map(|hex| Hash::from_hex(hex).unwrap())
    .collect();
    let root = |size: usize| Hash::from_hex(roots[size - 1]).unwrap();
    assert_eq!(verify_consistency(6, 8, &root(6), &root(8), &proof), Ok(()));
}
