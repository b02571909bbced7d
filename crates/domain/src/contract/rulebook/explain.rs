//! A rulebook in sentences, so that its author can see whether the program reads it as it was meant.
//!
//! Everything that affects payment is stated, defaults too.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use super::case_attribute::CaseAttribute;
use super::kpi::{Consequences, Direction, Kpi, KpiPeriod, WithheldFrom, Withholding};
use super::league::League;
use super::measure::{Measure, Unit, measures};
use super::outcome::key::OutcomeKey;
use super::outcome::{
    AchievedBy, Combine, Condition, Continuity, Counted, Digest, EvidenceTerms, Hours, HoursBasis, JourneyTerms,
    Length, ManyTerms, OncePer, PeriodKind, Scope, Sustain, Tariff, Trigger, UnitRounding, UnknownHours, WhenCapped,
};
use super::report::ReportDefinition;
use super::retention::Retention;
use super::supply::Supply;
use super::terms::{CapScope, Crossing, Duties, MetBy, StandardFrom, Within};
use super::{
    AppliesBy, AttributeRule, Cap, CaseloadTerms, CountsWhen, Outcome, Rulebook, Standard, shown_value, warnings,
};
use crate::fact::money::Money;

/// A rulebook in sentences.
pub fn of(rulebook: &Rulebook) -> Vec<String> {
    let mut sentences = opening(rulebook);
    sentences.extend(attributes(rulebook));
    sentences.extend(rulebook.case_attributes.iter().map(CaseAttribute::in_words));
    sentences.extend(rulebook.standards.iter().map(|standard| of_standard(rulebook, standard)));
    sentences.extend(caseload(&rulebook.caseload));
    sentences.extend(rulebook.supply.iter().map(Supply::in_words));
    for outcome in &rulebook.outcomes {
        sentences.extend(of_outcome(rulebook, outcome));
    }
    let own = |measure: &Measure| rulebook.measures.iter().any(|own| own.code == measure.code);
    sentences.extend(measures(rulebook).iter().filter(|measure| own(measure)).map(of_measure));
    sentences.extend(rulebook.leagues.iter().map(League::in_words));
    sentences.extend(rulebook.caps.iter().map(|one| cap(rulebook, one)));
    if !rulebook.grades.is_empty() {
        let codes: Vec<_> = rulebook.grades.iter().map(|grade| grade.code.as_str()).collect();
        sentences.push(format!(
            "Grades, the best first: {}; a value between two grades gets the lower one.",
            codes.join(", ")
        ));
    }
    sentences.extend(rulebook.grades.iter().filter_map(|grade| {
        let withheld = withheld(rulebook, grade.withhold.as_ref()?);
        Some(format!("For the grade {}, {withheld}.", grade.code))
    }));
    sentences.extend(rulebook.kpis.iter().map(|kpi| of_kpi(rulebook, kpi)));
    if !rulebook.profiles.is_empty() {
        sentences.push(format!("The target profiles are {}.", listed(&rulebook.profiles, "and")));
    }
    sentences.extend(reports(rulebook));
    sentences.extend(rulebook.own_reports.iter().map(of_report));
    sentences.extend(labels(rulebook));
    sentences.extend(duties(rulebook.duties));
    sentences.extend(rulebook.retention.iter().map(Retention::in_words));
    sentences.extend(warnings::of(rulebook).into_iter().map(|warning| format!("Warning: {warning}.")));
    sentences
}

/// One key of an outcome in sentences; `None` if the outcome does not use the key.
pub fn of_key(rulebook: &Rulebook, outcome: &Outcome, key: OutcomeKey) -> Option<String> {
    let terms = match &outcome.achieved_by {
        AchievedBy::Journey(terms) => Some(terms),
        AchievedBy::Many(_) => None,
    };
    let sentences = match key {
        OutcomeKey::Trigger => begins(terms?),
        OutcomeKey::Sustain => lasts(terms?),
        OutcomeKey::Hours => hours(terms?.hours.as_ref()?),
        OutcomeKey::Evidence => evidence(terms?.evidence.as_ref()?),
        OutcomeKey::HoldOnRisk => held(terms?)?,
        OutcomeKey::OnlyIf => for_whom(terms?)?,
        OutcomeKey::Repeats => again(terms?)?,
        OutcomeKey::Scope | OutcomeKey::Ratio | OutcomeKey::Volume => match &outcome.achieved_by {
            AchievedBy::Journey(terms) => begins(terms),
            AchievedBy::Many(terms) => many(terms),
        },
        OutcomeKey::Claim | OutcomeKey::OncePer => joined([Some(claiming(outcome)), resubmitting(outcome)]),
        OutcomeKey::Group => grouped(outcome)?,
        OutcomeKey::Convert => converting(outcome)?,
        OutcomeKey::WhenCapped => making_way(outcome)?,
        OutcomeKey::Tariff => prices(rulebook, outcome).iter().map(|price| price.trim()).collect::<Vec<_>>().join(" "),
    };
    Some(sentences.trim().to_owned())
}

fn joined(sentences: impl IntoIterator<Item = Option<String>>) -> String {
    sentences.into_iter().flatten().map(|sentence| sentence.trim().to_owned()).collect::<Vec<_>>().join(" ")
}

/// The caps of a rulebook in sentences; `None` if it has none.
pub fn of_caps(rulebook: &Rulebook) -> Option<String> {
    let sentences: Vec<_> = rulebook.caps.iter().map(|one| cap(rulebook, one)).collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn opening(rulebook: &Rulebook) -> Vec<String> {
    let Rulebook { contract, version, title, effective_from, .. } = rulebook;
    let by = match rulebook.applies_by {
        AppliesBy::Referred => "were referred",
        AppliesBy::Occurred => "began",
        AppliesBy::Achieved => "were achieved",
        AppliesBy::Submitted => "are submitted",
        AppliesBy::Recorded => "were recorded",
    };
    let reach = if rulebook.retroactive {
        "and earlier ones too"
    } else {
        "and no earlier ones: it pays nothing that it dates before that day"
    };
    let counts = match rulebook.referrals {
        CountsWhen::Received => "received",
        CountsWhen::Accepted => "accepted",
    };
    let year = rulebook.calendar.financial_year;
    let funnel: Vec<_> = rulebook.stages.iter().map(|stage| stage.label.as_str()).collect();
    let mut sentences = vec![
        format!("{title}: version {version} of contract {contract}, content {}.", rulebook.hash()),
        format!("It judges claims that {by} on or after {effective_from}, {reach}."),
        format!(
            "Amounts are in {}, dates in the zone {}. Working days are those of {}. The financial year begins on \
             {:02}-{:02}.",
            rulebook.currency, rulebook.calendar.zone, rulebook.calendar.working_days, year.month, year.day
        ),
        format!("A referral counts when it is {counts}."),
    ];
    if let Some(area) = &rulebook.default_area {
        sentences.push(format!("A referral whose source names no area gets the area {area}."));
    }
    sentences.push(match rulebook.channels.face_to_face.as_slice() {
        [] => "A contact is face to face only if it states so.".to_owned(),
        named => format!("A contact by {} is face to face unless it states otherwise.", listed(named, "or")),
    });
    if !funnel.is_empty() {
        sentences.push(format!("The funnel: {}.", funnel.join(", ")));
    }
    sentences
}

/// One outcome in sentences.
pub fn of_outcome(rulebook: &Rulebook, outcome: &Outcome) -> Vec<String> {
    let mut sentences = vec![format!("Outcome {}: {}.", outcome.code, outcome.title)];
    match &outcome.achieved_by {
        AchievedBy::Journey(terms) => sentences.extend(journey(terms)),
        AchievedBy::Many(terms) => sentences.push(many(terms)),
    }
    sentences.push(claiming(outcome));
    sentences.extend(resubmitting(outcome));
    sentences.extend(grouped(outcome));
    sentences.extend(converting(outcome));
    sentences.extend(making_way(outcome));
    sentences.extend(outcome.rate_over.as_ref().map(|base| format!("  Boards show it as a share of {base}.")));
    sentences.extend(prices(rulebook, outcome));
    sentences
}

fn grouped(outcome: &Outcome) -> Option<String> {
    outcome.group.as_ref().map(|group| format!("  At most one outcome of the group {group} is paid."))
}

fn converting(outcome: &Outcome) -> Option<String> {
    let difference =
        |from| format!("  It replaces {from} and pays the difference: amounts claimed for {from} are deducted.");
    outcome.convert_from.as_ref().map(difference)
}

fn making_way(outcome: &Outcome) -> Option<String> {
    let next = outcome.when_capped == WhenCapped::Next;
    next.then(|| "  If the caps leave it nothing, the next outcome of its group can be paid instead.".to_owned())
}

fn resubmitting(outcome: &Outcome) -> Option<String> {
    let within = outcome.claim.resubmit_within_days?;
    Some(format!("  A rejected claim can be submitted again within {within} days of its rejection."))
}

fn prices(rulebook: &Rulebook, outcome: &Outcome) -> Vec<String> {
    if outcome.tariffs.is_empty() {
        return vec!["  It has no price: it is counted and not paid.".to_owned()];
    }
    outcome.tariffs.iter().map(|tariff| price(rulebook, tariff)).collect()
}

fn journey(terms: &JourneyTerms) -> Vec<String> {
    let mut sentences = vec![begins(terms), lasts(terms)];
    sentences.extend(terms.hours.as_ref().map(hours));
    sentences.extend(terms.evidence.as_ref().map(evidence));
    sentences.extend(held(terms));
    sentences.extend(for_whom(terms));
    sentences.extend(again(terms));
    sentences
}

fn begins(terms: &JourneyTerms) -> String {
    format!("  It begins with {}.", trigger(&terms.trigger))
}

fn lasts(terms: &JourneyTerms) -> String {
    let at_once = || "  It is achieved on the date of the first such fact.".to_owned();
    terms.sustain.as_ref().map_or_else(at_once, lasting)
}

fn held(terms: &JourneyTerms) -> Option<String> {
    let kinds = listed(&terms.hold_on_risk, "or");
    (!kinds.is_empty())
        .then(|| format!("  A risk of {kinds} that was raised before that date and is not cleared holds it."))
}

fn for_whom(terms: &JourneyTerms) -> Option<String> {
    terms.only_if.as_ref().map(|only_if| format!("  It counts only if {}.", condition(only_if)))
}

fn again(terms: &JourneyTerms) -> Option<String> {
    (terms.repeats > 1).then(|| format!("  It can be achieved {} times in one case.", terms.repeats))
}

fn trigger(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Spell { domains, attributes } => {
            let filters = attributes.iter().map(|(name, values)| format!("{name} is {}", any_value(values)));
            let filters: Vec<_> = filters.collect();
            let of = listed(domains, "or");
            if filters.is_empty() {
                format!("a spell of {of}")
            } else {
                format!("a spell of {of} whose {}", filters.join(" and "))
            }
        }
        Trigger::Achievement { codes, levels } if levels.is_empty() => {
            format!("the achievement {}", listed(codes, "or"))
        }
        Trigger::Achievement { codes, levels } => {
            format!("the achievement {} at level {}", listed(codes, "or"), listed(levels, "or"))
        }
        Trigger::Plan { kinds } => format!("a plan of kind {}", listed(kinds, "or")),
        Trigger::Engagement { bases } if bases.is_empty() => "an engagement on any basis".to_owned(),
        Trigger::Engagement { bases } => format!("an engagement on the basis {}", listed(bases, "or")),
        Trigger::Measure { code, at_least } => format!("the measure {code} at {at_least} or more"),
    }
}

fn lasting(sustain: &Sustain) -> String {
    let length = match sustain.length {
        Length::Days(days) => format!("{days} days"),
        Length::Months(months) => format!("{months} calendar months"),
    };
    let counts = if sustain.gap_counts { "count" } else { "do not count" };
    let breaks = match sustain.continuity {
        Continuity::Unbroken => "without a gap".to_owned(),
        Continuity::MaxGap(days) => format!("with gaps of up to {days} days, which {counts}"),
        Continuity::Cumulative => format!("with gaps of any length, which {counts}"),
        Continuity::Window(days) => format!("anywhere within {days} days"),
    };
    let together = match sustain.combine {
        Combine::Employers => "all such spells together",
        Combine::Nothing => "each employer separately",
    };
    let pause = sustain.pause.as_ref().map(|pause| format!("; the days of {pause} are left out"));
    format!("  It must last {length}, {breaks}, {together}{}.", pause.unwrap_or_default())
}

fn hours(hours: &Hours) -> String {
    let of = match hours.basis {
        HoursBasis::Average => "on average",
        HoursBasis::AtStart => "on the first day",
        HoursBasis::AtEnd => "on the last day",
        HoursBasis::EveryWeek => "on every day",
    };
    let bounds =
        [hours.at_least.map(|least| format!("at least {least}")), hours.below.map(|edge| format!("below {edge}"))];
    let bounds: Vec<_> = bounds.into_iter().flatten().collect();
    let unknown = match hours.unknown {
        UnknownHours::Hold => "unknown hours hold it",
        UnknownHours::Lower => "unknown hours count as 0",
    };
    format!("  The hours a week must be {} {of}; {unknown}.", bounds.join(" and "))
}

fn evidence(terms: &EvidenceTerms) -> String {
    let any = (!terms.any_of.is_empty()).then(|| listed(&terms.any_of, "or"));
    let all = (!terms.all_of.is_empty()).then(|| listed(&terms.all_of, "and"));
    let kinds: Vec<_> = any.into_iter().chain(all).collect();
    let verified = if terms.verified { ", verified" } else { "" };
    let digest = match terms.digest {
        Digest::Optional => "",
        Digest::Required => ", with the digest of its file",
    };
    let dated = match (terms.dated_before_days, terms.dated_after_days) {
        (None, None) => "of any date".to_owned(),
        (Some(before), None) => format!("dated no more than {before} days before it"),
        (None, Some(after)) => format!("dated no more than {after} days after it"),
        (Some(before), Some(after)) => format!("dated from {before} days before it to {after} days after it"),
    };
    format!("  It needs evidence: {}{verified}{digest}, {dated}.", kinds.join(", and "))
}

fn condition(of: &Condition) -> String {
    let several = |of: &[Condition], word: &str| {
        let each: Vec<_> = of.iter().map(condition).collect();
        format!("({})", each.join(word))
    };
    match of {
        Condition::All(of) => several(of, " and "),
        Condition::Any(of) => several(of, " or "),
        Condition::Not(of) => format!("not {}", condition(of)),
        Condition::Fact { name, values } => format!("{name} is {}", any_value(values)),
    }
}

fn many(terms: &ManyTerms) -> String {
    let scope = match terms.scope {
        Scope::Cohort => "cohort",
        Scope::Site => "site",
        Scope::Area => "area",
    };
    let period = match terms.period {
        PeriodKind::Month => "month",
        PeriodKind::Quarter => "quarter",
        PeriodKind::FinancialYear => "financial year",
    };
    match &terms.counted {
        Counted::Volume { measure } => format!("  Each unit of {measure} is paid, for each {scope} and {period}."),
        Counted::Ratio { spell_days, at_least, below, .. } => {
            let bounds = [at_least.map(|least| format!("at least {least}")), below.map(|edge| format!("below {edge}"))];
            let bounds: Vec<_> = bounds.into_iter().flatten().collect();
            let days = listed(spell_days, "or");
            format!(
                "  For each {scope} and {period}, the days of {days} must be {} of all days of its people.",
                bounds.join(" and ")
            )
        }
    }
}

fn claiming(outcome: &Outcome) -> String {
    let from = match outcome.claim.after_working_days {
        0 => "from the day it is achieved".to_owned(),
        days => format!("from the {} working day after the day it is achieved", nth(days)),
    };
    let until = match outcome.claim.within_days {
        None => "without an end date".to_owned(),
        Some(0) => "until that day".to_owned(),
        Some(days) => format!("until the {} day after it", nth(days)),
    };
    let attempts = match outcome.claim.attempts {
        1 => "at most once".to_owned(),
        attempts => format!("at most {attempts} times"),
    };
    let once = match outcome.once_per {
        OncePer::Journey => "for each case",
        OncePer::Person => "for each person",
    };
    format!("  It can be claimed {from}, {until}, {attempts}, and is paid once {once}.")
}

/// A number as an ordinal: 1st, 2nd, 3rd, 11th.
fn nth(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn price(rulebook: &Rulebook, tariff: &Tariff) -> String {
    let currency = &rulebook.currency;
    let amount = if tariff.multiplier == Decimal::ONE {
        format!("{} {currency}", tariff.amount)
    } else {
        let product = Money::of(tariff.unit_price(currency).unwrap_or(Decimal::MAX), currency);
        format!("{} times {}, {product} {currency}", tariff.amount, tariff.multiplier)
    };
    let narrowed = [
        tariff.area.as_ref().map(|area| format!("in {area}")),
        tariff.cohort.as_ref().map(|cohort| format!("for cohort {cohort}")),
        tariff.from.map(|from| format!("if achieved from {from}")),
        tariff.to.map(|to| format!("if achieved until {to}")),
        tariff.up_to.map(|up_to| format!("up to the {} unit", nth(up_to))),
        match tariff.round_unit_price {
            UnitRounding::Exact => None,
            UnitRounding::MinorUnit => Some("rounded before it is multiplied by the units".to_owned()),
            UnitRounding::Whole => Some("rounded to whole units of the currency for each unit".to_owned()),
        },
        tariff.illustrative.then(|| "(illustrative: no source states it)".to_owned()),
    ];
    let narrowed: Vec<_> = narrowed.into_iter().flatten().collect();
    if narrowed.is_empty() {
        format!("  It pays {amount}.")
    } else {
        format!("  It pays {amount} {}.", narrowed.join(", "))
    }
}

fn cap(rulebook: &Rulebook, cap: &Cap) -> String {
    let of = match cap.scope {
        CapScope::Contract => "in all",
        CapScope::Year => "for each financial year of achievement",
        CapScope::Person => "for each person",
        CapScope::Outcome => "for each outcome",
    };
    let only = if cap.outcomes.is_empty() { String::new() } else { format!(" for {}", listed(&cap.outcomes, "and")) };
    let crossing = match cap.crossing {
        Crossing::Partial => "a claim that does not fit gets what is left",
        Crossing::Whole => "a claim that does not fit gets nothing, and smaller ones are still tried",
    };
    let refill = if cap.refill { "can be paid again" } else { "cannot be paid again" };
    format!(
        "At most {} {} is paid{only} {of}; {crossing}; an amount that is paid back {refill}.",
        cap.amount, rulebook.currency
    )
}

fn duties(duties: Duties) -> Vec<String> {
    let Duties { attach_verify, verify_submit, submit_decide } = duties;
    let apart = [
        (attach_verify, "The person who attached evidence may not verify it."),
        (verify_submit, "The person who verified evidence may not submit the claims that rest on it."),
        (submit_decide, "The person who submitted claims may not decide on them."),
        (!attach_verify, "The person who attached evidence may also verify it."),
        (!verify_submit, "The person who verified evidence may also submit the claims that rest on it."),
        (!submit_decide, "The person who submitted claims may also decide on them."),
    ];
    apart.into_iter().filter(|(applies, _)| *applies).map(|(_, sentence)| sentence.to_owned()).collect()
}

/// One service standard in a sentence.
pub fn of_standard(rulebook: &Rulebook, standard: &Standard) -> String {
    let from = match &standard.from {
        StandardFrom::ReferralReceived => "the referral is received".to_owned(),
        StandardFrom::ReferralAccepted => "the referral is accepted".to_owned(),
        StandardFrom::MissedContact => "an appointment is missed".to_owned(),
        StandardFrom::PlanAgreed => "a plan is agreed".to_owned(),
        StandardFrom::LastReview => "a plan was last agreed or reviewed".to_owned(),
        StandardFrom::SpellStarted(domain) => format!("a spell of {domain} starts"),
    };
    let within = match standard.within {
        Within::Days(days) => format!("{days} days"),
        Within::WorkingDays(days) => format!("{days} working days"),
    };
    let MetBy { contacts, face_to_face, plan, review, task, attempt } = &standard.met_by;
    let in_person = if *face_to_face { " face to face" } else { "" };
    let met = [
        (*contacts > 0).then(|| format!("{contacts} contact(s) made{in_person}")),
        attempt.then(|| "an attempt at contact".to_owned()),
        plan.as_ref().map(|kind| format!("a plan of kind {kind}")),
        review.as_ref().map(|kind| format!("a review of the {kind}")),
        task.as_ref().map(|kind| format!("the task {kind}")),
    ];
    let met: Vec<_> = met.into_iter().flatten().collect();
    let levels = match (standard.minimum_level, standard.lower_level) {
        (None, None) => String::new(),
        (Some(minimum), None) => format!("; met at {minimum} % or more"),
        (None, Some(lower)) => format!("; a major failure below {lower} %"),
        (Some(minimum), Some(lower)) => format!("; met at {minimum} % or more, a major failure below {lower} %"),
    };
    let follows = follows(rulebook, &standard.consequences);
    format!("Standard {}: {} within {within} after {from}{levels}.{follows}", standard.code, met.join(" and "))
}

/// How often cases should be seen, and how many a keyworker may hold.
fn caseload(terms: &CaseloadTerms) -> Option<String> {
    let seen = terms.seen_every_days.map(|days| format!("A case should be seen every {days} days."));
    let limit = terms.limit.map(|limit| format!("A keyworker may hold {limit} cases."));
    let each = terms.limit_per_wte.map(|limit| format!("A full-time keyworker may hold {limit} cases."));
    let sentences = joined([seen, limit, each]);
    (!sentences.is_empty()).then_some(sentences)
}

/// One measure of the rulebook in sentences.
fn of_measure(measure: &Measure) -> String {
    let shown = match measure.unit {
        Unit::Percent => "in percent".to_owned(),
        Unit::Each => "as a number for each".to_owned(),
        Unit::Amount => "as an amount".to_owned(),
        Unit::Money(currency) => format!("as money in {}", currency.as_str()),
        unit => format!("as a number of {}", unit.as_str()),
    };
    let places = match measure.places {
        0 => "without decimal places".to_owned(),
        1 => "with 1 decimal place".to_owned(),
        places => format!("with {places} decimal places"),
    };
    let words = measure.formula.in_words();
    format!("Measure {}: {}. {words} It is shown {shown}, {places}.", measure.code, measure.title)
}

/// One indicator in sentences.
fn of_kpi(rulebook: &Rulebook, kpi: &Kpi) -> String {
    let side = match kpi.direction {
        Direction::AtLeast => "below",
        Direction::AtMost => "above",
    };
    let over = match kpi.period {
        KpiPeriod::Month => "each month",
        KpiPeriod::RollingThree => "the three months up to the end of each month",
        KpiPeriod::RollingTwelve => "the twelve months up to the end of each month",
        KpiPeriod::SinceStart => "everything from the start of the contract to the end of each month",
    };
    let levels = [("minor", kpi.minimum_level), ("major", kpi.lower_level)];
    let levels: Vec<String> = levels
        .into_iter()
        .filter_map(|(level, bound)| Some(format!("{side} {} it is a {level} failure", bound?.normalize())))
        .collect();
    format!(
        "Indicator {}: {}. The measure {} over {over}: {}. A third failing month in a row is a major failure.{}",
        kpi.code,
        kpi.title,
        kpi.measure,
        levels.join(", "),
        follows(rulebook, &kpi.consequences)
    )
}

/// What may follow a failure, each as a sentence after a space.
fn follows(rulebook: &Rulebook, consequences: &Consequences) -> String {
    let Consequences { minor_tools, major_tools, withhold } = consequences;
    let tools = [("minor", minor_tools), ("major", major_tools)].into_iter().filter(|(_, tools)| !tools.is_empty());
    let tools = tools.map(|(level, tools)| {
        let tools: Vec<String> = tools.iter().map(|tool| tool.as_str().to_lowercase()).collect();
        format!(" Tools after a {level} failure: {}.", listed(&tools, "and"))
    });
    let withheld = withhold.as_ref().map(|of| format!(" After a major failure, {}.", withheld(rulebook, of)));
    tools.chain(withheld).collect()
}

/// What may be withheld, as the end of a sentence.
fn withheld(rulebook: &Rulebook, of: &Withholding) -> String {
    let percent = of.percent.normalize();
    match &of.of {
        WithheldFrom::Recorded(code) => format!("{percent} % of the {code} of the financial year may be withheld"),
        WithheldFrom::Amount(amount) => {
            let amount = Money::of(*amount, &rulebook.currency);
            format!("{percent} % of {amount} {} may be withheld", rulebook.currency)
        }
    }
}

/// One report of the rulebook in a sentence.
fn of_report(report: &ReportDefinition) -> String {
    let titles: Vec<String> = report.sections.iter().map(|section| section.title.clone()).collect();
    let (every, sections) = (report.every.as_str(), listed(&titles, "and"));
    format!("Report {}: {}, every {every}. Its sections are {sections}.", report.code, report.title)
}

/// The days on which reports are due.
fn reports(rulebook: &Rulebook) -> Vec<String> {
    let due: Vec<_> = rulebook.reports.due.iter().map(ToString::to_string).collect();
    let dates = (!due.is_empty()).then(|| format!("Reports are due on {}.", listed(&due, "and")));
    let hidden = "Counts of one to four people are hidden from commissioners.".to_owned();
    dates.into_iter().chain(rulebook.hides_small_counts().then_some(hidden)).collect()
}

/// The attributes that spells of each domain may have.
fn attributes(rulebook: &Rulebook) -> Vec<String> {
    let attribute = |(name, rule): (&String, &AttributeRule)| {
        let values = rule.values.as_ref().map(|values| format!(" ({})", any_value(values))).unwrap_or_default();
        let required = if rule.required { ", which is required" } else { "" };
        format!("{name}{values}{required}")
    };
    let sentence = |(domain, of_domain): (&str, &BTreeMap<String, AttributeRule>)| {
        let attributes: Vec<String> = of_domain.iter().map(attribute).collect();
        if attributes.is_empty() {
            format!("A spell of {domain} may have no attributes.")
        } else {
            format!("A spell of {domain} may have the attributes {}.", attributes.join("; "))
        }
    };
    rulebook.attributes.domains().map(sentence).collect()
}

/// The labels of codes.
fn labels(rulebook: &Rulebook) -> Option<String> {
    let labels: Vec<String> =
        rulebook.labels.codes().map(|code| format!("{code} as {:?}", rulebook.labels.of(code))).collect();
    (!labels.is_empty()).then(|| format!("Forms show {}.", listed(&labels, "and")))
}

fn any_value(values: &[Value]) -> String {
    listed(&values.iter().map(shown_value).collect::<Vec<_>>(), "or")
}

fn listed(words: &[String], last: &str) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., end] => format!("{} {last} {end}", rest.join(", ")),
    }
}
