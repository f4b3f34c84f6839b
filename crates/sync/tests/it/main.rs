//! Against the real sequencer, as a process.
