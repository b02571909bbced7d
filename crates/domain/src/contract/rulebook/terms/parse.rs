//! Reads `[[cap]]`, `[[standard]]`, `[[grade]]`, `[reports]` and `[duties]`.

use chrono::NaiveDate;

use super::super::grammar::terms::{CAP_SCOPES, CROSSINGS, SEPARATE, SPELL_STARTED, Separate};
use super::super::kpi::parse::{consequences, withholding};
use super::super::reader::{Report, Section};
use super::{Cap, Duties, Grade, GradeTest, MetBy, Passes, Reports, Standard, StandardFrom, Within};

pub(in super::super) fn caps(top: &Section<'_>) -> Vec<Cap> {
    top.sections("cap").iter().filter_map(cap).collect()
}

fn cap(section: &Section<'_>) -> Option<Cap> {
    Some(Cap {
        scope: section.word("scope", &CAP_SCOPES)?,
        outcomes: section.texts("outcomes"),
        amount: section.money("amount")?,
        crossing: section.word("crossing", &CROSSINGS)?,
        refill: section.flag("refill")?,
    })
}

pub(in super::super) fn standards(top: &Section<'_>, report: &mut Report<'_>) -> Vec<Standard> {
    let mut standards: Vec<Standard> = Vec::new();
    for section in top.sections("standard") {
        let (minimum, lower) = (section.decimal("minimum_level"), section.decimal("lower_level"));
        if let (Some(minimum), Some(lower)) = (minimum, lower)
            && lower > minimum
        {
            let problem = format!("the lower level {lower} is above the minimum level {minimum}");
            let remedy = "write lower_level no greater than minimum_level";
            report.add(section.at.clone(), Some(&section.path), problem, remedy);
        }
        let follows = ["tools", "withhold"].into_iter().find(|key| section.item(key).is_some());
        if let Some(key) = follows.filter(|_| minimum.or(lower).is_none()) {
            let problem = "a standard without levels is never failed";
            let remedy = "write minimum_level, lower_level or both";
            report.add(section.place_of(key), Some(&section.path_of(key)), problem, remedy);
        }
        let Some(standard) = standard(&section) else { continue };
        if standards.iter().any(|earlier| earlier.code == standard.code) {
            let problem = format!("the standard {:?} is already defined above", standard.code);
            report.add(section.at.clone(), Some(&section.path_of("code")), problem, "give it another code");
        }
        standards.push(standard);
    }
    standards
}

fn standard(section: &Section<'_>) -> Option<Standard> {
    Some(Standard {
        code: section.text("code")?,
        from: from(&section.text("from")?)?,
        within: within(&section.section("within")?)?,
        met_by: met_by(&section.section("met_by")?)?,
        minimum_level: section.decimal("minimum_level"),
        lower_level: section.decimal("lower_level"),
        consequences: consequences(section),
    })
}

fn from(text: &str) -> Option<StandardFrom> {
    match text {
        "referral_received" => Some(StandardFrom::ReferralReceived),
        "referral_accepted" => Some(StandardFrom::ReferralAccepted),
        "missed_contact" => Some(StandardFrom::MissedContact),
        "plan_agreed" => Some(StandardFrom::PlanAgreed),
        "last_review" => Some(StandardFrom::LastReview),
        other => other.strip_prefix(SPELL_STARTED).map(|domain| StandardFrom::SpellStarted(domain.to_owned())),
    }
}

fn within(section: &Section<'_>) -> Option<Within> {
    let days = section.whole("days").map(Within::Days);
    days.or_else(|| section.whole("working_days").map(Within::WorkingDays))
}

fn met_by(section: &Section<'_>) -> Option<MetBy> {
    let contact = section.section("contact");
    let made = contact.as_ref().and_then(|contact| contact.flag("made"));
    let in_person = contact.as_ref().and_then(|contact| contact.flag("face_to_face"));
    Some(MetBy {
        contacts: section.whole("contacts").unwrap_or(u32::from(made == Some(true))),
        face_to_face: section.flag("face_to_face")? || in_person == Some(true),
        plan: section.text("plan"),
        review: section.text("review"),
        task: section.text("task"),
        attempt: made == Some(false),
    })
}

pub(in super::super) fn grades(top: &Section<'_>, report: &mut Report<'_>) -> Vec<Grade> {
    let mut grades: Vec<Grade> = Vec::new();
    for section in top.sections("grade") {
        let Some(code) = section.text("code") else { continue };
        if grades.iter().any(|earlier| earlier.code == code) {
            let problem = format!("the grade {code:?} is already defined above");
            report.add(section.at.clone(), Some(&section.path_of("code")), problem, "give it another code");
        }
        if grades.last().is_some_and(|above| above.all_of.is_empty()) {
            let problem = "the grade above takes every value, so this one is never given";
            report.add(section.at.clone(), Some(&section.path), problem, "put the grade without all_of last");
        }
        let all_of = section.sections("all_of").iter().filter_map(grade_test).collect();
        let withhold = section.section("withhold").as_ref().and_then(withholding);
        grades.push(Grade { code, all_of, withhold });
    }
    grades
}

fn grade_test(section: &Section<'_>) -> Option<GradeTest> {
    let bound = |key: &str, passes: fn(_) -> Passes| section.decimal(key).map(passes);
    let passes = bound("at_least", Passes::AtLeast)
        .or_else(|| bound("at_most", Passes::AtMost))
        .or_else(|| bound("below", Passes::Below));
    Some(GradeTest { measure: section.text("measure")?, passes: passes? })
}

pub(in super::super) fn duties(top: &Section<'_>) -> Duties {
    let Some(section) = top.section("duties") else { return Duties::default() };
    let named = section.texts("separate");
    let is_named = |duties: Separate| {
        SEPARATE.iter().any(|word| word.value == duties && named.iter().any(|name| name == word.text))
    };
    Duties {
        attach_verify: is_named(Separate::AttachVerify),
        verify_submit: is_named(Separate::VerifySubmit),
        submit_decide: is_named(Separate::SubmitDecide),
    }
}

pub(in super::super) fn reports(top: &Section<'_>, report: &mut Report<'_>) -> Reports {
    let dates = top.section("reports").and_then(|section| section.item("due"));
    let mut due: Vec<NaiveDate> = Vec::new();
    for element in dates.map(|dates| dates.elements()).unwrap_or_default() {
        let Ok(date) = element.quoted_date() else { continue };
        if due.last().is_some_and(|last| *last >= date) {
            element.wrong(format!("{date} is not later than the day before it in the list"), report);
        }
        due.push(date);
    }
    let hides = top.section("reports").and_then(|section| section.flag("hide_small_counts"));
    Reports { due, hide_small_counts: hides.unwrap_or(false) }
}
