//! Waiting for tasks of one's own.

use std::future::pending;
use std::panic::resume_unwind;

use tokio::task::JoinError;

/// What a task gave. Its panic goes on here. A task that was cut off has lost its runtime, and so has whoever waits for it: it
/// waits on, and is dropped too.
pub(crate) async fn joined<T>(ended: Result<T, JoinError>) -> T {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(value) => value,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_)) => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::joined;

    #[tokio::test]
    async fn a_task_that_was_cut_off_is_no_panic() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { 7 });
        assert_eq!(joined(tasks.join_next().await.expect("a task")).await, 7);
        let handle = tasks.spawn(std::future::pending::<i32>());
        handle.abort();
        let ended = tasks.join_next().await.expect("a task");
        assert!(timeout(Duration::from_millis(20), joined(ended)).await.is_err(), "it waits on");
    }

    #[tokio::test]
    #[should_panic(expected = "a task's own")]
    async fn a_panic_goes_on() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { panic!("a task's own") });
        joined(tasks.join_next().await.expect("a task")).await;
    }
}
