//! Why each piece of evidence of a case counts for a claim, or does not.
//!
//! Pure. It uses the same test as the claim itself. For an outcome that is not achieved yet, it uses the forecast day
//! and spells. It never asks for evidence of a kind that the rulebook does not name.

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
    /// The outcome needs no evidence.
    NothingAsked,
    /// The outcome does not apply to this client.
    ForOthers,
    /// The outcome has not started, so there is nothing to support yet.
    NotBegun,
    /// The outcome needs other kinds of evidence.
    OtherKind,
    /// The evidence was withdrawn.
    Withdrawn,
    /// The evidence was rejected.
    Rejected,
    /// The outcome needs verified evidence, and this is not verified.
    NotVerified,
    /// The outcome needs the digest of the file, and this has none.
    NoDigest,
    /// The evidence is dated before the days that the outcome accepts.
    DatedTooEarly,
    /// The evidence is dated after the days that the outcome accepts.
    DatedTooLate,
    /// The evidence names nothing that it supports.
    SupportsNothing,
    /// The evidence supports other facts than those of this claim.
    SupportsOther,
}

/// A piece of evidence, judged for one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The evidence.
    pub evidence: EvidenceId,
    /// The reasons why it does not count. Empty if it counts, or will count once the outcome is achieved as forecast.
    pub why_not: Vec<WhyNot>,
}

/// The range of dates that evidence may have for an outcome achieved on this day. None as a bound means there is no
/// limit.
pub fn dated_within(asked: &EvidenceTerms, on: NaiveDate) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let from = asked.dated_before_days.and_then(|days| on.checked_sub_days(Days::new(days.into())));
    let to = asked.dated_after_days.and_then(|days| on.checked_add_days(Days::new(days.into())));
    (from, to)
}

/// Every piece of evidence of a case, judged for one repeat of an outcome.
pub fn proofs(case: &Case<'_>, rulebook: &Rulebook, outcome: &Outcome, repeat: u32, as_of: NaiveDate) -> Vec<Proof> {
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

/// Whether the date of the evidence is in the range that an outcome accepts, or why not.
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
