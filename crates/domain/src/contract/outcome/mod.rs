//! Judges every outcome of a rulebook on the facts of a case: what is payable, and why.
//!
//! Pure: it takes facts, rulebooks and a day, and returns evaluations. [`settle`] handles what depends on several
//! cases. Nothing else here reads a clock, a batch or another case.

pub mod aggregate;
mod case;
mod continuity;
mod days;
pub mod decisive_facts;
mod evidence;
pub mod funding;
mod imprecise;
mod judge;
mod people;
pub mod price;
pub mod proof;
pub mod settle;
pub mod versions;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use uuid::Uuid;

pub use case::{Case, is_looked_at, is_mark, is_value};
pub use judge::Hold;
pub use people::People;
use price::{Price, Priced};

use crate::contract::calendar::BeyondCalendar;
use crate::contract::rulebook::outcome::{AchievedBy, JourneyTerms, Outcome};
use crate::contract::rulebook::{Calendar, Rulebook};
use crate::fact::Fact;
use crate::fact::envelope::{ClaimId, EventId, JourneyId};
use days::{Pauses, date, day};
use judge::{Began, Later, Reached, Verdict};

/// The status of a claim. The first one in this order that applies is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It was paid and taken back.
    Reversed,
    /// It was paid.
    Paid,
    /// It was accepted.
    Accepted,
    /// It was rejected and has no attempts left.
    Rejected,
    /// The commissioner queried it.
    Queried,
    /// It was submitted.
    Submitted,
    /// Another outcome of its group, the same outcome of the same person, or a higher level has the payment.
    Excluded,
    /// The period in which it could be claimed is over.
    Expired,
    /// A fact must be known, or a risk cleared, first.
    OnHold,
    /// Evidence is missing.
    EvidenceMissing,
    /// It is achieved, but the waiting period is not over, or there is no price.
    Achieved,
    /// A cap has no money left.
    Capped,
    /// It can be claimed.
    Claimable,
    /// It will be achieved if current spells continue.
    Maturing,
    /// It has not started, or cannot be achieved with the current facts.
    NotStarted,
}

impl Status {
    /// Whether the status is a decision on a line, rather than a result of the facts.
    pub const fn is_fact(self) -> bool {
        matches!(self, Self::Reversed | Self::Paid | Self::Accepted | Self::Rejected | Self::Queried | Self::Submitted)
    }

    /// The status as files and schemas spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reversed => "reversed",
            Self::Paid => "paid",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Queried => "queried",
            Self::Submitted => "submitted",
            Self::Excluded => "excluded",
            Self::Expired => "expired",
            Self::OnHold => "on_hold",
            Self::EvidenceMissing => "evidence_missing",
            Self::Achieved => "achieved",
            Self::Capped => "capped",
            Self::Claimable => "claimable",
            Self::Maturing => "maturing",
            Self::NotStarted => "not_started",
        }
    }
}

/// One outcome of one case, at one of the times that it can be achieved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The index of the outcome in the rulebook.
    pub outcome: usize,
    /// The repeat, from 1.
    pub repeat: u32,
    /// The fact that started it, if there is one.
    pub begun: Option<Begun>,
    /// Its state.
    pub state: State,
}

/// The fact that started an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// The event that first recorded it.
    pub event: EventId,
    /// The date of the fact.
    pub on: NaiveDate,
    /// The first counted day.
    pub counted_from: NaiveDate,
}

/// The state of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It has not started, or cannot be achieved with the current facts.
    NotStarted {
        /// The outcome does not apply to this client.
        is_for_others: bool,
    },
    /// It will be achieved on this day if every current spell continues unchanged.
    Maturing {
        /// The day.
        earliest_on: NaiveDate,
        /// The progress, if the outcome needs a number of days.
        covered: Option<Covered>,
    },
    /// It is achieved.
    Reached(Box<Achievement>),
}

/// The progress of an outcome that is not achieved yet. Breaks and pauses are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// The covered days until now.
    pub so_far: u32,
    /// The covered days that it will have on the day it is achieved.
    pub in_all: u32,
}

/// An achieved outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Achievement {
    /// The day on which it was achieved.
    pub achieved_on: NaiveDate,
    /// Its price, before groups, conversions and caps.
    pub price: Price,
    /// The covered days used, if the outcome needs a number of days.
    pub days_counted: Option<u32>,
    /// The uncovered ranges of days among them.
    pub gaps: Vec<Gap>,
    /// The hours per week that were compared, to two decimals. None if the outcome needs no hours or they are unknown.
    pub hours: Option<Decimal>,
    /// The missing kinds of evidence.
    pub missing: Vec<String>,
    /// The reason why it is on hold.
    pub hold: Option<Hold>,
    /// The first day on which it can be claimed. An error if the bank holidays of that time are not known.
    pub claimable_from: Result<NaiveDate, BeyondCalendar>,
    /// The last day on which it can be claimed, if there is one.
    pub claimable_until: Option<NaiveDate>,
    /// The events that the outcome is based on.
    pub events: Vec<EventId>,
}

/// A range of days without a spell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first day without a spell.
    pub from: NaiveDate,
    /// The first day with a spell again, or the day on which the outcome was achieved.
    pub to: NaiveDate,
    /// Whether its days count.
    pub counted: bool,
}

impl Achievement {
    /// The status on a day, without regard to other claims. The claim window opens once the date of the outcome is
    /// final, so an outcome on hold does not expire.
    pub fn standing(&self, as_of: NaiveDate) -> Status {
        let is_over = self.claimable_until.is_some_and(|last| as_of > last);
        if is_over && self.hold.is_none() { Status::Expired } else { self.standing_in_time(as_of) }
    }

    /// The same, for a claim that was submitted in time before: the claim window only limits the first submission.
    pub fn standing_in_time(&self, as_of: NaiveDate) -> Status {
        if self.hold.is_some() {
            Status::OnHold
        } else if !self.missing.is_empty() {
            Status::EvidenceMissing
        } else if self.price == Price::None || self.claimable_from.as_ref().map_or(true, |from| as_of < *from) {
            Status::Achieved
        } else {
            Status::Claimable
        }
    }
}

impl Hold {
    /// The reason as files and schemas spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HoursUnknown => "hours_unknown",
            Self::RiskOpen => "risk_open",
            Self::DateImprecise => "date_imprecise",
            Self::OutOfRange => "out_of_range",
        }
    }
}

/// The id of a claim. It is derived from the case, outcome and repeat, so that the same claim always has the same id.
pub fn claim_id(journey: JourneyId, outcome: &str, repeat: u32) -> ClaimId {
    ClaimId(Uuid::new_v5(&journey.0, format!("{outcome}#{repeat}").as_bytes()))
}

/// An outcome of single cases.
#[derive(Clone, Copy)]
struct JourneyOutcome<'r> {
    /// Its place in the rulebook.
    at: usize,
    outcome: &'r Outcome,
    terms: &'r JourneyTerms,
}

/// Judges every outcome of single cases, in file order. `case` holds the facts dated up to the end of that day.
pub fn evaluate(case: &Case<'_>, rulebook: &Rulebook, as_of: NaiveDate) -> Vec<Evaluation> {
    let journeys = rulebook.outcomes.iter().enumerate().filter_map(|(at, outcome)| match &outcome.achieved_by {
        AchievedBy::Journey(terms) => Some(JourneyOutcome { at, outcome, terms }),
        AchievedBy::Many(_) => None,
    });
    journeys.flat_map(|one| of_outcome(case, rulebook, one, as_of)).collect()
}

/// The first day at whose end the first repeat of an outcome is achieved, if current spells continue. None if the case
/// does not lead to it, or if the outcome is on hold.
pub fn first_achieved(facts: &[Fact<'_>], rulebook: &Rulebook, code: &str) -> Option<NaiveDate> {
    let outcome = rulebook.outcome(code)?;
    let AchievedBy::Journey(terms) = &outcome.achieved_by else { return None };
    let at = |day: NaiveDate| {
        let known: Vec<Fact<'_>> = facts.iter().filter(|fact| fact.occurred.earliest() <= day).copied().collect();
        of_outcome(&Case::of(&known), rulebook, JourneyOutcome { at: 0, outcome, terms }, day).swap_remove(0).state
    };
    let achieved_on = |state: State| match state {
        State::Reached(achievement) if achievement.hold.is_none() => Some(achievement.achieved_on),
        _ => None,
    };
    let last = facts.iter().map(|fact| fact.occurred.latest()).max()?;
    let on = match at(last) {
        State::Maturing { earliest_on, .. } => achieved_on(at(earliest_on))?,
        state => achieved_on(state)?,
    };
    // The outcome may also depend on facts with later dates, such as an assessment.
    let mut days: Vec<NaiveDate> = facts.iter().map(|fact| fact.occurred.earliest()).filter(|day| *day > on).collect();
    days.sort_unstable();
    std::iter::once(on).chain(days).find(|day| achieved_on(at(*day)).is_some())
}

fn of_outcome(case: &Case<'_>, rulebook: &Rulebook, one: JourneyOutcome<'_>, as_of: NaiveDate) -> Vec<Evaluation> {
    let JourneyOutcome { at, terms, .. } = one;
    let is_for_others = terms.only_if.as_ref().is_some_and(|condition| !case.meets(condition));
    let verdicts = if is_for_others || case.received.is_none() {
        Vec::new()
    } else {
        imprecise::verdicts(case, terms, &pauses(terms, &rulebook.calendar), day(as_of))
    };
    let mut evaluations: Vec<Evaluation> = Vec::new();
    for (repeat, verdict) in (1..).zip(verdicts) {
        let (begun, state) = match verdict {
            Verdict::Never => continue,
            Verdict::Later(Later { on, began, covered }) => {
                let of = |(so_far, in_all)| Covered { so_far: days::count(so_far), in_all: days::count(in_all) };
                let state = State::Maturing { earliest_on: date(on), covered: covered.map(of) };
                (Some(began_with(case, began)), state)
            }
            Verdict::Reached(reached) => {
                let achieved = achievement(case, rulebook, one, &reached);
                (begun(case, &reached), State::Reached(Box::new(achieved)))
            }
        };
        evaluations.push(Evaluation { outcome: at, repeat, begun, state });
    }
    if evaluations.is_empty() {
        let state = State::NotStarted { is_for_others };
        evaluations.push(Evaluation { outcome: at, repeat: 1, begun: None, state });
    }
    evaluations
}

/// The fact that started an outcome: its single-day fact, or the start of the spell that covers the first counted day.
fn begun(case: &Case<'_>, reached: &Reached) -> Option<Begun> {
    let of_mark = |at: usize| {
        let mark = &case.marks[at];
        let on = case.dates[mark.when].earliest();
        Begun { event: mark.said.original, on, counted_from: date(reached.run_on) }
    };
    reached.began.map(|began| began_with(case, began)).or(reached.mark.map(of_mark))
}

fn began_with(case: &Case<'_>, began: Began) -> Begun {
    let start = &case.spells[began.spell].steps[0];
    Begun { event: start.said.original, on: case.dates[start.when].earliest(), counted_from: date(began.first) }
}

fn pauses(terms: &JourneyTerms, calendar: &Calendar) -> Pauses {
    let named = terms.sustain.as_ref().and_then(|sustain| sustain.pause.as_ref());
    let ranges = calendar.pauses.iter().filter(|pause| Some(&pause.name) == named).flat_map(|pause| &pause.ranges);
    Pauses::of(ranges.map(|days| (days.first, days.last)))
}

fn achievement(
    case: &Case<'_>,
    rulebook: &Rulebook,
    JourneyOutcome { outcome, terms, .. }: JourneyOutcome<'_>,
    reached: &Reached,
) -> Achievement {
    let achieved_on = date(reached.on);
    let evidence = evidence::shown(case, terms, reached);
    let counted = terms.sustain.as_ref().is_some_and(|sustain| sustain.gap_counts);
    let gaps = reached.gaps.iter().map(|(from, to)| Gap { from: date(*from), to: date(*to), counted });
    let priced = Priced { achieved_on, area: case.area, cohort: case.cohort };
    let working_days = rulebook.working_days();
    let until = |days: u32| achieved_on.checked_add_days(Days::new(days.into())).unwrap_or(NaiveDate::MAX);
    Achievement {
        achieved_on,
        price: price::price(&outcome.tariffs, &rulebook.currency, priced),
        days_counted: reached.covered.map(days::count),
        gaps: gaps.collect(),
        hours: reached.hours,
        missing: evidence.missing,
        hold: reached.hold,
        claimable_from: working_days.nth_after(achieved_on, outcome.claim.after_working_days),
        claimable_until: outcome.claim.within_days.map(until),
        events: evidence.events,
    }
}

#[cfg(test)]
mod tests;
