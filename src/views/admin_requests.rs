//! Requests to manage what the log does not record, the views and the webhooks, that were carried out. Each is carried
//! out once, however often it is sent.
//!
//! They are not facts: only the newest are kept, in memory, and a restarted server has none.

use std::collections::VecDeque;
use std::sync::Mutex;

use throughline_domain::fact::envelope::CommandId;

/// The number of requests kept.
const KEPT: usize = 256;

/// A request, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminRequest {
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
pub(crate) struct AdminRequests(Mutex<VecDeque<AdminRequest>>);

impl AdminRequests {
    pub(crate) fn known(&self, request: &AdminRequest) -> Known {
        let done = self.0.lock().expect("no panic while holding the requests");
        match done.iter().find(|known| known.actor == request.actor && known.id == request.id) {
            Some(known) if known.body == request.body => Known::Done,
            Some(_) => Known::AsAnother,
            None => Known::New,
        }
    }

    pub(crate) fn remember(&self, request: AdminRequest) {
        let mut done = self.0.lock().expect("no panic while holding the requests");
        if done.len() == KEPT {
            done.pop_front();
        }
        done.push_back(request);
    }
}
