//! Room on a socket: the number of responses that may be in progress or not yet written.
//!
//! A response is made only when there is room for it. A peer that reads slowly therefore holds up its own
//! subscriptions, and uses memory for at most that many responses.

use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A place for one response, returned when dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// The room of one operation. The places belong to the socket.
#[derive(Clone, Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    taken: Arc<Mutex<Option<Place>>>,
}

impl Room {
    /// The room of an operation among these places.
    pub(super) fn among(places: Arc<Semaphore>) -> Self {
        Self { places, taken: Arc::default() }
    }

    /// Waits for a place and takes it for the next response of the operation.
    pub(super) async fn enter(&self) {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the places of a socket are never closed");
        *self.taken() = Some(place);
    }

    /// Hands over the place of the operation's latest response.
    pub(super) fn leave(&self) -> Option<Place> {
        self.taken().take()
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Option<Place>> {
        self.taken.lock().expect("no code panics while it holds the lock")
    }
}
