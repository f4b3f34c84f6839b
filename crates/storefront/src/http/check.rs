//! What is admissible in requests, and what requests have in common.

use stateset_api::code::Code;
use stateset_contracts::catalogue::Payload;
use stateset_contracts::commerce::Commerce;
use stateset_contracts::envelope::OrderId;

use super::Failure;

/// The currency where none is said.
pub(crate) fn dollars() -> String {
    "USD".to_owned()
}

/// The event with the customer's address, if there is one.
pub(crate) fn addressed<P: Payload>(event: Commerce<P>, address: Option<&str>) -> Commerce<P> {
    match address {
        Some(address) => event.user_email(address),
        None => event,
    }
}

/// The order key.
pub(crate) fn check_order(order: &OrderId) -> Result<String, Failure> {
    let key = order.key();
    if key.contains(char::is_control) {
        return Err(Failure::fault(Code::InvalidRequestBody, "/order_id", "no control characters"));
    }
    Ok(key)
}

pub(crate) fn check_currency(currency: &str) -> Result<(), Failure> {
    if currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(Failure::fault(Code::InvalidRequestBody, "/currency", "three capital letters, such as USD"))
}

/// No more than keeps nonsense out: the mail server knows what an address is.
pub(crate) fn check_address(address: &str) -> Result<(), Failure> {
    let parts = address.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
    let odd = |letter: char| letter.is_control() || letter.is_whitespace() || "<>,;".contains(letter);
    if parts.is_some() && !address.contains(odd) && address.len() <= 320 {
        return Ok(());
    }
    Err(Failure::fault(Code::InvalidRequestBody, "/user_email", "an address such as cust@example.com"))
}

/// A word for programs.
pub(crate) fn word(place: &str, word: Option<String>) -> Result<Option<String>, Failure> {
    let fits = |word: &String| {
        word.len() <= 64
            && word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    match word {
        Some(word) if !fits(&word) => {
            let why = "a word for programs, such as customer_request: a-z, 0-9 and _, at most 64";
            Err(Failure::fault(Code::InvalidRequestBody, place, why))
        },
        word => Ok(word),
    }
}

/// A short text for people.
pub(crate) fn text(place: &str, text: String, most: usize) -> Result<String, Failure> {
    let fits = !text.trim().is_empty() && text.chars().count() <= most && !text.contains(char::is_control);
    if fits {
        return Ok(text);
    }
    let why = format!("1 to {most} characters, none of them a control character");
    Err(Failure::fault(Code::InvalidRequestBody, place, why))
}
