//! The contract: its parties, and the rulebooks that say what is recorded, counted and shown.
//!
//! Pure: no clock, no input or output, no randomness. It never reads a file or the log. Texts and events are passed in.

pub mod batch;
pub mod calendar;
pub mod civil_day;
pub mod outcome;
pub mod register;
pub mod retention;
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
pub use register::ContractRecord;
use rulebook::Channels;
pub use rulebook::{Rulebook, RulebookError};

/// A contract, folded from its stream.
#[derive(Debug, Clone, Default)]
pub struct Contract {
    history: History,
    rulebooks: Vec<Published>,
}

/// A published version of the contract's rulebook.
#[derive(Debug, Clone)]
pub struct Published {
    /// The event that published it.
    pub event_id: EventId,
    /// The log position of that event. A view with an earlier knowledge position does not know this version.
    pub position: Position,
    /// The rulebook.
    pub rulebook: Arc<Rulebook>,
}

impl Contract {
    /// Builds the contract from these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Recorded>) -> Result<Self, UnreadableRulebook> {
        let mut contract = Self::default();
        for event in events {
            contract.evolve(event)?;
        }
        Ok(contract)
    }

    /// Applies the next event of the stream. It fails only for a published rulebook that this build cannot read:
    /// without it, facts would be judged by the wrong rules.
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

    /// The contract as if this draft of its rulebook were published, to compute what would change. Nothing is recorded.
    #[must_use]
    pub fn with_draft(&self, draft: Arc<Rulebook>) -> Self {
        let mut contract = self.clone();
        let (event_id, position) = (EventId(Uuid::nil()), Position(i64::MAX));
        contract.rulebooks.push(Published { event_id, position, rulebook: draft });
        contract
    }

    /// The history of the contract's stream.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// The opening of the contract, with corrections applied, if it is open.
    pub fn opened(&self) -> Option<&ContractOpened> {
        let first = self.history.events().first()?;
        match self.history.fact(first.event_id)?.event {
            Event::ContractOpened(opened) => Some(opened),
            _ => None,
        }
    }

    /// Its first day.
    pub fn starts_on(&self) -> Option<NaiveDate> {
        self.opened().map(|opened| opened.starts_on)
    }

    /// The first day on which the contract no longer applied, if it ended.
    pub fn ended(&self) -> Option<Occurred> {
        let facts = self.history.facts();
        facts.iter().find(|fact| matches!(fact.event, Event::ContractEnded(_))).map(|fact| fact.occurred)
    }

    /// The warning where a referral is dated before the contract started.
    pub(crate) fn not_begun_by(&self, occurred: Occurred) -> Option<Refusal> {
        self.opened().and_then(|opened| rules::not_begun_by(opened.starts_on, occurred))
    }

    /// The warning where a fact is dated in a closed period.
    pub(crate) fn closed_at(&self, dates: &[Occurred]) -> Option<Refusal> {
        rules::in_closed_period(&self.history, dates)
    }

    /// The refusal where a referral is dated after the contract ended.
    pub(crate) fn over_by(&self, occurred: Occurred) -> Option<Refusal> {
        self.ended().and_then(|ended| rules::over_by(ended, occurred))
    }

    /// The terms, targets, reports and decisions at the end of this day.
    pub fn contract_record(&self, as_of: NaiveDate) -> ContractRecord {
        ContractRecord::as_of(&self.history, as_of)
    }

    /// The contract's code, once it is open.
    pub fn code(&self) -> Option<&str> {
        self.opened().map(|opened| opened.code.as_str())
    }

    /// All published versions, in the order of publication.
    pub fn rulebooks(&self) -> &[Published] {
        &self.rulebooks
    }

    /// The codes of the outcomes of all versions.
    pub fn outcome_codes(&self) -> BTreeSet<&str> {
        let outcomes = self.rulebooks.iter().flat_map(|published| &published.rulebook.outcomes);
        outcomes.map(|outcome| outcome.code.as_str()).collect()
    }

    /// The time zone of the contract's civil dates. All versions have the same one.
    pub fn zone(&self) -> Option<Tz> {
        self.rulebooks.first().map(|first| first.rulebook.calendar.zone)
    }

    /// Whether the contract is open at this log position. It opens with its first rulebook.
    pub fn is_open_at(&self, position: Position) -> bool {
        self.rulebooks.first().is_some_and(|first| first.position <= position)
    }

    /// The rulebook that views apply to the whole contract: the version published last. Earlier boards, as counted
    /// then, are available with a knowledge date.
    pub fn newest_rulebook(&self) -> Option<&Arc<Rulebook>> {
        self.rulebooks.last().map(|published| &published.rulebook)
    }

    /// Whether a contact by this channel counts as face to face if it does not say so itself, by the rulebook of its
    /// day.
    pub fn is_face_to_face(&self, channel: &str, on: NaiveDate) -> bool {
        let rules = self.rulebook_in_force(on);
        rules.map_or_else(
            || Channels::default().is_face_to_face(channel),
            |rules| rules.channels.is_face_to_face(channel),
        )
    }

    /// The version that was published later with the same first day and replaces this one.
    pub fn superseding(&self, published: &Published) -> Option<&Published> {
        let first_day = published.rulebook.effective_from;
        let mut later = self.rulebooks.iter().rev().take_while(|later| later.event_id != published.event_id);
        later.find(|later| later.rulebook.effective_from == first_day)
    }

    /// The rulebook in force on this day: the one with the latest `effective_from` up to that day, or else the
    /// earliest. Of several with the same first day, the one published last.
    pub fn rulebook_in_force(&self, on: NaiveDate) -> Option<&Arc<Rulebook>> {
        self.published_in_force(on).map(|published| &published.rulebook)
    }

    /// The publication of the rulebook in force on this day.
    pub fn published_in_force(&self, on: NaiveDate) -> Option<&Published> {
        let from = |published: &&Published| published.rulebook.effective_from;
        let begun = self.rulebooks.iter().filter(|published| from(published) <= on).max_by_key(from);
        begun.or_else(|| self.rulebooks.iter().rev().min_by_key(from))
    }
}

/// A published rulebook has a grammar that this build does not know, or the log was altered.
#[derive(Debug, Clone, thiserror::Error)]
#[error("rulebook {hash} at position {position} cannot be read: this build is older than the log")]
pub struct UnreadableRulebook {
    /// The log position of the publication.
    pub position: Position,
    /// The published hash.
    pub hash: String,
    /// The parts that this build cannot read.
    pub errors: Vec<RulebookError>,
}
