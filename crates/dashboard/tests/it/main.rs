//! The dashboard's router: who gets in, what is refused, and that nothing anybody wrote becomes markup.
//!
//! What a browser does with the pages is tested against the real server by `scripts/browser.sh`.

#[cfg(test)]
mod access;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hostile;
#[cfg(test)]
#[cfg(feature = "outbox")]
mod outbox;
