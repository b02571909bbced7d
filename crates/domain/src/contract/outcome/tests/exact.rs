//! Differences that a second evaluator found between the engine and the written rules, each with the right value
//! (decision 0021).

use chrono::Days;

use super::telling::{Sample, day, evidence_id, journey, outcome, risk_id, spell_id, start};
use crate::contract::outcome::{Hold, State, Status};
use crate::fact::event::{
    Attribute, EvidenceAttached, MeasureRecorded, Quantity, RiskCleared, RiskRaised, SpellChanged,
};

const JOBS: &str = "trigger = { spell = [\"employment\"] }";

fn sustained(sustain: &str, more: &str) -> crate::contract::Rulebook {
    outcome(&format!("{JOBS}\nsustain = {{ {sustain} }}\n{more}"))
}

/// The day of each repeat that is achieved.
fn every_time(sample: &Sample, rulebook: &crate::contract::Rulebook, as_of: &str) -> Vec<String> {
    let reached = sample.evaluated(rulebook, as_of).into_iter().filter_map(|of| match of.state {
        State::Reached(achievement) => Some(achievement.achieved_on.to_string()),
        State::Maturing { .. } | State::NotStarted { .. } => None,
    });
    reached.collect()
}

#[test]
fn the_next_repeat_starts_where_the_last_was_achieved_even_if_the_spell_changes_on_that_day() {
    let rulebook = sustained("days = 28, continuity = \"none\", combine = \"employers\", repeats = 3", "");
    let three = ["2022-01-31", "2022-02-28", "2022-03-28"];
    let sample = journey().job(1, "A", 20, "2022-01-03").hours(1, 21, "2022-01-31");
    assert_eq!(every_time(&sample, &rulebook, "2022-06-30"), three);
    let attribute = SpellChanged {
        spell: spell_id(1),
        hours_per_week: None,
        attributes: [("grade".to_owned(), Attribute::Text("b".to_owned()))].into(),
        note: None,
    };
    let sample = journey().job(1, "A", 20, "2022-01-03").and("2022-01-31", attribute);
    assert_eq!(
        every_time(&sample, &rulebook, "2022-06-30"),
        three,
        "an attribute that no outcome uses is not a change"
    );
}

#[test]
fn an_outcome_on_hold_does_not_expire_and_its_date_ignores_open_risks() {
    let sustain = "days = 28, continuity = \"none\", combine = \"employers\"";
    let rulebook = sustained(sustain, "hold_on_risk = [\"relapse\"]\nclaim = { within_days = 90 }");
    let raised = |n: u128| RiskRaised { risk: risk_id(n), kind: "relapse".to_owned() };
    let cleared = |n: u128| RiskCleared { risk: risk_id(n) };
    let sample = journey().and("2021-05-20", raised(1)).job(1, "A", 20, "2021-06-01").and("2022-02-01", cleared(1));
    for held in ["2021-06-29", "2021-12-01", "2022-01-31"] {
        assert_eq!(sample.standing(&rulebook, held), (Status::OnHold, Some(Hold::RiskOpen)), "{held}");
        assert_eq!(sample.achieved_on(&rulebook, held), "2021-06-29");
    }
    assert_eq!(sample.standing(&rulebook, "2022-02-01"), (Status::Claimable, None));
    assert_eq!(sample.standing(&rulebook, "2022-05-02"), (Status::Claimable, None));
    assert_eq!(
        sample.standing(&rulebook, "2022-05-03"),
        (Status::Expired, None),
        "the window opens when the date is final"
    );
    // A second risk, raised while the first was open, is still open. The cleared one counts.
    let sample = sample.and("2021-07-01", raised(2));
    assert_eq!(sample.standing(&rulebook, "2022-06-30"), (Status::OnHold, Some(Hold::RiskOpen)));
    assert_eq!(sample.achieved_on(&rulebook, "2022-06-30"), "2022-02-01");
}

#[test]
fn an_imprecise_date_is_the_latest_possible_whichever_way_it_is_found() {
    let rulebook = sustained("days = 91, continuity = \"none\", combine = \"employers\"", "");
    let sample = journey().job(1, "A", 20, "2022-01");
    // A start between 1 and 31 January is achieved between 2 April and 2 May.
    assert_eq!(sample.standing(&rulebook, "2022-04-15"), (Status::OnHold, Some(Hold::DateImprecise)));
    assert_eq!(sample.achieved_on(&rulebook, "2022-04-15"), "2022-04-15");
    assert_eq!(sample.achieved_on(&rulebook, "2022-05-02"), "2022-05-02");
    assert_eq!(sample.standing(&rulebook, "2022-05-02"), (Status::Claimable, None));
    // Too many readings to try each: only the year of a start and of a break is known.
    let sample = journey().job(1, "A", 20, "2020").ends(1, "2021").job(2, "B", 20, "2019");
    let found = sample.achieved_on(&rulebook, "2020-02-15");
    assert_eq!(found, "2020-02-15");
}

#[test]
fn an_outcome_maturing_from_an_imprecise_date_is_expected_on_the_latest_possible_day() {
    let rulebook = sustained("months = 1, continuity = \"cumulative\", combine = \"nothing\"", "");
    let sample = journey().job(1, "A", 20, "2023-11");
    let State::Maturing { earliest_on, .. } = sample.state(&rulebook, "2023-11-20") else { panic!("it matures") };
    assert_eq!(earliest_on, day("2023-12-20"), "a start on any day until today");
}

#[test]
fn the_spell_that_closes_a_counted_gap_is_in_the_run_and_its_evidence_counts() {
    let sustain = "days = 91, continuity = \"max_gap\", gap_days = 7, gap_counts = true, combine = \"employers\"";
    let rulebook = sustained(sustain, "evidence = { any_of = [\"payslip\"] }");
    // 91 days from 3 January end on 4 April, within the gap: the second job closes it on the 6th.
    let sample = journey().job(1, "A", 20, "2022-01-03").ends(1, "2022-04-01").job(2, "B", 20, "2022-04-06");
    let sample = sample.evidence(1, "payslip", "2022-04-30", 2);
    let reached = sample.reached(&rulebook, "2022-06-30");
    assert_eq!(reached.achieved_on, day("2022-04-06"));
    assert!(reached.missing.is_empty(), "the payslip of the second job supports it");
    let started = sample.history.events()[3].event_id;
    assert!(reached.events.contains(&started), "its start is in the derivation");
}

#[test]
fn a_spell_entirely_within_a_pause_counts_for_nothing() {
    let paused = "[[calendar.pause]]\nname = \"holidays\"\nranges = [[\"2021-07-24\", \"2021-08-31\"]]\n";
    let rulebook = super::rules(&format!(
        "{paused}[[outcome]]\ncode = \"it\"\ntitle = \"It\"\n{JOBS}\n\
         sustain = {{ days = 91, continuity = \"none\", combine = \"employers\", pause = \"holidays\" }}\n\
         evidence = {{ any_of = [\"payslip\"] }}\n[[outcome.tariff]]\namount = \"100.00\"\n"
    ));
    let sample = journey().job(1, "A", 20, "2021-06-01").job(2, "B", 20, "2021-08-01").ends(2, "2021-08-20");
    let piece = |spell: u128| EvidenceAttached {
        evidence: evidence_id(spell),
        kind: "payslip".to_owned(),
        sha256: None,
        dated_on: day("2021-08-19"),
        obtained_on: None,
        obtained_how: None,
        supports: vec![spell_id(spell).0],
    };
    let sample = sample.and("2021-10-30", piece(2));
    let reached = sample.reached(&rulebook, "2021-12-31");
    assert_eq!((reached.missing.as_slice(), reached.events.len()), (&["payslip".to_owned()][..], 1));
    assert!(sample.and("2021-10-31", piece(1)).reached(&rulebook, "2021-12-31").missing.is_empty());
}

#[test]
fn the_trigger_of_overlapping_spells_is_the_earliest_that_covers_the_first_day() {
    let rulebook = outcome(&format!(
        "{JOBS}\nsustain = {{ days = 28, continuity = \"none\", combine = \"employers\" }}\n\
         hours = {{ basis = \"every_week\", at_least = 30 }}"
    ));
    // The hours of the first job change on the first counted day, which the second job covers too.
    let sample = journey().job(1, "A", 10, "2022-01-03").job(2, "B", 10, "2022-02-01").hours(1, 25, "2022-03-01");
    let evaluated = sample.evaluated(&rulebook, "2022-06-30");
    let begun = evaluated[0].begun.expect("it has started");
    assert_eq!((begun.on, begun.counted_from), (day("2022-01-03"), day("2022-03-01")));
}

#[test]
fn out_of_range_hours_hold_only_the_outcome_that_uses_them_and_name_the_event() {
    let with_hours = |unknown: &str| {
        outcome(&format!(
            "{JOBS}\nsustain = {{ days = 28, continuity = \"none\", combine = \"employers\" }}\n\
             hours = {{ basis = \"average\", at_least = 16, unknown = \"{unknown}\" }}"
        ))
    };
    let huge = Quantity("79228162514264337593543950335".parse().expect("a decimal"));
    let sample = journey().and("2022-01-03", start(1, "employment", None, None));
    let changed = SpellChanged { spell: spell_id(1), hours_per_week: Some(huge), attributes: [].into(), note: None };
    let sample = sample.and("2022-01-03", changed);
    for unknown in ["hold", "lower"] {
        let rulebook = with_hours(unknown);
        assert_eq!(sample.standing(&rulebook, "2022-06-30"), (Status::OnHold, Some(Hold::OutOfRange)), "{unknown}");
        let named = sample.history.events().last().expect("an event").event_id;
        assert!(sample.reached(&rulebook, "2022-06-30").events.contains(&named));
    }
    let without = sustained("days = 28, continuity = \"none\", combine = \"employers\"", "");
    assert_eq!(sample.standing(&without, "2022-06-30"), (Status::Claimable, None), "nothing else is held");
    let measured = outcome("trigger = { measure = { code = \"earned\", at_least = 10 } }");
    let most = MeasureRecorded { code: "earned".to_owned(), value: huge, unit: None, period: None };
    assert_eq!(journey().and("2022-01-03", most).standing(&measured, "2022-06-30"), (Status::Claimable, None));
}

#[test]
fn text_that_looks_like_a_number_matches_quoted_or_not() {
    let placed = |value: Attribute| {
        let changed = SpellChanged {
            spell: spell_id(1),
            hours_per_week: None,
            attributes: [("grade".to_owned(), value)].into(),
            note: None,
        };
        journey().and("2022-01-03", start(1, "employment", None, None)).and("2022-01-03", changed)
    };
    let text = |text: &str| Attribute::Text(text.to_owned());
    let number = |number: i64| Attribute::Quantity(Quantity(number.into()));
    let fits = |listed: &str, value: Attribute| {
        let rulebook = outcome(&format!("trigger = {{ spell = [\"employment\"], where = {{ grade = [{listed}] }} }}"));
        placed(value).standing_or_none(&rulebook, "2022-06-30")
    };
    for listed in ["2", "\"2\""] {
        assert!(fits(listed, number(2)) && fits(listed, text("2")), "{listed}");
        assert!(!fits(listed, number(3)) && !fits(listed, text("3")) && !fits(listed, text("02")), "{listed}");
    }
    assert!(fits("\"02\"", text("02")) && !fits("\"02\"", number(2)), "a code with a leading zero is not a number");
    assert!(fits("true", text("true")) && fits("\"true\"", Attribute::Flag(true)));
}

#[test]
fn a_day_whose_midnight_is_skipped_counts_like_any_other_day() {
    // Runs count civil days: the time zone plays no part.
    let rulebook = sustained("days = 28, continuity = \"none\", combine = \"employers\"", "");
    let from = day("2018-10-20");
    let on = from.checked_add_days(Days::new(28)).expect("a day").to_string();
    assert_eq!(journey().job(1, "A", 20, "2018-10-20").achieved_on(&rulebook, "2019-01-01"), on);
}
