//! Reveals: a role that otherwise sees pseudonyms may see who a subject is, with a reason and for a short time.
//!
//! Pure. A reveal begins when it is recorded, whatever its date, and belongs to one login in one role. What it opens is
//! decided elsewhere.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::login;
use crate::fact::History;
use crate::fact::consistency::DatedFact;
use crate::fact::event::{Event, IdentityRevealed};
use crate::fact::refusal::{Refusal, RefusalCode as Code};
use crate::people::open_close::{Pairs, Part, Words};

/// The most minutes that a reveal lasts: a working day.
pub const MINUTES_MAX: u16 = 8 * 60;

/// A reveal of who a subject is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reveal {
    /// For which contract, why and for how long.
    pub details: IdentityRevealed,
    /// When it began.
    pub at: DateTime<Utc>,
    /// The login of the one who may see it.
    pub by: String,
    /// Their role.
    pub role: String,
    /// How it was ended early, if it was.
    pub ended: Option<Ended>,
}

/// The early end of a reveal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: DateTime<Utc>,
    /// The login of the one who ended it.
    pub by: String,
}

impl Reveal {
    /// The instant from which it counts no more, if it is not ended earlier.
    pub fn until(&self) -> DateTime<Utc> {
        self.at + TimeDelta::minutes(self.details.minutes.into())
    }

    /// Whether it counts at an instant.
    pub fn is_in_force(&self, now: DateTime<Utc>) -> bool {
        self.ended.is_none() && now < self.until()
    }

    /// Whether it belongs to this login in this role.
    pub fn is_of(&self, role: &str, login: &str) -> bool {
        self.role == role && login::is_same(&self.by, login)
    }
}

/// All reveals of a subject, in the order in which they were recorded.
pub fn reveals(history: &History) -> Vec<Reveal> {
    let mut reveals: Vec<Reveal> = Vec::new();
    for recorded in history.events() {
        match &recorded.event {
            Event::IdentityRevealed(details) => reveals.push(Reveal {
                details: details.clone(),
                at: recorded.recorded_at,
                by: recorded.actor.subject.clone(),
                role: recorded.actor.role.clone(),
                ended: None,
            }),
            Event::RevealEnded(end) => {
                let ended = Ended { at: recorded.recorded_at, by: recorded.actor.subject.clone() };
                let named = reveals.iter_mut().find(|reveal| reveal.details.reveal == end.reveal);
                if let Some(reveal) = named {
                    reveal.ended.get_or_insert(ended);
                }
            }
            _ => {}
        }
    }
    reveals
}

const REVEALS: Words = Words {
    field: "reveal",
    begins: "was recorded",
    ends: "was ended",
    exists: Code::RevealExists,
    not_found: Code::RevealNotFound,
    over: Code::RevealAlreadyEnded,
    is_final: true,
};

fn part(event: &Event) -> Option<(Uuid, Part)> {
    match event {
        Event::IdentityRevealed(revealed) => Some((revealed.reveal.0, Part::Begins)),
        Event::RevealEnded(ended) => Some((ended.reveal.0, Part::Ends)),
        _ => None,
    }
}

/// The refusal to end a reveal that does not exist, or that is of another caller. The message is the same for both.
pub fn not_found() -> Refusal {
    let message = "you have no reveal of this subject with this id: check the id, or ask an administrator to end it";
    Refusal::new(Code::RevealNotFound, message).at("reveal")
}

/// The reveals among these facts, to be judged with their ends.
pub(crate) fn pairs<'a>(facts: &[DatedFact<'a>]) -> Pairs<'a> {
    Pairs::of(facts, part, REVEALS)
}

#[cfg(test)]
mod tests;
