//! The section of a rulebook about its reports.

use super::super::report::{ChartKind, CommentaryNeed, Compared, Every, Layout, ReportBoard, TablePeriod};
use super::{Fix, Items, Key, Kind, Rule, SOME_TEXTS, Table, Word, words};

pub(in super::super) const EVERY: [Word<Every>; 4] = [
    Word::new("week", Every::Week, "an ISO week, from Monday to Sunday"),
    Word::new("month", Every::Month, "a calendar month"),
    Word::new("quarter", Every::Quarter, "a quarter of the financial year"),
    Word::new("year", Every::Year, "the financial year"),
];

pub(in super::super) const COMMENTARY: [Word<CommentaryNeed>; 2] = [
    Word::new("optional", CommentaryNeed::Optional, "it may have some"),
    Word::new("required", CommentaryNeed::Required, "the report says so if there is none"),
];

/// What figures are broken down by, for the reference page.
pub(in super::super) const DIMENSIONS: [Word<()>; 8] = [
    Word::new("area", (), "the service area of the case"),
    Word::new("cohort", (), "the cohort of the case"),
    Word::new("referrer", (), "the kind of organisation that referred the case"),
    Word::new("keyworker", (), "the keyworker who held the case on the day of the fact"),
    Word::new("team", (), "the team of that keyworker"),
    Word::new("code", (), "the code of the fact, such as the reason of an exit"),
    Word::new("month", (), "the months of the period"),
    Word::new("attribute:<code>", (), "an attribute of the case, which `[[case_attribute]]` names"),
];

pub(in super::super) const TABLE_PERIODS: [Word<TablePeriod>; 9] = [
    Word::new("period", TablePeriod::Report, "the period of the report"),
    Word::new("week", TablePeriod::Week, "the week that holds its last day"),
    Word::new("month", TablePeriod::Month, "the month that holds its last day"),
    Word::new("quarter", TablePeriod::Quarter, "the quarter that holds its last day"),
    Word::new("financial_year", TablePeriod::FinancialYear, "the financial year that holds its last day"),
    Word::new("year_to_date", TablePeriod::YearToDate, "from the start of the financial year to its last day"),
    Word::new("contract_to_date", TablePeriod::ContractToDate, "from the start of the contract to its last day"),
    Word::new(
        "rolling_3_months",
        TablePeriod::RollingThreeMonths,
        "the three months that end with the month of its last day",
    ),
    Word::new(
        "rolling_12_months",
        TablePeriod::RollingTwelveMonths,
        "the twelve months that end with the month of its last day",
    ),
];

pub(in super::super) const COMPARED: [Word<Compared>; 4] = [
    Word::new("targets", Compared::Targets, "the targets of every profile, with percentage, whether met, and trend"),
    Word::new("previous", Compared::Previous, "the period before"),
    Word::new("three_months", Compared::ThreeMonths, "the mean of the three months before; only of a month"),
    Word::new("year_before", Compared::YearBefore, "the same period a year before"),
];

pub(in super::super) const LAYOUTS: [Word<Layout>; 4] = [
    Word::new("columns", Layout::Columns, "a row for each group, a column for each measure; nothing is compared"),
    Word::new("rows", Layout::Rows, "a row for each group and measure: the figure, then what it is compared with"),
    Word::new(
        "each",
        Layout::Each,
        "a table for each measure: a row for each group, the figure, then what it is compared with",
    ),
    Word::new(
        "matrix",
        Layout::Matrix,
        "a column for each member of the last dimension, a row for each measure and other member; nothing is compared",
    ),
];

pub(in super::super) const CHARTS: [Word<ChartKind>; 2] = [
    Word::new("bars", ChartKind::Bars, "bars beside each other"),
    Word::new("lines", ChartKind::Lines, "lines over time"),
];

pub(in super::super) const BOARDS: [Word<ReportBoard>; 8] = [
    Word::new("contact_by_area", ReportBoard::ContactByArea, "days since contact by anyone, by area"),
    Word::new("contact_by_keyworker", ReportBoard::ContactByKeyworker, "days since contact by anyone, by keyworker"),
    Word::new(
        "own_contact_by_keyworker",
        ReportBoard::OwnContactByKeyworker,
        "days since contact by the keyworker, by keyworker",
    ),
    Word::new(
        "contact_of_all_staff",
        ReportBoard::ContactOfAllStaff,
        "days since contact by anyone and by the keyworker, of all staff",
    ),
    Word::new(
        "referral_to_plan",
        ReportBoard::ReferralToPlan,
        "days from referral to plan, of the cases referred in the period, by area",
    ),
    Word::new(
        "referral_to_plan_to_date",
        ReportBoard::ReferralToPlanToDate,
        "days from referral to plan, of all cases to date, by area",
    ),
    Word::new("exits_by_reason", ReportBoard::ExitsByReason, "exits by reason, in the period and to date"),
    Word::new(
        "disengagements_by_reason",
        ReportBoard::DisengagementsByReason,
        "disengagements by reason, in the period and to date",
    ),
];

pub(super) static REPORT: Table = Table {
    name: "report",
    noun: "a report",
    about: "A report: what the contract reports for each period, section by section. A rulebook without reports has \
            the standard report `performance`.",
    keys: &[
        Key::new("code", Kind::Text, r#""monthly""#, "Its code, unique among the reports. Commentary names it."),
        Key::new("title", Kind::Text, r#""Monthly report""#, "Its title."),
        Key::new("every", Kind::Word(&const { words(&EVERY) }), r#""month""#, "The period that it is about."),
        Key::new(
            "hide_small_counts",
            Kind::Flag,
            "true",
            "Whether counts of one to four people are hidden from commissioners.",
        )
        .or("false"),
        Key::new("section", Kind::Tables(&REPORT_SECTION), "", "Its sections, in order."),
    ],
    rules: &[],
    notes: &[],
};

static REPORT_SECTION: Table = Table {
    name: "report_section",
    noun: "a section of a report",
    about: "A section of a report. Commentary that is recorded for it is always shown.",
    keys: &[
        Key::new("code", Kind::Text, r#""funnel""#, "Its code, unique in the report. Commentary names it."),
        Key::new("title", Kind::Text, r#""Referrals and homes""#, "Its title."),
        Key::new("table", Kind::Tables(&REPORT_TABLE), "", "Its tables of measures, in order.").optional(),
        Key::new(
            "boards",
            Kind::List(&const { Kind::Word(&const { words(&BOARDS) }) }, Items::SomeDistinct),
            r#"["contact_by_area"]"#,
            "The boards that it shows, as read on the last day of the period.",
        )
        .optional(),
        Key::new("indicators", Kind::Flag, "true", "Whether it shows the service standards with levels, by month.")
            .or("false"),
        Key::new("grade", Kind::Flag, "true", "Whether it shows the grade of the period, and the tests that failed.")
            .or("false"),
        Key::new(
            "commentary",
            Kind::Word(&const { words(&COMMENTARY) }),
            r#""required""#,
            "Whether the parties must comment on it.",
        )
        .optional(),
    ],
    rules: &[Rule::Some {
        of: &["table", "boards", "indicators", "grade", "commentary"],
        none: Fix {
            problem: "the section shows nothing",
            remedy: "write a [[report.section.table]], or one of boards, indicators, grade and commentary",
        },
    }],
    notes: &["`referral_to_plan` counts whole months, so a weekly report cannot show it."],
};

static REPORT_TABLE: Table = Table {
    name: "report_table",
    noun: "a table of a report",
    about: "A table of measures.",
    keys: &[
        Key::new(
            "title",
            Kind::Text,
            r#""Against the base""#,
            "Its title. The period is added to it. Left out: the title of its only measure, or of the section.",
        )
        .optional(),
        Key::new("measures", SOME_TEXTS, r#"["referral"]"#, "The measures, by code, in order."),
        Key::new(
            "by",
            Kind::List(&Kind::Dimension, Items::Distinct),
            r#"["area"]"#,
            "What the figures are broken down by, at most three. Left out: the contract as a whole.",
        )
        .or("[]"),
        Key::new(
            "period",
            Kind::Word(&const { words(&TABLE_PERIODS) }),
            r#""contract_to_date""#,
            "The period of the figures.",
        )
        .or(r#""period""#),
        Key::new(
            "compare",
            Kind::List(&const { Kind::Word(&const { words(&COMPARED) }) }, Items::Distinct),
            r#"["targets"]"#,
            "What the figures are compared with.",
        )
        .or("[]"),
        Key::new(
            "layout",
            Kind::Word(&const { words(&LAYOUTS) }),
            r#""rows""#,
            "How the figures are laid out. Left out: `rows` if they are compared or not broken down, else `columns`.",
        )
        .optional(),
        Key::new("chart", Kind::Word(&const { words(&CHARTS) }), r#""bars""#, "How they are drawn beside the table.")
            .optional(),
    ],
    rules: &[Rule::Requires { key: "chart", other: "by" }],
    notes: &[
        "The months of a period can be shown only if it is made of whole months. That of a week is not.",
        "A layout without a place for comparisons compares nothing.",
    ],
};
