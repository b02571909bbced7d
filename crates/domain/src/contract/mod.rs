//! The contract: who is bound, and the rulebooks that say what is recorded, counted and shown.
//!
//! Pure: no clock, no input or output, no randomness. It never reads a file or the log; texts and events are handed
//! to it.

pub mod batch;
pub mod calendar;
pub mod civil_day;
pub mod kpi;
pub mod outcome;
pub mod register;
pub mod rulebook;
pub(crate) mod rules;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use uuid::Uuid;

use crate::fact::History;
use crate::fact::Recorded;
use crate::fact::envelope::{EventId, Occurred, Position};
use crate::fact::event::{ContractOpened, Event};
use crate::fact::refusal::Refusal;
pub use register::Dealings;
use rulebook::Channels;
pub use rulebook::{Rulebook, RulebookError};

/// A contract as its stream tells it.
#[derive(Debug, Clone, Default)]
pub struct Contract {
    history: History,
    rulebooks: Vec<Published>,
}

/// A version of the contract's rules, and where in the log it was published.
#[derive(Debug, Clone)]
pub struct Published {
    /// The event that published it.
    pub event_id: EventId,
    /// That event's place in the log: a view as known before it does not know this version.
    pub position: Position,
    /// The rules.
    pub rulebook: Arc<Rulebook>,
}

impl Contract {
    /// The contract that these events make.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Recorded>) -> Result<Self, UnreadableRulebook> {
        let mut contract = Self::default();
        for event in events {
            contract.evolve(event)?;
        }
        Ok(contract)
    }

    /// Takes the next event of the stream. The one fault is a published rulebook that this build cannot read: going on
    /// without it would judge facts by the wrong rules.
    pub fn evolve(&mut self, recorded: &Recorded) -> Result<(), UnreadableRulebook> {
        if let Event::RulebookPublished(published) = &recorded.event {
            let (event_id, position) = (recorded.event_id, recorded.position);
            let rulebook = Rulebook::published(&published.content).map_err(|errors| UnreadableRulebook {
                position,
                hash: published.hash.clone(),
                errors,
            })?;
            self.rulebooks.push(Published { event_id, position, rulebook: Arc::new(rulebook) });
        }
        self.history.evolve(recorded.clone());
        Ok(())
    }

    /// The contract as if this draft of its rules were published, for judging what would move: nothing is recorded.
    #[must_use]
    pub fn with_draft(&self, draft: Arc<Rulebook>) -> Self {
        let mut contract = self.clone();
        let (event_id, position) = (EventId(Uuid::nil()), Position(i64::MAX));
        contract.rulebooks.push(Published { event_id, position, rulebook: draft });
        contract
    }

    /// Everything recorded in its stream.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// How the contract was opened, as that now reads, if it was.
    pub fn opened(&self) -> Option<&ContractOpened> {
        let first = self.history.events().first()?;
        match self.history.fact(first.event_id)?.event {
            Event::ContractOpened(opened) => Some(opened),
            _ => None,
        }
    }

    /// The first day on which it no longer held, if it was ended.
    pub fn ended(&self) -> Option<Occurred> {
        let facts = self.history.facts();
        facts.iter().find(|fact| matches!(fact.event, Event::ContractEnded(_))).map(|fact| fact.occurred)
    }

    /// Why a referral of this date deserves a second look: the contract had not started by then.
    pub(crate) fn not_begun_by(&self, occurred: Occurred) -> Option<Refusal> {
        self.opened().and_then(|opened| rules::not_begun_by(opened.starts_on, occurred))
    }

    /// Why facts of these dates deserve a second look: one lies in a period whose figures are settled.
    pub(crate) fn closed_at(&self, dates: &[Occurred]) -> Option<Refusal> {
        rules::in_closed_period(&self.history, dates)
    }

    /// Why a referral of this date may not be received: the contract no longer held by then.
    pub(crate) fn over_by(&self, occurred: Occurred) -> Option<Refusal> {
        self.ended().and_then(|ended| rules::over_by(ended, occurred))
    }

    /// What the parties agreed, said and decided, at the end of this day.
    pub fn dealings(&self, as_of: NaiveDate) -> Dealings {
        Dealings::as_of(&self.history, as_of)
    }

    /// The contract's code, once it is open.
    pub fn code(&self) -> Option<&str> {
        self.opened().map(|opened| opened.code.as_str())
    }

    /// Every published version, in the order of publication.
    pub fn rulebooks(&self) -> &[Published] {
        &self.rulebooks
    }

    /// The codes of the outcomes of every version.
    pub fn outcome_codes(&self) -> BTreeSet<&str> {
        let outcomes = self.rulebooks.iter().flat_map(|published| &published.rulebook.outcomes);
        outcomes.map(|outcome| outcome.code.as_str()).collect()
    }

    /// The zone of every civil date of the contract: all its versions have the same one.
    pub fn zone(&self) -> Option<Tz> {
        self.rulebooks.first().map(|first| first.rulebook.calendar.zone)
    }

    /// Whether whoever knew the log up to here knew of the contract: it opens with its first rules, and not before them.
    pub fn is_open_at(&self, position: Position) -> bool {
        self.rulebooks.first().is_some_and(|first| first.position <= position)
    }

    /// The rules that views apply to the whole contract: the version published last. An earlier board, as it was then
    /// counted, is asked for as known then.
    pub fn newest_rulebook(&self) -> Option<&Arc<Rulebook>> {
        self.rulebooks.last().map(|published| &published.rulebook)
    }

    /// Whether a contact by this channel is face to face when it does not say, by the rules of its day.
    pub fn is_face_to_face(&self, channel: &str, on: NaiveDate) -> bool {
        let rules = self.rulebook_in_force(on);
        rules.map_or_else(
            || Channels::default().is_face_to_face(channel),
            |rules| rules.channels.is_face_to_face(channel),
        )
    }

    /// The version that was published later with the same first day, and judges in its place.
    pub fn superseding(&self, published: &Published) -> Option<&Published> {
        let first_day = published.rulebook.effective_from;
        let mut later = self.rulebooks.iter().rev().take_while(|later| later.event_id != published.event_id);
        later.find(|later| later.rulebook.effective_from == first_day)
    }

    /// The rules in force on this day: those with the latest `effective_from` not after it, else the earliest; of several
    /// with the same first day those published last.
    pub fn rulebook_in_force(&self, on: NaiveDate) -> Option<&Arc<Rulebook>> {
        self.published_in_force(on).map(|published| &published.rulebook)
    }

    /// The publication of the rules in force on this day.
    pub fn published_in_force(&self, on: NaiveDate) -> Option<&Published> {
        let from = |published: &&Published| published.rulebook.effective_from;
        let begun = self.rulebooks.iter().filter(|published| from(published) <= on).max_by_key(from);
        begun.or_else(|| self.rulebooks.iter().rev().min_by_key(from))
    }
}

/// A published rulebook is of a grammar that this build does not know, or the log was altered.
#[derive(Debug, Clone, thiserror::Error)]
#[error("rulebook {hash} at position {position} cannot be read: this build is older than the log")]
pub struct UnreadableRulebook {
    /// Where in the log it was published.
    pub position: Position,
    /// Its hash, as it was published.
    pub hash: String,
    /// What this build does not understand of it.
    pub errors: Vec<RulebookError>,
}
