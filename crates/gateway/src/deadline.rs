//! How long a stream may run: until its token expires, its caller is barred or the service stops.

use std::time::Duration;

use tokio::sync::watch;

use crate::caller::Caller;

/// The longest wait before the clock is checked again. It may have been set, or have advanced while the machine slept.
const LOOK: Duration = Duration::from_secs(30);

/// Signals when the service stops. The service waits until every holder is done.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Creates a signal from this receiver, whose sender sends true to stop.
    pub const fn when(stopping: watch::Receiver<bool>) -> Self {
        Self(stopping)
    }

    /// Completes when the service stops.
    pub async fn requested(&mut self) {
        // A service that cannot be stopped has no sender.
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

/// Why a caller may listen no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Their token has expired.
    Expired,
    /// They may no longer act as they were let in.
    Barred,
}

/// Completes when the caller may listen no longer; never if there is no caller.
pub(super) async fn over<C: Caller>(caller: Option<&C>) -> Over {
    let Some(caller) = caller else { return std::future::pending().await };
    tokio::select! {
        biased;
        () = caller.barred() => Over::Barred,
        () = expired(caller) => Over::Expired,
    }
}

/// Completes when the caller's token has expired.
async fn expired<C: Caller>(caller: &C) {
    loop {
        let left = caller.time_left();
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}
