//! Named points at which a crash test may abort the process. Without the feature `failpoints` they cost nothing.

/// Aborts the process if `STATESET_FAIL_POINT` is `name:n` and this is the n-th passage of `name`.
#[cfg(feature = "failpoints")]
pub fn pass(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "fail points exist in test builds only and have no configuration"
        )]
        let setting = std::env::var("STATESET_FAIL_POINT").ok()?;
        let (name, passages) = setting.split_once(':')?;
        Some((name.to_owned(), AtomicU64::new(passages.parse().ok()?)))
    });
    if let Some((armed, left)) = &*ARMED
        && armed == name
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        std::process::abort();
    }
}

/// Does nothing.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn pass(_name: &str) {}
