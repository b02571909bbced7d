//! The evidence that the outcomes of a rulebook need: what kind, and by when.
//!
//! It only follows what the rulebook says. It does not judge whether an outcome is achieved.

use chrono::{Months, NaiveDate};

use super::super::days::after;
use super::What;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::outcome::{AchievedBy, EvidenceTerms, JourneyTerms, Length, Trigger};

/// Evidence that a fact will need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needed<'r> {
    /// The day on which the outcome would be achieved.
    pub(super) by: NaiveDate,
    pub(super) terms: &'r EvidenceTerms,
}

/// The evidence that the outcomes of a rulebook need after this fact of a day. Of outcomes that would be achieved on
/// one day, the first is enough: their evidence is the same document. A spell that ends before an outcome would be
/// achieved needs none for it.
pub(super) fn needed<'r>(
    rulebook: &'r Rulebook,
    what: &What,
    (on, ended_on): (NaiveDate, Option<NaiveDate>),
) -> Vec<Needed<'r>> {
    let mut needed: Vec<Needed<'r>> = Vec::new();
    let terms = rulebook.outcomes.iter().filter_map(|outcome| match &outcome.achieved_by {
        AchievedBy::Journey(terms) => Some(&**terms),
        AchievedBy::Many(_) => None,
    });
    for of in terms.filter(|terms| begins(&terms.trigger, what)) {
        let Some(terms) = &of.evidence else { continue };
        let by = lasting(of, on);
        let is_too_short = ended_on.is_some_and(|ended_on| ended_on < by);
        if !is_too_short && needed.iter().all(|other| other.by != by) {
            needed.push(Needed { by, terms });
        }
    }
    needed
}

/// Whether an outcome begins with such a fact.
fn begins(trigger: &Trigger, what: &What) -> bool {
    let has = |codes: &[String], code: &str| codes.iter().any(|listed| listed == code);
    match (trigger, what) {
        (Trigger::Spell { domains, .. }, What::Spell(spell)) => has(domains, spell.domain),
        (Trigger::Achievement { codes, levels }, What::Achieves(code, level)) => {
            has(codes, code) && (levels.is_empty() || level.is_some_and(|level| has(levels, level)))
        }
        _ => false,
    }
}

/// The day on which an outcome that begins on this day is achieved, if nothing interrupts it.
fn lasting(terms: &JourneyTerms, on: NaiveDate) -> NaiveDate {
    match terms.sustain.as_ref().map(|sustain| sustain.length) {
        None => on,
        Some(Length::Days(days)) => after(on, days),
        Some(Length::Months(months)) => on + Months::new(months),
    }
}
