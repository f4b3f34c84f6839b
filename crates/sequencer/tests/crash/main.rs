//! The real server against what production does to it: killed, cut off from its database, told to stop, doubled, stormed.
//!
//! Every scenario ends with the [`auditor`], which knows only the public HTTP API and the replies the clients got.
//!
//! | variable | meaning |
//! |---|---|
//! | `STATESET_CRASH_SEED` | repeats a run of the kill tests: same loads, same kills (times are those of the machine) |
//! | `STATESET_CRASH_KILLS` | kills per engine, instead of 200 |

// The attribute tells clippy that helper functions, too, may unwrap.
#[cfg(test)]
mod auditor;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod pair;
#[cfg(test)]
mod poison;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod random;
#[cfg(test)]
mod site;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod terminate;
