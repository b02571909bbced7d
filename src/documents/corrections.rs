//! The events that explain what differs between a closed document and the same document now: what was recorded, after
//! the document was built, about the days up to the end of its period.
//!
//! Figures rest on workers, teams and links of subjects too, which belong to no contract: those that this contract knows
//! are among them. It reads the log and judges nothing: whether an event changed a number is not asked.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;

use crate::access::InScope;
use crate::log::read::PAGE_SIZE;
use crate::log::{Log, LogError};
use crate::queries::of_contract;
use crate::store::StoreError;
use crate::views::generation::Generation;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Envelope, EventId, Position, StreamId};
use throughline_domain::fact::event::{Event, EventType, FactCorrected};

/// The most events that are looked at for one document.
const LOOKED_AT: usize = 20_000;

/// What is known of a document when its corrections are asked for.
#[derive(Clone, Copy)]
pub struct Since<'a> {
    /// The view that the present document is built from.
    pub view: &'a Generation,
    /// The contract.
    pub scope: InScope<'a>,
    /// The last day of the period.
    pub last_day: NaiveDate,
    /// The position up to which the closed document knew the log.
    pub after: Position,
    /// The position up to which the present one knows it.
    pub upto: Position,
}

/// The events since a document was built that concern its days.
#[derive(Debug, Clone)]
pub struct Corrections {
    /// The events, in the order of the log.
    pub events: Vec<Envelope>,
    /// Whether there were too many to look at all of them.
    pub is_cut: bool,
}

/// Why corrections cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum CorrectionsError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The view could not be read.
    #[error(transparent)]
    View(#[from] StoreError),
}

/// The events since a document of a contract was built that concern the days up to the end of its period: facts recorded
/// late, corrections and retractions of facts of these days, rulebooks, and commentary on such a period and assessments
/// of indicators for it. Facts of the workers and teams of the contract and links of its subjects are among them.
pub async fn corrections(log: &Log, since: Since<'_>) -> Result<Corrections, CorrectionsError> {
    let (mut events, is_cut) = of_one(log, since, Of::Contract).await?;
    let (mut others, are_cut) = of_one(log, since, Of::Deployment).await?;
    let known = of_contract::among(since.view, since.scope, others.iter().map(|event| event.stream)).await?;
    others.retain(|event| known.contains(&event.stream));
    events.append(&mut others);
    events.sort_by_key(|event| event.position);
    Ok(Corrections { events, is_cut: is_cut || are_cut })
}

/// Whose events are read.
#[derive(Clone, Copy)]
enum Of {
    /// Those of the contract.
    Contract,
    /// Those of subjects, workers and teams, which belong to no contract.
    Deployment,
}

/// The events of one kind that concern the days, and whether there were too many to look at all.
async fn of_one(log: &Log, since: Since<'_>, of: Of) -> Result<(Vec<Envelope>, bool), LogError> {
    let (mut after, mut found) = (since.after, Vec::new());
    let is_cut = loop {
        let page = match of {
            Of::Contract => log.concerning((since.scope.contract(), since.last_day), after, since.upto).await?,
            Of::Deployment => log.concerning_any_contract(since.last_day, after, since.upto).await?,
        };
        let is_last = page.len() < usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
        after = page.last().map_or(since.upto, |last| last.position);
        found.extend(page);
        if is_last || found.len() >= LOOKED_AT {
            break !is_last;
        }
    };
    let amended = Amended::read(log, &found).await?;
    found.retain(|event| concerns(event, since.last_day, &amended));
    Ok((found, is_cut))
}

/// The facts that some events correct or retract.
#[derive(Default)]
struct Amended {
    /// The fact of each correction and retraction.
    targets: HashMap<EventId, EventId>,
    /// The type of each fact.
    types: HashMap<EventId, EventType>,
    /// The days of each fact, as each of its readings gave them, with the position of the reading.
    days: HashMap<EventId, Vec<(Position, NaiveDate)>>,
}

impl Amended {
    async fn read(log: &Log, events: &[Envelope]) -> Result<Self, LogError> {
        let amending = events.iter().filter(|event| is_amendment(event)).map(|event| event.stream);
        let streams: BTreeSet<StreamId> = amending.collect();
        let mut amended = Self::default();
        for envelope in log.streams(streams.into_iter().map(|stream| (stream, 0))).await? {
            // A view has not applied an event that this build cannot read, so it did not change the document.
            let Ok(recorded) = Recorded::decode(&envelope) else { continue };
            let (fact, day) = match &recorded.event {
                Event::FactCorrected(correction) => {
                    amended.targets.insert(recorded.event_id, correction.target);
                    let of_type = amended.types.get(&correction.target);
                    (correction.target, of_type.map_or(correction.occurred_on, |of| corrected_day(*of, correction)))
                }
                Event::FactRetracted(retraction) => {
                    amended.targets.insert(recorded.event_id, retraction.target);
                    continue;
                }
                event => {
                    amended.types.insert(recorded.event_id, event.event_type());
                    (recorded.event_id, day_of(event).unwrap_or(recorded.occurred.earliest()))
                }
            };
            amended.days.entry(fact).or_default().push((recorded.position, day));
        }
        Ok(amended)
    }

    /// The day that the fact had before a correction or retraction, and the day that a correction gave it.
    fn days_around(&self, event: &Envelope) -> impl Iterator<Item = NaiveDate> {
        let days = self.targets.get(&event.event_id).and_then(|fact| self.days.get(fact));
        let days = days.map(Vec::as_slice).unwrap_or_default();
        let next = days.partition_point(|(position, _)| *position <= event.position);
        let before = days.partition_point(|(position, _)| *position < event.position);
        days[before.saturating_sub(1)..next].iter().map(|(_, day)| *day)
    }
}

fn is_amendment(event: &Envelope) -> bool {
    [EventType::FactCorrected, EventType::FactRetracted].iter().any(|of| of.as_str() == event.event_type)
}

/// Whether an event concerns the days up to this one. A correction does if it moves its fact from or to one of them.
fn concerns(event: &Envelope, last_day: NaiveDate, amended: &Amended) -> bool {
    if is_amendment(event) {
        return amended.days_around(event).any(|day| day <= last_day);
    }
    match EventType::named(&event.event_type) {
        Some(EventType::RulebookPublished) => true,
        Some(EventType::CommentaryRecorded | EventType::KpiAssessed) => is_of_period_up_to(event, last_day),
        // What the parties did with the period does not change its figures.
        Some(EventType::PeriodClosed | EventType::ReportSubmitted) => false,
        _ => event.occurred.earliest() <= last_day,
    }
}

/// The day that decides whether a fact concerns a document, if it is not that of the fact: commentary on a period and
/// assessments of it are recorded after it, and belong to its last day.
fn day_of(event: &Event) -> Option<NaiveDate> {
    match event {
        Event::CommentaryRecorded(said) => Some(said.period.last),
        Event::KpiAssessed(assessed) => Some(assessed.period.last),
        _ => None,
    }
}

/// The same for a corrected fact.
fn corrected_day(of: EventType, correction: &FactCorrected) -> NaiveDate {
    let replacement = Event::decode(of.as_str(), correction.schema_version, &correction.payload.to_string());
    replacement.ok().as_ref().and_then(day_of).unwrap_or(correction.occurred_on)
}

/// Whether an event is commentary on a period, or an assessment of one, that ends by a day.
fn is_of_period_up_to(event: &Envelope, last_day: NaiveDate) -> bool {
    let day = Recorded::decode(event).ok().and_then(|recorded| day_of(&recorded.event));
    day.is_some_and(|day| day <= last_day)
}
