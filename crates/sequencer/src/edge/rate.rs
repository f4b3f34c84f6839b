//! How often a tenant, or one API key, may call: the generic cell rate algorithm, a bucket for each in this process's
//! memory.
//!
//! Several processes each have their own buckets (decision 50): what a tenant may do in all is the rate times their number.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};
use stateset_ledger::id::TenantId;

type Instant = <DefaultClock as governor::clock::Clock>::Instant;

/// Seconds over which the rate is spread.
pub const WINDOW_SECONDS: u32 = 60;
/// Full buckets are forgotten after this many calls of tenants, or this many keys, so that those which went away take no
/// memory.
const SWEEP_EVERY: u32 = 4_096;

/// Buckets by tenant.
pub struct TenantRate {
    per_minute: NonZeroU32,
    buckets: RateLimiter<TenantId, HashMapStateStore<TenantId>, DefaultClock, StateInformationMiddleware>,
    clock: DefaultClock,
    calls: AtomicU32,
}

/// Where a bucket stands after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Calls per window.
    pub limit: u32,
    /// Calls that may be made at once now.
    pub remaining: u32,
    /// Seconds until all of them may be made again, or, if none may, until the next one.
    pub reset_seconds: u32,
}

impl Standing {
    fn after(limit: NonZeroU32, taken: &StateSnapshot) -> Self {
        let (limit, remaining) = (limit.get(), taken.remaining_burst_capacity());
        let missing = u64::from(limit.saturating_sub(remaining));
        let reset = (missing * u64::from(WINDOW_SECONDS)).div_ceil(u64::from(limit));
        Self { limit, remaining, reset_seconds: u32::try_from(reset).unwrap_or(WINDOW_SECONDS) }
    }

    fn empty(limit: NonZeroU32, refused: &NotUntil<Instant>, clock: &DefaultClock) -> Self {
        let wait = whole_seconds(refused.wait_time_from(clock.now()));
        Self { limit: limit.get(), remaining: 0, reset_seconds: wait }
    }
}

impl TenantRate {
    /// `per_minute` calls, all of which may come at once.
    pub fn new(per_minute: NonZeroU32) -> Self {
        let buckets = RateLimiter::keyed(Quota::per_minute(per_minute)).with_middleware();
        Self { per_minute, buckets, clock: DefaultClock::default(), calls: AtomicU32::new(0) }
    }

    /// Takes a call out of the tenant's bucket; `Err` if it is empty.
    pub fn take(&self, tenant: TenantId) -> Result<Standing, Standing> {
        if self.calls.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.buckets.retain_recent();
        }
        match self.buckets.check_key(&tenant) {
            Ok(taken) => Ok(Standing::after(self.per_minute, &taken)),
            Err(refused) => Err(Standing::empty(self.per_minute, &refused, &self.clock)),
        }
    }

    /// Tenants with a bucket.
    pub fn tenants(&self) -> usize {
        self.buckets.len()
    }
}

/// The bucket of one API key, whose size is the key's own.
struct KeyBucket {
    per_minute: NonZeroU32,
    cells: RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>,
    used_at: Instant,
}

/// Buckets of the API keys that have a rate of their own, by the keys' prefixes.
#[derive(Default)]
pub struct KeyRate {
    buckets: Mutex<HashMap<Arc<str>, KeyBucket>>,
    clock: DefaultClock,
}

impl KeyRate {
    /// Takes a call out of the key's bucket; `Err` if it is empty.
    pub fn take(&self, prefix: &str, per_minute: NonZeroU32) -> Result<Standing, Standing> {
        let now = self.clock.now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(prefix) && buckets.len() >= SWEEP_EVERY as usize {
            // A bucket that nobody took from for a whole window is full again, like a new one.
            let window = Duration::from_secs(u64::from(WINDOW_SECONDS));
            buckets.retain(|_, bucket| now.duration_since(bucket.used_at) < window);
        }
        let bucket = buckets.entry(prefix.into()).or_insert_with(|| KeyBucket {
            per_minute,
            cells: RateLimiter::direct(Quota::per_minute(per_minute)).with_middleware(),
            used_at: now,
        });
        bucket.used_at = now;
        match bucket.cells.check() {
            Ok(taken) => Ok(Standing::after(bucket.per_minute, &taken)),
            Err(refused) => Err(Standing::empty(bucket.per_minute, &refused, &self.clock)),
        }
    }
}

/// Rounded up: whoever waits that long finds a call in the bucket.
fn whole_seconds(wait: Duration) -> u32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use stateset_ledger::id::TenantId;
    use uuid::Uuid;

    use super::{KeyRate, Standing, TenantRate};

    /// L11: a tenant over its rate is refused, another one is not.
    #[test]
    fn each_tenant_has_its_own_bucket() {
        let rate = TenantRate::new(NonZeroU32::new(3).unwrap());
        let (one, two) = (TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
        assert_eq!(rate.take(one), Ok(Standing { limit: 3, remaining: 2, reset_seconds: 20 }));
        assert_eq!(rate.take(one).unwrap().remaining, 1);
        assert_eq!(rate.take(one).unwrap().remaining, 0);
        let refused = rate.take(one).unwrap_err();
        assert!((1..=20).contains(&refused.reset_seconds), "{refused:?}");
        assert_eq!(rate.take(two).unwrap().remaining, 2);
        assert_eq!(rate.tenants(), 2);
    }

    /// A key has the bucket of its own size, whatever other keys have.
    #[test]
    fn each_key_has_a_bucket_of_its_size() {
        let rate = KeyRate::default();
        let [small, large] = [1, 60].map(|limit| NonZeroU32::new(limit).unwrap());
        assert_eq!(rate.take("a", small), Ok(Standing { limit: 1, remaining: 0, reset_seconds: 60 }));
        let refused = rate.take("a", small).unwrap_err();
        assert!(refused.limit == 1 && (59..=60).contains(&refused.reset_seconds), "{refused:?}");
        for left in (50..60).rev() {
            assert_eq!(rate.take("b", large).unwrap().remaining, left);
        }
        for other in 0..10_000 {
            rate.take(&other.to_string(), small).unwrap();
        }
        rate.take("a", small).expect_err("many other keys do not empty the list of those in use");
    }
}
