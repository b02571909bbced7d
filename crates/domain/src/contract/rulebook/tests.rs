//! Tests of reading rulebooks: which values result, and which faults are reported with line, key and remedy.

use proptest::prelude::*;

use super::packs::{pack, packs};
use super::*;
use crate::world::day;

/// Every section and every form of `when` that this build knows.
pub(super) const WHOLE: &str = r#"rulebook = 1                          # grammar
contract = "mhep-tower-hamlets"
version = "2021-04"
title = "IPS employment support, Tower Hamlets"
effective_from = 2021-04-01
applies_by = "achieved"
retroactive = false
currency = "GBP"

[calendar]
zone = "Europe/London"
working_days = "england-and-wales"
financial_year = "04-01"
[[calendar.pause]]
name = "school-holidays"
ranges = [["2015-03-28", "2015-04-12"], ["2015-05-23", "2015-05-31"]]

[codes]
areas = ["tower-hamlets"]
cohorts = []
plan_kinds = ["employment_plan"]
spell_domains = ["employment", "self_employment"]
achievement_codes = ["qualification"]
measure_codes = ["sessions"]

[referrals]
counts_when = "accepted"

[recency]
counts_with = ["client", "employer"]
upper = [7, 14, 21, 27]
labels = ["1 week or less", "1-2 weeks", "2-3 weeks", "3-4 weeks", "4 weeks or more"]
none = "No contact yet"

[referral_to_plan]
plan = "employment_plan"
upper = [7, 14, 21, 28]
labels = ["1 week or less", "1-2 weeks", "2-3 weeks", "3-4 weeks", "4 weeks +"]
none = "No plan yet"

[[stage]]
code = "referral"
label = "Referrals"
when = { referral = "received" }
[[stage]]
code = "engaged"
label = "Engaged"
when = { engagement = [] }
[[stage]]
code = "plan"
label = "Plan agreed"
when = { plan = ["employment_plan"] }
[[stage]]
code = "sessions"
label = "Ten and a half sessions"
when = { measure = { code = "sessions", at_least = 10.50 } }
[[stage]]
code = "qualified"
label = "Qualified"
when = { achievement = ["qualification"], level = ["2", "3"] }
[[stage]]
code = "job_started"
label = "Job started"
when = { spell = ["employment", "self_employment"], where = { paid = [true], kind = ["full_time", 1] } }
"#;

/// The smallest rulebook.
pub(super) const LEAST: &str = r#"rulebook = 1
contract = "least"
version = "1"
title = "The least"
effective_from = 2015-01-01
applies_by = "referred"
retroactive = true
currency = "GBP"
[calendar]
zone = "Europe/London"
working_days = "england-and-wales"
financial_year = "04-01"
"#;

pub(super) fn rulebook(text: &str) -> Rulebook {
    Rulebook::parse(text).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The faults of a text, one in each line.
pub(super) fn faults(text: &str) -> Vec<String> {
    match Rulebook::parse(text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(RulebookError::to_string).collect(),
    }
}

/// The faults of [`WHOLE`] after one part is replaced.
fn faults_with(part: &str, otherwise: &str) -> Vec<String> {
    assert_eq!(WHOLE.matches(part).count(), 1, "{part:?} must occur once");
    faults(&WHOLE.replace(part, otherwise))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_complete_rulebook_is_read() {
    let read = rulebook(WHOLE);
    assert_eq!(read.grammar, 1);
    assert_eq!(read.contract, "mhep-tower-hamlets");
    assert_eq!(read.version, "2021-04");
    assert_eq!(read.title, "IPS employment support, Tower Hamlets");
    assert_eq!(read.effective_from, day("2021-04-01"));
    assert_eq!(read.applies_by, AppliesBy::Achieved);
    assert!(!read.retroactive);
    assert_eq!(read.currency, "GBP");
    assert_eq!(read.calendar.zone, chrono_tz::Europe::London);
    assert_eq!(read.calendar.working_days, "england-and-wales");
    let april = MonthDay { month: 4, day: 1 };
    assert_eq!(read.calendar.financial_year, april);
    let second = Days { first: day("2015-05-23"), last: day("2015-05-31") };
    assert_eq!(read.calendar.pauses[0].name, "school-holidays");
    assert_eq!(read.calendar.pauses[0].ranges[1], second);
    assert_eq!(read.codes.listed(CodeList::Areas), Some(words(&["tower-hamlets"]).as_slice()));
    assert_eq!(read.codes.listed(CodeList::Cohorts), Some([].as_slice()));
    assert_eq!(read.codes.listed(CodeList::CloseReasons), None);
    assert_eq!(read.referrals, CountsWhen::Accepted);
    assert_eq!(read.recency.counts_with, ["client", "employer"]);
    assert_eq!(read.recency.buckets.upper, [7, 14, 21, 27]);
    assert_eq!(read.recency.buckets.none, "No contact yet");
    let to_plan = read.referral_to_plan.expect("a section");
    assert_eq!(to_plan.plan, "employment_plan");
    assert_eq!(to_plan.buckets.labels[4], "4 weeks +");
}

#[test]
fn every_form_of_when_is_read_in_file_order() {
    let stages = rulebook(WHOLE).stages;
    let codes: Vec<_> = stages.iter().map(|stage| stage.code.as_str()).collect();
    assert_eq!(codes, ["referral", "engaged", "plan", "sessions", "qualified", "job_started"]);
    let when: Vec<_> = stages.into_iter().map(|stage| stage.when).collect();
    let expected = [
        StageWhen::Referral(CountsWhen::Received),
        StageWhen::Fact(Trigger::Engagement { bases: Vec::new() }),
        StageWhen::Fact(Trigger::Plan { kinds: words(&["employment_plan"]) }),
        StageWhen::Fact(Trigger::Measure {
            code: "sessions".to_owned(),
            at_least: "10.50".parse().expect("a decimal"),
        }),
        StageWhen::Fact(Trigger::Achievement { codes: words(&["qualification"]), levels: words(&["2", "3"]) }),
        StageWhen::Fact(Trigger::Spell {
            domains: words(&["employment", "self_employment"]),
            attributes: [
                ("kind".to_owned(), vec!["full_time".into(), 1.into()]),
                ("paid".to_owned(), vec![true.into()]),
            ]
            .into(),
        }),
    ];
    assert_eq!(when, expected);
}

#[test]
fn a_key_that_is_left_out_has_its_default() {
    let read = rulebook(LEAST);
    assert!(read.retroactive);
    assert_eq!(read.codes, Codes::default());
    assert_eq!(read.referrals, CountsWhen::Received);
    assert_eq!(read.recency.counts_with, ["client", "family", "carer"]);
    assert_eq!(read.recency.buckets.upper, [7, 14, 21, 27]);
    assert_eq!(read.recency.buckets.labels.len(), 5);
    assert_eq!(read.referral_to_plan, None);
    assert!(read.stages.is_empty());
    let only_client = rulebook(&format!("{LEAST}[recency]\ncounts_with = [\"client\"]\n"));
    assert_eq!(only_client.recency.counts_with, ["client"]);
    assert_eq!(only_client.recency.buckets, read.recency.buckets);
}

#[test]
fn every_fault_is_found_with_its_line_key_and_remedy() {
    let text =
        LEAST.replace("\"referred\"", "\"soon\"").replace("Europe/London", "Europe/Londn").replace("04-01", "02-29")
            + "[codes]\nplan_kinds = \"php\"\ncolours = []\n[cap]\nscope = \"year\"\n";
    assert_eq!(
        faults(&text),
        [
            "line 6: applies_by: \"soon\" is not one of the allowed words; write applies_by = \"referred\" or \"occurred\" or \"achieved\" or \"submitted\" or \"recorded\"",
            "line 10: calendar.zone: there is no time zone \"Europe/Londn\"; write zone = \"Europe/London\"",
            "line 12: calendar.financial_year: \"02-29\" is not a day of every year; write financial_year = \"04-01\"",
            "line 14: codes.plan_kinds: expected a list, found a text; write plan_kinds = [\"a_code\", \"another_code\"]",
            "line 15: codes.colours: unknown key; write one of areas, cohorts, referrer_kinds, plan_kinds, contact_channels, spell_domains, evidence_kinds, risk_kinds, achievement_codes, measure_codes, money_codes, disengage_reasons, close_reasons, defect_codes, or take it out",
            "line 16: cap: expected a list of sections, found a section; write [[cap]] above each of them",
        ]
    );
}

#[test]
fn an_unknown_section_is_reported_with_its_line() {
    assert_eq!(
        faults(&format!("{LEAST}\n[prices]\na = 1\n")),
        [
            "line 14: prices: unknown section [prices]; write one of calendar, codes, attributes, case_attribute, labels, channels, referrals, recency, referral_to_plan, caseload, supply, stage, standard, outcome, measure, league, cap, grade, kpi, targets, reports, report, duties, retention, or take it out"
        ]
    );
    assert_eq!(
        faults(&format!("colour = 1\n{LEAST}")),
        [
            "line 1: colour: unknown key; write one of rulebook, contract, version, title, effective_from, applies_by, retroactive, currency, or take it out"
        ]
    );
}

#[test]
fn a_missing_key_is_reported_where_its_table_begins() {
    assert_eq!(
        faults("rulebook = 1\n"),
        [
            "line 1: contract: missing; write contract = \"mhep-tower-hamlets\"",
            "line 1: version: missing; write version = \"2021-04\"",
            "line 1: title: missing; write title = \"IPS employment support\"",
            "line 1: effective_from: missing; write effective_from = 2021-04-01",
            "line 1: applies_by: missing; write applies_by = \"achieved\"",
            "line 1: retroactive: missing; write retroactive = false",
            "line 1: currency: missing; write currency = \"GBP\"",
            "line 1: calendar: missing; write [calendar] with zone, working_days and financial_year",
        ]
    );
    assert_eq!(
        faults_with("none = \"No plan yet\"\n", ""),
        ["line 35: referral_to_plan.none: missing; write none = \"No contact yet\""]
    );
    assert_eq!(
        faults_with("label = \"Plan agreed\"\n", ""),
        ["line 49: stage.label: missing; write label = \"Job started\""]
    );
}

#[test]
fn header_values_of_the_wrong_kind_are_refused() {
    for (part, otherwise, fault) in [
        (
            "version = \"2021-04\"",
            "version = 2021",
            "line 3: version: expected a text, found a whole number (2021); write version = \"2021-04\"",
        ),
        (
            "contract = \"mhep-tower-hamlets\"",
            "contract = \" \"",
            "line 2: contract: the text is empty; write contract = \"mhep-tower-hamlets\"",
        ),
        (
            "= 2021-04-01",
            "= \"2021-04-01\"",
            "line 5: effective_from: expected a date without quotes and without a time, found a text; write effective_from = 2021-04-01",
        ),
        (
            "= 2021-04-01",
            "= 2021-04-01T00:00:00Z",
            "line 5: effective_from: expected a date without quotes and without a time, found a time (2021-04-01T00:00:00Z); write effective_from = 2021-04-01",
        ),
        (
            "retroactive = false",
            "retroactive = 0",
            "line 7: retroactive: expected true or false, found a whole number (0); write retroactive = false",
        ),
        ("\"GBP\"", "\"gbp\"", "line 8: currency: a currency is three capital letters; write currency = \"GBP\""),
        ("counts_when = \"accepted\"", "", "line 26: referrals.counts_when: missing; write counts_when = \"received\""),
        (
            "counts_when = \"accepted\"",
            "counts_when = \"closed\"",
            "line 27: referrals.counts_when: \"closed\" is not one of the allowed words; write counts_when = \"received\" or \"accepted\"",
        ),
    ] {
        assert_eq!(faults_with(part, otherwise), [fault]);
    }
}

#[test]
fn a_pause_has_a_unique_name_and_ranges_in_order() {
    let ranges = "[[\"2015-03-28\", \"2015-04-12\"], [\"2015-05-23\", \"2015-05-31\"]]";
    let write = "write ranges = [[\"2015-03-28\", \"2015-04-12\"]]";
    for (otherwise, problem) in [
        ("[[\"2015-03-28\"]]", "a range is its first and its last day"),
        ("[[\"2015-03-28\", \"2015-03-27\"]]", "the range ends before it begins"),
        ("[[\"2015-03-28\", \"2015-02-30\"]]", "\"2015-02-30\" is not a date"),
        ("[[2015-03-28, \"2015-03-28\"]]", "expected a text, found a date (2015-03-28)"),
        ("[\"2015-03-28\"]", "expected a list, found a text"),
    ] {
        assert_eq!(faults_with(ranges, otherwise), [format!("line 16: calendar.pause.ranges: {problem}; {write}")]);
    }
    let twice = format!("{WHOLE}[[calendar.pause]]\nname = \"school-holidays\"\nranges = []\n");
    assert_eq!(
        faults(&twice),
        [
            "line 65: calendar.pause.name: the pause \"school-holidays\" is already defined above; give it another name, or write all ranges in one pause"
        ]
    );
}

#[test]
fn a_code_list_holds_each_code_once_and_no_empty_code() {
    let line = "line 19: codes.areas:";
    assert_eq!(
        faults_with("[\"tower-hamlets\"]", "[\"\", \"a\", 7, \"a\", \"b \"]"),
        [
            format!("{line} the text is empty; write areas = [\"a_code\", \"another_code\"]"),
            format!("{line} expected a text, found a whole number (7); write areas = [\"a_code\", \"another_code\"]"),
            format!("{line} \"a\" is in the list twice; keep one of the two"),
            format!("{line} the text begins or ends with a space; write areas = [\"a_code\", \"another_code\"]"),
        ]
    );
}

#[test]
fn edges_rise_and_there_is_one_label_more() {
    let rising = "write each inclusive upper edge once, in rising order";
    for (otherwise, fault) in [
        ("[7, 14, 14, 27]", format!("the edge 14 is in the list twice; {rising}")),
        ("[7, 21, 14, 27]", format!("the edge 14 comes after 21; {rising}")),
        (
            "[7, 14, 21, -27]",
            "expected a whole number of 0 or more, found a whole number (-27); write upper = [7, 14, 21, 27]"
                .to_owned(),
        ),
    ] {
        assert_eq!(faults_with("[7, 14, 21, 27]", otherwise), [format!("line 31: recency.upper: {fault}")]);
    }
    assert_eq!(
        faults_with("[7, 14, 21, 28]", "[7, 14, 21]"),
        [
            "line 38: referral_to_plan.labels: 3 edges make 4 rows, but there are 5 labels; write 4 labels, the last for all above the last edge"
        ]
    );
    assert_eq!(
        faults_with("[\"client\", \"employer\"]", "[\"client\", \"neighbour\"]"),
        [
            "line 30: recency.counts_with: \"neighbour\" is not one of the allowed words; write one of \"client\", \"family\", \"carer\", \"professional\", \"employer\", \"landlord\""
        ]
    );
    assert_eq!(
        faults_with("[\"client\", \"employer\"]", "[]"),
        [
            "line 30: recency.counts_with: the list is empty, so nothing would ever match; write counts_with = [\"client\", \"family\", \"carer\"]"
        ]
    );
}

#[test]
fn a_rule_names_only_codes_that_commands_may_use() {
    for (part, otherwise, fault) in [
        (
            "plan = \"employment_plan\"",
            "plan = \"php\"",
            "line 36: referral_to_plan.plan: \"php\" is not in codes.plan_kinds; write one of employment_plan, or add it to codes.plan_kinds",
        ),
        (
            "{ plan = [\"employment_plan\"] }",
            "{ plan = [\"php\"] }",
            "line 52: stage.when.plan: \"php\" is not in codes.plan_kinds; write one of employment_plan, or add it to codes.plan_kinds",
        ),
        (
            "spell_domains = [\"employment\", ",
            "spell_domains = [",
            "line 64: stage.when.spell: \"employment\" is not in codes.spell_domains; write one of self_employment, or add it to codes.spell_domains",
        ),
        (
            "achievement_codes = [\"qualification\"]",
            "achievement_codes = []",
            "line 60: stage.when.achievement: \"qualification\" is not in codes.achievement_codes; add it to codes.achievement_codes",
        ),
        (
            "measure_codes = [\"sessions\"]",
            "measure_codes = [\"x\"]",
            "line 56: stage.when.measure.code: \"sessions\" is not in codes.measure_codes; write one of x, or add it to codes.measure_codes",
        ),
    ] {
        assert_eq!(faults_with(part, otherwise), [fault]);
    }
}

#[test]
fn a_stage_has_one_fact_of_a_known_form() {
    let when = "{ engagement = [] }";
    let example = "write when = { plan = [\"employment_plan\"] }";
    for (otherwise, fault) in [
        ("{}", format!("stage.when: it names no fact; {example}")),
        ("\"plan\"", format!("stage.when: expected one fact, found a text; {example}")),
        ("{ plan = [\"employment_plan\"], engagement = [] }", "stage.when: it names plan and engagement, but a stage has one fact; write a stage for each".to_owned()),
        ("{ engagement = [], level = [\"1\"] }", "stage.when.level: level works only with achievement, which is missing; take level out".to_owned()),
        ("{ outcome = [\"job\"] }", "stage.when.outcome: there is no outcome \"job\"; write an [[outcome]] of that code".to_owned()),
        ("{ plan = [] }", "stage.when.plan: the list is empty, so nothing would ever match; write plan = [\"employment_plan\"]".to_owned()),
        ("{ spell = \"employment\" }", "stage.when.spell: expected a list, found a text; write spell = [\"employment\"]".to_owned()),
        ("{ spell = [\"employment\"], where = { a = [1.5] } }", "stage.when.where.a: a value is a text, a whole number, true or false; write a = [\"a_value\"]".to_owned()),
        ("{ spell = [\"employment\"], where = { a = [] } }", "stage.when.where.a: the list is empty, so nothing would ever match; write a = [\"a_value\"]".to_owned()),
        ("{ measure = { code = \"sessions\", at_least = \"many\" } }", "stage.when.measure.at_least: expected a number in plain digits, found a text; write at_least = 10".to_owned()),
        ("{ measure = { code = \"sessions\", at_least = inf } }", "stage.when.measure.at_least: expected a number in plain digits, found a decimal (inf); write at_least = 10".to_owned()),
        ("{ referral = \"declined\" }", "stage.when.referral: \"declined\" is not one of the allowed words; write referral = \"received\" or \"accepted\"".to_owned()),
    ] {
        assert_eq!(faults_with(when, otherwise), [format!("line 48: {fault}")]);
    }
    assert!(faults_with(when, "{ spell = [\"employment\"], where = {} }").is_empty());
    assert_eq!(
        faults_with("code = \"plan\"", "code = \"engaged\""),
        ["line 50: stage.code: the stage \"engaged\" is already defined above; give it another code"]
    );
    assert_eq!(
        faults(&format!("{LEAST}[stage]\ncode = \"a\"\n")),
        ["line 13: stage: expected a list of sections, found a section; write [[stage]] above each of them"]
    );
}

#[test]
fn a_text_that_is_not_toml_is_reported_for_that_alone() {
    assert_eq!(
        faults("rulebook = 1\ncontract = \"a\"\ncontract = \"b\"\ntitle = \nversion = \"1\n"),
        [
            "line 3: duplicate key; keep one of the two",
            "line 4: string values must be quoted, expected literal string; correct the TOML here; the rest is checked once the whole text can be read",
            "line 5: invalid basic string, expected `\"`; correct the TOML here; the rest is checked once the whole text can be read",
        ]
    );
    let errors = Rulebook::parse("rulebook = 1\neffective_from = 2021-02-30\n").expect_err("a fault");
    assert_eq!((errors.len(), errors[0].line), (1, 2));
}

#[test]
fn another_grammar_is_reported_for_that_alone() {
    assert_eq!(faults("[outcomes]\n"), ["line 1: rulebook: missing; write rulebook = 1"]);
    assert_eq!(
        faults("# later\nrulebook = 2\nstage = 7\n"),
        ["line 2: rulebook: this build reads grammar 1, not 2; write rulebook = 1"]
    );
}

#[test]
fn columns_count_characters_not_bytes() {
    let errors = Rulebook::parse(&format!("{LEAST}[codes]\nareas = [\"éé\", \"\"]\n")).expect_err("a fault");
    assert_eq!((errors[0].line, errors[0].column), (14, 16));
}

#[test]
fn the_packs_that_ship_have_no_faults() {
    for pack in packs() {
        let read = rulebook(pack.text);
        assert_eq!(read.contract, pack.code);
        assert_eq!(read.recency.buckets.upper, [7, 14, 21, 27]);
        if let Some(to_plan) = read.referral_to_plan {
            assert_eq!(to_plan.buckets.upper, [7, 14, 21, 28]);
        }
        for list in CodeList::ALL {
            assert!(read.codes.listed(list).is_some(), "{} does not list {list:?}", pack.code);
        }
    }
    assert_eq!(pack("nobody"), None);
}

#[test]
fn the_funnel_of_shps_is_that_of_its_board() {
    let shps = rulebook(pack("shps").expect("a pack").text);
    let labels: Vec<_> = shps.stages.iter().map(|stage| stage.label.as_str()).collect();
    assert_eq!(labels, ["Referrals", "PHP complete", "Housing Secured", "Housing Sustained"]);
    let areas = shps.codes.listed(CodeList::Areas).expect("a list");
    assert_eq!(areas, ["brent", "ealing", "enfield", "hackney", "islington", "waltham-forest"]);
}

proptest! {
    #[test]
    fn a_damaged_text_is_read_or_its_faults_have_lines_of_the_text(
        from in 0..WHOLE.len(),
        length in 0_usize..40,
        instead in "[\\[\\]{}=\"'#,.\n a0-]{0,4}",
    ) {
        let to = (from + length).min(WHOLE.len());
        let text = [&WHOLE[..from], &instead, &WHOLE[to..]].concat();
        let lines = text.split('\n').count();
        if let Err(errors) = Rulebook::parse(&text) {
            prop_assert!(!errors.is_empty());
            prop_assert!(errors.iter().all(|error| (1..=lines).contains(&error.line)));
            prop_assert!(errors.is_sorted_by_key(|error| (error.line, error.column)));
        }
    }
}
