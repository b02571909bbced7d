//! Folds one stream into its rows, whatever its events contain.
//!
//! If a stream cannot be folded completely, its rows are those of the longest part that can, together with the place
//! and reason where it stopped. The result depends only on the stream's events and the rulebooks, not on how they were
//! read. Nothing here uses a database.

use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::generation::Contracts;
use throughline_domain::contract::{Contract, UnreadableRulebook};
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Envelope, JourneyId, OfferId, Position, Record, StreamId, StreamKind};
use throughline_domain::fact::event::{DecodeError, Event};
use throughline_projections::{self, Rows};

/// The rules that a generation applies.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    /// All rulebooks up to this position apply. For a contract opened later, its first rulebook applies.
    pub(super) upto: Position,
    /// The contracts with these rulebooks.
    pub(super) contracts: Arc<Contracts>,
}

/// The events of one stream read so far, in the order of their versions.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    history: History,
    /// The newest version read, even if it could not be decoded.
    seen: i64,
    stopped: Option<Stop>,
}

/// Where and why a stream could not be folded further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stop {
    /// The version up to which its rows are valid.
    pub(super) version: i64,
    /// The log position of the event that could not be applied.
    pub(super) position: Position,
    /// The reason.
    pub(super) error: String,
}

/// The result of folding a stream.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// The rows.
    pub(super) rows: Rows,
    /// The version up to which they are valid.
    pub(super) version: i64,
    /// The number of its events.
    pub(super) events: i64,
    /// Where it stopped, if it did.
    pub(super) stopped: Option<Stop>,
}

/// Why part of a stream has no rows.
#[derive(Debug, thiserror::Error)]
enum Unfolded {
    #[error("its contract has no readable rulebook: check the contract's own stream")]
    NoRulebook,
    #[error("the fold panicked, which is a fault of this program: see standard error")]
    Panicked,
    #[error(transparent)]
    Rulebook(#[from] UnreadableRulebook),
}

impl Gathered {
    /// Applies the stream's next event. After an event that cannot be read, later ones are ignored.
    pub(super) fn take(&mut self, envelope: &Envelope) {
        self.take_at((envelope.version, envelope.position), || Recorded::decode(envelope));
    }

    /// Applies the stream's next event from its record.
    pub(super) fn take_record(&mut self, record: Record<'_>) {
        self.take_at((record.version, record.position), || Recorded::decode_once(record));
    }

    fn take_at(
        &mut self,
        (version, position): (i64, Position),
        decode: impl FnOnce() -> Result<Recorded, DecodeError>,
    ) {
        self.seen = version;
        if self.stopped.is_some() {
            return;
        }
        let taken = decode().map_err(|error| error.to_string()).and_then(|recorded| {
            catch_unwind(AssertUnwindSafe(|| self.history.evolve(recorded))).map_err(|_| Unfolded::Panicked.to_string())
        });
        if let Err(error) = taken {
            // After a panic in `evolve`, the state cannot be trusted.
            self.history = self.first(version - 1);
            self.stopped = Some(Stop { version: version - 1, position, error });
        }
    }

    /// The newest version read.
    pub(super) const fn seen(&self) -> i64 {
        self.seen
    }

    /// Whether some events were not applied.
    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Folds the longest part of the stream that can be folded.
    pub(super) fn fold(&self, stream: StreamId, rules: &Rules) -> Folded {
        let mut stopped = self.stopped.clone();
        let mut failed = match attempt(stream, &self.history, rules) {
            Ok(rows) => return Folded { rows, version: self.history.version(), events: self.seen, stopped },
            Err(failed) => failed,
        };
        for last in self.history.events().iter().rev() {
            let version = last.version - 1;
            stopped = Some(Stop { version, position: last.position, error: failed.to_string() });
            if let Unfolded::NoRulebook = failed {
                continue;
            }
            match attempt(stream, &self.first(version), rules) {
                Ok(rows) => return Folded { rows, version, events: self.seen, stopped },
                Err(error) => failed = error,
            }
        }
        Folded { rows: Rows::default(), version: 0, events: self.seen, stopped }
    }

    /// Its rows at an earlier version. `None` if they cannot be computed.
    pub(super) fn rows_at(&self, version: i64, stream: StreamId, rules: &Rules) -> Option<Rows> {
        match self.history.version().cmp(&version) {
            Ordering::Less => None,
            Ordering::Equal => attempt(stream, &self.history, rules).ok(),
            Ordering::Greater => attempt(stream, &self.first(version), rules).ok(),
        }
    }

    /// The contract of this stream, at a version that can be folded.
    pub(super) fn contract(&self, version: i64, rules: &Rules) -> Contract {
        let whole = version == self.history.version();
        let contract =
            if whole { contract_of(&self.history, rules.upto) } else { contract_of(&self.first(version), rules.upto) };
        contract.unwrap_or_default()
    }

    /// The position of the newest rulebook that is not among the rules, if any.
    pub(super) fn newest_rulebook_after(&self, upto: Position) -> Option<Position> {
        let published = |event: &&Recorded| matches!(event.event, Event::RulebookPublished(_));
        let further = self.history.events().iter().filter(published).skip(1);
        further.map(|event| event.position).filter(|position| *position > upto).max()
    }

    /// The history up to a version.
    fn first(&self, version: i64) -> History {
        History::of(self.history.events().iter().take_while(|event| event.version <= version).cloned())
    }
}

/// Folds a complete history.
fn attempt(stream: StreamId, history: &History, rules: &Rules) -> Result<Rows, Unfolded> {
    let fold = || match stream.kind {
        StreamKind::Journey => of_a_journey(JourneyId(stream.id), history, &rules.contracts),
        StreamKind::Contract => Ok(throughline_projections::contract::rows(&contract_of(history, rules.upto)?)),
        StreamKind::Subject | StreamKind::Worker | StreamKind::Team => {
            Ok(throughline_projections::rows_of_the_deployment(stream, history))
        }
        StreamKind::Offer => Ok(throughline_projections::rows_of_an_offer(OfferId(stream.id), history)),
        StreamKind::Batch | StreamKind::Deployment | StreamKind::Import => Ok(Rows::default()),
    };
    #[cfg(test)]
    let fold = || {
        tests::fault::strike(stream);
        fold()
    };
    catch_unwind(AssertUnwindSafe(fold)).unwrap_or(Err(Unfolded::Panicked))
}

fn of_a_journey(id: JourneyId, history: &History, contracts: &Contracts) -> Result<Rows, Unfolded> {
    if history.events().is_empty() {
        return Ok(Rows::default());
    }
    let contract = history.contract().and_then(|code| contracts.get(code)).map(Arc::as_ref);
    let ruled = contract.and_then(|contract| Some((contract.code()?, contract.newest_rulebook()?)));
    let (code, rulebook) = ruled.ok_or(Unfolded::NoRulebook)?;
    Ok(throughline_projections::rows_of_journey(id, code, &history.facts(), rulebook))
}

/// The contract with its first rulebook and those published up to a position.
fn contract_of(history: &History, rulebooks_upto: Position) -> Result<Contract, UnreadableRulebook> {
    let (mut contract, mut is_ruled) = (Contract::default(), false);
    for recorded in history.events() {
        if matches!(recorded.event, Event::RulebookPublished(_)) {
            if is_ruled && recorded.position > rulebooks_upto {
                continue;
            }
            is_ruled = true;
        }
        contract.evolve(recorded)?;
    }
    Ok(contract)
}

#[cfg(test)]
pub(super) mod tests;
