//! What customers are told. Pure.

use stateset_contracts::catalogue::{
    OrderCancelled, Payload, PaymentFailed, PaymentRefunded, PaymentSucceeded, ShippingDelivered, ShippingDispatched,
    ShippingReady, canonical,
};
use stateset_contracts::upcast;

/// A letter without its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) subject: String,
    pub(super) text: String,
}

/// What an event of an order calls for; `None`: nothing. An error is data that does not keep its contract.
pub(super) fn letter(event_type: &str, order: &str, payload: &str, version: i32) -> Result<Option<Text>, String> {
    let data = Data { payload, version: u32::try_from(version).unwrap_or(1) };
    let (subject, text) = match canonical(event_type) {
        "payment.succeeded" => {
            let paid: PaymentSucceeded = data.read()?;
            let amount = money(paid.amount_cents.0, &paid.currency.0);
            (format!("Order {order}: we have your payment"), format!("We have received {amount} for order {order}."))
        },
        "payment.failed" => {
            let failed: PaymentFailed = data.read()?;
            let amount = money(failed.amount_cents.0, &failed.currency.0);
            let text = format!(
                "Your payment of {amount} for order {order} did not go through: {}.\nThe order is kept; you can pay again.",
                failed.reason
            );
            (format!("Order {order}: your payment did not go through"), text)
        },
        "payment.refunded" => {
            let refunded: PaymentRefunded = data.read()?;
            let amount = money(refunded.amount_cents.0, &refunded.currency.0);
            (
                format!("Order {order}: your money is on its way back"),
                format!("We have given back {amount} for order {order}."),
            )
        },
        "order.cancelled" => {
            data.read::<OrderCancelled>()?;
            (
                format!("Order {order} was cancelled"),
                format!("Order {order} was cancelled. What you paid is given back."),
            )
        },
        "shipping.ready" => {
            let ready: ShippingReady = data.read()?;
            (
                format!("Order {order} is ready to leave"),
                format!("Order {order} is packed as shipment {}.", ready.shipment_id),
            )
        },
        "shipping.dispatched" => {
            let sent: ShippingDispatched = data.read()?;
            let text = format!("Order {order} is with {}; its number there is {}.", sent.carrier, sent.tracking_number);
            (format!("Order {order} is on its way"), text)
        },
        "shipping.delivered" => {
            data.read::<ShippingDelivered>()?;
            (format!("Order {order} has arrived"), format!("Order {order} has arrived. Thank you."))
        },
        _ => return Ok(None),
    };
    Ok(Some(Text { subject: subject.replace(char::is_control, " "), text }))
}

struct Data<'a> {
    payload: &'a str,
    version: u32,
}

impl Data<'_> {
    fn read<P: Payload>(&self) -> Result<P, String> {
        upcast::read(self.payload, self.version)
            .map_err(|fault| format!("the data of {} does not keep its contract: {fault}", P::CONTRACT.name))
    }
}

/// Two decimals, as nearly all currencies have.
fn money(cents: i64, currency: &str) -> String {
    format!("{}.{:02} {currency}", cents / 100, (cents % 100).abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D03, D04, C17
    #[test]
    fn every_letter_says_what_happened() {
        let letter = |event_type, payload| letter(event_type, "123", payload, 1);
        let paid = r#"{"amount_cents":25998,"currency":"USD","provider":"mock","payment_id":"pm_1"}"#;
        let text = letter("payment.completed", paid).unwrap().unwrap();
        assert_eq!(text.text, "We have received 259.98 USD for order 123.");
        let sent = r#"{"shipment_id":1,"carrier":"demo-carrier","tracking_number":"TRK-0001"}"#;
        assert!(letter("shipping.dispatched", sent).unwrap().unwrap().text.contains("TRK-0001"));
        assert_eq!(letter("order.created", "{}"), Ok(None));
        assert!(letter("shipping.ready", r#"{"shipment_id":"one"}"#).unwrap_err().contains("shipping.ready"));
    }
}
