//! How long a stream may go on: until the token behind it expires, or the service stops.

use std::time::Duration;

use tokio::sync::watch;

use crate::caller::Caller;

/// The longest wait without a look at the clock, which may have been set or have gone on while the machine slept.
const LOOK: Duration = Duration::from_secs(30);

/// Tells whoever holds it when the service stops; the service waits for all of them.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Hears of it from this sender, which sends true.
    pub const fn told_by(told: watch::Receiver<bool>) -> Self {
        Self(told)
    }

    /// Completes when the service stops.
    pub async fn told(&mut self) {
        // A service that nobody can stop has no sender.
        if self.0.wait_for(|stopping| *stopping).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Default for Stopping {
    /// For a service that never stops.
    fn default() -> Self {
        Self(watch::Sender::new(false).subscribe())
    }
}

/// Completes when the token of the caller has expired; never if there is no caller.
pub(super) async fn expired<C: Caller>(caller: Option<&C>) {
    let Some(caller) = caller else { return std::future::pending().await };
    loop {
        let left = caller.time_left();
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}
