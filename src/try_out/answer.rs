//! The lines of the result: one JSON object for each outcome of each journey.
//!
//! Their keys and order are fixed, because auditors compare such files.

use std::io::{self, Write};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{OfJourney, Trial};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::outcome::aggregate::ManyEvaluation;
use throughline_domain::contract::outcome::settle::{Entitlement, ExcludedBy, Settled, Terms};
use throughline_domain::contract::outcome::versions::{ClaimDays, Claimant, Judged, JudgedMany, Versions, entitlement};
use throughline_domain::contract::outcome::{Achievement, Hold, State, Status, claim_id};
use throughline_domain::contract::rulebook::outcome::{AchievedBy, Scope};
use throughline_domain::fact::envelope::{EventId, JourneyId};
use throughline_domain::fact::money::Money;

/// One outcome of one journey, as printed.
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
    /// The number of the repetition, from 1, for an outcome that can be achieved more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat: Option<u32>,
    /// The rulebook version that applies, if several are tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<Of<'a>>,
}

#[derive(Debug, Serialize)]
struct Gap {
    from: NaiveDate,
    to: NaiveDate,
    counted: bool,
}

/// The scope of an outcome over several cases.
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

/// Formats the lines of journeys.
pub(super) struct Words<'t> {
    versions: &'t Versions<'t>,
    terms: &'t Terms<'t>,
    /// For each outcome, by version and index: its position in the order of codes, and the ready line for a journey
    /// that has not started it. Such lines are frequent.
    outcomes: Vec<Vec<OfOutcome>>,
}

struct OfOutcome {
    place: usize,
    not_started: Vec<u8>,
}

/// An outcome, by the version of the rules and its index there.
#[derive(Clone, Copy)]
struct OutcomeAt {
    version: usize,
    index: usize,
}

/// The start of every line.
const JOURNEY: &[u8] = b"{\"journey\":";

impl<'t> Words<'t> {
    pub(super) fn of(trial: &Trial<'_>, versions: &'t Versions<'t>, terms: &'t Terms<'t>) -> io::Result<Self> {
        let mut words = Self { versions, terms, outcomes: Vec::new() };
        let mut codes: Vec<&str> = trial.rulebooks.iter().flat_map(codes_of).collect();
        codes.sort_unstable();
        codes.dedup();
        for version in 0..versions.len() {
            let of_outcome = |(at, code): (usize, &str)| {
                let mut line = Vec::new();
                words.not_started(OutcomeAt { version, index: at }).write(&mut line)?;
                let place = codes.binary_search(&code).expect("every code is listed");
                Ok(OfOutcome { place, not_started: line.split_off(JOURNEY.len() + b"null".len()) })
            };
            let of_version = codes_of(versions.get(version)).enumerate().map(of_outcome).collect::<io::Result<_>>()?;
            words.outcomes.push(of_version);
        }
        Ok(words)
    }

    /// The lines of some of the journeys, each with its settled claims.
    pub(super) fn lines(&self, share: Vec<(OfJourney, &[Settled])>) -> io::Result<Vec<u8>> {
        let (mut text, mut lines, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
        for (of, settled) in share {
            let mut settled = settled.iter();
            lines.clear();
            for judged in &of.judged {
                let begin = lines.len();
                self.write(of.journey, judged, &mut settled, &mut lines)?;
                let place = self.outcomes[judged.version][judged.evaluation.outcome].place;
                ranges.push((place, judged.evaluation.repeat, begin..lines.len()));
            }
            ranges.sort_by_key(|(place, repeat, _)| (*place, *repeat));
            for (_, _, line) in ranges.drain(..) {
                text.extend_from_slice(&lines[line]);
            }
        }
        Ok(text)
    }

    /// Writes the line of an outcome of a journey. A reached outcome takes the next settled claim.
    fn write(
        &self,
        journey: JourneyId,
        Judged { version, evaluation }: &Judged,
        settled: &mut std::slice::Iter<'_, Settled>,
        to: &mut Vec<u8>,
    ) -> io::Result<()> {
        if let State::NotStarted { .. } = evaluation.state {
            to.extend_from_slice(JOURNEY);
            serde_json::to_writer(&mut *to, &journey)?;
            to.extend_from_slice(&self.outcomes[*version][evaluation.outcome].not_started);
            return Ok(());
        }
        let of = OutcomeAt { version: *version, index: evaluation.outcome };
        let line = self.of_state(of, &evaluation.state, settled);
        let repeat = line.repeat.map(|_| evaluation.repeat);
        Line { journey: Some(journey), repeat, ..line }.write(to)
    }

    /// The line of an outcome over several cases.
    pub(super) fn line_of_many<'a>(
        &'a self,
        JudgedMany { version, evaluation }: &'a JudgedMany,
        settled: &mut std::slice::Iter<'_, Settled>,
    ) -> Line<'a> {
        let ManyEvaluation { outcome, of, first, last, counted, out_of, state } = evaluation;
        let scope = match &self.versions.get(*version).outcomes[*outcome].achieved_by {
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
        Line { of: Some(of), ..self.of_state(OutcomeAt { version: *version, index: *outcome }, state, settled) }
    }

    /// The content of the line of an outcome that has not started.
    fn not_started(&self, OutcomeAt { version, index }: OutcomeAt) -> Line<'t> {
        let rulebook = self.versions.get(version);
        let outcome = &rulebook.outcomes[index];
        let repeats = match &outcome.achieved_by {
            AchievedBy::Journey(terms) => terms.repeats > 1,
            AchievedBy::Many(_) => false,
        };
        Line {
            journey: None,
            outcome: &outcome.code,
            status: Status::NotStarted.as_str(),
            achieved_on: None,
            earliest_on: None,
            amount: None,
            currency: &rulebook.currency,
            days_counted: None,
            gaps: Vec::new(),
            hours: None,
            missing: &[],
            reason: None,
            events: &[],
            repeat: repeats.then_some(1),
            version: (self.versions.len() > 1).then_some(&rulebook.version),
            of: None,
        }
    }

    fn of_state<'a>(
        &'a self,
        of: OutcomeAt,
        state: &'a State,
        settled: &mut std::slice::Iter<'_, Settled>,
    ) -> Line<'a> {
        let none = self.not_started(of);
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
                    reason: self.reason(achievement, settled),
                    events: &achievement.events,
                    ..none
                }
            }
        }
    }

    fn reason(&self, achievement: &Achievement, settled: &Settled) -> Option<&'t str> {
        match (settled.status, settled.excluded_by) {
            (Status::Excluded, Some(ExcludedBy::Outcome(number))) => Some(&self.terms.outcome(number).code),
            (Status::Excluded, Some(ExcludedBy::Person)) => Some("person"),
            (Status::Expired, _) => Some("claim_window"),
            (Status::OnHold, _) => achievement.hold.map(Hold::as_str),
            (Status::Achieved, _) if achievement.claimable_from.is_err() => Some("bank_holidays_unknown"),
            _ => None,
        }
    }
}

fn codes_of(rulebook: &Rulebook) -> impl Iterator<Item = &str> {
    rulebook.outcomes.iter().map(|outcome| outcome.code.as_str())
}

fn two_decimals(mut hours: Decimal) -> String {
    hours.rescale(2);
    hours.to_string()
}

/// The entitlements of outcomes over several cases.
pub(super) fn entitlements_of_many<'a>(
    trial: &'a Trial<'_>,
    versions: &'a Versions<'_>,
    terms: &'a Terms<'_>,
    many: &'a [JudgedMany],
) -> impl Iterator<Item = Entitlement> + 'a {
    many.iter().filter_map(move |JudgedMany { version, evaluation }| {
        let State::Reached(achievement) = &evaluation.state else { return None };
        let rulebook = versions.get(*version);
        let holder = evaluation.about().holder(&rulebook.contract);
        let claim = claim_id(holder, &rulebook.outcomes[evaluation.outcome].code, 1);
        let outcome = terms.number(*version, evaluation.outcome);
        let claimant = Claimant { holder: holder.0, person: None };
        Some(entitlement(claim, claimant, outcome, achievement, ClaimDays::on(trial.as_of)))
    })
}
