//! The grammar of `[[cap]]`, `[[standard]]`, `[[grade]]`, `[targets]`, `[reports]` and `[duties]`.
//!
//! It never takes a cap below nothing or a standard that nothing meets.

use chrono::NaiveDate;

use super::super::outcome::trigger::code;
use super::super::parse::{check_code, check_outcome, quoted_date};
use super::super::reader::{Report, Section, path_of};
use super::super::{CodeList, Codes};
use super::{
    Cap, CapScope, Crossing, Duties, Grade, GradeTest, MetBy, Passes, Reports, Standard, StandardFrom, Within,
};

const CAP_SCOPES: [(&str, CapScope); 4] = [
    ("contract", CapScope::Contract),
    ("year", CapScope::Year),
    ("person", CapScope::Person),
    ("outcome", CapScope::Outcome),
];
const CROSSINGS: [(&str, Crossing); 2] = [("partial", Crossing::Partial), ("whole", Crossing::Whole)];
const FROM: [&str; 6] = [
    "referral_received",
    "referral_accepted",
    "missed_contact",
    "plan_agreed",
    "last_review",
    "spell_started:<domain>",
];

pub(in super::super) fn caps(top: &Section<'_>, outcomes: &[String], report: &mut Report<'_>) -> Vec<Cap> {
    top.sections("cap", report).into_iter().filter_map(|section| cap(&section, outcomes, report)).collect()
}

fn cap(section: &Section<'_>, outcomes: &[String], report: &mut Report<'_>) -> Option<Cap> {
    section.only(&["scope", "outcomes", "amount", "crossing", "refill"], report);
    let scope = section.required("scope", "\"contract\"", report).and_then(|item| item.one_of(&CAP_SCOPES, report));
    let amount = section.required("amount", "\"2070000.00\"", report).and_then(|item| item.money(report));
    let crossing = match section.optional("crossing", "\"partial\"") {
        Some(item) => item.one_of(&CROSSINGS, report),
        None => Some(Crossing::Partial),
    };
    let refill = section.optional("refill", "true").map_or(Some(true), |item| item.flag(report));
    let mut named = Vec::new();
    if let Some(item) = section.optional("outcomes", "[\"job_13w\"]") {
        for found in item.some_texts(report).unwrap_or_default() {
            check_outcome(outcomes, &found, &item.path, report);
            named.push(found.0);
        }
    }
    Some(Cap { scope: scope?, outcomes: named, amount: amount?, crossing: crossing?, refill: refill? })
}

pub(in super::super) fn standards(top: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Vec<Standard> {
    let mut standards: Vec<Standard> = Vec::new();
    for section in top.sections("standard", report) {
        let Some(standard) = standard(&section, codes, report) else { continue };
        if standards.iter().any(|earlier| earlier.code == standard.code) {
            let problem = format!("a standard {:?} stands above already", standard.code);
            report.add(section.at.clone(), Some(&path_of(&section.path, "code")), problem, "give it another code");
        }
        standards.push(standard);
    }
    standards
}

fn standard(section: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<Standard> {
    section.only(&["code", "from", "within", "met_by", "minimum_level", "lower_level"], report);
    let code = section.required("code", "\"first_contact\"", report).and_then(|item| item.text(report));
    let from = from(section, codes, report);
    let within = within(section, report);
    let met_by = met_by(section, codes, report);
    let minimum_level = section.optional("minimum_level", "95").and_then(|item| item.percent(report));
    let lower_level = section.optional("lower_level", "85").and_then(|item| item.percent(report));
    if let (Some(minimum), Some(lower)) = (minimum_level, lower_level)
        && lower > minimum
    {
        let problem = format!("the lower level {lower} stands above the minimum level {minimum}");
        report.add(section.at.clone(), Some(&section.path), problem, "write lower_level no greater than minimum_level");
    }
    Some(Standard { code: code?, from: from?, within: within?, met_by: met_by?, minimum_level, lower_level })
}

fn from(section: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<StandardFrom> {
    let item = section.required("from", "\"referral_received\"", report)?;
    let text = item.text(report)?;
    let from = match text.as_str() {
        "referral_received" => StandardFrom::ReferralReceived,
        "referral_accepted" => StandardFrom::ReferralAccepted,
        "missed_contact" => StandardFrom::MissedContact,
        "plan_agreed" => StandardFrom::PlanAgreed,
        "last_review" => StandardFrom::LastReview,
        other => {
            let Some(domain) = other.strip_prefix("spell_started:").filter(|domain| !domain.is_empty()) else {
                let remedy = format!("write from = one of {}", FROM.join(", "));
                report.add(item.at.clone(), Some(&item.path), format!("{text:?} starts no clock"), remedy);
                return None;
            };
            let domain = (domain.to_owned(), item.at.clone());
            check_code(codes, CodeList::SpellDomains, &domain, &item.path, report);
            StandardFrom::SpellStarted(domain.0)
        }
    };
    Some(from)
}

fn within(section: &Section<'_>, report: &mut Report<'_>) -> Option<Within> {
    let item = section.required("within", "{ days = 7 }", report)?;
    let table = item.table("a number of days", report)?;
    table.only(&["days", "working_days"], report);
    match (table.optional("days", "7"), table.optional("working_days", "5")) {
        (Some(days), None) => days.whole(report).map(Within::Days),
        (None, Some(days)) => days.whole(report).map(Within::WorkingDays),
        _ => {
            item.wrong("it says not how long, or says it twice", report);
            None
        }
    }
}

fn met_by(section: &Section<'_>, codes: &Codes, report: &mut Report<'_>) -> Option<MetBy> {
    let item = section.required("met_by", "{ contact = { made = true } }", report)?;
    let table = item.table("what meets it", report)?;
    table.only(&["contact", "contacts", "face_to_face", "plan", "review", "task"], report);
    let mut met_by = MetBy::default();
    if let Some(contact) = table.section("contact", report) {
        contact.only(&["made", "face_to_face"], report);
        let made = contact.optional("made", "true").map_or(Some(true), |item| item.flag(report))?;
        (met_by.contacts, met_by.attempt) = (u32::from(made), !made);
        met_by.face_to_face = flag(&contact, "face_to_face", report);
    }
    if let Some(contacts) = table.optional("contacts", "3") {
        met_by.contacts = contacts.positive(report)?;
    }
    met_by.face_to_face |= flag(&table, "face_to_face", report);
    let mut kind = |key| {
        let named =
            table.has(key).then(|| code(&table, key, "\"employment_plan\"", CodeList::PlanKinds, codes, report));
        named.flatten()
    };
    (met_by.plan, met_by.review) = (kind("plan"), kind("review"));
    met_by.task = table.optional("task", "\"welcome\"").and_then(|item| item.text(report));
    let nothing = MetBy { face_to_face: met_by.face_to_face, ..MetBy::default() };
    if met_by == nothing {
        item.wrong("it names nothing that meets it", report);
        return None;
    }
    Some(met_by)
}

fn flag(section: &Section<'_>, key: &'static str, report: &mut Report<'_>) -> bool {
    section.optional(key, "true").and_then(|item| item.flag(report)).unwrap_or(false)
}

pub(in super::super) fn grades(top: &Section<'_>, report: &mut Report<'_>) -> Vec<Grade> {
    let mut grades: Vec<Grade> = Vec::new();
    for section in top.sections("grade", report) {
        section.only(&["code", "all_of"], report);
        let code = section.required("code", "\"green\"", report).and_then(|item| item.text(report));
        let tests: Vec<GradeTest> =
            section.sections("all_of", report).iter().filter_map(|test| grade_test(test, report)).collect();
        let Some(code) = code else { continue };
        if grades.iter().any(|earlier| earlier.code == code) {
            let problem = format!("a grade {code:?} stands above already");
            report.add(section.at.clone(), Some(&path_of(&section.path, "code")), problem, "give it another code");
        }
        if grades.last().is_some_and(|above| above.all_of.is_empty()) {
            let problem = "the grade above takes every value, so this one is never given";
            report.add(section.at.clone(), Some(&section.path), problem, "put the grade without all_of last");
        }
        grades.push(Grade { code, all_of: tests });
    }
    grades
}

fn grade_test(section: &Section<'_>, report: &mut Report<'_>) -> Option<GradeTest> {
    section.only(&["measure", "at_least", "at_most", "below"], report);
    let measure = section.required("measure", "\"outcomes_achieved\"", report).and_then(|item| item.text(report));
    let named: Vec<_> = ["at_least", "at_most", "below"].into_iter().filter(|key| section.has(key)).collect();
    let [key] = named.as_slice() else {
        let problem = "a test has one bound";
        report.add(section.at.clone(), Some(&section.path), problem, "write one of at_least, at_most and below");
        return None;
    };
    let bound = section.optional(key, "80")?.decimal(report)?;
    let passes = match *key {
        "at_least" => Passes::AtLeast(bound),
        "at_most" => Passes::AtMost(bound),
        _ => Passes::Below(bound),
    };
    Some(GradeTest { measure: measure?, passes })
}

pub(in super::super) fn profiles(top: &Section<'_>, report: &mut Report<'_>) -> Vec<String> {
    let Some(section) = top.section("targets", report) else { return Vec::new() };
    section.only(&["profiles"], report);
    let profiles = section.required("profiles", "[\"contract\"]", report).and_then(|item| item.texts(report));
    profiles.unwrap_or_default().into_iter().map(|(profile, _)| profile).collect()
}

/// The duties that are kept apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separate {
    AttachVerify,
    VerifySubmit,
    SubmitDecide,
}

const SEPARATE: [(&str, Separate); 3] = [
    ("attach/verify", Separate::AttachVerify),
    ("verify/submit", Separate::VerifySubmit),
    ("submit/decide", Separate::SubmitDecide),
];

pub(in super::super) fn duties(top: &Section<'_>, report: &mut Report<'_>) -> Duties {
    let Some(section) = top.section("duties", report) else { return Duties::default() };
    section.only(&["separate"], report);
    let item = section.required("separate", "[\"attach/verify\"]", report);
    let elements = item.and_then(|item| item.elements(report)).unwrap_or_default();
    let named: Vec<Separate> = elements.iter().filter_map(|element| element.one_of(&SEPARATE, report)).collect();
    Duties {
        attach_verify: named.contains(&Separate::AttachVerify),
        verify_submit: named.contains(&Separate::VerifySubmit),
        submit_decide: named.contains(&Separate::SubmitDecide),
    }
}

pub(in super::super) fn reports(top: &Section<'_>, report: &mut Report<'_>) -> Reports {
    let Some(section) = top.section("reports", report) else { return Reports::default() };
    section.only(&["due"], report);
    let mut due: Vec<NaiveDate> = Vec::new();
    let item = section.required("due", "[\"2018-10-13\"]", report);
    for element in item.and_then(|item| item.elements(report)).unwrap_or_default() {
        let Some(date) = quoted_date(&element, report) else { continue };
        if due.last().is_some_and(|last| *last >= date) {
            element.wrong(format!("{date} stands after a day that is no earlier"), report);
        }
        due.push(date);
    }
    Reports { due }
}
