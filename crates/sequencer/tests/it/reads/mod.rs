//! Reading events back over HTTP.

mod cursors;
mod faults;
mod pages;
mod single;
mod stream;
