//! Tests of reading `[[measure]]`: which values result, and which faults are reported with line, key and remedy.

use super::super::super::explain;
use super::super::super::tests::{WHOLE, faults, rulebook};
use super::super::Unit;
use super::*;

/// The rulebook [`WHOLE`] with one measure, whose formula is on line 68.
fn with_measure(code: &str, formula: &str) -> String {
    format!("{WHOLE}[[measure]]\ncode = \"{code}\"\ntitle = \"Jobs\"\n{formula}\n")
}

#[test]
fn measures_are_read_and_explained() {
    let text = with_measure("jobs", "count = { facts = [\"starts\", \"ends\"], codes = [\"employment\"] }")
        + "[[measure]]\ncode = \"visits\"\ntitle = \"Visits\"\nabout = \"Visits made.\"\nplaces = 2\n\
           sum = { facts = [\"recorded\"], codes = [\"sessions\"] }\n\
           [[measure]]\ncode = \"spend\"\ntitle = \"Spend\"\nof_contract = \"sessions\"\n\
           [[measure]]\ncode = \"each\"\ntitle = \"Each\"\nratio = { of = \"jobs\", over = \"wte\", percent = false }\n\
           [[measure]]\ncode = \"share\"\ntitle = \"Share\"\n\
           ratio = { of = \"plan\", over = \"referral\", basis = \"cohort\" }\n";
    let read = rulebook(&text);
    let [jobs, visits, spend, each, share] = read.measures.as_slice() else { panic!("{:#?}", read.measures) };
    let kinds = vec![FactKind::Starts, FactKind::Ends];
    assert_eq!(jobs.formula, Formula::Count(Facts { kinds, codes: vec!["employment".to_owned()] }));
    assert_eq!(jobs.prose, "The count of starts and ends with the code employment.");
    assert_eq!((jobs.unit, jobs.places, jobs.version.as_deref()), (Unit::Facts, 0, Some("2021-04")));
    assert_eq!(visits.formula, Formula::Sum(Facts::one(FactKind::Recorded, "sessions")));
    assert_eq!((visits.prose.as_str(), visits.unit, visits.places), ("Visits made.", Unit::Amount, 2));
    let sessions = ContractValues { code: "sessions".to_owned(), take: TakeOfContract::Sum };
    assert_eq!((&spend.formula, spend.unit), (&Formula::OfContract(sessions), Unit::Amount));
    assert_eq!((each.formula.to_string().as_str(), each.unit), ("jobs ÷ wte", Unit::Each));
    let (of, over) = ("plan".to_owned(), "referral".to_owned());
    assert_eq!(share.formula, Formula::Ratio { of, over, basis: Basis::Cohort, percent: true });
    let sentences = explain::of(&read);
    for sentence in [
        "Measure jobs: Jobs. The count of starts and ends with the code employment. It is shown as a number of facts, \
         without decimal places.",
        "Measure visits: Visits. The sum of recorded with the code sessions. It is shown as an amount, with 2 decimal \
         places.",
        "Measure each: Each. The ratio jobs ÷ wte. It is shown as a number for each, without decimal places.",
        "Measure share: Share. The ratio plan of the cases in referral ÷ referral. It is shown in percent, without \
         decimal places.",
    ] {
        assert!(sentences.iter().any(|one| one == sentence), "{sentence}\n\n{sentences:#?}");
    }
}

#[test]
fn a_measure_counts_known_facts_with_codes_that_they_can_have() {
    let kinds: Vec<String> = FactKind::ALL.iter().map(|kind| format!("{:?}", kind.as_str())).collect();
    let stages = "write one of referral, engaged, plan, sessions, qualified, job_started";
    for (facts, fault) in [
        (
            "facts = [\"start\"]",
            format!("facts: \"start\" is not one of the allowed words; write one of {}", kinds.join(", ")),
        ),
        (
            "facts = [\"starts\"], codes = [\"education\"]",
            "codes: \"education\" is not in codes.spell_domains; write one of employment, self_employment, or add it to codes.spell_domains".to_owned(),
        ),
        (
            "facts = [\"starts\"], codes = [\"employment\", \"employment\"]",
            "codes: \"employment\" is in the list twice; keep one of the two".to_owned(),
        ),
        (
            "facts = [\"starts\"], codes = []",
            "codes: the list is empty, so nothing would ever match; write codes = [\"employment\"]".to_owned(),
        ),
        (
            "facts = [\"stages\"]",
            "codes: facts of the kind \"stages\" are counted only by code; write codes = [\"a_code\"]".to_owned(),
        ),
        ("facts = [\"stages\"], codes = [\"job\"]", format!("codes: there is no stage \"job\"; {stages}")),
        (
            "facts = [\"achieved\"], codes = [\"job\"]",
            "codes: there is no outcome \"job\"; write an [[outcome]] of that code".to_owned(),
        ),
        (
            "facts = [\"in_time\"], codes = [\"welcome\"]",
            "codes: there is no standard \"welcome\"; write a [[standard]] of that code".to_owned(),
        ),
        (
            "facts = [\"sessions_offered\"], codes = [\"pair\"]",
            "codes: there is no kind of session \"pair\"; write one of group, single".to_owned(),
        ),
    ] {
        let text = with_measure("jobs", &format!("count = {{ {facts} }}"));
        assert_eq!(faults(&text), [format!("line 68: measure.count.{fault}")]);
    }
    let either = "count = { facts = [\"starts\", \"plans\"], codes = [\"employment\", \"employment_plan\"] }";
    assert!(faults(&with_measure("jobs", either)).is_empty(), "a code of one of the kinds is enough");
}

#[test]
fn a_measure_has_one_formula() {
    let recorded = "write one of sessions, or add it to codes.measure_codes";
    for (formula, fault) in [
        (
            "",
            "line 65: measure: it has no formula; write one of count, sum, of_contract, of_cases, share, supervision and ratio"
                .to_owned(),
        ),
        (
            "count = { facts = [\"exits\"] }\nof_contract = \"sessions\"",
            "line 65: measure: it has count and of_contract, but a measure has one formula; write a measure for each"
                .to_owned(),
        ),
        (
            "sum = { facts = [\"starts\"], codes = [\"employment\"] }",
            "line 68: measure.sum.facts: \"starts\" is not one of the allowed words; write one of \"recorded\", \"assessments\"".to_owned(),
        ),
        (
            "sum = { facts = [\"recorded\"] }",
            "line 68: measure.sum.codes: missing; write codes = [\"anc_visits\"]".to_owned(),
        ),
        (
            "of_contract = \"spend\"",
            format!("line 68: measure.of_contract: \"spend\" is not in codes.measure_codes; {recorded}"),
        ),
        (
            "count = { facts = [\"exits\"] }\nplaces = 7",
            "line 69: measure.places: 7 is more than 6; write places = 1".to_owned(),
        ),
    ] {
        assert_eq!(faults(&with_measure("jobs", formula)), [fault]);
    }
}

#[test]
fn a_ratio_is_made_of_measures_that_are_no_ratios() {
    let other = "[[measure]]\ncode = \"rate\"\ntitle = \"Rate\"\nratio = { of = \"contacts\", over = \"caseload\" }\n";
    for (ratio, fault) in [
        (
            "of = \"homes\", over = \"wte\"",
            "of: there is no measure \"homes\"; write one of referral, engaged, plan, sessions, qualified, job_started, or one that every contract has, such as contacts, exits, caseload or wte",
        ),
        ("of = \"plan\", over = \"jobs\"", "over: it would be a ratio of itself; name another measure"),
        (
            "of = \"rate\", over = \"wte\"",
            "of: \"rate\" is itself a ratio; write contacts or caseload, which it is made of",
        ),
        (
            "of = \"contacts\", over = \"referral\", basis = \"cohort\"",
            "of: \"contacts\" is not a number of cases, which the basis cohort needs; write basis = \"period\", or name a measure that counts cases, such as a stage",
        ),
        (
            "of = \"plan\", over = \"referral\", basis = \"always\"",
            "basis: \"always\" is not one of the allowed words; write basis = \"period\" or \"cohort\"",
        ),
    ] {
        let text = with_measure("jobs", &format!("ratio = {{ {ratio} }}")) + other;
        assert_eq!(faults(&text), [format!("line 68: measure.ratio.{fault}")]);
    }
}

#[test]
fn the_code_of_a_measure_is_its_own() {
    let formula = "count = { facts = [\"exits\"] }";
    for (code, problem) in [
        ("exits:moved", "\"exits:moved\" has a colon, as codes of the program's own measures have"),
        ("exits", "\"exits\" is the code of a measure that the program has"),
        ("caseload", "\"caseload\" is the code of a measure that the program has"),
        ("job_started", "\"job_started\" is already the code of a stage"),
    ] {
        let text = with_measure(code, formula);
        assert_eq!(faults(&text), [format!("line 66: measure.code: {problem}; give it another code")]);
    }
    let twice = with_measure("jobs", formula) + "[[measure]]\ncode = \"jobs\"\ntitle = \"Jobs\"\n" + formula;
    assert_eq!(
        faults(&twice),
        ["line 70: measure.code: the measure \"jobs\" is already defined above; give it another code"]
    );
}

#[test]
fn a_grade_that_tests_no_known_measure_is_warned_of() {
    let graded = |measure: &str| {
        let text =
            format!("{WHOLE}[[grade]]\ncode = \"green\"\nall_of = [{{ measure = \"{measure}\", at_least = 1 }}]\n");
        let sentences = explain::of(&rulebook(&text));
        sentences
            .iter()
            .any(|one| one.starts_with(&format!("Warning: [[grade]]: a grade tests \"{measure}\", which is")))
    };
    assert!(graded("happiness"));
    for known in ["sessions", "job_started", "exits", "wte"] {
        assert!(!graded(known), "{known}");
    }
}

#[test]
fn another_version_with_the_same_measures_differs_in_none() {
    let formula = "count = { facts = [\"exits\"] }";
    let now = rulebook(&with_measure("jobs", formula));
    let later = |text: &str| rulebook(&text.replace("version = \"2021-04\"", "version = \"2022-04\""));
    assert_eq!(now.sections_that_differ(&later(&with_measure("jobs", formula))), ["version"]);
    assert_eq!(now.sections_that_differ(&later(WHOLE)), ["measure"]);
}

const WAIT: &str = "days = { from = { facts = [\"stages\"], codes = [\"referral\"] }, to = { facts = [\"plans\"] } }";
const SEEN: &str = "quotient = { of = { facts = [\"sessions_attended\"] }, over = { facts = [\"sessions_offered\"] } }";

#[test]
fn measures_of_the_values_of_cases_are_read_and_explained() {
    let of = |code: &str, formula: &str| format!("[[measure]]\ncode = \"{code}\"\ntitle = \"{code}\"\n{formula}\n");
    let values = "values = { facts = [\"recorded\"], codes = [\"sessions\"], each = \"last\" }";
    let text = [
        WHOLE.to_owned(),
        of("wait", &format!("of_cases = {{ {WAIT}, take = \"median\" }}")),
        of("wait_90", &format!("places = 1\nof_cases = {{ {WAIT}, take = \"percentile\", percentile = 90 }}")),
        of("last", &format!("of_cases = {{ {values}, take = \"mean\" }}")),
        of("at_67", &format!("share = {{ {SEEN}, at_least = 67 }}")),
        of("middle", &format!("share = {{ {SEEN}, at_least = 50, below = 67 }}")),
        of("places", "of_contract = \"sessions\"\ntake = \"last\""),
    ]
    .concat();
    let read = rulebook(&text);
    let units: Vec<Unit> = read.measures.iter().map(|measure| measure.unit).collect();
    assert_eq!(units, [Unit::Days, Unit::Days, Unit::Amount, Unit::Percent, Unit::Percent, Unit::Amount]);
    let sentences = explain::of(&read);
    for sentence in [
        "Measure wait: wait. The median over cases of the days from stages with the code referral to plans. It is shown as a \
         number of days, without decimal places.",
        "Measure wait_90: wait_90. The 90th percentile over cases of the days from stages with the code referral to plans. It is \
         shown as a number of days, with 1 decimal place.",
        "Measure last: last. The mean over cases of the last value of recorded with the code sessions. It is shown \
         as an amount, without decimal places.",
        "Measure at_67: at_67. The share of cases whose sessions_attended ÷ sessions_offered is at least 67. It is \
         shown in percent, without decimal places.",
        "Measure middle: middle. The share of cases whose sessions_attended ÷ sessions_offered is at least 50 and \
         below 67. It is shown in percent, without decimal places.",
        "Measure places: places. The last of the values of sessions recorded for the contract. It is shown as an amount, \
         without decimal places.",
    ] {
        assert!(sentences.iter().any(|one| one == sentence), "{sentence}\n\n{sentences:#?}");
    }
}

#[test]
fn a_value_of_cases_is_complete_and_its_band_holds_something() {
    for (formula, fault) in [
        (
            "of_cases = { take = \"mean\" }".to_owned(),
            "of_cases: it does not say which value a case has; write one of days, values and quotient",
        ),
        (
            format!("of_cases = {{ {WAIT}, {SEEN}, take = \"mean\" }}"),
            "of_cases: it has days and quotient, but a case has one value; write a measure for each",
        ),
        (
            format!("of_cases = {{ {WAIT}, take = \"percentile\" }}"),
            "of_cases.percentile: missing; write percentile = 90",
        ),
        (
            format!("of_cases = {{ {WAIT}, take = \"mean\", percentile = 90 }}"),
            "of_cases.percentile: no percentile is taken; leave percentile out, or write take = \"percentile\"",
        ),
        (
            format!("of_cases = {{ {WAIT}, take = \"percentile\", percentile = 101 }}"),
            "of_cases.percentile: 101 is more than 100; write percentile = 90",
        ),
        (
            format!("share = {{ {WAIT} }}"),
            "share: the band has no limit; write one of at_least, above, at_most and below, or a lower and an upper limit",
        ),
        (
            format!("share = {{ {WAIT}, at_least = 7, above = 7 }}"),
            "share.at_least: the band has two lower limits, at_least and above; keep one of the two",
        ),
        (
            format!("share = {{ {WAIT}, at_least = 28, below = 28 }}"),
            "share: no value is in the band; write a lower limit that is less than the upper one",
        ),
        (
            "share = { quotient = { of = { facts = [\"stages\"] }, over = { facts = [\"sessions_offered\"] } }, below = 1 }"
                .to_owned(),
            "share.quotient.of.codes: facts of the kind \"stages\" are counted only by code; write codes = [\"a_code\"]",
        ),
    ] {
        assert_eq!(faults(&with_measure("jobs", &formula)), [format!("line 68: measure.{fault}")]);
    }
    let same = format!("share = {{ {WAIT}, at_least = 28, at_most = 28 }}");
    assert!(faults(&with_measure("jobs", &same)).is_empty(), "one number of days is a band");
    assert_eq!(
        faults(&with_measure("jobs", "count = { facts = [\"exits\"] }\ntake = \"last\"")),
        ["line 65: measure.take: take says what is taken of the values of the contract, and there is no of_contract; \
          leave it out, or write it in of_cases"]
    );
}

#[test]
fn no_ratio_is_made_of_the_values_of_cases() {
    let wait = format!("[[measure]]\ncode = \"wait\"\ntitle = \"Wait\"\nof_cases = {{ {WAIT}, take = \"mean\" }}\n");
    let text = with_measure("jobs", "ratio = { of = \"wait\", over = \"wte\" }") + &wait;
    assert_eq!(
        faults(&text),
        ["line 68: measure.ratio.of: \"wait\" is made of the values of cases, and no ratio is made of these; name a \
          measure that counts or adds up"]
    );
}

#[test]
fn a_code_that_hides_a_measure_of_every_contract_is_warned_of() {
    let hides = |text: &str, code: &str| {
        let warning = format!("hides the measure {code:?} that every contract has");
        explain::of(&rulebook(text)).iter().any(|one| one.contains(&warning))
    };
    assert!(!hides(WHOLE, "wte"));
    let stage = "[[stage]]\ncode = \"wte\"\nlabel = \"Workers\"\nwhen = { referral = \"accepted\" }\n";
    assert!(hides(&format!("{WHOLE}{stage}"), "wte"));
    let recorded = WHOLE.replace("measure_codes = [\"sessions\"]", "measure_codes = [\"sessions\", \"exits\"]");
    assert!(hides(&recorded, "exits"));
}
