//! The events that explain what differs between a closed document and the same document now: what was recorded, after
//! the document was built, about the days up to the end of its period.
//!
//! It reads the log and judges nothing: whether an event changed a number is not asked.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;

use crate::log::read::PAGE_SIZE;
use crate::log::{Log, LogError};
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Envelope, EventId, Position, StreamId};
use throughline_domain::fact::event::{Event, EventType};

/// The most events that are looked at for one document.
const LOOKED_AT: usize = 20_000;

/// What is known of a document when its corrections are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Since<'a> {
    /// The code of the contract.
    pub contract: &'a str,
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

/// The events of a contract since a document was built that concern the days up to the end of its period: facts
/// recorded late, corrections and retractions of facts of these days, rulebooks, and commentary on such a period and
/// assessments of indicators for it.
pub async fn corrections(log: &Log, since: Since<'_>) -> Result<Corrections, LogError> {
    let (mut after, mut found) = (since.after, Vec::new());
    let is_cut = loop {
        let page = log.concerning((since.contract, since.last_day), after, since.upto).await?;
        let is_last = page.len() < usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
        after = page.last().map_or(since.upto, |last| last.position);
        found.extend(page);
        if is_last || found.len() >= LOOKED_AT {
            break !is_last;
        }
    };
    let amended = Amended::read(log, &found).await?;
    found.retain(|event| concerns(event, since.last_day, &amended));
    Ok(Corrections { events: found, is_cut })
}

/// The facts that some events correct or retract.
#[derive(Default)]
struct Amended {
    /// The fact of each correction and retraction.
    targets: HashMap<EventId, EventId>,
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
                    (correction.target, correction.occurred_on)
                }
                Event::FactRetracted(retraction) => {
                    amended.targets.insert(recorded.event_id, retraction.target);
                    continue;
                }
                _ => (recorded.event_id, recorded.occurred.earliest()),
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

/// Whether an event is commentary on a period, or an assessment of one, that ends by a day.
fn is_of_period_up_to(event: &Envelope, last_day: NaiveDate) -> bool {
    let period = match Recorded::decode(event).map(|recorded| recorded.event) {
        Ok(Event::CommentaryRecorded(said)) => Some(said.period),
        Ok(Event::KpiAssessed(assessed)) => Some(assessed.period),
        _ => None,
    };
    period.is_some_and(|period| period.last <= last_day)
}
