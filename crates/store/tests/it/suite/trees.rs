//! What the stream tree is made of: leaves, tiles, roots.

use stateset_ledger::bytes::Hash;
use stateset_ledger::event::Candidate;
use stateset_ledger::id::Scope;
use stateset_ledger::tree::frontier::Frontier;
use stateset_ledger::tree::rfc6962;
use stateset_store::Store;

use super::Factory;
use super::random::{Random, with_content_hash};
use super::writer::Writer;

/// A stream tree kept beside the store, leaf by leaf.
#[derive(Default)]
struct Tree {
    leaves: Vec<Hash>,
    frontier: Frontier,
    /// Roots of the complete tiles, by level.
    tile_roots: [Vec<Hash>; 2],
}

impl Tree {
    fn push(&mut self, leaf: Hash) {
        self.leaves.push(leaf);
        self.frontier.push(rfc6962::leaf_hash(&leaf.0), &mut |level, index, root| {
            if level.is_multiple_of(8) {
                let roots = &mut self.tile_roots[usize::from(level / 8) - 1];
                assert_eq!(roots.len() as u64, index);
                roots.push(root);
            }
        });
    }

    async fn check_leaves(&self, store: &impl Store, writer: &Writer, first: usize, count: usize) {
        let leaves = store.leaves(writer.stream(), first as u64, count as u64).await.expect("leaves that exist");
        assert_eq!(leaves.len(), count);
        let wanted = &self.leaves[first..first + count];
        assert!(leaves == wanted, "{count} leaves from {first} of {} differ", self.leaves.len());
    }

    async fn check_roots(&self, store: &impl Store, writer: &Writer) {
        for (level, wanted) in (0..).zip(&self.tile_roots) {
            for first in [0, wanted.len() / 2, wanted.len().saturating_sub(1), wanted.len()] {
                let count = (wanted.len() - first) as u64;
                let roots =
                    store.tile_roots(writer.stream(), level, first as u64, count).await.expect("complete tiles");
                assert_eq!(roots, wanted[first..], "level {level} from {first}");
            }
        }
        let row = store.stream(writer.scope()).await.expect("answer").expect("opened");
        assert_eq!((row.size, row.root), (self.frontier.size(), self.frontier.root()));
    }
}

/// Small payloads: these streams are there for their trees.
fn bare_events(random: &mut Random, scope: Scope, count: usize) -> Vec<Candidate> {
    let bare = |mut event: Candidate| {
        event.payload = Box::default();
        with_content_hash(event, scope)
    };
    random.events(scope, count).into_iter().map(bare).collect()
}

async fn grow(store: &impl Store, writer: &mut Writer, tree: &mut Tree, candidates: &[Candidate]) {
    let scope = writer.scope();
    let stored = writer.append(store, candidates).await;
    for event in stored {
        tree.push(event.header.leaf(scope, event.sequence));
    }
}

/// N01, N08: leaves and tile roots are those of the RFC 6962 tree over the events, on both sides of every tile boundary.
pub(crate) async fn leaves_and_tile_roots_across_tile_boundaries(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(50);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let mut tree = Tree::default();
    let other = random.scope();
    Writer::open(&store, other).await.append(&store, &random.events(other, 300)).await;
    for size in [1_usize, 255, 256, 257, 511, 512, 600, 1_024] {
        let candidates = bare_events(&mut random, scope, size - tree.leaves.len());
        grow(&store, &mut writer, &mut tree, &candidates).await;
        tree.check_roots(&store, &writer).await;
        tree.check_leaves(&store, &writer, 0, size).await;
        tree.check_leaves(&store, &writer, 0, 0).await;
        tree.check_leaves(&store, &writer, size, 0).await;
        tree.check_leaves(&store, &writer, size - 1, 1).await;
        for boundary in [256, 512, 768].into_iter().filter(|&boundary| boundary < size) {
            for (before, after) in [(0, 1), (1, 0), (1, 1), (256, 0), (255, 1), (200, 256)] {
                let count = before + after.min(size - boundary);
                tree.check_leaves(&store, &writer, boundary - before, count).await;
            }
        }
        for _ in 0..10 {
            let first = usize::try_from(random.below(size as u64)).expect("below a length");
            let count = usize::try_from(random.below((size - first) as u64 + 1)).expect("below a length");
            tree.check_leaves(&store, &writer, first, count).await;
        }
    }
}

/// N08: above 65,536 events the tiles have tiles; a head is still put together from them without reading every event.
pub(crate) async fn a_tree_with_tiles_of_level_one(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(51);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let mut tree = Tree::default();
    // An append that completes many tiles, one that completes the first tile of level one, one behind it.
    for count in [32_768, 32_767, 1, 600] {
        let candidates = bare_events(&mut random, scope, count);
        grow(&store, &mut writer, &mut tree, &candidates).await;
        tree.check_roots(&store, &writer).await;
        let reopened = Writer::open(&store, scope).await.opened;
        assert!(reopened.head == writer.opened.head, "the head at {} differs", writer.size());
    }
    assert_eq!(tree.tile_roots[1].len(), 1);
    tree.check_leaves(&store, &writer, 0, 1).await;
    tree.check_leaves(&store, &writer, 65_000, 1_136).await;
    tree.check_leaves(&store, &writer, 65_536, 600).await;
    tree.check_leaves(&store, &writer, 30_000, 5_000).await;
}
