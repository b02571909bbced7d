//! Why each piece of a case's evidence counts for a claim, or does not.
//!
//! Pure. It judges by the same test as the claim itself; while an outcome is to come, by the day and the spells that are
//! foreseen. It never asks for evidence of a kind that the rulebook does not name.

use chrono::{Days, NaiveDate};

use super::case::{Case, Evidence};
use super::days::{date, day};
use super::evidence::{facts, why_not};
use super::imprecise::verdicts;
use super::judge::{Reached, Verdict};
use super::pauses;
use crate::contract::rulebook::Rulebook;
use crate::contract::rulebook::outcome::{AchievedBy, EvidenceTerms, Outcome};
use crate::fact::envelope::EvidenceId;

/// Why a piece of evidence does not count for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyNot {
    /// The outcome asks for no evidence.
    NothingAsked,
    /// The outcome is for other clients.
    ForOthers,
    /// The outcome has not begun: there is nothing to show yet.
    NotBegun,
    /// The outcome asks for other kinds.
    OtherKind,
    /// The piece was withdrawn.
    Withdrawn,
    /// The piece was rejected.
    Rejected,
    /// The outcome asks for verified evidence, and nobody has verified the piece.
    NotVerified,
    /// The piece is dated before the days that the outcome takes.
    DatedTooEarly,
    /// The piece is dated after the days that the outcome takes.
    DatedTooLate,
    /// The piece names nothing that it shows.
    SupportsNothing,
    /// The piece shows something else than this claim rests on.
    SupportsOther,
}

/// A piece of evidence, as one claim sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The piece.
    pub evidence: EvidenceId,
    /// Why it does not count; nothing: it counts, or will once the outcome is achieved as foreseen.
    pub why_not: Vec<WhyNot>,
}

/// The days of which the evidence of an outcome achieved on a day may be dated; none: from the beginning, without an end.
pub fn dated_within(asked: &EvidenceTerms, on: NaiveDate) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let from = asked.dated_before_days.and_then(|days| on.checked_sub_days(Days::new(days.into())));
    let to = asked.dated_after_days.and_then(|days| on.checked_add_days(Days::new(days.into())));
    (from, to)
}

/// Every piece of evidence of a case, as one time of an outcome sees it.
pub fn proofs(
    case: &Case<'_>,
    (rulebook, outcome): (&Rulebook, &Outcome),
    repeat: u32,
    as_of: NaiveDate,
) -> Vec<Proof> {
    let judge = |why_not: &dyn Fn(&Evidence<'_>) -> Vec<WhyNot>| {
        case.evidence.iter().map(|piece| Proof { evidence: piece.id, why_not: why_not(piece) }).collect()
    };
    let terms = match &outcome.achieved_by {
        AchievedBy::Journey(terms) => terms,
        AchievedBy::Many(_) => return judge(&|_| vec![WhyNot::NothingAsked]),
    };
    let Some(asked) = &terms.evidence else { return judge(&|_| vec![WhyNot::NothingAsked]) };
    if terms.only_if.as_ref().is_some_and(|condition| !case.meets(condition)) {
        return judge(&|_| vec![WhyNot::ForOthers]);
    }
    let verdicts = verdicts(case, terms, &pauses(terms, &rulebook.calendar), day(as_of));
    let reached = match verdicts.into_iter().nth(repeat as usize - 1) {
        Some(Verdict::Reached(reached)) => reached,
        Some(Verdict::Later(later)) => {
            let domains = terms.trigger.spell_domains();
            let named = case.spells.iter().enumerate().filter(|(_, spell)| domains.iter().any(|of| of == spell.domain));
            Reached { spells: named.map(|(at, _)| at).collect(), ..Reached::on(later.on) }
        }
        Some(Verdict::Never) | None => {
            return judge(&|piece| {
                let other_kind = (!piece.is_of(asked)).then_some(WhyNot::OtherKind);
                std::iter::once(WhyNot::NotBegun).chain(other_kind).collect()
            });
        }
    };
    let of_facts = facts(case, &reached);
    judge(&|piece| why_not(case, asked, &reached, &of_facts, piece))
}

/// Whether a piece is dated within the days that an outcome takes, or why not.
pub(super) fn is_within(asked: &EvidenceTerms, reached: &Reached, piece: &Evidence<'_>) -> Result<(), WhyNot> {
    let (from, to) = dated_within(asked, date(reached.on));
    if from.is_some_and(|from| piece.dated_on < from) {
        Err(WhyNot::DatedTooEarly)
    } else if to.is_some_and(|to| piece.dated_on > to) {
        Err(WhyNot::DatedTooLate)
    } else {
        Ok(())
    }
}
