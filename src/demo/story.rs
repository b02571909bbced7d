//! The demo's data: every command of the year, in the order of recording.

use std::collections::HashSet;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use uuid::Uuid;

use super::areas::{AREAS, Area, Size, teams};
use super::course::{Answer, Course};
use super::days::{after, day};
use super::dice::Dice;
use super::telling::{Case, Office, Telling};
use super::{case, documented, opening, therapy, year};
use crate::access::Principal;
use throughline_domain::command::{Command, CorrectFact, RetractFacts};
use throughline_domain::fact::envelope::{CommandId, EventId, JourneyId, Occurred, Source, StreamId};
use throughline_domain::fact::event::{Event, EvidenceAttached};

/// The seed of the demo shown in the documentation.
pub const SEED: u64 = 2018;

/// The UUID namespace of the demo's ids. Each id is derived from a name.
pub(super) const NAMES: Uuid = Uuid::from_u128(0x3d0f_8c52_61a7_5b4e_8f29_70c4_d19e_ab36);

/// A year of journeys.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    pub(super) items: Vec<Item>,
}

/// One command of the demo.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Who recorded it.
    pub principal: Principal,
    /// Its command id.
    pub command_id: CommandId,
    /// Its source, if it was not typed in.
    pub source: Option<Source>,
    /// What was recorded.
    pub deed: Deed,
}

impl Item {
    /// A command that depends on no earlier one. Its id follows from the name.
    pub(super) fn new(recorded_at: DateTime<Utc>, principal: Principal, name: &str, command: Command) -> Self {
        let command_id = CommandId(Uuid::new_v5(&NAMES, name.as_bytes()));
        Self { recorded_at, principal, command_id, source: None, deed: Deed::Record(command) }
    }
}

/// What was recorded. Only the log knows the ids of events, so corrections, retractions and evidence name the commands
/// that stated the facts.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// A command that depends on no earlier one.
    Record(Command),
    /// A correction of a fact that an earlier command stated.
    Correct {
        /// The command that stated it.
        of: CommandId,
        /// The journey.
        journey: JourneyId,
        /// The correct date.
        occurred: Occurred,
        /// The correct fact.
        replacement: Event,
        /// The reason.
        reason: String,
    },
    /// A retraction of facts that earlier commands stated.
    Retract {
        /// The commands that stated them.
        of: Vec<CommandId>,
        /// The journey.
        journey: JourneyId,
        /// The reason.
        reason: String,
    },
    /// An attachment of evidence that supports the fact of an earlier command.
    Prove {
        /// The command that stated it.
        of: CommandId,
        /// The journey.
        journey: JourneyId,
        /// The date of the attachment.
        occurred: Occurred,
        /// The evidence. What it supports is added when the event is known.
        evidence: EvidenceAttached,
    },
}

impl Deed {
    /// The earlier commands that it depends on.
    pub fn targets(&self) -> &[CommandId] {
        match self {
            Self::Record(_) => &[],
            Self::Correct { of, .. } | Self::Prove { of, .. } => std::slice::from_ref(of),
            Self::Retract { of, .. } => of,
        }
    }

    /// The command to send, given the event of each earlier command. `None` if one of these events is not known.
    pub fn command(&self, event_of: impl Fn(CommandId) -> Option<EventId>) -> Option<Command> {
        let command = match self.clone() {
            Self::Record(command) => return Some(command),
            Self::Correct { of, journey, occurred, replacement, reason } => {
                let target = event_of(of)?;
                Command::CorrectFact(CorrectFact {
                    stream: StreamId::journey(journey),
                    target,
                    occurred,
                    replacement,
                    reason,
                })
            }
            Self::Retract { of, journey, reason } => {
                let targets = of.into_iter().map(event_of).collect::<Option<_>>()?;
                Command::RetractFacts(RetractFacts { stream: StreamId::journey(journey), targets, reason })
            }
            Self::Prove { of, journey, occurred, evidence } => {
                let supports = vec![event_of(of)?.0];
                Command::record_fact(StreamId::journey(journey), occurred, EvidenceAttached { supports, ..evidence })
            }
        };
        Some(command)
    }
}

impl Story {
    /// The demo's data for this seed.
    pub fn new(seed: u64, size: Size) -> Self {
        let teams = teams();
        let therapists = therapy::therapists();
        let mut items = opening::items(teams.iter().flatten().chain(&therapists));
        for (part, (area, team)) in (1..).zip(AREAS.iter().zip(&teams)) {
            let dice = Dice::of(seed, part);
            items.extend(of_area(&Office { area, team }, size, &dice));
        }
        items.extend(therapy::items(&Dice::of(seed, 0)));
        items.sort_by_key(|item| item.recorded_at);
        Self { items }
    }

    /// Its commands, in the order of recording.
    pub fn items(&self) -> &[Item] {
        &self.items
    }
}

/// All commands for an area's cases.
fn of_area(office: &Office<'_>, size: Size, dice: &Dice) -> Vec<Item> {
    let courses = year::courses(office.area, office.team, size, dice);
    let cases = cases(office.area, &courses, dice);
    let mut items = Vec::new();
    for (case, course) in cases.into_iter().zip(&courses) {
        if dice.permille(6) {
            let twice = Telling::entered_twice(office, &case, course.received_on, dice);
            items.extend(twice.into_iter().flat_map(Telling::into_items));
        }
        items.extend(case::tell(office, case, course, dice).into_items());
    }
    if documented::referrals(office.area, day(2018, 1, 1)) > 0 {
        let case = Case::new(documented::DOCUMENTED_REFERENCE.to_owned());
        items.extend(documented::tell(office, case).into_items());
    }
    items
}

/// The case numbers, counted by year in the order of the referrals. Some clients are referred again.
fn cases(area: &Area, courses: &[Course], dice: &Dice) -> Vec<Case> {
    let (mut year, mut number) = (0, 0);
    let mut cases: Vec<Case> = Vec::new();
    let mut came_again: HashSet<usize> = HashSet::new();
    for (at, course) in courses.iter().enumerate() {
        if course.received_on.year() != year {
            year = course.received_on.year();
            number = documented::referrals(area, day(year, 1, 1));
        }
        number += 1;
        let mut case = Case::new(format!("{}-{year}-{number:04}", area.letters));
        if dice.permille(70) {
            let left =
                |earlier: &usize| left_on(&courses[*earlier]).is_some_and(|on| after(on, 21) < course.received_on);
            let free: Vec<usize> = (0..at).filter(|earlier| left(earlier) && !came_again.contains(earlier)).collect();
            if !free.is_empty() {
                let earlier = *dice.pick(&free);
                came_again.insert(earlier);
                case = Case { subject: cases[earlier].subject, registers: false, ..case };
            }
        }
        cases.push(case);
    }
    cases
}

/// The day on which a client's case ended, if it did. They are not referred again before it.
fn left_on(course: &Course) -> Option<NaiveDate> {
    match course.answer {
        Answer::Declined(on, _) => Some(on),
        Answer::Accepted(_) => course.exit.filter(|exit| exit.reason != "deceased").map(|exit| exit.on),
        Answer::Pending => None,
    }
}
