//! Requests to manage the views that were carried out. Each is carried out once, however often it is sent.
//!
//! They are not facts: only the newest are kept, in memory, and a restarted server has none.

use std::collections::VecDeque;
use std::sync::Mutex;

use throughline_domain::fact::envelope::CommandId;

/// The number of requests kept.
const KEPT: usize = 256;

/// A request, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The sender.
    pub actor: String,
    /// The id under which it is carried out once.
    pub id: CommandId,
    /// The content that identifies it when it is sent again.
    pub body: Vec<u8>,
}

/// What is known about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It was not carried out yet.
    New,
    /// It was already carried out.
    Done,
    /// Another request was carried out under its id.
    AsAnother,
}

/// The requests that were carried out, the newest last.
#[derive(Debug, Default)]
pub(super) struct Orders(Mutex<VecDeque<Order>>);

impl Orders {
    pub(super) fn known(&self, order: &Order) -> Known {
        let done = self.0.lock().expect("no panic while holding the orders");
        match done.iter().find(|known| known.actor == order.actor && known.id == order.id) {
            Some(known) if known.body == order.body => Known::Done,
            Some(_) => Known::AsAnother,
            None => Known::New,
        }
    }

    pub(super) fn remember(&self, order: Order) {
        let mut done = self.0.lock().expect("no panic while holding the orders");
        if done.len() == KEPT {
            done.pop_front();
        }
        done.push_back(order);
    }
}
