//! The table of claims: every outcome of every case, cohort, site or area, with its status and amount.

use super::{Row, columns};
use crate::queries::claims::{Claim, Excluded, Receipts};
use throughline_domain::contract::batch::ledger::LedgerLine;
use throughline_domain::contract::outcome::{Achievement, Hold, State};
use throughline_domain::fact::event::{ClaimAbout, ManyAbout};

pub(super) const MEANING: &str = "One row for each claim, as the API lists them: by case, then in the order of the \
    rulebook; claims over several cases come last. A claim that was submitted again is one row, with the day of its \
    first submission.";

/// A claim with its lines.
pub(in crate::export) struct ClaimRow<'a> {
    claim: &'a Claim,
    lines: Vec<&'a LedgerLine<'a>>,
    receipts: &'a Receipts<'a>,
}

columns! {
    ClaimRow<'_> {
        "claim": Uuid Always,
            "The id of the claim. It is derived from the case or scope, the outcome and the repeat." =>
            |row| row.claim.claim.0.into();
        "journey": Uuid Optional, "The case. Empty if the claim covers several cases together." =>
            |row| row.claim.about.journey().map(|journey| journey.0).into();
        "scope": Text Optional, "The cohort, site or area of a claim that covers several cases." =>
            |row| row.many().map(|many| &many.of).into();
        "scope_from": Date Optional, "The first day of its period." => |row| row.many().map(|many| many.first).into();
        "scope_to": Date Optional, "The last day of its period." => |row| row.many().map(|many| many.last).into();
        "subject": Uuid Optional, "The subject of the case, as in the table of cases." => |row| row.claim.subject.map(|subject| subject.0).into();
        "area": Text Optional, "The service area, by code." => |row| row.claim.area.as_deref().into();
        "cohort": Text Optional, "The cohort, by code." => |row| row.claim.cohort.as_deref().into();
        "outcome": Text Always, "The outcome, by code." => |row| (&row.claim.outcome).into();
        "title": Text Always, "The title of the outcome." => |row| {
            let outcome = row.claim.rulebook.outcome(&row.claim.outcome);
            outcome.map_or(&row.claim.outcome, |outcome| &outcome.title).into()
        };
        "repeat": Integer Always, "Which time the outcome is achieved, from 1." => |row| row.claim.repeat.into();
        "rulebook": Text Always,
            "The version of the rulebook that judges the claim." =>
            |row| (&row.claim.rulebook.version).into();
        "status": Text Always,
            "The status: reversed, paid, accepted, rejected, queried, submitted, excluded, expired, on_hold, \
             evidence_missing, achieved, capped, claimable, maturing or not_started." =>
            |row| row.claim.status.as_str().into();
        "counted_from": Date Optional,
            "The first day counted." =>
            |row| row.claim.begun.map(|begun| begun.counted_from).into();
        "achieved_on": Date Optional,
            "The day on which the outcome was achieved." =>
            |row| row.claim.achieved_on().into();
        "earliest_on": Date Optional,
            "The day on which it is achieved if open spells continue." =>
            |row| match row.claim.state {
                State::Maturing { earliest_on, .. } => earliest_on.into(),
                State::Reached(_) | State::NotStarted { .. } => super::Cell::Null,
            };
        "claimable_from": Date Optional, "The first day on which it can be claimed, once achieved." =>
            |row| row.achievement().and_then(|of| of.claimable_from.as_ref().ok().copied()).into();
        "claimable_until": Date Optional, "The last day on which it can be claimed, once achieved." =>
            |row| row.achievement().and_then(|of| of.claimable_until).into();
        "days_counted": Integer Optional ["days"], "The covered days used, if the outcome counts days." =>
            |row| row.achievement().and_then(|of| of.days_counted).into();
        "missing_evidence": Text Optional, "The kinds of evidence that are missing, separated by semicolons." => |row| {
            let missing = row.achievement().map(|of| of.missing.join("; "));
            missing.filter(|missing| !missing.is_empty()).into()
        };
        "on_hold_for": Text Optional, "Why it is on hold, by code." =>
            |row| row.achievement().and_then(|of| of.hold).map(Hold::as_str).into();
        "excluded_by": Text Optional, "The outcome that has the payment instead, by code, or person." =>
            |row| row.claim.excluded_by.as_ref().map(|by| match by {
                Excluded::Outcome(code) => code.as_str(),
                Excluded::Person => "person",
            }).into();
        "amount": Money Optional,
            "The amount due, or the amount that the status holds back." =>
            |row| row.claim.amount.into();
        "currency": Text Always, "ISO 4217 code of the amounts." => |row| (&row.claim.rulebook.currency).into();
        "submitted_on": Date Optional,
            "The day of the first submission. Empty if it was never submitted, or withdrawn before a decision." =>
            |row| row.lines.first().map(|line| line.line.submitted.earliest()).into();
        "batch": Uuid Optional,
            "The batch with the line that counts." =>
            |row| row.claim.batch.map(|batch| batch.0).into();
        "received_amount": Money Always, "What was received for the claim and its adjustments." =>
            |row| row.receipts.received(row.claim.claim).into();
    }
}

impl ClaimRow<'_> {
    fn achievement(&self) -> Option<&Achievement> {
        match &self.claim.state {
            State::Reached(achievement) => Some(achievement),
            State::Maturing { .. } | State::NotStarted { .. } => None,
        }
    }

    fn many(&self) -> Option<&ManyAbout> {
        match &self.claim.about {
            ClaimAbout::Journey(_) => None,
            ClaimAbout::Many(many) => Some(many),
        }
    }
}

/// The rows of these claims.
pub(in crate::export) fn rows(claims: &[Claim], receipts: &Receipts<'_>) -> Vec<Row> {
    let cells = |claim| {
        let row = ClaimRow { claim, lines: receipts.lines(claim.claim), receipts };
        COLUMNS.iter().map(|column| (column.cell)(&row)).collect()
    };
    claims.iter().map(cells).collect()
}
