//! Reads a rulebook from its text.
//!
//! First the whole document is checked against the grammar, which reports unknown sections and keys, missing keys and
//! wrong values. Then each section is read, and its values are compared with each other. A rulebook results only if
//! there was no fault.

use toml::de::DeTable;

use super::attributes::attributes;
use super::canonical_toml;
use super::case_attribute::{self, case_attributes};
use super::check::{Names, check};
use super::grammar::contract::{APPLIES_BY, COUNTS_WHEN};
use super::kpi::parse as kpi;
use super::league::parse as league;
use super::measure::known::KnownMeasures;
use super::measure::parse as measure;
use super::outcome::{parse as outcome, whole};
use super::reader::{Report, Section};
use super::report::parse as report_parse;
use super::retention::retention;
use super::stage::stages;
use super::supply::supply;
use super::terms::parse as terms;
use super::{
    Buckets, Calendar, CaseloadTerms, Channels, CodeList, Codes, CountsWhen, Labels, Pause, Recency, ReferralToPlan,
    Rulebook, RulebookError, canonical,
};

/// The grammar that this build reads.
pub(super) const GRAMMAR: u32 = 1;

/// The purpose for which a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It is to be published, or only tried.
    New,
    /// It was published.
    Published,
}

pub(super) fn parse(text: &str, reading: Reading) -> Result<Rulebook, Vec<RulebookError>> {
    let mut report = Report::new(text);
    let rulebook = canonical_toml::read(text, &mut report).and_then(|root| read(&root, reading, &mut report));
    match rulebook {
        Some(rulebook) if report.is_clean() => Ok(rulebook),
        _ => Err(report.into_errors()),
    }
}

fn read(root: &DeTable<'_>, reading: Reading, report: &mut Report<'_>) -> Option<Rulebook> {
    let top = Section::root(root);
    let grammar = grammar(&top, report)?;
    let canonical_text = canonical_toml::canonical(root, report);
    let (codes, calendar, outcome_codes) = (codes(&top), calendar(&top, report), outcome::codes(&top));
    let pauses = calendar.as_ref().map(|calendar| calendar.pauses.as_slice());
    let of_cases = case_attribute::codes(&top);
    let names = Names { codes: &codes, outcomes: &outcome_codes, attributes: &of_cases, pauses };
    check(&top, &names, report);
    let attributes = attributes(&top);
    let case_attributes = case_attributes(&top, report);
    let recency = recency(&top, report);
    let referral_to_plan = referral_to_plan(&top, report);
    let stages = stages(&top, &attributes, report);
    let standards = terms::standards(&top, report);
    let outcomes = outcome::outcomes(&top, report);
    if reading == Reading::New {
        whole::claimable(&outcomes, calendar.as_ref(), report);
    }
    whole::achievable(&outcomes, &attributes, report);
    let outcomes = whole::checked(outcomes, report);
    let measures = measure::measures(&top, &codes, report);
    let grades = terms::grades(&top, report);
    let kpis = kpi::kpis(&top, &standards, report);
    let reports = terms::reports(&top, report);
    let own_reports = report_parse::reports(&top, calendar.as_ref(), report);
    let referrals = top.section("referrals");
    let rulebook = Rulebook {
        grammar,
        contract: top.text("contract")?,
        version: top.text("version")?,
        title: top.text("title")?,
        effective_from: top.date("effective_from")?,
        applies_by: top.word("applies_by", &APPLIES_BY)?,
        retroactive: top.flag("retroactive")?,
        currency: top.text("currency")?,
        calendar: calendar?,
        codes,
        attributes,
        case_attributes,
        labels: labels(&top),
        channels: channels(&top),
        referrals: match &referrals {
            Some(section) => section.word("counts_when", &COUNTS_WHEN)?,
            None => CountsWhen::Received,
        },
        default_area: referrals.and_then(|section| section.text("default_area")),
        recency: recency?,
        referral_to_plan,
        caseload: caseload(&top),
        supply: supply(&top, report),
        stages,
        standards,
        outcomes,
        measures,
        leagues: league::leagues(&top, report),
        caps: terms::caps(&top),
        grades,
        kpis,
        profiles: top.section("targets").map(|section| section.texts("profiles")).unwrap_or_default(),
        reports,
        own_reports,
        duties: terms::duties(&top),
        retention: retention(&top, report),
        hash: canonical::sha256_hex(&canonical_text),
    };
    let known = KnownMeasures::of(&top, &rulebook);
    measure::check_ratios(&top, &known, report);
    league::check_measures(&top, (&rulebook, &known), report);
    kpi::check_measures(&top, &known, report);
    report_parse::check_measures(&top, &known, report);
    Some(rulebook)
}

/// Another grammar may give every key another meaning, so it ends the reading.
fn grammar(top: &Section<'_>, report: &mut Report<'_>) -> Option<u32> {
    let Some(item) = top.item("rulebook") else {
        top.missing("rulebook", report);
        return None;
    };
    match item.whole() {
        Ok(GRAMMAR) => return Some(GRAMMAR),
        Ok(other) => item.wrong(format!("this build reads grammar {GRAMMAR}, not {other}"), report),
        Err(fault) => item.faulty(fault, report),
    }
    None
}

fn codes(top: &Section<'_>) -> Codes {
    let mut codes = Codes::default();
    let Some(section) = top.section("codes") else { return codes };
    for list in CodeList::ALL {
        if section.item(list.key()).is_some_and(|item| item.value.is_array()) {
            codes.lists.insert(list, section.texts(list.key()));
        }
    }
    codes.money = section.texts("money_codes");
    codes
}

fn calendar(top: &Section<'_>, report: &mut Report<'_>) -> Option<Calendar> {
    let section = top.section("calendar")?;
    let pauses = pauses(&section, report);
    Some(Calendar {
        zone: section.item("zone")?.zone().ok()?,
        working_days: section.text("working_days")?,
        financial_year: section.item("financial_year")?.month_day().ok()?,
        pauses,
    })
}

fn pauses(calendar: &Section<'_>, report: &mut Report<'_>) -> Vec<Pause> {
    let mut pauses: Vec<Pause> = Vec::new();
    for section in calendar.sections("pause") {
        let (Some(name), Some(ranges)) = (section.text("name"), section.item("ranges")) else { continue };
        if pauses.iter().any(|earlier| earlier.name == name) {
            let problem = format!("the pause {name:?} is already defined above");
            let remedy = "give it another name, or write all ranges in one pause";
            report.add(section.at.clone(), Some(&section.path_of("name")), problem, remedy);
            continue;
        }
        let ranges = ranges.elements().iter().filter_map(super::reader::Item::days).collect();
        pauses.push(Pause { name, ranges });
    }
    pauses
}

fn labels(top: &Section<'_>) -> Labels {
    let labels = top.entries("labels");
    Labels(labels.iter().filter_map(|label| Some((label.key.to_owned(), label.text().ok()?))).collect())
}

fn channels(top: &Section<'_>) -> Channels {
    let Some(section) = top.section("channels") else { return Channels::default() };
    Channels { face_to_face: section.texts("face_to_face") }
}

fn recency(top: &Section<'_>, report: &mut Report<'_>) -> Option<Recency> {
    let default = Recency::default();
    let Some(section) = top.section("recency") else { return Some(default) };
    let counts_with = if section.has("counts_with") { section.texts("counts_with") } else { default.counts_with };
    let buckets = if section.has("upper") { buckets(&section, report)? } else { default.buckets };
    Some(Recency { counts_with, buckets })
}

impl Default for Recency {
    /// The rows that boards of such contracts print.
    fn default() -> Self {
        let labels = ["1 week or less", "1-2 weeks", "2-3 weeks", "3-4 weeks", "4 weeks or more"];
        Self {
            counts_with: ["client", "family", "carer"].map(str::to_owned).into(),
            buckets: Buckets {
                upper: vec![7, 14, 21, 27],
                labels: labels.map(str::to_owned).into(),
                none: "No contact yet".to_owned(),
            },
        }
    }
}

fn referral_to_plan(top: &Section<'_>, report: &mut Report<'_>) -> Option<ReferralToPlan> {
    let section = top.section("referral_to_plan")?;
    let buckets = buckets(&section, report);
    Some(ReferralToPlan { plan: section.text("plan")?, buckets: buckets? })
}

fn caseload(top: &Section<'_>) -> CaseloadTerms {
    let Some(section) = top.section("caseload") else { return CaseloadTerms::default() };
    CaseloadTerms {
        seen_every_days: section.whole("seen_every_days"),
        limit: section.whole("limit"),
        limit_per_wte: section.decimal("limit_per_wte"),
    }
}

fn buckets(section: &Section<'_>, report: &mut Report<'_>) -> Option<Buckets> {
    let (upper, labels) = rows_by_upper_edge(section, report)?;
    Some(Buckets { upper, labels, none: section.text("none")? })
}

/// The upper edges of rows, and their labels.
pub(super) fn rows_by_upper_edge(section: &Section<'_>, report: &mut Report<'_>) -> Option<(Vec<u32>, Vec<String>)> {
    let upper = upper_edges(section, report)?;
    let labels = section.item("labels")?;
    // Counted as written, so that a label that is refused is not reported twice.
    let (rows, written) = (upper.len() + 1, labels.elements().len());
    if labels.value.is_array() && rows != written {
        let problem = format!("{} edges make {rows} rows, but there are {written} labels", upper.len());
        let remedy = format!("write {rows} labels, the last for all above the last edge");
        report.add(labels.at.clone(), Some(&labels.path), problem, remedy);
    }
    Some((upper, section.texts("labels")))
}

fn upper_edges(section: &Section<'_>, report: &mut Report<'_>) -> Option<Vec<u32>> {
    let item = section.item("upper").filter(|item| item.value.is_array())?;
    let mut edges: Vec<u32> = Vec::new();
    for element in item.elements() {
        let edge = element.whole().ok()?;
        let problem = match edges.last() {
            Some(last) if *last == edge => Some(format!("the edge {edge} is in the list twice")),
            Some(last) if *last > edge => Some(format!("the edge {edge} comes after {last}")),
            _ => None,
        };
        if let Some(problem) = problem {
            report.add(element.at, Some(&item.path), problem, "write each inclusive upper edge once, in rising order");
        }
        edges.push(edge);
    }
    Some(edges)
}
