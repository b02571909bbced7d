//! The grammar of the rulebook, section by section.
//!
//! It never reads a section this build does not know as if it did: such a section is
//! an error that names it, so that no rule is published and then silently ignored.

use std::ops::Range;

use chrono::NaiveDate;
use chrono_tz::Tz;
use toml::de::{DeTable, DeValue};

use super::attributes::attributes;
use super::channels::channels;
use super::document;
use super::labels::labels;
use super::outcome::{parse as outcome, whole};
use super::reader::{Item, Report, Section, path_of};
use super::stage;
use super::terms::parse as terms;
use super::{
    AppliesBy, Buckets, Calendar, CodeList, Codes, CountsWhen, Days, MonthDay, Pause, Recency, ReferralToPlan,
    Rulebook, RulebookError, canonical,
};
use crate::contract::calendar::BankHolidays;

/// The grammar that this build reads.
const GRAMMAR: u32 = 1;

const HEADER: [&str; 8] =
    ["rulebook", "contract", "version", "title", "effective_from", "applies_by", "retroactive", "currency"];

const SECTIONS: [&str; 16] = [
    "calendar",
    "codes",
    "attributes",
    "labels",
    "channels",
    "referrals",
    "recency",
    "referral_to_plan",
    "stage",
    "standard",
    "outcome",
    "cap",
    "grade",
    "targets",
    "reports",
    "duties",
];

const APPLIES_BY: [(&str, AppliesBy); 5] = [
    ("referred", AppliesBy::Referred),
    ("occurred", AppliesBy::Occurred),
    ("achieved", AppliesBy::Achieved),
    ("submitted", AppliesBy::Submitted),
    ("recorded", AppliesBy::Recorded),
];

pub(super) const COUNTS_WHEN: [(&str, CountsWhen); 2] =
    [("received", CountsWhen::Received), ("accepted", CountsWhen::Accepted)];

/// Whom a contact can be with, in the words of the event.
const CONTACT_WITH: [&str; 6] = ["client", "family", "carer", "professional", "employer", "landlord"];

/// For what a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It is to be published, or only tried.
    New,
    /// It was published.
    Published,
}

pub(super) fn parse(text: &str, reading: Reading) -> Result<Rulebook, Vec<RulebookError>> {
    let mut report = Report::new(text);
    let rulebook = document::read(text, &mut report).and_then(|root| read(&root, reading, &mut report));
    match rulebook {
        Some(rulebook) if report.is_clean() => Ok(rulebook),
        _ => Err(report.into_errors()),
    }
}

fn read(root: &DeTable<'_>, reading: Reading, report: &mut Report<'_>) -> Option<Rulebook> {
    let top = Section::root(root);
    let grammar = grammar(&top, report)?;
    let canonical_text = document::canonical(root, report);
    known_sections(&top, report);
    let contract = text(&top, "contract", "\"mhep-tower-hamlets\"", report);
    let version = text(&top, "version", "\"2021-04\"", report);
    let title = text(&top, "title", "\"IPS employment support\"", report);
    let effective_from = top.required("effective_from", "2021-04-01", report).and_then(|item| item.date(report));
    let applies_by =
        top.required("applies_by", "\"achieved\"", report).and_then(|item| item.one_of(&APPLIES_BY, report));
    let retroactive = top.required("retroactive", "false", report).and_then(|item| item.flag(report));
    let currency = currency(&top, report);
    let calendar = calendar(&top, report);
    let codes = codes(&top, report);
    let attributes = attributes(&top, &codes, report);
    let labels = labels(&top, report);
    let channels = channels(&top, &codes, report);
    let (referrals, default_area) = referrals(&top, &codes, report);
    let recency = recency(&top, report);
    let referral_to_plan = referral_to_plan(&top, &codes, report);
    let outcome_codes = outcome::codes(&top);
    let stages = stage::stages(&top, (&codes, &attributes), &outcome_codes, report);
    let standards = terms::standards(&top, &codes, report);
    let outcomes = outcome::outcomes(&top, calendar.as_ref(), &codes, report);
    if reading == Reading::New {
        whole::claimable(&outcomes, calendar.as_ref(), report);
    }
    whole::achievable(&outcomes, &attributes, report);
    let outcomes = whole::checked(outcomes, &outcome_codes, report);
    let caps = terms::caps(&top, &outcome_codes, report);
    let grades = terms::grades(&top, report);
    let profiles = terms::profiles(&top, report);
    let reports = terms::reports(&top, report);
    let duties = terms::duties(&top, report);
    Some(Rulebook {
        grammar,
        contract: contract?,
        version: version?,
        title: title?,
        effective_from: effective_from?,
        applies_by: applies_by?,
        retroactive: retroactive?,
        currency: currency?,
        calendar: calendar?,
        codes,
        attributes,
        labels,
        channels,
        referrals,
        default_area,
        recency: recency?,
        referral_to_plan,
        stages,
        standards,
        outcomes,
        caps,
        grades,
        profiles,
        reports,
        duties,
        hash: canonical::sha256_hex(&canonical_text),
    })
}

/// Another grammar may mean something else by every key, so it ends the reading.
fn grammar(top: &Section<'_>, report: &mut Report<'_>) -> Option<u32> {
    let item = top.required("rulebook", "1", report)?;
    let grammar = item.whole(report)?;
    if grammar == GRAMMAR {
        return Some(grammar);
    }
    item.wrong(format!("this build reads grammar {GRAMMAR}, not {grammar}"), report);
    None
}

fn known_sections(top: &Section<'_>, report: &mut Report<'_>) {
    for (key, item) in top.table {
        let name = key.get_ref().as_ref();
        if HEADER.contains(&name) || SECTIONS.contains(&name) {
            continue;
        }
        let heading = match item.get_ref() {
            DeValue::Table(_) => Some(format!("[{name}]")),
            DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()) => Some(format!("[[{name}]]")),
            _ => None,
        };
        let (problem, known) = match heading {
            Some(heading) => (format!("unknown section {heading}"), SECTIONS.join(", ")),
            None => ("unknown key".to_owned(), HEADER.join(", ")),
        };
        let remedy = format!("write one of {known}, or take it out");
        report.add(key.span(), Some(name), problem, remedy);
    }
}

fn text(section: &Section<'_>, key: &'static str, example: &'static str, report: &mut Report<'_>) -> Option<String> {
    section.required(key, example, report)?.text(report)
}

fn currency(top: &Section<'_>, report: &mut Report<'_>) -> Option<String> {
    let item = top.required("currency", "\"GBP\"", report)?;
    let currency = item.text(report)?;
    if currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Some(currency);
    }
    item.wrong("a currency is three capital letters", report);
    None
}

fn calendar(top: &Section<'_>, report: &mut Report<'_>) -> Option<Calendar> {
    if !top.has("calendar") {
        report.add(
            top.at.clone(),
            Some("calendar"),
            "missing",
            "write [calendar] with zone, working_days and financial_year",
        );
        return None;
    }
    let section = top.section("calendar", report)?;
    section.only(&["zone", "working_days", "financial_year", "pause"], report);
    let zone = zone(&section, report);
    let working_days = working_days(&section, report);
    let financial_year =
        section.required("financial_year", "\"04-01\"", report).and_then(|item| month_day(&item, report));
    let pauses = pauses(&section, report);
    Some(Calendar { zone: zone?, working_days: working_days?, financial_year: financial_year?, pauses })
}

/// A division whose bank holidays are known.
fn working_days(section: &Section<'_>, report: &mut Report<'_>) -> Option<String> {
    let item = section.required("working_days", "\"england-and-wales\"", report)?;
    let name = item.text(report)?;
    let known = BankHolidays::known();
    if known.division(&name).is_none() {
        let names: Vec<_> = known.names().collect();
        let problem = format!("the bank holidays of {name:?} are not known");
        report.add(item.at.clone(), Some(&item.path), problem, format!("write one of {}", names.join(", ")));
    }
    Some(name)
}

fn zone(section: &Section<'_>, report: &mut Report<'_>) -> Option<Tz> {
    let item = section.required("zone", "\"Europe/London\"", report)?;
    let name = item.text(report)?;
    let zone = name.parse().ok();
    if zone.is_none() {
        item.wrong(format!("there is no time zone {name:?}"), report);
    }
    zone
}

fn month_day(item: &Item<'_>, report: &mut Report<'_>) -> Option<MonthDay> {
    // 2001 is not a leap year, so 29 February fails here as it would in most years.
    let text = item.text(report)?;
    let day = iso_date(&format!("2001-{text}"));
    if day.is_none() {
        item.wrong(format!("{text:?} is not a day of every year"), report);
    }
    day.map(|day| MonthDay { month: chrono::Datelike::month(&day), day: chrono::Datelike::day(&day) })
}

fn pauses(section: &Section<'_>, report: &mut Report<'_>) -> Vec<Pause> {
    let mut pauses: Vec<Pause> = Vec::new();
    for section in section.sections("pause", report) {
        section.only(&["name", "ranges"], report);
        let name = text(&section, "name", "\"school-holidays\"", report);
        let example = "[[\"2015-03-28\", \"2015-04-12\"]]";
        let ranges: Option<Vec<Days>> = section
            .required("ranges", example, report)
            .and_then(|item| item.elements(report))
            .map(|ranges| ranges.iter().filter_map(|range| days(range, report)).collect());
        let (Some(name), Some(ranges)) = (name, ranges) else {
            continue;
        };
        if pauses.iter().any(|earlier| earlier.name == name) {
            report.add(
                section.at,
                Some(&path_of(&section.path, "name")),
                format!("a pause {name:?} stands above already"),
                "give it another name, or write all ranges in one pause",
            );
            continue;
        }
        pauses.push(Pause { name, ranges });
    }
    pauses
}

fn days(item: &Item<'_>, report: &mut Report<'_>) -> Option<Days> {
    let ends = item.elements(report)?;
    let [first, last] = ends.as_slice() else {
        item.wrong("a range is its first and its last day", report);
        return None;
    };
    let (first, last) = (quoted_date(first, report), quoted_date(last, report));
    let days = Days { first: first?, last: last? };
    if days.last < days.first {
        item.wrong("the range ends before it begins", report);
        return None;
    }
    Some(days)
}

pub(super) fn quoted_date(item: &Item<'_>, report: &mut Report<'_>) -> Option<NaiveDate> {
    let text = item.text(report)?;
    let date = iso_date(&text);
    if date.is_none() {
        item.wrong(format!("{text:?} is not a date"), report);
    }
    date
}

/// Only `YYYY-MM-DD`, digit for digit.
fn iso_date(text: &str) -> Option<NaiveDate> {
    let date: NaiveDate = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

fn codes(top: &Section<'_>, report: &mut Report<'_>) -> Codes {
    let mut codes = Codes::default();
    let Some(section) = top.section("codes", report) else {
        return codes;
    };
    section.only(&CodeList::ALL.map(CodeList::key), report);
    for list in CodeList::ALL {
        let texts = section.optional(list.key(), "[\"a_code\", \"another_code\"]").and_then(|item| item.texts(report));
        if let Some(texts) = texts {
            let listed = texts.into_iter().map(|(code, _)| code).collect();
            codes.lists.insert(list, listed);
        }
    }
    codes
}

/// Reports a code that a rule names but no command could use.
pub(super) fn check_code(
    codes: &Codes,
    list: CodeList,
    (code, at): &(String, Range<usize>),
    path: &str,
    report: &mut Report<'_>,
) {
    let Err(allowed) = codes.check(list, code) else {
        return;
    };
    let add = format!("add it to codes.{}", list.key());
    let remedy = if allowed.is_empty() { add } else { format!("write one of {}, or {add}", allowed.join(", ")) };
    report.add(at.clone(), Some(path), format!("{code:?} is not in codes.{}", list.key()), remedy);
}

/// Reports an outcome that a rule names but the rulebook does not have.
pub(super) fn check_outcome(
    outcomes: &[String],
    (code, at): &(String, Range<usize>),
    path: &str,
    report: &mut Report<'_>,
) {
    if !outcomes.contains(code) {
        let known = outcomes.join(", ");
        let remedy = if known.is_empty() {
            "write an [[outcome]] of that code".to_owned()
        } else {
            format!("write one of {known}")
        };
        report.add(at.clone(), Some(path), format!("there is no outcome {code:?}"), remedy);
    }
}

/// When a referral counts, and the area of one whose source names none.
fn referrals(top: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> (CountsWhen, Option<String>) {
    let Some(section) = top.section("referrals", report) else { return (CountsWhen::Received, None) };
    section.only(&["counts_when", "default_area"], report);
    let counts_when = section.required("counts_when", "\"received\"", report);
    let counts_when = counts_when.and_then(|item| item.one_of(&COUNTS_WHEN, report));
    let default_area = section.optional("default_area", "\"brent\"").and_then(|item| {
        let area = (item.text(report)?, item.at.clone());
        check_code(codes, CodeList::Areas, &area, &item.path, report);
        Some(area.0)
    });
    (counts_when.unwrap_or(CountsWhen::Received), default_area)
}

fn recency(top: &Section<'_>, report: &mut Report<'_>) -> Option<Recency> {
    let default = Recency {
        counts_with: ["client", "family", "carer"].map(str::to_owned).into(),
        buckets: default_recency_buckets(),
    };
    let Some(section) = top.section("recency", report) else {
        return Some(default);
    };
    section.only(&["counts_with", "upper", "labels", "none"], report);
    let counts_with = counts_with(&section, report);
    let buckets = if ["upper", "labels", "none"].iter().any(|key| section.has(key)) {
        buckets(&section, report)?
    } else {
        default.buckets
    };
    Some(Recency { counts_with: counts_with.unwrap_or(default.counts_with), buckets })
}

/// The rows that boards of such contracts print, for a rulebook that names none.
fn default_recency_buckets() -> Buckets {
    let labels = ["1 week or less", "1-2 weeks", "2-3 weeks", "3-4 weeks", "4 weeks or more"];
    Buckets { upper: vec![7, 14, 21, 27], labels: labels.map(str::to_owned).into(), none: "No contact yet".to_owned() }
}

fn counts_with(section: &Section<'_>, report: &mut Report<'_>) -> Option<Vec<String>> {
    let item = section.optional("counts_with", "[\"client\", \"family\", \"carer\"]")?;
    let kinds = item.some_texts(report)?;
    for (kind, at) in &kinds {
        if !CONTACT_WITH.contains(&kind.as_str()) {
            report.add(
                at.clone(),
                Some(&item.path),
                format!("a contact cannot be with {kind:?}"),
                format!("write one of {}", CONTACT_WITH.join(", ")),
            );
        }
    }
    Some(kinds.into_iter().map(|(kind, _)| kind).collect())
}

fn referral_to_plan(top: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<ReferralToPlan> {
    let section = top.section("referral_to_plan", report)?;
    section.only(&["plan", "upper", "labels", "none"], report);
    let plan = section.required("plan", "\"employment_plan\"", report).and_then(|item| {
        let plan = (item.text(report)?, item.at.clone());
        check_code(codes, CodeList::PlanKinds, &plan, &item.path, report);
        Some(plan.0)
    });
    let buckets = buckets(&section, report);
    Some(ReferralToPlan { plan: plan?, buckets: buckets? })
}

fn buckets(section: &Section<'_>, report: &mut Report<'_>) -> Option<Buckets> {
    let upper = section.required("upper", "[7, 14, 21, 27]", report).and_then(|item| upper_edges(&item, report));
    let labels = section.required("labels", "[\"1 week or less\", \"1-2 weeks\", \"more\"]", report);
    let none = text(section, "none", "\"No contact yet\"", report);
    let labels = labels.and_then(|item| {
        let labels: Vec<String> = item.texts(report)?.into_iter().map(|(label, _)| label).collect();
        // Counted as written, so that a label refused for itself is not refused twice.
        let written = item.value.as_array().map_or(0, |items| items.len());
        let edges = upper.as_ref().map(Vec::len);
        if let Some(edges) = edges.filter(|edges| edges + 1 != written) {
            report.add(
                item.at.clone(),
                Some(&item.path),
                format!("{edges} edges make {} rows, but there are {written} labels", edges + 1),
                format!("write {} labels, the last for the days above the last edge", edges + 1),
            );
        }
        Some(labels)
    });
    Some(Buckets { upper: upper?, labels: labels?, none: none? })
}

fn upper_edges(item: &Item<'_>, report: &mut Report<'_>) -> Option<Vec<u32>> {
    let mut edges: Vec<u32> = Vec::new();
    for element in item.elements(report)? {
        let edge = element.whole(report)?;
        let problem = match edges.last() {
            Some(last) if *last == edge => Some(format!("the edge {edge} stands in the list twice")),
            Some(last) if *last > edge => Some(format!("the edge {edge} stands after {last}")),
            _ => None,
        };
        if let Some(problem) = problem {
            report.add(element.at, Some(&item.path), problem, "write each inclusive upper edge once, in rising order");
        }
        edges.push(edge);
    }
    Some(edges)
}
