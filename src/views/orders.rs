//! Orders about the views that were carried out, so that each is carried out once, however often it is sent.
//!
//! They are no facts: they are kept in memory, the newest of them, and a server that starts anew knows none.

use std::collections::VecDeque;
use std::sync::Mutex;

use throughline_domain::fact::envelope::CommandId;

/// Orders that are remembered.
const KEPT: usize = 256;

/// An order, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Who sent it.
    pub actor: String,
    /// The id under which it is carried out once.
    pub id: CommandId,
    /// Everything that makes it this order and no other.
    pub body: Vec<u8>,
}

/// What is known of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    New,
    /// It was carried out.
    Done,
    /// Its id is another order's.
    AsAnother,
}

/// The orders that were carried out, the newest last.
#[derive(Debug, Default)]
pub(super) struct Orders(Mutex<VecDeque<Order>>);

impl Orders {
    pub(super) fn known(&self, order: &Order) -> Known {
        let done = self.0.lock().expect("nobody panics while holding the orders");
        match done.iter().find(|known| known.actor == order.actor && known.id == order.id) {
            Some(known) if known.body == order.body => Known::Done,
            Some(_) => Known::AsAnother,
            None => Known::New,
        }
    }

    pub(super) fn remember(&self, order: Order) {
        let mut done = self.0.lock().expect("nobody panics while holding the orders");
        if done.len() == KEPT {
            done.pop_front();
        }
        done.push_back(order);
    }
}
