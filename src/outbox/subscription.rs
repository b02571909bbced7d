//! A subscription: an address that is sent the events of a contract, how far that is done, and each attempt.
//!
//! Plain values. Nothing here reads, writes or sends.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::access::{Principal, Role, Scope};
use crate::log::read::Lane;
use throughline_domain::fact::envelope::{Envelope, EventId, Position};
use throughline_domain::fact::event::EventType;

/// The most types for which the log is read type by type.
const LANES_MAX: usize = 16;

/// Whether events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// They are.
    Active,
    /// Somebody has paused it.
    Paused,
    /// The service has stopped it: the receiver wants no more, or an event could not be delivered.
    Disabled,
    /// It was ended, and its keys are gone.
    Ended,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Active, Self::Paused, Self::Disabled, Self::Ended];

    /// The state's name in tables and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::Ended => "ended",
        }
    }

    /// The state with this name. Nothing is sent in a state that this version does not know.
    pub(super) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.as_str() == name).unwrap_or(Self::Disabled)
    }
}

/// A subscription to the events of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The id.
    pub id: Uuid,
    /// The code of the contract.
    pub contract: String,
    /// The address that events are sent to.
    pub url: String,
    /// The types of events that are sent, such as `ContactLogged`. None for all types.
    pub types: Option<BTreeSet<String>>,
    /// Whether names and other identity are sent.
    pub identity: bool,
    /// Whether events are sent.
    pub state: State,
    /// Why the service has stopped it.
    pub reason: Option<String>,
    /// The position up to which every event was delivered or is not for this subscription.
    pub position: Position,
    /// Increased when the deliveries begin anew. An attempt of an earlier run does not count.
    pub run: i64,
    /// Increased with each change.
    pub version: i64,
    /// The number of attempts so far.
    pub attempted: i64,
    /// The failed attempts for the next event.
    pub attempts: i64,
    /// When the first of these failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// When the next attempt is due.
    pub next_attempt: Option<DateTime<Utc>>,
    /// The digest of the request that made it.
    pub request: Vec<u8>,
    /// The login that made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Subscription {
    /// What a subscriber may see: what an integrator of the contract sees of the feed. Of offered referrals it is sent
    /// those of the login that made it, so that partners are sent what became of their own and of nobody else's.
    pub(super) fn reader(&self) -> Principal {
        let scope = Scope::Contracts([self.contract.clone()].into());
        Principal { subject: self.created_by.clone(), role: Role::Integrator, scope }
    }

    /// The lanes of the log that hold every event of the subscription.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        let named = |types: &BTreeSet<String>| -> Vec<&'static str> {
            types.iter().filter_map(|name| EventType::named(name)).map(EventType::as_str).collect()
        };
        match self.types.as_ref().map(named) {
            Some(types) if types.len() <= LANES_MAX => {
                let lanes = |name| [Lane::TypeOfContract(name, self.contract.clone()), Lane::TypeOfNoContract(name)];
                types.into_iter().flat_map(lanes).collect()
            }
            _ => vec![Lane::Contract(self.contract.clone()), Lane::NoContract],
        }
    }

    /// Whether it is for events of this type.
    pub(super) fn wants(&self, event: &Envelope) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&event.event_type))
    }

    /// The part that an attempt needs.
    pub(super) const fn cursor(&self) -> Cursor {
        Cursor { id: self.id, run: self.run, failing_since: self.failing_since }
    }
}

/// Where the deliveries of a subscription are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    pub(super) id: Uuid,
    pub(super) run: i64,
    pub(super) failing_since: Option<DateTime<Utc>>,
}

/// One attempt to deliver one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The number of the attempt among all of its subscription, from 1.
    pub number: i64,
    /// The position of the event.
    pub position: Position,
    /// The id of the event.
    pub event: EventId,
    /// The type of the event.
    pub event_type: String,
    /// The number of the attempt for this event, from 1.
    pub attempt: i64,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// Whether the receiver took it.
    pub is_delivered: bool,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Why it was not taken.
    pub problem: Option<String>,
    /// How long the attempt took, in milliseconds.
    pub took_ms: i64,
    /// When it is tried again.
    pub next_attempt: Option<DateTime<Utc>>,
    /// Whether the event was given up and not delivered since.
    pub is_dead: bool,
}

/// An attempt with what follows from it for its subscription.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) delivery: &'a Delivery,
    /// The new position of the subscription.
    pub(super) position: Position,
    /// The new state.
    pub(super) state: State,
    /// Why it is stopped.
    pub(super) reason: Option<&'a str>,
}

/// The subscriptions of one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// The state.
    pub state: State,
    /// How many there are.
    pub subscriptions: i64,
    /// How many of them have a failed attempt for their next event.
    pub failing: i64,
    /// The position of the one that is furthest behind.
    pub position: Position,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_name_and_an_unknown_one_sends_nothing() {
        assert!(State::ALL.into_iter().all(|state| State::named(state.as_str()) == state));
        assert_eq!(State::named("later"), State::Disabled);
    }
}
