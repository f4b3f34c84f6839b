//! The two trees of a stream.
//!
//! * The *stream tree* is one growing RFC 6962 tree per stream: [`rfc6962`] hashes, [`Frontier`] appends, [`proof`] verifies,
//!   [`tile`] and [`tile_set`] produce proofs from stored C2SP tlog-tiles.
//! * A *batch tree* ([`batch`]) is the padded tree of one VES commitment, kept because clients and contracts verify it.
//!
//! Nothing here reads or writes: a caller loads the tiles that `tiles_for_*` names and puts them into a [`TileSet`].
//! Sizes and indices come from other people, so no function panics on any of them, up to `u64::MAX`.

pub mod batch;
pub mod frontier;
pub mod proof;
pub mod rfc6962;
mod subtree;
pub mod tile;
pub mod tile_set;

pub use batch::BatchProof;
pub use frontier::Frontier;
pub use proof::{ProofError, RangeProof};
pub use tile::TileId;
pub use tile_set::TileSet;
