//! Tests of reading `[[report]]`: which values result, and which faults are reported with line, key and remedy.

use super::super::super::explain;
use super::super::super::packs::packs;
use super::super::super::tests::{LEAST, WHOLE, faults, rulebook};
use super::super::{ChartKind, reports as reports_of};
use super::*;

/// The rulebook [`WHOLE`] with a report of one section, whose first line is 65.
fn with_section(every: &str, section: &str) -> String {
    format!(
        "{WHOLE}[[report]]\ncode = \"regular\"\ntitle = \"Regular\"\nevery = \"{every}\"\n\
         [[report.section]]\ncode = \"numbers\"\ntitle = \"Numbers\"\n{section}"
    )
}

/// The same with one table, whose keys begin on line 73.
fn with_table(every: &str, table: &str) -> String {
    with_section(every, &format!("[[report.section.table]]\n{table}\n"))
}

#[test]
fn a_report_is_read_and_explained() {
    let text = with_section(
        "quarter",
        "boards = [\"contact_by_area\", \"exits_by_reason\"]\ngrade = true\n\
         [[report.section.table]]\nmeasures = [\"referral\", \"plan\"]\nby = [\"area\", \"month\"]\nchart = \"lines\"\n\
         [[report.section.table]]\ntitle = \"To date\"\nmeasures = [\"referral\"]\nperiod = \"contract_to_date\"\n\
         compare = [\"targets\", \"previous\"]\n\
         [[report.section]]\ncode = \"words\"\ntitle = \"In words\"\ncommentary = \"required\"\n",
    );
    let read = rulebook(&text);
    let [report] = read.own_reports.as_slice() else { panic!("{:#?}", read.own_reports) };
    assert_eq!(
        (report.code.as_str(), report.every, report.small_counts),
        ("regular", Every::Quarter, SmallCounts::Shown)
    );
    let [numbers, words] = report.sections.as_slice() else { panic!("{:#?}", report.sections) };
    assert_eq!(numbers.boards, [ReportBoard::ContactByArea, ReportBoard::ExitsByReason]);
    assert_eq!((numbers.also.as_slice(), numbers.commentary), ([Shown::Grade].as_slice(), CommentaryNeed::Optional));
    let [months, to_date] = numbers.tables.as_slice() else { panic!("{:#?}", numbers.tables) };
    assert_eq!(months.by, [Dimension::Area, Dimension::Month]);
    assert_eq!(
        (months.period, months.layout, months.chart),
        (TablePeriod::Report, Layout::Columns, Some(ChartKind::Lines))
    );
    assert_eq!(
        (to_date.title.as_deref(), to_date.layout),
        (Some("To date"), Layout::Rows),
        "what is compared has rows"
    );
    assert_eq!(to_date.compare, [Compared::Targets, Compared::Previous]);
    assert_eq!((words.tables.len(), words.commentary), (0, CommentaryNeed::Required));
    let sentence = "Report regular: Regular, every quarter. Its sections are Numbers and In words.";
    assert!(explain::of(&read).iter().any(|one| one == sentence), "{:#?}", explain::of(&read));
    assert_eq!(reports_of(&read).len(), 1, "no standard report beside it");
    assert_eq!(rulebook(WHOLE).sections_that_differ(&read), ["report"]);
}

#[test]
fn a_rulebook_without_reports_has_a_standard_one_of_what_it_has() {
    let sections = |text: &str| -> Vec<String> {
        let read = rulebook(text);
        let reports = reports_of(&read);
        let [report] = reports.as_ref() else { panic!("{reports:#?}") };
        assert_eq!((report.code.as_str(), report.every), ("performance", Every::Month));
        report.sections.iter().map(|section| section.code.clone()).collect()
    };
    assert_eq!(sections(LEAST), ["contact", "exits"]);
    assert_eq!(sections(WHOLE), ["stages", "contact", "plans", "exits"]);
    let graded = format!("{WHOLE}[[grade]]\ncode = \"green\"\n");
    assert_eq!(sections(&graded).last().map(String::as_str), Some("grade"));
}

#[test]
fn a_table_shows_measures_and_dimensions_that_there_are() {
    for (every, table, fault) in [
        (
            "month",
            "measures = [\"referral\", \"homes\"]",
            "line 73: report.section.table.measures: there is no measure \"homes\"; write one of referral, engaged, plan, sessions, qualified, job_started, or one that every contract has, such as contacts, exits, caseload or wte",
        ),
        (
            "month",
            "measures = [\"referral\"]\nby = [\"borough\"]",
            "line 74: report.section.table.by: \"borough\" is not one of the allowed words; write one of area, cohort, referrer, keyworker, team, code, month, attribute:<code>",
        ),
        (
            "month",
            "measures = [\"referral\"]\nby = [\"attribute:age_band\"]",
            "line 74: report.section.table.by: there is no attribute \"age_band\" of cases; write a [[case_attribute]] of that code",
        ),
        (
            "month",
            "measures = [\"referral\"]\nby = [\"area\", \"team\", \"code\", \"month\"]",
            "line 74: report.section.table.by: a table has at most 3 dimensions; write by = [\"area\"]",
        ),
        (
            "week",
            "measures = [\"referral\"]\nby = [\"month\"]",
            "line 74: report.section.table.by: the period of the table is not made of whole months; leave out month, or write period = \"rolling_3_months\"",
        ),
        (
            "quarter",
            "measures = [\"referral\"]\ncompare = [\"three_months\"]",
            "line 74: report.section.table.compare: only a month is compared with the three months before it; leave out three_months, or write period = \"month\"",
        ),
        (
            "month",
            "measures = [\"referral\"]\nby = [\"area\"]\ncompare = [\"targets\"]\nlayout = \"columns\"",
            "line 76: report.section.table.layout: this layout has no place for what the figures are compared with; write layout = \"rows\" or \"each\", or leave out compare",
        ),
        (
            "month",
            "measures = [\"referral\"]\nlayout = \"matrix\"",
            "line 74: report.section.table.layout: a matrix has a column for each member of a dimension; write by = [\"month\"]",
        ),
        (
            "month",
            "measures = [\"referral\"]\nchart = \"bars\"",
            "line 72: report.section.table.by: missing; write by = [\"area\"]",
        ),
        (
            "month",
            "measures = []",
            "line 73: report.section.table.measures: the list is empty, so nothing would ever match; write measures = [\"referral\"]",
        ),
    ] {
        assert_eq!(faults(&with_table(every, table)), [fault]);
    }
    assert_eq!(faults(&with_table("week", "measures = [\"referral\"]\nby = [\"month\"]\nperiod = \"month\"")), [""; 0]);
}

#[test]
fn months_of_a_financial_year_that_begins_within_a_month_are_not_whole() {
    let table = with_table("quarter", "measures = [\"referral\"]\nby = [\"month\"]");
    assert_eq!(faults(&table), [""; 0]);
    let within = table.replace("financial_year = \"04-01\"", "financial_year = \"04-06\"");
    assert_eq!(
        faults(&within),
        [
            "line 74: report.section.table.by: the period of the table is not made of whole months; leave out month, or write period = \"rolling_3_months\""
        ]
    );
}

#[test]
fn codes_are_unique_and_a_section_shows_something() {
    let section = "boards = [\"contact_by_area\"]\n";
    let twice = format!("{section}[[report.section]]\ncode = \"numbers\"\ntitle = \"Again\"\ngrade = true\n");
    assert_eq!(
        faults(&with_section("month", &twice)),
        ["line 74: report.section.code: the section \"numbers\" is already defined above; give it another code"]
    );
    let report = with_section("month", section);
    let again = report.trim_start_matches(WHOLE);
    assert_eq!(
        faults(&format!("{report}{again}")),
        ["line 74: report.code: the report \"regular\" is already defined above; give it another code"]
    );
    assert_eq!(
        faults(&with_section("month", "")),
        [
            "line 69: report.section: the section shows nothing; write a [[report.section.table]], or one of boards, indicators, grade and commentary"
        ]
    );
}

#[test]
fn a_board_is_one_that_the_rulebook_and_the_period_allow() {
    let board = "boards = [\"referral_to_plan\"]\n";
    assert_eq!(
        faults(&with_section("week", board)),
        [
            "line 72: report.section.boards: referral_to_plan counts whole months, and this report is about other periods; write \"referral_to_plan_to_date\", or every = \"month\""
        ]
    );
    let report = with_section("month", board);
    assert_eq!(
        faults(&format!("{LEAST}{}", report.trim_start_matches(WHOLE))),
        [
            "line 20: report.section.boards: the rulebook does not measure the days from referral to plan; write [referral_to_plan], or leave out this board"
        ]
    );
}

#[test]
fn every_pack_describes_its_own_reports() {
    for pack in packs() {
        assert!(!rulebook(pack.text).own_reports.is_empty(), "{}", pack.code);
    }
}
