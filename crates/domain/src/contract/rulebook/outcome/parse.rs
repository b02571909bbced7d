//! The grammar of `[[outcome]]`: what it can say, key by key.
//!
//! It never takes an outcome that nobody could achieve.

use toml::de::DeTable;

use super::super::reader::{Report, Section};
use super::super::{Calendar, CodeList, Codes};
use super::condition::condition;
use super::price::tariffs;
use super::scope::many;
use super::sustain::{hours, sustain};
use super::trigger::{FORMS, fact, form, listed};
use super::{AchievedBy, ClaimTerms, EvidenceTerms, JourneyTerms, OncePer, Outcome, Trigger, WhenCapped};

const WHEN_CAPPED: [(&str, WhenCapped); 2] = [("nobody", WhenCapped::Nobody), ("next", WhenCapped::Next)];

const ONCE_PER: [(&str, OncePer); 2] = [("journey", OncePer::Journey), ("person", OncePer::Person)];

const KEYS: [&str; 19] = [
    "code",
    "class",
    "title",
    "trigger",
    "sustain",
    "hours",
    "evidence",
    "hold_on_risk",
    "only_if",
    "claim",
    "once_per",
    "group",
    "convert",
    "when_capped",
    "tariff",
    "scope",
    "ratio",
    "volume",
    "repeats",
];

/// An outcome with the place at which it is written.
pub(in super::super) struct Written<'d> {
    pub(in super::super) outcome: Outcome,
    pub(in super::super) section: Section<'d>,
}

/// The codes that outcomes are given, whatever else is wrong with them.
pub(in super::super) fn codes(top: &Section<'_>) -> Vec<String> {
    codes_where(top, |_| true)
}

/// The codes of those about many journeys together.
pub(in super::super) fn codes_over_many(top: &Section<'_>) -> Vec<String> {
    codes_where(top, |outcome| outcome.contains_key("scope"))
}

fn codes_where(top: &Section<'_>, is_wanted: impl Fn(&DeTable<'_>) -> bool) -> Vec<String> {
    let tables = top.table.get("outcome").and_then(|item| item.get_ref().as_array().map(|items| items.iter()));
    let tables = tables.into_iter().flatten().filter_map(|item| item.get_ref().as_table());
    let codes = tables.filter(|table| is_wanted(table)).filter_map(|table| table.get("code")?.get_ref().as_str());
    codes.map(str::to_owned).collect()
}

pub(in super::super) fn outcomes<'d>(
    top: &Section<'d>,
    calendar: Option<&Calendar>,
    codes: &Codes,
    report: &mut Report<'_>,
) -> Vec<Written<'d>> {
    let sections = top.sections("outcome", report);
    let read = sections
        .into_iter()
        .filter_map(|section| outcome(&section, calendar, codes, report).map(|outcome| Written { outcome, section }));
    read.collect()
}

fn outcome(
    section: &Section<'_>,
    calendar: Option<&Calendar>,
    codes: &Codes,
    report: &mut Report<'_>,
) -> Option<Outcome> {
    section.only(&KEYS, report);
    let code = section.required("code", "\"job_13w\"", report).and_then(|item| item.text(report));
    let title = section.required("title", "\"13 weeks in work\"", report).and_then(|item| item.text(report));
    let class = section.optional("class", "\"employment\"").and_then(|item| item.text(report));
    let achieved_by = match section.optional("scope", "\"cohort\"") {
        Some(scope) => many(section, &scope, codes, report).map(AchievedBy::Many),
        None => journey(section, calendar, codes, report).map(|terms| AchievedBy::Journey(Box::new(terms))),
    };
    let claim = claim(section, report);
    let once_per = match section.optional("once_per", "\"journey\"") {
        Some(item) => item.one_of(&ONCE_PER, report),
        None => Some(OncePer::Journey),
    };
    let group = section.optional("group", "\"job_13w\"").and_then(|item| item.text(report));
    let convert_from = convert(section, report);
    let when_capped = match section.optional("when_capped", "\"next\"") {
        Some(item) => item.one_of(&WHEN_CAPPED, report),
        None => Some(WhenCapped::default()),
    };
    let tariffs = tariffs(section, codes, report);
    Some(Outcome {
        code: code?,
        class,
        title: title?,
        achieved_by: achieved_by?,
        claim,
        once_per: once_per?,
        group,
        convert_from,
        when_capped: when_capped?,
        tariffs,
    })
}

fn journey(
    section: &Section<'_>,
    calendar: Option<&Calendar>,
    codes: &Codes,
    report: &mut Report<'_>,
) -> Option<JourneyTerms> {
    for key in ["ratio", "volume"] {
        if section.has(key) {
            let problem = format!("{key} goes with a scope, which is not there");
            report.add(section.at.clone(), Some(&section.path), problem, "write scope = \"cohort\"");
        }
    }
    let trigger = trigger(section, codes, report);
    let is_spell = trigger.as_ref().is_none_or(|trigger| matches!(trigger, Trigger::Spell { .. }));
    let sustained = sustain(section, calendar, report);
    let hours = hours(section, report);
    for key in ["sustain", "hours"] {
        if section.has(key) && !is_spell {
            let problem = format!("{key} is about spells, but the trigger is none");
            report.add(section.at.clone(), Some(&section.path), problem, format!("take {key} out"));
        }
    }
    let repeats = match section.optional("repeats", "2") {
        Some(item) if section.has("sustain") => {
            item.wrong("an outcome with sustain says there how often it repeats", report);
            None
        }
        Some(item) => item.positive(report),
        None => Some(1),
    };
    let evidence = evidence(section, codes, report);
    let hold_on_risk = section.optional("hold_on_risk", "[\"relapse\"]");
    let hold_on_risk = hold_on_risk.and_then(|item| listed(&item, CodeList::RiskKinds, codes, report));
    let example = "{ all = [{ fact = \"employment_status\", in = [\"unemployed\"] }] }";
    let only_if = section.optional("only_if", example).and_then(|item| condition(&item, report));
    let repeats = sustained.as_ref().map_or(repeats, |(_, repeats)| Some(*repeats));
    Some(JourneyTerms {
        trigger: trigger?,
        sustain: sustained.map(|(sustain, _)| sustain),
        hours,
        evidence,
        hold_on_risk: hold_on_risk.unwrap_or_default(),
        only_if,
        repeats: repeats?,
    })
}

fn trigger(section: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<Trigger> {
    let item = section.required("trigger", "{ spell = [\"employment\"] }", report)?;
    let (form, table) = form(&item, &FORMS, "outcome", report)?;
    fact(form, &table, codes, report)
}

fn evidence(outcome: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<EvidenceTerms> {
    let section = outcome.section("evidence", report)?;
    section.only(&["any_of", "all_of", "verified", "dated_before_days", "dated_after_days"], report);
    let mut kinds = |key| {
        let item = section.optional(key, "[\"payslip\"]")?;
        let found = item.texts(report)?;
        for code in &found {
            super::super::parse::check_code(codes, CodeList::EvidenceKinds, code, &item.path, report);
        }
        Some(super::trigger::texts(found))
    };
    let (any_of, all_of) = (kinds("any_of").unwrap_or_default(), kinds("all_of").unwrap_or_default());
    if any_of.is_empty() && all_of.is_empty() {
        let remedy = "write any_of = [\"payslip\"], or take evidence out";
        report.add(section.at.clone(), Some(&section.path), "it names no kind of evidence", remedy);
    }
    let verified = section.optional("verified", "true").and_then(|item| item.flag(report)).unwrap_or(false);
    let mut days = |key| section.optional(key, "60").and_then(|item| item.whole(report));
    let (dated_before_days, dated_after_days) = (days("dated_before_days"), days("dated_after_days"));
    Some(EvidenceTerms { any_of, all_of, verified, dated_before_days, dated_after_days })
}

fn claim(outcome: &Section<'_>, report: &mut Report<'_>) -> ClaimTerms {
    let none = ClaimTerms { after_working_days: 0, within_days: None, attempts: 1, resubmit_within_days: None };
    let Some(section) = outcome.section("claim", report) else { return none };
    section.only(&["after_working_days", "within_days", "attempts", "resubmit_within_days"], report);
    let after = section.optional("after_working_days", "5").and_then(|item| item.whole(report));
    let within_days = section.optional("within_days", "180").and_then(|item| item.whole(report));
    let attempts = section.optional("attempts", "3").and_then(|item| item.positive(report));
    let resubmit_within_days = section.optional("resubmit_within_days", "30").and_then(|item| item.whole(report));
    let (after_working_days, attempts) = (after.unwrap_or(0), attempts.unwrap_or(1));
    ClaimTerms { after_working_days, within_days, attempts, resubmit_within_days }
}

fn convert(outcome: &Section<'_>, report: &mut Report<'_>) -> Option<String> {
    let section = outcome.section("convert", report)?;
    section.only(&["from"], report);
    section.required("from", "\"job_13w_under16h\"", report)?.text(report)
}
