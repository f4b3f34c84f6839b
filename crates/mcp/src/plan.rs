//! Plans: what ties a change of many things to the preview somebody has seen.
//!
//! A plan's id carries its own proof: until when it counts, how much the preview counted, the outbox's own plan if it made
//! one, and a MAC over all of it and the tool's arguments, under a key of this process. So a preview stores nothing here, an
//! id fits no other arguments, and a restart forgets all of them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::outcome::{Failure, Next};

/// How long a preview counts as fresh: 15 minutes, as the outbox's own plans do.
const FRESH_MICROS: i64 = 15 * 60 * 1_000_000;
const PREFIX: &str = "pl_";
/// Bytes of the MAC that are shown.
const MAC_BYTES: usize = 16;
/// Longest id that is looked at.
const LONGEST: usize = 200;

/// What a plan that still counts says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What the preview counted.
    pub(crate) count: u64,
    /// The outbox's own plan.
    pub(crate) inner: Option<String>,
}

/// Issues and checks plans.
pub(crate) struct Plans {
    key: Zeroizing<[u8; 32]>,
}

impl Plans {
    /// Under a key that lives as long as the process.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice())?;
        Ok(Self { key })
    }

    /// The id of a preview of `arguments`, and until when it counts.
    pub(crate) fn issue(&self, arguments: &str, seen: &Seen, now: i64) -> (String, i64) {
        let until = now.saturating_add(FRESH_MICROS);
        let inner = seen.inner.as_deref().unwrap_or_default();
        let mac = hex(&self.mac(arguments, until, seen.count, inner).finalize().into_bytes()[..MAC_BYTES]);
        let head = format!("{PREFIX}{until:x}.{:x}.{mac}", seen.count);
        (if inner.is_empty() { head } else { format!("{head}.{inner}") }, until)
    }

    /// What the plan says, if it is one of ours, fresh, and of these arguments.
    pub(crate) fn check(&self, id: &str, arguments: &str, now: i64) -> Result<Seen, Failure> {
        let unknown = || {
            let message = "this plan_id is not of a preview of these arguments by this server";
            let fix = "make the same call without apply, look at what it says, and give its plan_id";
            Failure::new("PLAN_MISMATCH", Next::Preview, message, fix)
        };
        let parts = id.strip_prefix(PREFIX).filter(|_| id.len() <= LONGEST).ok_or_else(unknown)?;
        let mut parts = parts.splitn(4, '.');
        let mut next = || parts.next().ok_or_else(unknown);
        let until = i64::from_str_radix(next()?, 16).map_err(|_| unknown())?;
        let count = u64::from_str_radix(next()?, 16).map_err(|_| unknown())?;
        let mac = unhex(next()?).ok_or_else(unknown)?;
        let inner = parts.next();
        // Compares in constant time.
        let expected = self.mac(arguments, until, count, inner.unwrap_or_default());
        if mac.len() != MAC_BYTES || expected.verify_truncated_left(&mac).is_err() {
            return Err(unknown());
        }
        if until <= now {
            let message = "this plan was valid for 15 minutes";
            return Err(Failure::new("PLAN_EXPIRED", Next::Preview, message, "preview again and look at it again"));
        }
        Ok(Seen { count, inner: inner.map(str::to_owned) })
    }

    fn mac(&self, arguments: &str, until: i64, count: u64, inner: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_slice()).expect("a MAC takes keys of any length");
        for part in [arguments.as_bytes(), &until.to_be_bytes(), &count.to_be_bytes(), inner.as_bytes()] {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_counts_for_what_was_previewed_and_for_a_while() {
        let plans = Plans::new().expect("random bytes");
        for inner in [None, Some("0193-af.x".to_owned())] {
            let seen = Seen { count: 3, inner };
            let (id, until) = plans.issue("redrive {}", &seen, 1_000);
            assert_eq!(plans.check(&id, "redrive {}", 1_001), Ok(seen), "{id}");
            let code = |result: Result<Seen, Failure>| result.expect_err("refused").code;
            assert_eq!(code(plans.check(&id, "redrive {}", until)), "PLAN_EXPIRED");
            assert_eq!(code(plans.check(&id, "replay {}", 1_001)), "PLAN_MISMATCH");
            let other = Plans::new().expect("random bytes");
            assert_eq!(code(other.check(&id, "redrive {}", 1_001)), "PLAN_MISMATCH", "another process");
            let forged = id.replacen(".3.", ".4.", 1);
            for bad in [forged.as_str(), "pl_", "pl_1.2.zz", "", "pl_1.1.é", &"p".repeat(300)] {
                assert_eq!(code(plans.check(bad, "redrive {}", 1_001)), "PLAN_MISMATCH", "{bad}");
            }
        }
    }
}
