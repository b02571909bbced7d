//! Tests of reading `[[kpi]]` and `withhold`: which values result, and which faults are reported with line, key and
//! remedy.

use super::super::explain;
use super::super::packs::pack;
use super::super::tests::{WHOLE, faults, rulebook};
use super::*;

/// The rulebook [`WHOLE`] with one indicator. It begins on line 65, and what is passed on line 68.
fn with_kpi(rest: &str) -> String {
    format!("{WHOLE}[[kpi]]\ncode = \"plans\"\ntitle = \"Plans a month\"\n{rest}\n")
}

#[test]
fn an_indicator_is_read_and_explained() {
    let text = with_kpi(
        "measure = \"plan\"\ndirection = \"at_most\"\nminimum_level = 3\nlower_level = 4.5\nperiod = \"rolling_3_months\"\n\
         tools = { minor = [\"improvement_plan\"], major = [\"performance_plan\", \"termination\"] }\n\
         withhold = { percent = 5, of = \"sessions\" }",
    );
    let read = rulebook(&text);
    let [plans] = read.kpis.as_slice() else { panic!("{:#?}", read.kpis) };
    assert_eq!((plans.code.as_str(), plans.measure.as_str()), ("plans", "plan"));
    assert_eq!((plans.direction, plans.period), (Direction::AtMost, KpiPeriod::RollingThree));
    assert_eq!((plans.minimum_level, plans.lower_level), (Some(3.into()), Some(Decimal::new(45, 1))));
    assert_eq!(plans.consequences.minor_tools, [NoticeKind::ImprovementPlan]);
    assert_eq!(plans.consequences.major_tools, [NoticeKind::PerformancePlan, NoticeKind::Termination]);
    let of = WithheldFrom::Recorded("sessions".to_owned());
    assert_eq!(plans.consequences.withhold, Some(Withholding { percent: 5.into(), of }));
    let sentence = "Indicator plans: Plans a month. The measure plan over the three months up to the end of each month: \
                    above 3 it is a minor failure, above 4.5 it is a major failure. A third failing month in a row is a \
                    major failure. Tools after a minor failure: improvement_plan. Tools after a major failure: \
                    performance_plan and termination. After a major failure, 5 % of the sessions of the financial year \
                    may be withheld.";
    let sentences = explain::of(&read);
    assert!(sentences.iter().any(|one| one == sentence), "{sentences:#?}");
}

#[test]
fn what_is_left_out_has_a_default() {
    let read = rulebook(&with_kpi("measure = \"caseload\"\nlower_level = 4"));
    let kpi = &read.kpis[0];
    assert_eq!((kpi.direction, kpi.period, kpi.minimum_level), (Direction::AtLeast, KpiPeriod::Month, None));
    assert_eq!(kpi.consequences, Consequences::default());
}

#[test]
fn the_faults_of_an_indicator_name_line_key_and_remedy() {
    for (rest, fault) in [
        ("measure = \"plan\"", "line 65: kpi: it has no level; write minimum_level, lower_level or both"),
        (
            "measure = \"plan\"\nminimum_level = 3\nlower_level = 4",
            "line 70: kpi.lower_level: the lower level 4 is above the minimum level 3; write lower_level no greater than \
             minimum_level",
        ),
        (
            "measure = \"plan\"\ndirection = \"at_most\"\nminimum_level = 3\nlower_level = 2",
            "line 71: kpi.lower_level: the lower level 2 is below the minimum level 3; write lower_level no less than \
             minimum_level",
        ),
        (
            "measure = \"plans_agreed\"\nminimum_level = 3",
            "line 68: kpi.measure: there is no measure \"plans_agreed\"; write the code of a stage, standard, outcome or \
             [[measure]], or one that every contract has; `throughline rulebook measures` lists them",
        ),
        (
            "measure = \"plan\"\nminimum_level = 3\nperiod = \"quarter\"",
            "line 70: kpi.period: \"quarter\" is not one of the allowed words; write period = \"month\" or \
             \"rolling_3_months\" or \"rolling_12_months\" or \"since_start\"",
        ),
        (
            "measure = \"plan\"\nminimum_level = 3\nwithhold = { percent = 5 }",
            "line 70: kpi.withhold: the amount of which a part is withheld is missing; write of = \"annual_payment\" with a \
             code of codes.measure_codes, or amount = \"60000.00\"",
        ),
        (
            "measure = \"plan\"\nminimum_level = 3\nwithhold = { percent = 5, of = \"annual_payment\" }",
            "line 70: kpi.withhold.of: \"annual_payment\" is not in codes.measure_codes; write one of sessions, or add it \
             to codes.measure_codes",
        ),
        (
            "measure = \"plan\"\nminimum_level = 3\nwithhold = { percent = 105, amount = 10 }",
            "line 70: kpi.withhold.percent: 105 is more than 100; write percent = 5",
        ),
        (
            "measure = \"plan\"\nminimum_level = 3\ntools = { minor = [\"fine\"] }",
            "line 70: kpi.tools.minor: \"fine\" is not one of the allowed words; write one of \"improvement_plan\", \
             \"performance_plan\", \"withholding\", \"referral_change\", \"termination\"",
        ),
        (
            "measure = \"plan\"\nminimum_level = 3\n[[kpi]]\ncode = \"plans\"\ntitle = \"Again\"\nmeasure = \"wte\"\n\
             minimum_level = 1",
            "line 71: kpi.code: the indicator \"plans\" is already defined above; give it another code",
        ),
        (
            "measure = \"plan\"\nminimum_level = 3\n[[standard]]\ncode = \"plans\"\nfrom = \"referral_received\"\n\
             within = { days = 7 }\nmet_by = { plan = \"employment_plan\" }\nminimum_level = 90",
            "line 66: kpi.code: \"plans\" is already the code of a standard with levels, which is an indicator itself; give \
             it another code",
        ),
    ] {
        assert_eq!(faults(&with_kpi(rest)), [fault]);
    }
}

#[test]
fn the_indicators_of_dwp_cep_are_nine() {
    let text = pack("dwp-cep").expect("a pack").text;
    let codes: Vec<String> = kpis(&rulebook(text)).into_iter().map(|kpi| kpi.code).collect();
    let mut numbers: Vec<&str> = codes.iter().filter_map(|code| code.split('_').nth(1)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn stoke_withholds_a_twentieth_of_the_annual_payment_for_red() {
    let read = rulebook(pack("stoke-psychology").expect("a pack").text);
    let withheld: Vec<_> = read.grades.iter().map(|grade| (grade.code.as_str(), grade.withhold.clone())).collect();
    let of = WithheldFrom::Recorded("annual_payment".to_owned());
    let twentieth = Some(Withholding { percent: 5.into(), of });
    assert_eq!(withheld, [("green", None), ("amber", None), ("red", twentieth)]);
    let sentence = "For the grade red, 5 % of the annual_payment of the financial year may be withheld.";
    assert!(explain::of(&read).iter().any(|one| one == sentence));
}

/// The rulebook [`WHOLE`] with one standard. What is passed begins on line 69.
fn with_standard(rest: &str) -> String {
    let standard = "[[standard]]\ncode = \"seen\"\nfrom = \"referral_received\"\nwithin = { days = 7 }\n";
    format!("{WHOLE}{standard}met_by = {{ contact = {{ made = true }} }}\n{rest}\n")
}

#[test]
fn a_standard_with_levels_has_tools_as_an_indicator_has() {
    let tools = "tools = { minor = [\"improvement_plan\"] }\nwithhold = { percent = 5, of = \"sessions\" }";
    let read = rulebook(&with_standard(&format!("minimum_level = 95\n{tools}")));
    let all = kpis(&read);
    let seen = all.iter().find(|kpi| kpi.code == "seen").expect("an indicator");
    assert_eq!(seen.consequences.minor_tools, [NoticeKind::ImprovementPlan]);
    assert!(seen.consequences.withhold.is_some());
    let sentences = explain::of(&read);
    let ends = "Tools after a minor failure: improvement_plan. After a major failure, 5 % of the sessions of the \
                financial year may be withheld.";
    assert!(sentences.iter().any(|one| one.starts_with("Standard seen: ") && one.ends_with(ends)), "{sentences:#?}");
    let found = faults(&with_standard("tools = { minor = [\"improvement_plan\"] }"));
    let expected =
        "standard.tools: a standard without levels is never failed; write minimum_level, lower_level or both";
    assert!(found.iter().any(|fault| fault.ends_with(expected)), "{found:#?}");
}
