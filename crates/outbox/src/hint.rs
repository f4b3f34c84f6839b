//! Wakes workers after a commit. A hint may be lost; polling is the truth.

use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

/// At most one notification to other processes in this time: each costs the server a turn of every listener.
pub(crate) const DEBOUNCE: Duration = Duration::from_millis(5);

/// Sends notifications to other processes until the channel closes.
pub(crate) type Notifier = Box<dyn FnOnce(mpsc::Receiver<()>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Wakes workers of this process and, with a notifier, of others.
pub struct Hint {
    local: Notify,
    notifier: Mutex<Option<Notifier>>,
    remote: Mutex<Option<mpsc::Sender<()>>>,
}

impl Hint {
    pub(crate) fn new(notifier: Option<Notifier>) -> Self {
        Self { local: Notify::new(), notifier: Mutex::new(notifier), remote: Mutex::new(None) }
    }

    /// Never waits, never fails.
    pub(crate) fn wake(&self) {
        self.wake_local();
        self.start_notifier();
        let remote = self.remote.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(remote) = &*remote {
            // Full: a notification is on its way already. Closed: there is nobody to tell.
            remote.try_send(()).ok();
        }
    }

    pub(crate) fn wake_local(&self) {
        self.local.notify_waiters();
        // For a worker that is between its poll and its wait.
        self.local.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.local.notified().await;
    }

    /// Workers of other processes will not be told any more.
    pub(crate) fn stop_notifying(&self) {
        *self.notifier.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        *self.remote.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }

    fn start_notifier(&self) {
        let Some(notifier) = self.notifier.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() else {
            return;
        };
        let (sender, receiver) = mpsc::channel(1);
        *self.remote.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(sender);
        #[expect(clippy::disallowed_methods, reason = "ends with the last handle; a library has no tracker of tasks")]
        drop(tokio::spawn(notifier(receiver)));
    }
}
