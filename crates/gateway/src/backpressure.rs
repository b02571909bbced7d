//! Room on a socket: how many answers may be in the making, or made and not yet written, at once.
//!
//! An answer is not made before there is room for it, so a peer that reads slowly holds up its own subscriptions and
//! takes no more memory than that many answers.

use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A place for one answer, given back when it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// The room of one operation: the places are the socket's.
#[derive(Clone, Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    taken: Arc<Mutex<Option<Place>>>,
}

impl Room {
    /// Room for an operation among these places.
    pub(super) fn among(places: Arc<Semaphore>) -> Self {
        Self { places, taken: Arc::default() }
    }

    /// Waits for a place and takes it for the next answer of the operation.
    pub(super) async fn enter(&self) {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the places of a socket are never closed");
        *self.taken() = Some(place);
    }

    /// Hands over the place that the operation's newest answer has taken.
    pub(super) fn leave(&self) -> Option<Place> {
        self.taken().take()
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Option<Place>> {
        self.taken.lock().expect("nobody panics while holding a place")
    }
}
