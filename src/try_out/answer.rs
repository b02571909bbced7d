//! The lines of the answer: one JSON object for each outcome of each journey.
//!
//! Their keys and order are fixed: auditors compare such files.

use std::io::{self, Write};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{Judged, Trial};
use crate::contract::money::Money;
use crate::contract::outcome::many::ManyEvaluation;
use crate::contract::outcome::settle::{Entitlement, ExcludedBy, Settled};
use crate::contract::outcome::versions::entitlement;
use crate::contract::outcome::{Achievement, Evaluation, Hold, State, Status, claim_id};
use crate::contract::rulebook::outcome::{AchievedBy, Scope};
use crate::log::envelope::{EventId, JourneyId};

/// One outcome of one journey, as it is printed.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    journey: Option<JourneyId>,
    outcome: &'a str,
    status: &'static str,
    achieved_on: Option<NaiveDate>,
    earliest_on: Option<NaiveDate>,
    amount: Option<String>,
    currency: &'a str,
    days_counted: Option<u32>,
    gaps: Vec<Gap>,
    hours: Option<String>,
    missing: &'a [String],
    reason: Option<&'a str>,
    events: &'a [EventId],
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<Of<'a>>,
}

#[derive(Debug, Serialize)]
struct Gap {
    from: NaiveDate,
    to: NaiveDate,
    counted: bool,
}

/// What an outcome over many journeys is about.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "named as the line has them")]
struct Of<'a> {
    scope: &'static str,
    code: &'a str,
    first: NaiveDate,
    last: NaiveDate,
    counted: String,
    out_of: Option<String>,
    share: Option<String>,
}

impl Line<'_> {
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }
}

/// How journeys are put into words.
pub(super) struct Words<'t> {
    trial: &'t Trial<'t>,
    /// Of each outcome, its place in the order of their codes.
    places: Vec<usize>,
    /// Of each outcome, the line of a journey for which it has not begun, after that journey: such lines are many.
    not_started: Vec<Vec<u8>>,
}

/// How every line begins.
const JOURNEY: &[u8] = b"{\"journey\":";

impl<'t> Words<'t> {
    pub(super) fn of(trial: &'t Trial<'t>) -> io::Result<Self> {
        let outcomes = &trial.rulebook.outcomes;
        let is_before = |code: &str| outcomes.iter().filter(|other| other.code.as_str() < code).count();
        let not_started = (0..outcomes.len()).map(|outcome| {
            let mut line = Vec::new();
            not_started(trial, outcome).write(&mut line)?;
            Ok(line.split_off(JOURNEY.len() + b"null".len()))
        });
        let places = outcomes.iter().map(|outcome| is_before(&outcome.code)).collect();
        Ok(Self { trial, places, not_started: not_started.collect::<io::Result<_>>()? })
    }

    /// The lines of some of the journeys, each with what was settled of it.
    pub(super) fn lines(&self, share: Vec<(Judged, &[Settled])>) -> io::Result<Vec<u8>> {
        let (mut text, mut lines, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
        for (judged, settled) in share {
            let mut settled = settled.iter();
            lines.clear();
            for evaluation in &judged.evaluations {
                let begin = lines.len();
                self.write(judged.journey, evaluation, &mut settled, &mut lines)?;
                ranges.push((self.places[evaluation.outcome], begin..lines.len()));
            }
            ranges.sort_by_key(|(place, _)| *place);
            for (_, line) in ranges.drain(..) {
                text.extend_from_slice(&lines[line]);
            }
        }
        Ok(text)
    }

    /// Writes the line of an outcome of a journey; what is reached takes the next settled claim.
    fn write(
        &self,
        journey: JourneyId,
        evaluation: &Evaluation,
        settled: &mut std::slice::Iter<'_, Settled>,
        to: &mut Vec<u8>,
    ) -> io::Result<()> {
        if let State::NotStarted { .. } = evaluation.state {
            to.extend_from_slice(JOURNEY);
            serde_json::to_writer(&mut *to, &journey)?;
            to.extend_from_slice(&self.not_started[evaluation.outcome]);
            return Ok(());
        }
        let line = of_state(self.trial, evaluation.outcome, &evaluation.state, settled);
        Line { journey: Some(journey), ..line }.write(to)
    }
}

/// The line of an outcome over many journeys.
pub(super) fn line_of_many<'a>(
    trial: &Trial<'a>,
    evaluation: &'a ManyEvaluation,
    settled: &mut std::slice::Iter<'_, Settled>,
) -> Line<'a> {
    let ManyEvaluation { outcome, of, first, last, counted, out_of, state } = evaluation;
    let scope = match &trial.rulebook.outcomes[*outcome].achieved_by {
        AchievedBy::Many(terms) => match terms.scope {
            Scope::Cohort => "cohort",
            Scope::Site => "site",
            Scope::Area => "area",
        },
        AchievedBy::Journey(_) => "journey",
    };
    let of = Of {
        scope,
        code: of,
        first: *first,
        last: *last,
        counted: counted.normalize().to_string(),
        out_of: out_of.map(|days| days.to_string()),
        share: evaluation.share().map(|share| share.round_dp(6).normalize().to_string()),
    };
    Line { of: Some(of), ..of_state(trial, *outcome, state, settled) }
}

/// What is said of an outcome that has not begun.
fn not_started<'a>(trial: &Trial<'a>, outcome: usize) -> Line<'a> {
    Line {
        journey: None,
        outcome: &trial.rulebook.outcomes[outcome].code,
        status: Status::NotStarted.as_str(),
        achieved_on: None,
        earliest_on: None,
        amount: None,
        currency: &trial.rulebook.currency,
        days_counted: None,
        gaps: Vec::new(),
        hours: None,
        missing: &[],
        reason: None,
        events: &[],
        of: None,
    }
}

fn of_state<'a>(
    trial: &Trial<'a>,
    outcome: usize,
    state: &'a State,
    settled: &mut std::slice::Iter<'_, Settled>,
) -> Line<'a> {
    let none = not_started(trial, outcome);
    match state {
        State::NotStarted { .. } => none,
        State::Maturing { earliest_on, .. } => {
            Line { status: Status::Maturing.as_str(), earliest_on: Some(*earliest_on), ..none }
        }
        State::Reached(achievement) => {
            let settled = settled.next().expect("every entitlement is settled");
            let gaps = achievement.gaps.iter().map(|gap| Gap { from: gap.from, to: gap.to, counted: gap.counted });
            Line {
                status: settled.status.as_str(),
                achieved_on: Some(achievement.achieved_on),
                amount: settled.amount.map(|amount| Money::of(amount.amount(), none.currency).to_string()),
                days_counted: achievement.days_counted,
                gaps: gaps.collect(),
                hours: achievement.hours.map(two_decimals),
                missing: &achievement.missing,
                reason: reason(trial, achievement, settled),
                events: &achievement.events,
                ..none
            }
        }
    }
}

fn reason<'a>(trial: &Trial<'a>, achievement: &Achievement, settled: &Settled) -> Option<&'a str> {
    match (settled.status, settled.excluded_by) {
        (Status::Excluded, Some(ExcludedBy::Outcome(at))) => Some(&trial.rulebook.outcomes[at].code),
        (Status::Excluded, Some(ExcludedBy::Person)) => Some("person"),
        (Status::Expired, _) => Some("claim_window"),
        (Status::OnHold, _) => achievement.hold.map(Hold::as_str),
        (Status::Achieved, _) if achievement.claimable_from.is_err() => Some("bank_holidays_unknown"),
        _ => None,
    }
}

fn two_decimals(mut hours: Decimal) -> String {
    hours.rescale(2);
    hours.to_string()
}

/// What outcomes over many journeys entitle to.
pub(super) fn entitlements_of_many<'a>(
    trial: &'a Trial<'_>,
    many: &'a [ManyEvaluation],
) -> impl Iterator<Item = Entitlement> + 'a {
    many.iter().filter_map(|evaluation| {
        let State::Reached(achievement) = &evaluation.state else { return None };
        let code = &trial.rulebook.outcomes[evaluation.outcome].code;
        let holder = evaluation.about().holder(&trial.rulebook.contract);
        let claim = claim_id(holder, code, 1);
        let days = (trial.as_of, trial.as_of);
        Some(entitlement(claim, (holder.0, None), evaluation.outcome, achievement, days))
    })
}
