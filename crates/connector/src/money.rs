//! Amounts as shops write them, in the smallest unit of their currency.

/// Currencies whose smallest unit is the whole one (ISO 4217).
const WHOLE: [&str; 16] =
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF"];
/// Currencies with a thousand units in a whole one.
const THOUSANDS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Digits behind the point that a currency has.
fn digits(currency: &str) -> usize {
    if WHOLE.contains(&currency) {
        0
    } else if THOUSANDS.contains(&currency) {
        3
    } else {
        2
    }
}

/// `129.99` in USD is 12999; `1000` and `1000.00` in JPY are 1000. `None`: no amount, a negative one, one that is finer than
/// the currency, or beyond 64 bits. Never rounds.
pub fn minor_units(amount: &str, currency: &str) -> Option<i64> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || amount.ends_with('.') {
        return None;
    }
    let kept = digits(currency);
    let (kept_part, rest) = fraction.split_at_checked(kept).unwrap_or((fraction, ""));
    if rest.bytes().any(|byte| byte != b'0') {
        return None;
    }
    format!("{whole}{kept_part:0<kept$}").parse().ok()
}

/// Whether it is written like a currency: `USD`.
pub fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::minor_units;

    #[test]
    fn amounts_are_exact_or_none() {
        for (amount, currency, expected) in [
            ("129.99", "USD", Some(12_999)),
            ("129.9", "EUR", Some(12_990)),
            ("129", "USD", Some(12_900)),
            ("129.990", "USD", Some(12_999)),
            ("0.00", "USD", Some(0)),
            ("1000", "JPY", Some(1_000)),
            ("1000.00", "JPY", Some(1_000)),
            ("1.234", "KWD", Some(1_234)),
            ("92233720368547758.07", "USD", Some(i64::MAX)),
            ("92233720368547758.08", "USD", None),
            ("129.995", "USD", None),
            ("0.5", "JPY", None),
            ("-1.00", "USD", None),
            ("1.", "USD", None),
            (".5", "USD", None),
            ("", "USD", None),
            ("1,00", "USD", None),
            ("1e3", "USD", None),
        ] {
            assert_eq!(minor_units(amount, currency), expected, "{amount} {currency}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(cents in 0_i64..i64::MAX) {
            prop_assert_eq!(minor_units(&format!("{}.{:02}", cents / 100, cents % 100), "USD"), Some(cents));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}", currency in "[A-Z]{3}") {
            minor_units(&text, &currency);
        }
    }
}
