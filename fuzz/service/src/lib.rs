//! The fuzz target that needs the whole server.

pub mod token;
