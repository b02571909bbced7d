//! Tests of reading outcomes, standards, caps and grades: values, sentences, and faults with line, key and remedy.

use rust_decimal::Decimal;

use super::super::terms::{CapScope, Crossing, MetBy, Passes, StandardFrom, Within};
use super::super::{Rulebook, RulebookError, explain};
use super::*;

/// Every key of outcomes, standards, caps and grades.
const WHOLE: &str = r#"rulebook = 1
contract = "whole"
version = "1"
title = "Whole"
effective_from = 2021-04-01
applies_by = "achieved"
retroactive = false
currency = "GBP"
[calendar]
zone = "Europe/London"
working_days = "england-and-wales"
financial_year = "04-01"
[[calendar.pause]]
name = "holidays"
ranges = [["2015-03-28", "2015-04-12"]]
[codes]
areas = ["north"]
cohorts = ["a"]
plan_kinds = ["php"]
spell_domains = ["employment", "care"]
evidence_kinds = ["payslip", "letter"]
risk_kinds = ["relapse"]
measure_codes = ["visits"]

[[stage]]
code = "sustained"
label = "Sustained"
when = { outcome = ["over16"] }

[[standard]]
code = "welcome"
from = "referral_accepted"
within = { working_days = 10 }
met_by = { contacts = 3, face_to_face = true, plan = "php" }
minimum_level = 95
lower_level = 85
[[standard]]
code = "check"
from = "spell_started:employment"
within = { days = 91 }
met_by = { task = "sustainment_check" }

[[outcome]]
code = "under16"
title = "13 weeks below 16 hours"
trigger = { spell = ["employment"] }
sustain = { weeks = 13, continuity = "n_in_window", window_weeks = 16, combine = "employers" }
hours = { basis = "average", below = 16, unknown = "lower" }
group = "job"
[[outcome.tariff]]
amount = "900.00"

[[outcome]]
code = "over16"
class = "employment"
title = "13 weeks at 16 hours or more"
trigger = { spell = ["employment"], where = { pay = ["living_wage"] } }
sustain = { days = 91, continuity = "max_gap", gap_days = 7, gap_counts = true, combine = "nothing", pause = "holidays", repeats = 2 }
hours = { basis = "every_week", at_least = 16 }
evidence = { any_of = ["payslip"], all_of = ["letter"], verified = true, dated_before_days = 0, dated_after_days = 60 }
hold_on_risk = ["relapse"]
only_if = { any = [{ fact = "employment_status", in = ["unemployed"] }, { not = { fact = "age", in = [15, 16] } }] }
claim = { after_working_days = 5, within_days = 180, attempts = 3 }
once_per = "person"
group = "job"
convert = { from = "under16" }
[[outcome.tariff]]
amount = "1500.00"
[[outcome.tariff]]
amount = "1650.005"
multiplier = 1.1
area = "north"
cohort = "a"
from = 2022-04-01
to = 2023-03-31
up_to = 100
round_unit_price = true
illustrative = true

[[outcome]]
code = "in_care"
title = "Fewer days in care"
scope = "cohort"
ratio = { spell_days = ["care"], of = "child_days", period = "financial_year", below = 0.85 }
[[outcome]]
code = "visits"
title = "Visits"
scope = "site"
volume = { measure = "visits", period = "quarter" }

[[cap]]
scope = "year"
outcomes = ["over16"]
amount = "2070000.00"
crossing = "whole"
refill = false

[[grade]]
code = "green"
all_of = [{ measure = "outcomes_achieved", at_least = 100 }, { measure = "complaints", at_most = 2 }]
[[grade]]
code = "red"

[targets]
profiles = ["contract", "business_plan"]
[reports]
due = ["2018-10-13", "2019-01-11"]
"#;

fn whole() -> Rulebook {
    Rulebook::parse(WHOLE).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The faults of [`WHOLE`] after one part is replaced, one in each line.
fn faults_with(part: &str, otherwise: &str) -> Vec<String> {
    assert_eq!(WHOLE.matches(part).count(), 1, "{part:?} must occur once");
    let errors = Rulebook::parse(&WHOLE.replace(part, otherwise)).err().unwrap_or_default();
    errors.iter().map(RulebookError::to_string).collect()
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn journey_terms(outcome: &Outcome) -> &JourneyTerms {
    let AchievedBy::Journey(terms) = &outcome.achieved_by else { panic!("{} is over many", outcome.code) };
    terms
}

#[test]
fn an_outcome_is_read() {
    let read = whole();
    let over16 = read.outcome("over16").expect("an outcome");
    let terms = journey_terms(over16);
    let sustain = Sustain {
        length: Length::Days(91),
        continuity: Continuity::MaxGap(7),
        gap_counts: true,
        combine: Combine::Nothing,
        pause: Some("holidays".to_owned()),
    };
    assert_eq!(terms.sustain.as_ref(), Some(&sustain));
    assert_eq!(terms.repeats, 2);
    let hours =
        Hours { basis: HoursBasis::EveryWeek, at_least: Some(decimal("16")), below: None, unknown: UnknownHours::Hold };
    assert_eq!(terms.hours, Some(hours));
    let evidence = terms.evidence.as_ref().expect("evidence");
    assert_eq!((evidence.dated_before_days, evidence.dated_after_days, evidence.verified), (Some(0), Some(60), true));
    let Some(Condition::Any(any)) = &terms.only_if else { panic!("{:?}", terms.only_if) };
    assert!(matches!(any.as_slice(), [Condition::Fact { .. }, Condition::Not(_)]));
    assert_eq!(
        over16.claim,
        ClaimTerms { after_working_days: 5, within_days: Some(180), attempts: 3, resubmit_within_days: None }
    );
    assert_eq!((over16.once_per, over16.convert_from.as_deref()), (OncePer::Person, Some("under16")));
    let tariff = &over16.tariffs[1];
    assert_eq!((tariff.amount, tariff.multiplier, tariff.up_to), (decimal("1650.005"), decimal("1.1"), Some(100)));
    let under16 = journey_terms(&read.outcomes[0]);
    let sustain = under16.sustain.as_ref().expect("it lasts");
    assert_eq!((sustain.length, sustain.continuity), (Length::Days(91), Continuity::Window(112)));
    assert_eq!(under16.repeats, 1);
}

#[test]
fn standards_caps_and_grades_are_read() {
    let read = whole();
    let AchievedBy::Many(terms) = &read.outcomes[2].achieved_by else { panic!("a scope") };
    assert_eq!((terms.scope, terms.period), (Scope::Cohort, PeriodKind::FinancialYear));
    let [welcome, check] = read.standards.as_slice() else { panic!("{:?}", read.standards) };
    let met_by = MetBy { contacts: 3, face_to_face: true, plan: Some("php".to_owned()), ..MetBy::default() };
    assert_eq!((&welcome.met_by, welcome.within), (&met_by, Within::WorkingDays(10)));
    assert_eq!(check.from, StandardFrom::SpellStarted("employment".to_owned()));
    let cap = &read.caps[0];
    assert_eq!((cap.scope, cap.crossing, cap.refill), (CapScope::Year, Crossing::Whole, false));
    assert_eq!(read.grades[0].all_of[1].passes, Passes::AtMost(decimal("2")));
    assert_eq!(read.profiles, ["contract", "business_plan"]);
    assert_eq!(read.reports.due.len(), 2);
}

#[test]
fn a_rulebook_is_explained_in_sentences() {
    let text = explain::of(&whole()).join("\n");
    for part in [
        "It judges claims that were achieved on or after 2021-04-01, and no earlier ones: it pays nothing that it dates before that day.",
        "Standard welcome: 3 contact(s) made face to face and a plan of kind php within 10 working days after the referral is accepted; met at 95 % or more, a major failure below 85 %.",
        "It begins with a spell of employment whose pay is living_wage.",
        "It must last 91 days, with gaps of up to 7 days, which count, each employer separately; the days of holidays are left out.",
        "It must last 91 days, anywhere within 112 days, all such spells together.",
        "The hours a week must be at least 16 on every day; unknown hours hold it.",
        "It needs evidence: payslip, and letter, verified, dated from 0 days before it to 60 days after it.",
        "It counts only if (employment_status is unemployed or not age is 15 or 16).",
        "It can be claimed from the 5th working day after the day it is achieved, until the 180th day after it, at most 3 times, and is paid once for each person.",
        "It replaces under16 and pays the difference: amounts claimed for under16 are deducted.",
        "It pays 1650.005 times 1.1, 1815.01 GBP in north, for cohort a, if achieved from 2022-04-01, if achieved until 2023-03-31, up to the 100th unit, rounded before it is multiplied by the units, (illustrative: no source states it).",
        "For each cohort and financial year, the days of care must be below 0.85 of all days of its people.",
        "At most 2070000.00 GBP is paid for over16 for each financial year of achievement; a claim that does not fit gets nothing, and smaller ones are still tried; an amount that is paid back cannot be paid again.",
        "Warning: 2018-10-13 is not a working day.",
    ] {
        assert!(text.contains(part), "{part}\n\nis not in\n\n{text}");
    }
}

#[test]
fn a_window_shorter_than_its_target_is_refused() {
    assert_eq!(
        faults_with("window_weeks = 16", "window_weeks = 12"),
        [
            "line 47: outcome.sustain.window_weeks: the window of 84 days is shorter than its target of 91 days; write a window of 91 days or more"
        ]
    );
}

#[test]
fn a_circle_of_conversions_is_refused() {
    let faults = faults_with(
        "group = \"job\"\n[[outcome.tariff]]\namount = \"900.00\"",
        "group = \"job\"\nconvert = { from = \"over16\" }",
    );
    assert_eq!(
        faults,
        [
            "line 50: outcome.convert.from: the conversions run in a circle: under16 from over16 from under16; take one of these conversions out",
            "line 65: outcome.convert.from: the conversions run in a circle: over16 from under16 from over16; take one of these conversions out",
        ]
    );
}

#[test]
fn a_negative_cap_and_a_tariff_without_an_amount_are_refused() {
    assert_eq!(
        faults_with("\"2070000.00\"", "\"-1.00\""),
        ["line 94: cap.amount: -1.00 is less than 0; write amount = \"2070000.00\""]
    );
    assert_eq!(
        faults_with("amount = \"900.00\"\n", ""),
        ["line 50: outcome.tariff.amount: missing; write amount = \"1500.00\""]
    );
}

/// A part of [`WHOLE`], its replacement, and a fault that results.
type Slip = (&'static str, &'static str, &'static str);

#[track_caller]
fn each_is_reported(slips: &[Slip]) {
    for (part, otherwise, fault) in slips {
        let found = faults_with(part, otherwise);
        assert!(found.iter().any(|found| found == fault), "{otherwise}\nexpected {fault}\nfound {found:#?}");
    }
}

#[test]
fn every_other_fault_of_conditions_is_reported_with_its_remedy() {
    each_is_reported(&[
        (
            "code = \"under16\"",
            "code = \"over16\"",
            "line 54: outcome.code: the outcome \"over16\" is already defined above; give it another code",
        ),
        (
            "[\"relapse\"]\nonly",
            "[\"fire\"]\nonly",
            "line 61: outcome.hold_on_risk: \"fire\" is not in codes.risk_kinds; write one of relapse, or add it to codes.risk_kinds",
        ),
        (
            "any_of = [\"payslip\"]",
            "any_of = [\"photo\"]",
            "line 60: outcome.evidence.any_of: \"photo\" is not in codes.evidence_kinds; write one of payslip, letter, or add it to codes.evidence_kinds",
        ),
        (
            "pause = \"holidays\"",
            "pause = \"strikes\"",
            "line 58: outcome.sustain.pause: there is no pause \"strikes\"; write one of holidays, or a [[calendar.pause]] of that name",
        ),
        ("gap_days = 7, ", "", "line 58: outcome.sustain.gap_days: missing; write gap_days = 7"),
        (
            "\"nothing\", pause",
            "\"nobody\", pause",
            "line 58: outcome.sustain.combine: \"nobody\" is not one of the allowed words; write combine = \"employers\" or \"nothing\"",
        ),
        (
            "days = 91, continuity",
            "days = 91, weeks = 13, continuity",
            "line 58: outcome.sustain: the length is given as days and weeks; write one of days, weeks and months",
        ),
        (
            "days = 91, continuity",
            "days = 0, continuity",
            "line 58: outcome.sustain.days: 0 is too few; write days = 91",
        ),
        (
            "days = 91, continuity",
            "days = 99999, continuity",
            "line 58: outcome.sustain.days: 99999 days are more than a century; write days = 91",
        ),
        (
            "at_least = 16 }\nevidence",
            "at_least = 16, below = 16 }\nevidence",
            "line 59: outcome.hours: no number is at least 16 and below 16; write at_least smaller than below",
        ),
        (
            "{ fact = \"employment_status\", in = [\"unemployed\"] }",
            "{ fact = \"employment_status\" }",
            "line 62: outcome.only_if.any.in: missing; write in = [\"unemployed\"]",
        ),
        (
            "from = \"under16\"",
            "from = \"other\"",
            "line 66: outcome.convert.from: there is no outcome \"other\"; write one of under16, over16, in_care, visits",
        ),
        (
            "outcomes = [\"over16\"]",
            "outcomes = [\"other\"]",
            "line 93: cap.outcomes: there is no outcome \"other\"; write one of under16, over16, in_care, visits",
        ),
    ]);
}

#[test]
fn every_other_fault_of_prices_and_terms_is_reported_with_its_remedy() {
    each_is_reported(&[
        (
            "to = 2023-03-31",
            "to = 2021-03-31",
            "line 69: outcome.tariff: it ends before it begins; write to on or after from",
        ),
        (
            "multiplier = 1.1",
            "multiplier = -1.1",
            "line 71: outcome.tariff.multiplier: -1.1 is less than 0; write multiplier = 1.25",
        ),
        (
            "area = \"north\"\ncohort = \"a\"\nfrom = 2022-04-01\nto = 2023-03-31\nup_to = 100\n",
            "",
            "line 69: outcome.tariff: a price for the same area, cohort, first day and volume is already defined above; give it another area, cohort, from or up_to, or take one of the two out",
        ),
        ("below = 0.85", "below = 85", "line 84: outcome.ratio.below: 85 is more than 1; write below = 0.8"),
        (
            "scope = \"cohort\"\n",
            "scope = \"cohort\"\ntrigger = { plan = [\"php\"] }\n",
            "line 80: outcome.scope: trigger is for outcomes of one case, but scope joins many cases; take trigger or scope out",
        ),
        (
            "lower_level = 85",
            "lower_level = 96",
            "line 30: standard: the lower level 96 is above the minimum level 95; write lower_level no greater than minimum_level",
        ),
        (
            "\"spell_started:employment\"",
            "\"spell_started:study\"",
            "line 39: standard.from: \"study\" is not in codes.spell_domains; write one of employment, care, or add it to codes.spell_domains",
        ),
        (
            "\"spell_started:employment\"",
            "\"one_day\"",
            "line 39: standard.from: \"one_day\" does not start a clock; write from = one of referral_received, referral_accepted, missed_contact, plan_agreed, last_review, spell_started:<domain>",
        ),
        (
            "{ task = \"sustainment_check\" }",
            "{ face_to_face = true }",
            "line 41: standard.met_by: it names nothing that meets the standard; write met_by = { contact = { made = true } }",
        ),
        (
            "\"2019-01-11\"",
            "\"2018-01-11\"",
            "line 107: reports.due: 2018-01-11 is not later than the day before it in the list; write due = [\"2018-10-13\"]",
        ),
        (
            "class = \"employment\"\n",
            "klass = \"employment\"\n",
            "line 55: outcome.klass: unknown key; write one of code, class, title, trigger, sustain, hours, evidence, hold_on_risk, only_if, claim, once_per, group, convert, when_capped, rate_over, tariff, scope, ratio, volume, repeats, or take it out",
        ),
        (
            "\"england-and-wales\"",
            "\"england\"",
            "line 11: calendar.working_days: the bank holidays of \"england\" are not known; write one of england-and-wales, northern-ireland, scotland",
        ),
        (
            "when = { outcome = [\"over16\"] }",
            "when = { outcome = [\"job\"] }",
            "line 28: stage.when.outcome: there is no outcome \"job\"; write one of under16, over16, in_care, visits",
        ),
    ]);
}

#[test]
fn versions_that_overlap_are_reported_with_their_line() {
    let read = whole();
    assert_eq!(read.overlap(WHOLE, &read).map(|error| error.line), Some(3), "the same content");
    let later = WHOLE.replace("version = \"1\"", "version = \"2\"");
    let next = Rulebook::parse(&later).expect("a rulebook");
    assert_eq!(next.overlap(&later, &read), None, "a version with the same first day supersedes the other");
    let third = later.replace("2021-04-01\n", "2022-04-01\n");
    let next = Rulebook::parse(&third).expect("a rulebook");
    assert_eq!(next.overlap(&third, &read), None);
}
