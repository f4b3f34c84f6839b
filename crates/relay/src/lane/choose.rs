//! Which deliveries of a round are sent.

use std::collections::HashSet;
use std::hash::BuildHasher;

use stateset_outbox::delivery::Lane;

use super::{Candidate, Content, Origin};

/// What is done with one candidate before anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is given to the sink.
    Send,
    /// It waits behind an earlier event of its lane that has a row.
    Wait,
    /// It waits behind a fault of its lane in this round.
    Behind,
    /// It is not for this destination.
    Pass,
    /// It cannot be sent; see its content.
    Fault,
}

/// One choice per candidate. `parked` are the lanes that wait; a parked candidate is in the round because its lane is
/// due, so the set applies to fresh ones only.
pub fn choose<S: BuildHasher>(candidates: &[Candidate], parked: &HashSet<Lane, S>) -> Vec<Choice> {
    let mut faulty: HashSet<&Lane> = HashSet::new();
    let mut choices = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let waits = candidate.origin == Origin::Fresh && parked.contains(&candidate.lane);
        let choice = match &candidate.content {
            // It is nobody's turn: it does not wait, and nothing waits for it.
            Content::NotWanted => Choice::Pass,
            _ if waits => Choice::Wait,
            _ if faulty.contains(&candidate.lane) => Choice::Behind,
            Content::Event => Choice::Send,
            Content::Undecodable(_) | Content::Unmapped(_) => Choice::Fault,
        };
        // What follows a fault in its lane is decided when the fault is settled: the policy may skip it, and then the
        // next round sends the rest.
        if choice == Choice::Fault {
            faulty.insert(&candidate.lane);
        }
        choices.push(choice);
    }
    choices
}
