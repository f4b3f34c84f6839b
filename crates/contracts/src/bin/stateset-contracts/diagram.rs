//! Pictures and tables of the state machines, drawn by asking the machines.

use std::collections::BTreeSet;

use stateset_contracts::machine::order::{Fulfilment, Lifecycle, PaymentAxis};
use stateset_contracts::machine::{
    CancelUntil, Order, OrderEvent, Outcome, Payment, PaymentEvent, Shipment, ShipmentEvent,
};

const HEAD: &str = "# State machines

Written by `cargo xtask codegen` by asking the functions in `crates/contracts/src/machine`; do not edit.

An arrow is what an event does. Everything else an event may meet: it was **applied already** (or later news has overtaken
it), it **waits** for another event that must come first, or it is **illegal**. A command that would have to wait is
illegal: HTTP answers 409 `INVALID_TRANSITION`. An illegal event goes into quarantine with its reason.

The cancel rule is a setting: `processing`, `dispatched` (the default, drawn here) or `delivered`.
";

/// More states than this are counted, not named.
const MOST_NAMED: usize = 4;

/// From, to, by.
pub(super) type Arrow = (String, String, &'static str);

/// A machine, or one axis of the order's, as it is drawn.
pub(super) struct Machine {
    /// Such as `Order: payment`.
    pub(super) title: &'static str,
    /// Where it begins and by which event; empty if an arrow says so.
    pub(super) start: (&'static str, &'static str),
    /// Every state that changes.
    pub(super) arrows: Vec<Arrow>,
}

/// All of them.
pub(super) fn machines() -> Vec<Machine> {
    let ([lifecycle, payment, fulfilment], _) = order();
    let created = "order.created";
    let (of_payment, _) = arrows(Payment::ALL, PaymentEvent::ALL, Payment::word, PaymentEvent::word, Payment::apply);
    let (of_shipment, _) =
        arrows(Shipment::ALL, ShipmentEvent::ALL, Shipment::word, ShipmentEvent::word, Shipment::apply);
    vec![
        Machine { title: "Order: lifecycle", start: (Lifecycle::Pending.word(), created), arrows: lifecycle },
        Machine { title: "Order: payment", start: (PaymentAxis::Unpaid.word(), created), arrows: payment },
        Machine { title: "Order: fulfilment", start: (Fulfilment::PendingPayment.word(), created), arrows: fulfilment },
        Machine { title: "Payment", start: ("", ""), arrows: of_payment },
        Machine { title: "Shipment", start: ("", ""), arrows: of_shipment },
    ]
}

/// Lifecycle, payment and fulfilment, and what does not move them.
fn order() -> ([Vec<Arrow>; 3], Rest) {
    let (mut lifecycle, mut payment, mut fulfilment) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = Rest::default();
    for order in every_order() {
        for &event in OrderEvent::ALL {
            match order.apply(event, CancelUntil::default()) {
                Outcome::Applied(next) => {
                    push(&mut lifecycle, order.lifecycle, next.lifecycle, event.word());
                    push(&mut payment, order.payment, next.payment, event.word());
                    push(&mut fulfilment, order.fulfilment, next.fulfilment, event.word());
                },
                other => rest.take(&order.describe(), event.word(), &other),
            }
        }
    }
    ([lifecycle, payment, fulfilment], rest)
}

pub(super) fn page() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n## Order\n\nThree things about an order change independently. The event contracts have one word for\nall: `CANCELLED` if it is cancelled, else `REFUNDED` or `PAID` by the payment, else `CREATED`.\n");
    let ([lifecycle, payment, fulfilment], rest) = order();
    for (title, start, arrows) in [
        ("Lifecycle", Lifecycle::Pending.word(), lifecycle),
        ("Payment", PaymentAxis::Unpaid.word(), payment),
        ("Fulfilment", Fulfilment::PendingPayment.word(), fulfilment),
    ] {
        text.push_str(&format!("\n### {title}\n\n{}", picture(start, "order.created", &arrows)));
    }
    text.push_str(&rest.waits());
    text.push_str(&rest.reasons());

    text.push_str("\n## Payment\n");
    text.push_str(&machine(Payment::ALL, PaymentEvent::ALL, Payment::word, PaymentEvent::word, Payment::apply));
    text.push_str(
        "\n## Shipment\n\n`order.created` plans it, `payment.succeeded` makes it ready, `order.cancelled` stops it.\n",
    );
    let apply = Shipment::apply;
    text + &machine(Shipment::ALL, ShipmentEvent::ALL, Shipment::word, ShipmentEvent::word, apply)
}

fn machine<S: Copy, E: Copy>(
    states: &[S],
    events: &[E],
    word: impl Fn(S) -> &'static str,
    event_word: impl Fn(E) -> &'static str,
    apply: impl Fn(S, E) -> Outcome<S>,
) -> String {
    let (arrows, rest) = arrows(states, events, word, event_word, apply);
    format!("\n{}{}{}", picture("", "", &arrows), rest.waits(), rest.reasons())
}

fn arrows<S: Copy, E: Copy>(
    states: &[S],
    events: &[E],
    word: impl Fn(S) -> &'static str,
    event_word: impl Fn(E) -> &'static str,
    apply: impl Fn(S, E) -> Outcome<S>,
) -> (Vec<Arrow>, Rest) {
    let (mut arrows, mut rest) = (Vec::new(), Rest::default());
    for &state in states {
        for &event in events {
            match apply(state, event) {
                Outcome::Applied(next) => push(&mut arrows, word(state), word(next), event_word(event)),
                other => rest.take(&word(state).to_uppercase(), event_word(event), &other),
            }
        }
    }
    (arrows, rest)
}

fn every_order() -> impl Iterator<Item = Order> {
    Lifecycle::ALL.iter().flat_map(|&lifecycle| {
        PaymentAxis::ALL.iter().flat_map(move |&payment| {
            Fulfilment::ALL.iter().map(move |&fulfilment| Order { lifecycle, payment, fulfilment })
        })
    })
}

fn push<W: ToString + Copy>(arrows: &mut Vec<Arrow>, from: W, to: W, by: &'static str) {
    let arrow = (from.to_string(), to.to_string(), by);
    if arrow.0 != arrow.1 && !arrows.contains(&arrow) {
        arrows.push(arrow);
    }
}

fn picture(start: &str, by: &str, arrows: &[Arrow]) -> String {
    let mut text = "```mermaid\nstateDiagram-v2\n".to_owned();
    if !start.is_empty() {
        text.push_str(&format!("    [*] --> {start}: {by}\n"));
    }
    for (from, to, by) in arrows {
        let from = if from == "unknown" { "[*]" } else { from };
        text.push_str(&format!("    {from} --> {to}: {by}\n"));
    }
    for end in arrows.iter().map(|arrow| &arrow.1).collect::<BTreeSet<_>>() {
        if !arrows.iter().any(|(from, ..)| from == end) {
            text.push_str(&format!("    {end} --> [*]\n"));
        }
    }
    text + "```\n"
}

/// What does not move a machine.
#[derive(Default)]
struct Rest {
    waits: BTreeSet<(&'static str, &'static str)>,
    reasons: Vec<(&'static str, String, BTreeSet<String>)>,
}

impl Rest {
    fn take<S>(&mut self, from: &str, event: &'static str, outcome: &Outcome<S>) {
        match outcome {
            Outcome::Waiting(predecessor) => drop(self.waits.insert((event, predecessor))),
            Outcome::Illegal(refusal) => {
                // The state is named in its own column.
                let reason = refusal.reason.split(';').next().unwrap_or_default().to_owned();
                match self.reasons.iter_mut().find(|(known, why, _)| *known == event && *why == reason) {
                    Some((_, _, from_all)) => drop(from_all.insert(from.to_owned())),
                    None => self.reasons.push((event, reason, [from.to_owned()].into())),
                }
            },
            Outcome::Applied(_) | Outcome::AlreadyApplied => {},
        }
    }

    fn waits(&self) -> String {
        let mut rows = String::new();
        for (event, predecessor) in &self.waits {
            rows.push_str(&format!("| `{event}` | `{predecessor}` |\n"));
        }
        if rows.is_empty() { rows } else { format!("\n| waits | for |\n|---|---|\n{rows}") }
    }

    fn reasons(&self) -> String {
        let mut rows = String::new();
        for (event, reason, from) in &self.reasons {
            let all: Vec<&str> = from.iter().map(String::as_str).collect();
            let from = if all.len() <= MOST_NAMED { all.join("; ") } else { format!("{} combinations", all.len()) };
            rows.push_str(&format!("| `{event}` | {from} | {reason} |\n"));
        }
        if rows.is_empty() { rows } else { format!("\n| illegal | from | why |\n|---|---|---|\n{rows}") }
    }
}
