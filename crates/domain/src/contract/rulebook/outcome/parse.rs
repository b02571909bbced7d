//! Reads `[[outcome]]`.

use toml::de::DeTable;

use super::super::grammar::outcome::{DIGEST, ONCE_PER, WHEN_CAPPED};
use super::super::reader::{Report, Section};
use super::condition::condition;
use super::price::tariffs;
use super::scope::many;
use super::sustain::{hours, sustain};
use super::trigger::trigger;
use super::{AchievedBy, ClaimTerms, EvidenceTerms, JourneyTerms, Outcome, Trigger};

/// An outcome with its place in the text.
pub(in super::super) struct Written<'d> {
    pub(in super::super) outcome: Outcome,
    pub(in super::super) section: Section<'d>,
}

/// The codes of all outcomes, also of those with faults.
pub(in super::super) fn codes(top: &Section<'_>) -> Vec<String> {
    codes_where(top, |_| true)
}

/// The codes of the outcomes over many cases.
pub(in super::super) fn codes_over_many(top: &Section<'_>) -> Vec<String> {
    codes_where(top, |outcome| outcome.contains_key("scope"))
}

fn codes_where(top: &Section<'_>, is_wanted: impl Fn(&DeTable<'_>) -> bool) -> Vec<String> {
    let outcomes = top.sections("outcome");
    let wanted = outcomes.iter().filter(|outcome| is_wanted(outcome.table));
    wanted.filter_map(|outcome| Some(outcome.table.get("code")?.get_ref().as_str()?.to_owned())).collect()
}

pub(in super::super) fn outcomes<'d>(top: &Section<'d>, report: &mut Report<'_>) -> Vec<Written<'d>> {
    let sections = top.sections("outcome").into_iter();
    sections.filter_map(|section| outcome(&section, report).map(|outcome| Written { outcome, section })).collect()
}

fn outcome(section: &Section<'_>, report: &mut Report<'_>) -> Option<Outcome> {
    let achieved_by = if section.has("scope") {
        many(section).map(AchievedBy::Many)
    } else {
        journey(section, report).map(|terms| AchievedBy::Journey(Box::new(terms)))
    };
    let tariffs = tariffs(section, report);
    Some(Outcome {
        code: section.text("code")?,
        class: section.text("class"),
        title: section.text("title")?,
        achieved_by: achieved_by?,
        claim: claim(section)?,
        once_per: section.word("once_per", &ONCE_PER)?,
        group: section.text("group"),
        convert_from: section.section("convert").and_then(|convert| convert.text("from")),
        when_capped: section.word("when_capped", &WHEN_CAPPED)?,
        rate_over: section.text("rate_over"),
        tariffs,
    })
}

fn journey(section: &Section<'_>, report: &mut Report<'_>) -> Option<JourneyTerms> {
    let trigger = section.section("trigger").and_then(|form| trigger(&form));
    let is_spell = trigger.as_ref().is_none_or(|trigger| matches!(trigger, Trigger::Spell { .. }));
    for key in ["sustain", "hours"] {
        if section.has(key) && !is_spell {
            let problem = format!("{key} is about spells, but the trigger names none");
            report.add(section.at.clone(), Some(&section.path), problem, format!("take {key} out"));
        }
    }
    // A part with a fault is left out here. The fault is reported, so no rulebook results.
    let lasting = section.section("sustain");
    let sustain = lasting.as_ref().and_then(|lasting| sustain(lasting, report));
    let hours = section.section("hours").and_then(|hours_of| hours(&hours_of, report));
    let evidence = section.section("evidence").and_then(|kinds| evidence(&kinds, report));
    Some(JourneyTerms {
        trigger: trigger?,
        sustain,
        hours,
        evidence,
        hold_on_risk: section.texts("hold_on_risk"),
        only_if: section.section("only_if").and_then(|only_if| condition(&only_if)),
        repeats: lasting.as_ref().unwrap_or(section).whole("repeats")?,
    })
}

fn evidence(section: &Section<'_>, report: &mut Report<'_>) -> Option<EvidenceTerms> {
    let (any_of, all_of) = (section.texts("any_of"), section.texts("all_of"));
    if any_of.is_empty() && all_of.is_empty() {
        let remedy = "write any_of = [\"payslip\"], or take evidence out";
        report.add(section.at.clone(), Some(&section.path), "it names no kind of evidence", remedy);
    }
    Some(EvidenceTerms {
        any_of,
        all_of,
        verified: section.flag("verified")?,
        digest: section.word("digest", &DIGEST)?,
        dated_before_days: section.whole("dated_before_days"),
        dated_after_days: section.whole("dated_after_days"),
    })
}

fn claim(outcome: &Section<'_>) -> Option<ClaimTerms> {
    let Some(section) = outcome.section("claim") else {
        return Some(ClaimTerms { after_working_days: 0, within_days: None, attempts: 1, resubmit_within_days: None });
    };
    Some(ClaimTerms {
        after_working_days: section.whole("after_working_days")?,
        within_days: section.whole("within_days"),
        attempts: section.whole("attempts")?,
        resubmit_within_days: section.whole("resubmit_within_days"),
    })
}
