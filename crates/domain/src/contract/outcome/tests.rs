//! The worked examples of spells, claims and rules, each by its name, and the golden tables.

mod exact;
mod model;
mod oracle;
pub(super) mod telling;

use super::{Gap, Hold, State, Status, claim_id};
use rust_decimal::Decimal;
use telling::{Sample, day, evidence_id, journey, outcome, risk_id, rules, spell_id, start};
use uuid::Uuid;

use crate::contract::Rulebook;
use crate::fact::envelope::JourneyId;
use crate::fact::event::{
    AchievementRecorded, Attribute, Eligibility, EligibilityAssessed, EngagementStarted, EvidenceRejected,
    EvidenceVerified, EvidenceWithdrawn, MeasureRecorded, PlanAgreed, Quantity, RiskCleared, RiskRaised, SpellChanged,
};

const JOBS: &str = "trigger = { spell = [\"employment\"] }";
const HOMES: &str = "trigger = { spell = [\"accommodation\"], where = { secured_as = [\"kept\", \"new\"] } }";

fn lasting(sustain: &str) -> Rulebook {
    outcome(&format!("{JOBS}\nsustain = {{ {sustain} }}"))
}

fn with_hours(hours: &str) -> Rulebook {
    let sustain = "days = 91, continuity = \"none\", combine = \"employers\"";
    outcome(&format!("{JOBS}\nsustain = {{ {sustain} }}\nhours = {{ {hours} }}"))
}

fn home(sustain: &str, more: &str) -> Rulebook {
    outcome(&format!("{HOMES}\nsustain = {{ months = 8, combine = \"employers\", {sustain} }}\n{more}"))
}

/// Job A of the first rows of the table, and job B from a day on.
fn jobs(b: &str) -> Sample {
    journey().job(1, "A", 20, "2022-01-03").ends(1, "2022-02-14").job(2, "B", 20, b)
}

/// The home kept, lost and found of the table.
fn homes() -> Sample {
    journey().home(1, "kept", "2021-01-15").ends(1, "2021-05-01").home(2, "new", "2021-05-20")
}

const LATE: &str = "2023-12-31";

#[test]
fn every_column_of_the_golden_table_of_13_weeks() {
    let days = |rest: &str| lasting(&format!("days = 91, {rest}, combine = \"employers\""));
    let columns = [
        lasting("weeks = 13, continuity = \"none\", combine = \"nothing\""),
        days("continuity = \"max_gap\", gap_days = 7, gap_counts = true"),
        days("continuity = \"max_gap\", gap_days = 7"),
        days("continuity = \"cumulative\""),
        days("continuity = \"n_in_window\", window_days = 112"),
        lasting("weeks = 26, continuity = \"n_in_window\", window_weeks = 30, combine = \"employers\""),
    ];
    let table = include_str!("../../../../../tests/golden/sustainment_13w.csv");
    for line in table.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit())) {
        let cells: Vec<&str> = line.split(',').collect();
        for (rulebook, expected) in columns.iter().zip(&cells[2..]) {
            assert_eq!(jobs(cells[1]).achieved_on(rulebook, LATE), *expected, "{line}");
        }
    }
}

#[test]
fn every_row_of_the_golden_table_of_8_months() {
    let rulebook = home("continuity = \"none\"", "");
    for line in include_str!("../../../../../tests/golden/months_8.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let reached = journey().home(1, "new", cells[0]).reached(&rulebook, "2024-12-31");
        let found = (reached.achieved_on.to_string(), reached.days_counted.map(|days| days.to_string()));
        assert_eq!(found, (cells[1].to_owned(), Some(cells[2].to_owned())));
    }
}

#[test]
fn job_b_from_the_day_job_a_ended() {
    let sample = jobs("2022-02-14");
    assert_eq!(
        sample.achieved_on(&lasting("weeks = 13, continuity = \"none\", combine = \"employers\""), LATE),
        "2022-04-04"
    );
    assert_eq!(
        sample.achieved_on(&lasting("weeks = 13, continuity = \"none\", combine = \"nothing\""), LATE),
        "2022-05-16"
    );
}

#[test]
fn a_gap_of_5_days_counts_or_does_not() {
    let gap = |counts| {
        lasting(&format!(
            "days = 91, continuity = \"max_gap\", gap_days = 7, gap_counts = {counts}, combine = \"employers\""
        ))
    };
    let sample = jobs("2022-02-19");
    let counted = sample.reached(&gap(true), LATE);
    assert_eq!((counted.achieved_on, counted.days_counted), (day("2022-04-04"), Some(86)));
    let tolerated = sample.reached(&gap(false), LATE);
    assert_eq!((tolerated.achieved_on, tolerated.days_counted), (day("2022-04-09"), Some(91)));
    assert_eq!(tolerated.gaps, [Gap { from: day("2022-02-14"), to: day("2022-02-19"), counted: false }]);
}

#[test]
fn a_gap_of_28_days_and_182_in_any_210() {
    let rulebook = lasting("days = 182, continuity = \"n_in_window\", window_days = 210, combine = \"employers\"");
    assert_eq!(jobs("2022-03-14").achieved_on(&rulebook, LATE), "2022-08-01");
}

#[test]
fn a_gap_of_21_days_and_91_in_any_112() {
    let rulebook = lasting("days = 91, continuity = \"n_in_window\", window_days = 112, combine = \"employers\"");
    assert_eq!(jobs("2022-03-07").achieved_on(&rulebook, LATE), "2022-04-25");
}

#[test]
fn eight_months_from_the_end_of_a_month_are_clamped() {
    let rulebook = home("continuity = \"none\"", "");
    assert_eq!(journey().home(1, "new", "2021-06-30").achieved_on(&rulebook, LATE), "2022-02-28");
    assert_eq!(journey().home(1, "new", "2024-02-29").achieved_on(&rulebook, "2024-12-31"), "2024-10-29");
}

#[test]
fn hours_of_12_for_6_weeks_then_20_for_7() {
    let sample = journey().job(1, "A", 12, "2022-01-03").hours(1, 20, "2022-02-14").ends(1, "2022-04-04");
    let fits = |basis: &str, bound: &str| {
        let rulebook = with_hours(&format!("basis = \"{basis}\", {bound}"));
        matches!(sample.state(&rulebook, LATE), State::Reached(_))
    };
    let average = sample.reached(&with_hours("basis = \"average\", at_least = 16"), LATE);
    assert_eq!(average.hours.map(|hours| hours.to_string()).as_deref(), Some("16.31"));
    assert!(fits("average", "at_least = 16") && !fits("average", "below = 16"));
    assert!(fits("at_end", "at_least = 16") && !fits("at_end", "below = 16"));
    assert!(!fits("every_week", "at_least = 16") && fits("every_week", "at_least = 12"));
    assert!(!fits("at_start", "at_least = 16") && fits("at_start", "below = 16"));
}

#[test]
fn hours_of_10_for_6_weeks_then_20_are_anchored_where_they_changed() {
    let sample = journey().job(1, "A", 10, "2022-01-03").hours(1, 20, "2022-02-14");
    let reached = sample.reached(&with_hours("basis = \"average\", at_least = 16"), LATE);
    assert_eq!((reached.achieved_on, reached.hours), (day("2022-05-16"), Some(Decimal::from(20))));
}

#[test]
fn two_overlapping_jobs_count_each_day_once() {
    let sample =
        journey().job(1, "A", 8, "2022-01-03").job(2, "B", 8, "2022-02-07").ends(1, "2022-03-07").ends(2, "2022-05-30");
    let rulebook = lasting("weeks = 13, continuity = \"none\", combine = \"employers\"");
    assert_eq!(sample.achieved_on(&rulebook, LATE), "2022-04-04");
}

#[test]
fn a_home_kept_lost_and_found_again() {
    let of = |sustain: &str| homes().achieved_on(&home(sustain, ""), LATE);
    assert_eq!(of("continuity = \"none\""), "2022-01-20");
    assert_eq!(of("continuity = \"max_gap\", gap_days = 28"), "2021-10-04");
    assert_eq!(of("continuity = \"max_gap\", gap_days = 28, gap_counts = true"), "2021-09-15");
}

#[test]
fn housing_secured_is_paid_once() {
    let evaluations = homes().evaluated(&outcome(HOMES), LATE);
    assert_eq!(evaluations.len(), 1);
    assert_eq!(homes().achieved_on(&outcome(HOMES), LATE), "2021-01-15");
}

#[test]
fn a_risk_raised_before_month_8_holds_until_it_is_cleared() {
    let rulebook = home("continuity = \"none\"", "hold_on_risk = [\"homelessness\"]");
    let raised = |kind: &str| RiskRaised { risk: risk_id(1), kind: kind.to_owned() };
    let sample = |kind: &str, on: &str| journey().home(1, "new", "2021-06-30").and(on, raised(kind));
    let open = sample("homelessness", "2022-01-10");
    assert_eq!(open.standing(&rulebook, "2022-06-30"), (Status::OnHold, Some(Hold::RiskOpen)));
    let cleared = |on: &str| {
        let sample = sample("homelessness", "2022-01-10").and(on, RiskCleared { risk: risk_id(1) });
        sample.reached(&rulebook, "2022-06-30")
    };
    assert_eq!(cleared("2022-03-15").achieved_on, day("2022-03-15"), "the later of the two dates");
    assert_eq!(cleared("2022-03-15").days_counted, Some(243), "the run does not have to last until then");
    assert_eq!(cleared("2022-02-01").achieved_on, day("2022-02-28"));
    assert_eq!(
        sample("homelessness", "2022-02-28").achieved_on(&rulebook, LATE),
        "2022-02-28",
        "raised on the same day"
    );
    assert_eq!(sample("rent_arrears", "2022-01-10").achieved_on(&rulebook, LATE), "2022-02-28", "of another kind");
}

#[test]
fn a_risk_raised_before_the_day_on_which_another_was_cleared_holds_too() {
    let rulebook = home("continuity = \"none\"", "hold_on_risk = [\"homelessness\"]");
    let raised = |n| RiskRaised { risk: risk_id(n), kind: "homelessness".to_owned() };
    let sample = journey()
        .home(1, "new", "2021-06-30")
        .and("2022-01-10", raised(1))
        .and("2022-03-01", raised(2))
        .and("2022-03-15", RiskCleared { risk: risk_id(1) });
    assert_eq!(sample.standing(&rulebook, "2022-03-20"), (Status::OnHold, Some(Hold::RiskOpen)));
    let sample = sample.and("2022-04-01", RiskCleared { risk: risk_id(2) });
    assert_eq!(sample.achieved_on(&rulebook, LATE), "2022-04-01");
}

#[test]
fn thirteen_school_weeks_leave_holidays_out() {
    let holidays = "[[calendar.pause]]\nname = \"school\"\n\
                    ranges = [[\"2015-03-28\", \"2015-04-12\"], [\"2015-05-23\", \"2015-05-31\"]]\n";
    let outcome = |pause: &str| {
        let sustain = format!("weeks = 13, continuity = \"none\", combine = \"nothing\"{pause}");
        rules(&format!(
            "{holidays}[[outcome]]\ncode = \"it\"\ntitle = \"It\"\ntrigger = {{ spell = [\"education\"] }}\n\
             sustain = {{ {sustain} }}\n"
        ))
    };
    let sample = journey().and("2015-02-23", start(1, "education", None, None));
    assert_eq!(sample.achieved_on(&outcome(", pause = \"school\""), LATE), "2015-06-19");
    assert_eq!(sample.achieved_on(&outcome(""), LATE), "2015-05-25");
}

#[test]
fn knowledge_on_a_day_does_not_depend_on_later_records() {
    let rulebook = lasting("days = 91, continuity = \"none\", combine = \"employers\"");
    let sample = journey().job(1, "A", 20, "2022-01-03");
    assert_eq!(sample.achieved_on(&rulebook, LATE), "2022-04-04");
    let corrected = sample.corrected(2, "2022-01-17", start(1, "employment", Some("A"), None));
    assert_eq!(corrected.achieved_on(&rulebook, LATE), "2022-04-18");
    let retracted = corrected.retracted(2, "2022-02-01");
    assert_eq!(retracted.state(&rulebook, LATE), State::NotStarted { is_for_others: false });
}

#[test]
fn a_continuing_spell_matures_and_an_ended_one_does_not() {
    let rulebook = lasting("days = 91, continuity = \"none\", combine = \"employers\"");
    let sample = journey().job(1, "A", 30, "2022-05-02");
    assert!(
        matches!(sample.state(&rulebook, "2022-06-30"), State::Maturing { earliest_on, .. } if earliest_on == day("2022-08-01"))
    );
    assert_eq!(sample.state(&rulebook, "2022-05-01"), State::NotStarted { is_for_others: false });
    assert!(
        matches!(sample.state(&rulebook, "2022-07-31"), State::Maturing { earliest_on, .. } if earliest_on == day("2022-08-01"))
    );
    assert_eq!(sample.achieved_on(&rulebook, "2022-08-01"), "2022-08-01");
    let ended = sample.ends(1, "2022-06-01");
    assert_eq!(ended.state(&rulebook, "2022-06-30"), State::NotStarted { is_for_others: false });
    assert!(
        matches!(ended.state(&rulebook, "2022-05-31"), State::Maturing { earliest_on, .. } if earliest_on == day("2022-08-01"))
    );
}

#[test]
fn a_spell_that_ends_on_the_achieved_day_is_enough() {
    let rulebook = lasting("days = 91, continuity = \"none\", combine = \"employers\"");
    let sample = |end: &str| journey().job(1, "A", 20, "2021-12-31").ends(1, end);
    assert_eq!(sample("2022-04-01").achieved_on(&rulebook, LATE), "2022-04-01");
    assert_eq!(sample("2022-03-31").state(&rulebook, LATE), State::NotStarted { is_for_others: false });
}

#[test]
fn exactly_the_threshold_qualifies_and_below_means_less() {
    let sample = |hours| journey().job(1, "A", hours, "2022-01-03");
    let at_least = with_hours("basis = \"average\", at_least = 16");
    assert_eq!(sample(16).achieved_on(&at_least, LATE), "2022-04-04");
    let below = with_hours("basis = \"average\", below = 16");
    assert_eq!(sample(16).state(&below, LATE), State::NotStarted { is_for_others: false });
    assert_eq!(sample(15).achieved_on(&below, LATE), "2022-04-04");
}

#[test]
fn unknown_hours_hold_or_count_as_none() {
    let sample = journey().job(1, "A", 0, "2022-01-03");
    let hold = with_hours("basis = \"average\", at_least = 16");
    assert_eq!(sample.standing(&hold, LATE), (Status::OnHold, Some(Hold::HoursUnknown)));
    assert_eq!(sample.reached(&hold, LATE).hours, None);
    let lower = with_hours("basis = \"average\", below = 16, unknown = \"lower\"");
    assert_eq!(sample.reached(&lower, LATE).hours, Some(Decimal::ZERO));
    let at_end = sample.hours(1, 20, "2022-04-01");
    let looks_at_the_end = with_hours("basis = \"at_end\", at_least = 16");
    assert_eq!(at_end.achieved_on(&looks_at_the_end, LATE), "2022-04-04", "unknown only on days that it looks at");
}

#[test]
fn a_later_run_that_qualifies_takes_precedence_over_an_unknown_one() {
    let sample = journey().job(1, "A", 0, "2022-01-03").ends(1, "2022-06-01").job(2, "B", 20, "2022-07-01");
    let rulebook = with_hours("basis = \"every_week\", at_least = 16");
    assert_eq!(sample.standing(&rulebook, "2022-09-29"), (Status::OnHold, Some(Hold::HoursUnknown)));
    assert_eq!(sample.achieved_on(&rulebook, "2022-09-30"), "2022-09-30");
}

const SHOWN: &str = "sustain = { days = 91, continuity = \"none\", combine = \"employers\" }\n\
                     evidence = { any_of = [\"payslip\", \"letter\"], all_of = [\"contract\"], dated_before_days = 10, dated_after_days = 60 }";

#[test]
fn evidence_counts_only_if_it_is_in_force_dated_in_range_and_supports_the_run() {
    let rulebook = outcome(&format!("{JOBS}\n{SHOWN}"));
    let job = || journey().job(1, "A", 20, "2022-01-03").and("2022-01-01", start(9, "education", None, None));
    let missing = |sample: Sample| sample.reached(&rulebook, "2022-12-31").missing;
    assert_eq!(missing(job()), ["payslip", "letter", "contract"]);
    let shown = |on: &str| job().evidence(1, "letter", on, 1).evidence(2, "contract", on, 1);
    assert_eq!(missing(shown("2022-03-25")), [""; 0]);
    assert_eq!(missing(shown("2022-06-03")), [""; 0], "60 days after");
    assert_eq!(missing(shown("2022-06-04")).len(), 3, "61 days after");
    assert_eq!(missing(shown("2022-03-24")).len(), 3, "11 days before");
    let other = job().evidence(1, "letter", "2022-04-10", 9).evidence(2, "contract", "2022-04-10", 1);
    assert_eq!(missing(other), ["payslip", "letter"], "it supports another spell");
    let rejected = EvidenceRejected { evidence: evidence_id(2), defect: "remarks_on_form".to_owned() };
    assert_eq!(missing(shown("2022-04-10").and("2022-05-01", rejected)), ["contract"]);
    let withdrawn = EvidenceWithdrawn { evidence: evidence_id(1), reason: None };
    assert_eq!(missing(shown("2022-04-10").and("2022-05-01", withdrawn)), ["payslip", "letter"]);
    let before = shown("2022-05-01").reached(&rulebook, "2022-04-30").missing;
    assert_eq!(before.len(), 3, "evidence attached later does not count yet");
}

#[test]
fn evidence_must_be_verified_where_the_rule_says_so() {
    let evidence = "evidence = { any_of = [\"payslip\"], verified = true }";
    let rulebook = outcome(&format!("{JOBS}\n{evidence}"));
    let sample = journey().job(1, "A", 20, "2022-01-03").evidence(1, "payslip", "2022-02-01", 1);
    assert_eq!(sample.standing(&rulebook, LATE).0, Status::EvidenceMissing);
    let sample = sample.and("2022-02-02", EvidenceVerified { evidence: evidence_id(1) });
    assert_eq!(sample.standing(&rulebook, LATE).0, Status::Claimable);
    let events: Vec<u128> = sample.reached(&rulebook, LATE).events.iter().map(|event| event.0.as_u128()).collect();
    assert_eq!(events, [2, 3, 4], "the start, the payslip, its verification");
}

#[test]
fn a_claim_waits_for_working_days_and_expires() {
    let rulebook = outcome(&format!("{JOBS}\nclaim = {{ after_working_days = 15, within_days = 60 }}"));
    let sample = journey().job(1, "A", 20, "2019-12-20");
    let status = |as_of: &str| sample.standing(&rulebook, as_of).0;
    assert_eq!(status("2020-01-14"), Status::Achieved);
    assert_eq!(status("2020-01-15"), Status::Claimable);
    assert_eq!(status("2020-02-18"), Status::Claimable, "60 days after");
    assert_eq!(status("2020-02-19"), Status::Expired);
    let beyond = journey().job(1, "A", 20, "2027-12-20").reached(&rulebook, "2028-03-01");
    assert!(beyond.claimable_from.is_err(), "no bank holidays are known of 2028");
}

#[test]
fn only_people_out_of_work_at_referral_count() {
    let only_if = "only_if = { all = [{ fact = \"employment_status\", in = [\"unemployed\"] }, \
                   { not = { any = [{ fact = \"age\", in = [15] }, { fact = \"area\", in = [\"south\"] }] } }] }";
    let rulebook = outcome(&format!("{JOBS}\n{only_if}"));
    let assessed = |status: &str, age: i64| EligibilityAssessed {
        result: Eligibility::Eligible,
        criteria: [].into(),
        facts: [
            ("employment_status".to_owned(), Attribute::Text(status.to_owned())),
            ("age".to_owned(), Attribute::Quantity(Quantity(age.into()))),
        ]
        .into(),
    };
    let sample = |status: &str, age| journey().and("2021-12-01", assessed(status, age)).job(1, "A", 20, "2022-01-03");
    assert_eq!(sample("unemployed", 30).achieved_on(&rulebook, LATE), "2022-01-03");
    let others = State::NotStarted { is_for_others: true };
    assert_eq!(sample("employed", 30).state(&rulebook, LATE), others);
    assert_eq!(sample("unemployed", 15).state(&rulebook, LATE), others);
    assert_eq!(journey().job(1, "A", 20, "2022-01-03").state(&rulebook, LATE), others, "the fact was never recorded");
    let later = sample("unemployed", 30).and("2022-01-02", assessed("employed", 30));
    assert_eq!(later.achieved_on(&rulebook, LATE), "2022-01-03", "the facts of the first assessment are frozen");
}

#[test]
fn milestones_are_achieved_on_the_day_of_the_first_such_fact() {
    let plan = |kind: &str| PlanAgreed { kind: kind.to_owned(), actions: Vec::new(), note: None };
    let achieved = |code: &str, level: Option<&str>| AchievementRecorded {
        code: code.to_owned(),
        level: level.map(str::to_owned),
    };
    let measured = |value: i64| MeasureRecorded {
        code: "attendance".to_owned(),
        value: Quantity(value.into()),
        unit: None,
        period: None,
    };
    let sample = journey()
        .and("2022-01-01", plan("other"))
        .and("2022-01-02", plan("php"))
        .and("2022-01-03", EngagementStarted { basis: "meeting".to_owned() })
        .and("2022-01-04", achieved("qcf", Some("1")))
        .and("2022-01-05", achieved("qcf", Some("2")))
        .and("2022-01-06", measured(66))
        .and("2022-01-07", measured(67))
        .and("2022-01-08", plan("php"));
    let on = |trigger: &str| sample.achieved_on(&outcome(&format!("trigger = {{ {trigger} }}")), LATE);
    assert_eq!(on("plan = [\"php\"]"), "2022-01-02");
    assert_eq!(on("engagement = []"), "2022-01-03");
    assert_eq!(on("engagement = [\"meeting\"]"), "2022-01-03");
    assert_eq!(on("achievement = [\"qcf\"]"), "2022-01-04");
    assert_eq!(on("achievement = [\"qcf\"], level = [\"2\", \"3\"]"), "2022-01-05");
    assert_eq!(on("measure = { code = \"attendance\", at_least = 67 }"), "2022-01-07");
    let none = sample.state(&outcome("trigger = { engagement = [\"call\"] }"), LATE);
    assert_eq!(none, State::NotStarted { is_for_others: false });
    let twice = sample.evaluated(&outcome("trigger = { plan = [\"php\"] }\nrepeats = 2"), LATE);
    let days: Vec<_> = twice.iter().map(|of| (of.repeat, matches!(of.state, State::Reached(_)))).collect();
    assert_eq!(days, [(1, true), (2, true)]);
}

#[test]
fn a_job_that_starts_below_the_hours_is_a_start_when_they_rise() {
    let rulebook = outcome(&format!("{JOBS}\nhours = {{ basis = \"at_start\", at_least = 16 }}"));
    let sample = journey().job(1, "A", 10, "2022-01-03").hours(1, 20, "2022-02-14");
    let reached = sample.reached(&rulebook, LATE);
    assert_eq!((reached.achieved_on, reached.days_counted), (day("2022-02-14"), None));
}

#[test]
fn a_change_of_a_spell_counts_from_its_day() {
    let rulebook = home("continuity = \"none\"", "");
    let changed = SpellChanged {
        spell: spell_id(1),
        hours_per_week: None,
        attributes: [("secured_as".to_owned(), Attribute::Text("new".to_owned()))].into(),
        note: None,
    };
    let sample = journey().home(1, "temporary", "2021-01-15").and("2021-02-15", changed);
    assert_eq!(sample.achieved_on(&rulebook, LATE), "2021-10-15");
}

#[test]
fn the_next_repeat_starts_where_the_last_was_achieved() {
    let rulebook = lasting("days = 91, continuity = \"none\", combine = \"employers\", repeats = 3");
    let sample = journey().job(1, "A", 20, "2022-01-03");
    let states: Vec<State> = sample.evaluated(&rulebook, "2022-08-01").into_iter().map(|of| of.state).collect();
    let [State::Reached(first), State::Reached(second), State::Maturing { earliest_on, .. }] = states.as_slice() else {
        panic!("{states:?}");
    };
    assert_eq!((first.achieved_on, second.achieved_on), (day("2022-04-04"), day("2022-07-04")));
    assert_eq!(*earliest_on, day("2022-10-03"));
}

#[test]
fn an_imprecise_month_is_achieved_on_its_last_day_if_every_day_qualifies() {
    let plan = outcome("trigger = { plan = [\"php\"] }");
    let sample = journey().and("2021-10", PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None });
    assert_eq!(sample.achieved_on(&plan, "2021-10-31"), "2021-10-31");
    assert_eq!(sample.standing(&plan, "2021-10-15"), (Status::OnHold, Some(Hold::DateImprecise)));
    let weeks = lasting("weeks = 13, continuity = \"none\", combine = \"employers\"");
    let job = |end: &str| journey().job(1, "A", 20, "2022-01").ends(1, end);
    assert_eq!(job("2022-06-01").achieved_on(&weeks, LATE), "2022-05-02", "from the last day of January");
    assert_eq!(job("2022-04-15").standing(&weeks, LATE), (Status::OnHold, Some(Hold::DateImprecise)));
    assert_eq!(job("2022-03-15").state(&weeks, LATE), State::NotStarted { is_for_others: false });
    assert_eq!(job("2022-05").standing(&weeks, LATE), (Status::OnHold, Some(Hold::DateImprecise)));
}

#[test]
fn where_hours_are_compared_every_day_of_a_month_is_tried() {
    let rulebook = with_hours("basis = \"average\", at_least = 16");
    let sample = |change: &str| journey().job(1, "A", 12, "2022-01-03").hours(1, 20, change).ends(1, "2022-04-04");
    assert_eq!(sample("2022-01").achieved_on(&rulebook, LATE), "2022-04-04");
    assert_eq!(sample("2022-02").standing(&rulebook, LATE), (Status::OnHold, Some(Hold::DateImprecise)));
    assert_eq!(sample("2022-03").state(&rulebook, LATE), State::NotStarted { is_for_others: false });
    let vague = journey().job(1, "A", 20, "2020").ends(1, "2021").job(2, "B", 20, "2021").ends(2, "2022");
    assert_eq!(vague.standing(&rulebook, LATE), (Status::OnHold, Some(Hold::DateImprecise)), "too many days to try");
}

#[test]
fn a_claims_id_is_derived_from_case_outcome_and_repeat() {
    let journey = JourneyId(Uuid::from_u128(7));
    assert_eq!(claim_id(journey, "it", 1), claim_id(journey, "it", 1));
    assert_ne!(claim_id(journey, "it", 1), claim_id(journey, "it", 2));
}

#[test]
fn a_maturing_outcome_has_its_counted_days_and_the_days_that_it_needs() {
    let far = |sample: &Sample, rulebook: &Rulebook, as_of: &str| match sample.state(rulebook, as_of) {
        State::Maturing { earliest_on, covered } => {
            (earliest_on.to_string(), covered.map(|covered| (covered.so_far, covered.in_all)))
        }
        other => panic!("{other:?}"),
    };
    let rulebook = lasting("days = 91, continuity = \"cumulative\", combine = \"employers\"");
    let sample = jobs("2022-03-14");
    assert_eq!(
        far(&sample, &rulebook, "2022-01-03"),
        ("2022-04-04".to_owned(), Some((1, 91))),
        "the day itself counts"
    );
    assert_eq!(far(&sample, &rulebook, "2022-02-13"), ("2022-04-04".to_owned(), Some((42, 91))));
    assert_eq!(far(&sample, &rulebook, "2022-03-20"), ("2022-05-02".to_owned(), Some((49, 91))), "less the break");
    let counted =
        lasting("days = 91, continuity = \"max_gap\", gap_days = 28, gap_counts = true, combine = \"employers\"");
    assert_eq!(
        far(&sample, &counted, "2022-03-20"),
        ("2022-04-04".to_owned(), Some((49, 63))),
        "28 of the 91 are a gap"
    );
    let pauses = rules(&format!(
        "[[calendar.pause]]\nname = \"holidays\"\nranges = [[\"2022-01-10\", \"2022-01-16\"]]\n[[outcome]]\n\
         code = \"o\"\ntitle = \"O\"\n{JOBS}\nsustain = {{ days = 91, continuity = \"none\", combine = \"employers\", \
         pause = \"holidays\" }}\n"
    ));
    let whole = journey().job(1, "A", 20, "2022-01-03");
    assert_eq!(far(&whole, &pauses, "2022-01-20"), ("2022-04-11".to_owned(), Some((11, 91))), "less the holidays");
    let plan = outcome("trigger = { plan = [\"php\"] }");
    assert!(matches!(whole.state(&plan, "2022-01-20"), State::NotStarted { .. }));
}
