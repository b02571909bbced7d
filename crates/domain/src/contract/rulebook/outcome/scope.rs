//! The grammar of outcomes over many journeys: `scope` with `ratio` or `volume`.
//!
//! It never mixes what one journey shows with what many come to.

use super::super::reader::{Item, Report, Section};
use super::super::{CodeList, Codes};
use super::trigger::{code, listed};
use super::{Counted, ManyTerms, PeriodKind, RatioBase, Scope};

const SCOPES: [(&str, Scope); 3] = [("cohort", Scope::Cohort), ("site", Scope::Site), ("area", Scope::Area)];
const PERIODS: [(&str, PeriodKind); 3] =
    [("month", PeriodKind::Month), ("quarter", PeriodKind::Quarter), ("financial_year", PeriodKind::FinancialYear)];
const BASES: [(&str, RatioBase); 1] = [("child_days", RatioBase::ChildDays)];

pub(super) fn many(
    outcome: &Section<'_>,
    scope: &Item<'_>,
    codes: &Codes,
    report: &mut Report<'_>,
) -> Option<ManyTerms> {
    let of = scope.one_of(&SCOPES, report);
    for key in ["trigger", "sustain", "hours", "evidence", "hold_on_risk", "only_if", "repeats"] {
        if outcome.has(key) {
            let problem = format!("{key} is about one journey, but scope takes many together");
            report.add(outcome.at.clone(), Some(&scope.path), problem, format!("take {key} or scope out"));
        }
    }
    let counted = match (outcome.has("ratio"), outcome.has("volume")) {
        (true, false) => ratio(outcome, codes, report),
        (false, true) => volume(outcome, codes, report),
        _ => {
            report.add(
                outcome.at.clone(),
                Some(&scope.path),
                "a scope goes with one of ratio and volume",
                "write ratio = { spell_days = [\"care\"], of = \"child_days\", period = \"financial_year\", below = 0.8 }",
            );
            None
        }
    };
    let (counted, period) = counted?;
    Some(ManyTerms { scope: of?, period, counted })
}

fn ratio(outcome: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<(Counted, PeriodKind)> {
    let section = outcome.section("ratio", report)?;
    section.only(&["spell_days", "of", "period", "at_least", "below"], report);
    let domains = section
        .required("spell_days", "[\"care\"]", report)
        .and_then(|item| listed(&item, CodeList::SpellDomains, codes, report));
    let of = section.required("of", "\"child_days\"", report).and_then(|item| item.one_of(&BASES, report));
    let period = section.required("period", "\"financial_year\"", report);
    let period = period.and_then(|item| item.one_of(&PERIODS, report));
    let at_least = section.optional("at_least", "0.8").and_then(|item| item.share(report));
    let below = section.optional("below", "0.8").and_then(|item| item.share(report));
    if !section.has("at_least") && !section.has("below") {
        report.add(
            section.at.clone(),
            Some(&section.path),
            "it says not which share",
            "write at_least = 0.8, or below = 0.8, or both",
        );
    }
    Some((Counted::Ratio { spell_days: domains?, of: of?, at_least, below }, period?))
}

fn volume(outcome: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<(Counted, PeriodKind)> {
    let section = outcome.section("volume", report)?;
    section.only(&["measure", "period"], report);
    let measure = code(&section, "measure", "\"anc_visits\"", CodeList::MeasureCodes, codes, report);
    let period = match section.optional("period", "\"month\"") {
        Some(item) => item.one_of(&PERIODS, report),
        None => Some(PeriodKind::Month),
    };
    Some((Counted::Volume { measure: measure? }, period?))
}
