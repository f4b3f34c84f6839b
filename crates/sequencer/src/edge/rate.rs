//! How often a tenant may call: the generic cell rate algorithm, a bucket per tenant in this process's memory.
//!
//! Several processes each have their own buckets (decision 50): what a tenant may do in all is the rate times their number.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use stateset_ledger::id::TenantId;

/// Seconds over which the rate is spread.
pub const WINDOW_SECONDS: u32 = 60;
/// Full buckets are forgotten after this many calls, so that tenants which went away take no memory.
const SWEEP_EVERY: u32 = 4_096;

/// Buckets by tenant.
pub struct TenantRate {
    per_minute: NonZeroU32,
    buckets: RateLimiter<TenantId, HashMapStateStore<TenantId>, DefaultClock, StateInformationMiddleware>,
    clock: DefaultClock,
    calls: AtomicU32,
}

/// Where a tenant stands after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Calls per window.
    pub limit: u32,
    /// Calls it may make at once now.
    pub remaining: u32,
    /// Seconds until it may make all of them again, or, if it may make none, until the next one.
    pub reset_seconds: u32,
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
        let limit = self.per_minute.get();
        match self.buckets.check_key(&tenant) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let missing = u64::from(limit.saturating_sub(remaining));
                let reset = (missing * u64::from(WINDOW_SECONDS)).div_ceil(u64::from(limit));
                Ok(Standing { limit, remaining, reset_seconds: u32::try_from(reset).unwrap_or(WINDOW_SECONDS) })
            },
            Err(wait) => {
                let wait = wait.wait_time_from(self.clock.now());
                Err(Standing { limit, remaining: 0, reset_seconds: whole_seconds(wait) })
            },
        }
    }

    /// Tenants with a bucket.
    pub fn tenants(&self) -> usize {
        self.buckets.len()
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

    use super::{Standing, TenantRate};

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
}
