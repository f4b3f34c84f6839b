//! What a chaos run does: which customer does what, and what is broken after how many of them. Pure; the same seed gives
//! the same plan.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A customer's way through the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Journey {
    /// Ordered, paid, sent, arrived.
    Delivered,
    /// Ordered, paid, sent.
    Dispatched,
    /// Ordered, paid.
    Paid,
    /// The provider says twice that it was paid.
    PaidTwice,
    /// The first card is declined, the second is not.
    FailedThenPaid,
    /// The provider took another amount than the order's.
    Mismatch,
    /// Called off before it is paid.
    Cancelled,
    /// Paid, and paid back.
    Refunded,
}

impl Journey {
    /// All, with how many of a hundred customers take them.
    pub(crate) const SHARES: [(Self, u64); 8] = [
        (Self::Delivered, 40),
        (Self::Dispatched, 15),
        (Self::Paid, 10),
        (Self::PaidTwice, 10),
        (Self::FailedThenPaid, 8),
        (Self::Mismatch, 5),
        (Self::Cancelled, 7),
        (Self::Refunded, 5),
    ];

    /// What it has come to when everything is quiet.
    pub(crate) fn end(self) -> End {
        let paid = ["order.created", "payment.succeeded", "shipping.ready"];
        let end = |order, shipment, events: &[&'static str]| End {
            order,
            shipment,
            events: events.to_vec(),
            quarantined: &[],
        };
        match self {
            Self::Delivered => {
                let more = ["shipping.dispatched", "shipping.delivered"];
                end("PAID", "DELIVERED", &[paid.as_slice(), &more].concat())
            },
            Self::Dispatched => end("PAID", "DISPATCHED", &[paid.as_slice(), &["shipping.dispatched"]].concat()),
            Self::Paid | Self::PaidTwice => end("PAID", "READY_TO_SHIP", &paid),
            Self::FailedThenPaid => end("PAID", "READY_TO_SHIP", &[paid.as_slice(), &["payment.failed"]].concat()),
            Self::Mismatch => End {
                quarantined: MISMATCHED,
                ..end("CREATED", "PENDING_PAYMENT", &["order.created", "payment.succeeded"])
            },
            Self::Cancelled => {
                end("CANCELLED", "CANCELLED", &["order.created", "order.cancelled", "shipping.cancelled"])
            },
            Self::Refunded => {
                end("REFUNDED", "READY_TO_SHIP", &[paid.as_slice(), &["order.refunded", "payment.refunded"]].concat())
            },
        }
    }
}

/// Who puts a payment of another amount away: consumer and type.
const MISMATCHED: &[(&str, &str)] =
    &[("notification", "payment.succeeded"), ("order", "payment.succeeded"), ("shipping", "payment.succeeded")];

/// What customers hear of by mail.
const MAILED: [&str; 7] = [
    "payment.succeeded",
    "payment.failed",
    "payment.refunded",
    "order.cancelled",
    "shipping.ready",
    "shipping.dispatched",
    "shipping.delivered",
];

/// How an order ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) order: &'static str,
    pub(crate) shipment: &'static str,
    /// Every event about it, each once.
    pub(crate) events: Vec<&'static str>,
    /// Consumer and type of what is put away, each once.
    pub(crate) quarantined: &'static [(&'static str, &'static str)],
}

impl End {
    /// Types of the events that a mail tells of, one each.
    pub(crate) fn mails(&self) -> Vec<&'static str> {
        let put_away = |event: &str| self.quarantined.contains(&("notification", event));
        self.events.iter().copied().filter(|event| MAILED.contains(event) && !put_away(event)).collect()
    }

    /// Whether its goods are reserved, and whether they have left.
    pub(crate) fn goods(&self) -> (bool, bool) {
        let left = matches!(self.shipment, "DISPATCHED" | "DELIVERED");
        (!left && self.order != "CANCELLED", left)
    }
}

/// Something that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL of the process with this number, and a new start after a while.
    Kill { process: usize, down_for: Duration },
    /// All connections to the broker are cut, and refused for a while.
    Cut { down_for: Duration },
    /// SIGKILL of the sequencer, and a new start after a while.
    KillSequencer { down_for: Duration },
}

/// When something is broken: once so many customers have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) after: usize,
    pub(crate) fault: Fault,
}

/// What there is to break.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breakable {
    pub(crate) processes: usize,
    pub(crate) broker: bool,
    pub(crate) sequencer: bool,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) journeys: Vec<Journey>,
    pub(crate) strikes: Vec<Strike>,
}

/// One strike for so many customers, and never fewer than [`FEWEST`].
const CUSTOMERS_PER_STRIKE: usize = 20;
const FEWEST: usize = 2;
/// Longest that something stays down, in milliseconds.
const LONGEST_DOWN: u64 = 400;

impl Plan {
    pub(crate) fn new(customers: usize, seed: u64, breakable: Breakable) -> Self {
        let mut random = SplitMix(seed);
        let journeys = (0..customers).map(|_| journey(&mut random)).collect();
        let strikes = (customers / CUSTOMERS_PER_STRIKE).max(FEWEST);
        let strikes = (0..strikes).map(|number| {
            // Spread over the run, the first at once, the last before the end.
            let after = customers * number / strikes;
            Strike { after, fault: fault(&mut random, number, breakable) }
        });
        Self { journeys, strikes: strikes.collect() }
    }
}

fn journey(random: &mut SplitMix) -> Journey {
    let all: u64 = Journey::SHARES.iter().map(|(_, share)| share).sum();
    let mut at = random.below(all);
    for (journey, share) in Journey::SHARES {
        if at < share {
            return journey;
        }
        at -= share;
    }
    Journey::Delivered
}

fn fault(random: &mut SplitMix, number: usize, breakable: Breakable) -> Fault {
    let down_for = Duration::from_millis(random.below(LONGEST_DOWN));
    let process = usize::try_from(random.below(u64::try_from(breakable.processes.max(1)).unwrap_or(1))).unwrap_or(0);
    // A service, the broker or the sequencer, as far as there are any; so that a short run has some of each.
    match number % 4 {
        1 if breakable.broker => Fault::Cut { down_for },
        1 | 3 if breakable.sequencer => Fault::KillSequencer { down_for },
        _ => Fault::Kill { process, down_for },
    }
}

/// Steele, Lea and Flood's generator: enough to choose, the same choice for the same seed.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Breakable = Breakable { processes: 4, broker: true, sequencer: true };

    #[test]
    fn a_seed_is_a_plan() {
        let plan = Plan::new(1_000, 7, ALL);
        assert_eq!(plan, Plan::new(1_000, 7, ALL));
        assert_ne!(plan, Plan::new(1_000, 8, ALL));
        assert_eq!((plan.journeys.len(), plan.strikes.len()), (1_000, 50));
    }

    /// Every way is taken, everything that can break is broken, and the strikes are spread over the run.
    #[test]
    fn a_plan_leaves_nothing_out() {
        let plan = Plan::new(1_000, 1, ALL);
        for (journey, share) in Journey::SHARES {
            let many = plan.journeys.iter().filter(|one| **one == journey).count();
            assert!(many as u64 > share * 4, "{journey:?}: {many} of 1,000");
        }
        let killed: std::collections::BTreeSet<usize> = plan
            .strikes
            .iter()
            .filter_map(|strike| if let Fault::Kill { process, .. } = strike.fault { Some(process) } else { None })
            .collect();
        assert_eq!(killed.len(), 4);
        assert!(plan.strikes.iter().any(|strike| matches!(strike.fault, Fault::Cut { .. })));
        assert!(plan.strikes.iter().any(|strike| matches!(strike.fault, Fault::KillSequencer { .. })));
        assert!(plan.strikes.windows(2).all(|two| two[0].after < two[1].after));
        assert_eq!((plan.strikes[0].after, plan.strikes[49].after), (0, 980));
    }

    #[test]
    fn a_mail_tells_of_what_concerns_the_customer() {
        assert_eq!(Journey::Mismatch.end().mails(), Vec::<&str>::new());
        assert_eq!(Journey::Cancelled.end().mails(), ["order.cancelled"]);
        assert_eq!(Journey::Delivered.end().mails().len(), 4);
        assert_eq!(Journey::Cancelled.end().goods(), (false, false));
        assert_eq!(Journey::Paid.end().goods(), (true, false));
        assert_eq!(Journey::Delivered.end().goods(), (false, true));
    }

    #[test]
    fn a_small_run_is_struck_too() {
        let none = Breakable { processes: 1, broker: false, sequencer: false };
        let plan = Plan::new(5, 1, none);
        assert_eq!(plan.strikes.len(), FEWEST);
        assert!(plan.strikes.iter().all(|strike| matches!(strike.fault, Fault::Kill { process: 0, .. })));
        assert!(plan.strikes.iter().all(|strike| strike.after < 5));
    }
}
