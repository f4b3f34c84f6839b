use std::collections::BTreeSet;

use proptest::prelude::*;
use stateset_contracts::machine::order::{ContractView, Fulfilment, Lifecycle, PaymentAxis};
use stateset_contracts::machine::{
    CancelUntil, Order, OrderEvent, Outcome, Payment, PaymentEvent, Shipment, ShipmentEvent, check_amount,
};

fn every_order() -> Vec<Order> {
    let mut orders = Vec::new();
    for &lifecycle in Lifecycle::ALL {
        for &payment in PaymentAxis::ALL {
            orders.extend(Fulfilment::ALL.iter().map(|&fulfilment| Order { lifecycle, payment, fulfilment }));
        }
    }
    orders
}

/// D05, D11: every state answers every event; what is applied moves exactly one of the three, and applied again it
/// changes nothing.
#[test]
fn the_order_machine_is_total() {
    for &policy in CancelUntil::ALL {
        for order in every_order() {
            for &event in OrderEvent::ALL {
                match order.apply(event, policy) {
                    Outcome::Applied(next) => {
                        let moved = [
                            order.lifecycle != next.lifecycle,
                            order.payment != next.payment,
                            order.fulfilment != next.fulfilment,
                        ];
                        assert_eq!(moved.iter().filter(|moved| **moved).count(), 1, "{order:?} {event}");
                        assert_eq!(next.apply(event, policy), Outcome::AlreadyApplied, "{order:?} {event}");
                    },
                    Outcome::Waiting(predecessor) => {
                        let predecessor = OrderEvent::of(predecessor).unwrap();
                        assert_ne!(order.apply(predecessor, policy), Outcome::AlreadyApplied, "{order:?} {event}");
                        assert!(matches!(order.command(event, policy), Outcome::Illegal(_)));
                    },
                    Outcome::Illegal(refusal) => {
                        assert_eq!((refusal.code(), refusal.event), ("INVALID_TRANSITION", event.word()));
                        assert!(!refusal.reason.is_empty() && !refusal.from.is_empty());
                    },
                    Outcome::AlreadyApplied => {},
                }
            }
        }
    }
}

/// D11: CANCELLED before REFUNDED before PAID before CREATED, whatever the other axes say.
#[test]
fn the_contract_has_one_word_for_an_order() {
    for order in every_order() {
        let expected = if order.lifecycle == Lifecycle::Cancelled {
            "CANCELLED"
        } else {
            match order.payment {
                PaymentAxis::Refunded => "REFUNDED",
                PaymentAxis::Paid => "PAID",
                PaymentAxis::Unpaid | PaymentAxis::Failed => "CREATED",
            }
        };
        assert_eq!(order.contract_view().word(), expected);
    }
    assert_eq!(Order::NEW.contract_view(), ContractView::Created);
    assert_eq!(Shipment::PendingPayment.contract_view(), "PENDING_PAYMENT");
    assert_eq!("READY_TO_SHIP".parse::<Shipment>().unwrap(), Shipment::ReadyToShip);
    "HALF_WAY".parse::<Shipment>().unwrap_err();
}

/// C18, D05: a shipment that waits for its payment cannot be dispatched; delivered and cancelled exclude each other.
#[test]
fn the_shipment_machine_is_total() {
    for &shipment in Shipment::ALL {
        for &event in ShipmentEvent::ALL {
            match shipment.apply(event) {
                Outcome::Applied(next) => {
                    assert!(!shipment.is_terminal() && next > shipment, "{shipment} {event}");
                    assert_eq!(next.apply(event), Outcome::AlreadyApplied);
                },
                Outcome::Illegal(refusal) => assert_eq!(refusal.from, shipment.contract_view()),
                Outcome::Waiting(_) => assert!(!shipment.is_terminal()),
                Outcome::AlreadyApplied => {},
            }
        }
    }
    let Outcome::Illegal(refusal) = Shipment::PendingPayment.command(ShipmentEvent::Dispatched) else {
        panic!("dispatched without a payment");
    };
    assert_eq!(
        refusal.to_string(),
        "INVALID_TRANSITION: shipping.dispatched from PENDING_PAYMENT: shipping.ready must come first"
    );
    assert!(matches!(Shipment::Delivered.apply(ShipmentEvent::Cancelled), Outcome::Illegal(_)));
    assert!(matches!(Shipment::Cancelled.apply(ShipmentEvent::Delivered), Outcome::Illegal(_)));
}

/// C17: a payment only moves up; a failure may be followed by a success, never the other way.
#[test]
fn the_payment_machine_is_total() {
    for &payment in Payment::ALL {
        for &event in PaymentEvent::ALL {
            match payment.apply(event) {
                Outcome::Applied(next) => assert!(next > payment && next.apply(event) == Outcome::AlreadyApplied),
                Outcome::Waiting(_) => assert_eq!(event, PaymentEvent::Refunded),
                Outcome::AlreadyApplied => assert_ne!(payment, Payment::Unknown),
                Outcome::Illegal(refusal) => panic!("{refusal}"),
            }
        }
    }
    assert_eq!(Payment::Failed.apply(PaymentEvent::Succeeded), Outcome::Applied(Payment::Succeeded));
    assert!(matches!(Payment::Failed.command(PaymentEvent::Refunded), Outcome::Illegal(_)));
}

/// C20: other names of a type do the same.
#[test]
fn aliases_do_the_same() {
    assert_eq!(OrderEvent::of("payment.completed"), Some(OrderEvent::PaymentSucceeded));
    assert_eq!(OrderEvent::of("shipment.shipped"), Some(OrderEvent::ShippingDispatched));
    assert_eq!(ShipmentEvent::of("payment.completed"), Some(ShipmentEvent::Ready));
    assert_eq!(ShipmentEvent::of("order.created"), Some(ShipmentEvent::Created));
    assert_eq!(PaymentEvent::of("order.created"), None);
    assert_eq!(OrderEvent::of("cart.created"), None);
    for event in OrderEvent::ALL {
        assert_eq!(OrderEvent::of(event.word()), Some(*event));
    }
}

/// C13
#[test]
fn a_payment_must_be_over_the_orders_amount() {
    check_amount((25_998, "USD"), (25_998, "USD")).unwrap();
    let mismatch = check_amount((25_998, "USD"), (25_998, "EUR")).unwrap_err();
    assert!(mismatch.to_string().starts_with("payment.mismatch"));
    check_amount((25_998, "USD"), (1, "USD")).unwrap_err();
}

/// A machine with the holding of a consumer around it: what waits is tried again after every change.
struct Consumer<S, E> {
    state: S,
    held: Vec<E>,
    quarantined: usize,
}

impl<S: Copy, E: Copy> Consumer<S, E> {
    fn new(state: S) -> Self {
        Self { state, held: Vec::new(), quarantined: 0 }
    }

    fn take(&mut self, event: E, apply: &impl Fn(S, E) -> Outcome<S>) {
        let mut waiting = vec![event];
        while let Some(event) = waiting.pop() {
            match apply(self.state, event) {
                Outcome::Applied(next) => {
                    self.state = next;
                    waiting.append(&mut self.held);
                },
                Outcome::AlreadyApplied => {},
                Outcome::Waiting(_) => self.held.push(event),
                Outcome::Illegal(_) => self.quarantined += 1,
            }
        }
    }
}

/// A history in which every event was applied when it happened, from random wishes.
fn legal<S: Copy, E: Copy>(start: S, wishes: &[E], apply: &impl Fn(S, E) -> Outcome<S>) -> (S, Vec<E>) {
    let (mut state, mut history) = (start, Vec::new());
    for &event in wishes {
        match apply(state, event) {
            Outcome::Applied(next) => {
                state = next;
                history.push(event);
            },
            Outcome::AlreadyApplied | Outcome::Waiting(_) | Outcome::Illegal(_) => {},
        }
    }
    (state, history)
}

/// The history in another order, some of it twice.
fn disturbed<E: Copy>(history: &[E], order: &[u64], doubled: u64) -> Vec<E> {
    let mut events: Vec<(u64, E)> = Vec::new();
    for (index, &event) in history.iter().enumerate() {
        let times = if doubled >> (index % 64) & 1 == 1 { 2 } else { 1 };
        for again in 0..times {
            events.push((order.get((index * 2 + again) % order.len().max(1)).copied().unwrap_or(0), event));
        }
    }
    events.sort_by_key(|(place, _)| *place);
    events.into_iter().map(|(_, event)| event).collect()
}

fn converges<S: Copy + PartialEq + std::fmt::Debug, E: Copy + std::fmt::Debug>(
    start: S,
    history: &[E],
    expected: S,
    shaken: &[E],
    apply: &impl Fn(S, E) -> Outcome<S>,
) -> Result<(), TestCaseError> {
    let mut consumer = Consumer::new(start);
    for &event in shaken {
        consumer.take(event, apply);
    }
    prop_assert_eq!(consumer.state, expected, "{:?} as {:?}", history, shaken);
    prop_assert!(consumer.held.is_empty(), "{:?} as {:?} holds {:?}", history, shaken, consumer.held);
    prop_assert_eq!(consumer.quarantined, 0, "{:?} as {:?}", history, shaken);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// D06, D07: any order and any duplication of the events of one order's legal history ends in the same state, with
    /// nothing held and nothing quarantined.
    #[test]
    fn orders_converge(
        wishes in prop::collection::vec(0..OrderEvent::ALL.len(), 1..40),
        order in prop::collection::vec(any::<u64>(), 80),
        doubled: u64,
        policy in 0..CancelUntil::ALL.len(),
    ) {
        let policy = CancelUntil::ALL[policy];
        let wishes: Vec<OrderEvent> = wishes.into_iter().map(|wish| OrderEvent::ALL[wish]).collect();
        let apply = |state, event| match Order::begin(state, event, policy) {
            Outcome::Applied(next) => Outcome::Applied(Some(next)),
            Outcome::AlreadyApplied => Outcome::AlreadyApplied,
            Outcome::Waiting(predecessor) => Outcome::Waiting(predecessor),
            Outcome::Illegal(refusal) => Outcome::Illegal(refusal),
        };
        let (expected, history) = legal(None, &wishes, &apply);
        converges(None, &history, expected, &disturbed(&history, &order, doubled), &apply)?;
    }

    /// D06: the same of shipments and payments.
    #[test]
    fn shipments_and_payments_converge(
        wishes in prop::collection::vec(0_usize..5, 1..20),
        order in prop::collection::vec(any::<u64>(), 40),
        doubled: u64,
    ) {
        let events: Vec<ShipmentEvent> = wishes.iter().map(|wish| ShipmentEvent::ALL[*wish]).collect();
        let apply = |state: Shipment, event| state.apply(event);
        let (expected, history) = legal(Shipment::Unknown, &events, &apply);
        converges(Shipment::Unknown, &history, expected, &disturbed(&history, &order, doubled), &apply)?;

        let events: Vec<PaymentEvent> = wishes.iter().filter_map(|wish| PaymentEvent::ALL.get(*wish).copied()).collect();
        let apply = |state: Payment, event| state.apply(event);
        let (expected, history) = legal(Payment::Unknown, &events, &apply);
        converges(Payment::Unknown, &history, expected, &disturbed(&history, &order, doubled), &apply)?;
    }
}

/// The walk of source 002, in every one of its 120 orders.
#[test]
fn every_order_of_the_published_walk_ends_paid_and_dispatched() {
    let walk = ["order.created", "payment.succeeded", "shipping.ready", "shipping.dispatched", "shipping.delivered"];
    let mut seen = BTreeSet::new();
    for code in 0..5_usize.pow(5) {
        let order: Vec<usize> = (0..5).map(|digit| code / 5_usize.pow(digit) % 5).collect();
        if order.iter().collect::<BTreeSet<_>>().len() < 5 {
            continue;
        }
        let mut consumer = Consumer::new(None);
        for index in &order {
            let event = OrderEvent::of(walk[*index]).unwrap();
            consumer.take(event, &|state, event| match Order::begin(state, event, CancelUntil::default()) {
                Outcome::Applied(next) => Outcome::Applied(Some(next)),
                Outcome::AlreadyApplied => Outcome::AlreadyApplied,
                Outcome::Waiting(predecessor) => Outcome::Waiting(predecessor),
                Outcome::Illegal(refusal) => Outcome::Illegal(refusal),
            });
        }
        let state: Order = consumer.state.unwrap();
        assert_eq!((state.contract_view().word(), state.fulfilment), ("PAID", Fulfilment::Delivered));
        seen.insert(order);
    }
    assert_eq!(seen.len(), 120);
}
