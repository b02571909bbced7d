//! How long a stream may run: until its token expires or the service stops.
//!
//! Token expiry uses the machine's clock, even if the service's clock is set to another day.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::clock::Clock;

/// The longest wait before the clock is checked again. It may have been set, or have advanced while the machine slept.
const LOOK: Duration = Duration::from_secs(30);

/// Signals when the service stops. The service waits until every holder is done.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Creates a signal from this receiver, whose sender sends true to stop.
    pub const fn told_by(told: watch::Receiver<bool>) -> Self {
        Self(told)
    }

    /// Completes when the service stops.
    pub async fn told(&mut self) {
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

/// Completes at the instant; never if there is none.
pub(super) async fn passed(instant: Option<DateTime<Utc>>) {
    let Some(instant) = instant else { return std::future::pending().await };
    while let Ok(left) = (instant - Clock::Machine.now()).to_std() {
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}
