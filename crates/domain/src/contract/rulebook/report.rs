//! Reports: what a contract reports every week, month, quarter or year, section by section.
//!
//! Pure, and only a description: it names what is shown and how it is laid out. It computes nothing. Which days each
//! period has is in the module `performance::report`.

pub(super) mod parse;

use std::borrow::Cow;

use super::Rulebook;
pub use super::dimension::Dimension;

/// A report of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportDefinition {
    /// Its code, unique among the reports: commentary and submissions name it.
    pub code: String,
    /// Its title.
    pub title: String,
    /// How often it is made.
    pub every: Every,
    /// Whether counts of one to four people are hidden from commissioners.
    pub small_counts: SmallCounts,
    /// Its sections, in order.
    pub sections: Vec<SectionDefinition>,
}

/// How often a report is made. The report is about one of these periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// An ISO week, from Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
    /// A quarter of the financial year of the rulebook.
    Quarter,
    /// The financial year of the rulebook.
    Year,
}

impl Every {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// What commissioners see of counts of one to four people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallCounts {
    /// The counts.
    Shown,
    /// That they are hidden.
    Hidden,
}

/// A section of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionDefinition {
    /// Its code, unique in the report: commentary names it.
    pub code: String,
    /// Its title.
    pub title: String,
    /// Its tables of measures, in order.
    pub tables: Vec<TableDefinition>,
    /// Its boards, in order.
    pub boards: Vec<ReportBoard>,
    /// What else it shows.
    pub also: Vec<Shown>,
    /// Whether the parties must comment on it. Commentary that is recorded is always shown.
    pub commentary: CommentaryNeed,
}

/// What a section shows beside tables and boards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The service standards with levels, month by month.
    Indicators,
    /// The grade of the period, and the tests that failed.
    Grade,
}

/// Whether a section needs commentary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentaryNeed {
    /// It may have some.
    Optional,
    /// The report says so if there is none.
    Required,
}

/// A table of measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDefinition {
    /// Its title. None: the title of its only measure, or of the section.
    pub title: Option<String>,
    /// The measures, by code, in order.
    pub measures: Vec<String>,
    /// What the figures are broken down by, in order.
    pub by: Vec<Dimension>,
    /// The period of the figures.
    pub period: TablePeriod,
    /// What the figures are compared with, in order.
    pub compare: Vec<Compared>,
    /// How they are laid out.
    pub layout: Layout,
    /// How they are drawn beside the table, if they are.
    pub chart: Option<ChartKind>,
}

/// The period of a table, from that of its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TablePeriod {
    /// The same.
    Report,
    /// The week that holds the last day.
    Week,
    /// The month that holds the last day.
    Month,
    /// The quarter that holds the last day.
    Quarter,
    /// The financial year that holds the last day.
    FinancialYear,
    /// From the start of the financial year to the last day.
    YearToDate,
    /// From the start of the contract to the last day.
    ContractToDate,
    /// The three months that end with the month of the last day.
    RollingThreeMonths,
    /// The twelve months that end with the month of the last day.
    RollingTwelveMonths,
}

/// What figures are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// The targets of every profile.
    Targets,
    /// The period before.
    Previous,
    /// The mean of the three months before.
    ThreeMonths,
    /// The same period a year before.
    YearBefore,
}

/// How the figures of a table are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A row for each group, a column for each measure. Nothing is compared.
    Columns,
    /// A row for each group and measure: the figure, then what it is compared with.
    Rows,
    /// A table for each measure: a row for each group, the figure, then what it is compared with.
    Each,
    /// A column for each member of the last dimension, a row for each measure and other member. Nothing is compared.
    Matrix,
}

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartKind {
    /// Bars beside each other.
    Bars,
    /// Lines over time.
    Lines,
}

/// A board that a report shows, read on the last day of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportBoard {
    /// Days since contact by anyone, by area.
    ContactByArea,
    /// Days since contact by anyone, by keyworker.
    ContactByKeyworker,
    /// Days since contact by the keyworker, by keyworker.
    OwnContactByKeyworker,
    /// Days since contact by anyone and by the keyworker, of all staff.
    ContactOfAllStaff,
    /// Days from referral to plan, of the cases referred in the period, by area.
    ReferralToPlan,
    /// Days from referral to plan to date, by area.
    ReferralToPlanToDate,
    /// Exits by reason, in the period and to date.
    ExitsByReason,
    /// Disengagements by reason, in the period and to date.
    DisengagementsByReason,
}

/// The reports of a rulebook. One that describes none has a standard report.
pub fn reports(rulebook: &Rulebook) -> Cow<'_, [ReportDefinition]> {
    if rulebook.own_reports.is_empty() { vec![standard(rulebook)].into() } else { (&rulebook.own_reports).into() }
}

/// The report of a contract whose rulebook describes none: what each contract has, every month.
fn standard(rulebook: &Rulebook) -> ReportDefinition {
    let section = |code: &str, title: &str| SectionDefinition {
        code: code.to_owned(),
        title: title.to_owned(),
        tables: Vec::new(),
        boards: Vec::new(),
        also: Vec::new(),
        commentary: CommentaryNeed::Optional,
    };
    let contact = vec![ReportBoard::ContactByArea, ReportBoard::ContactByKeyworker, ReportBoard::OwnContactByKeyworker];
    let plans = vec![ReportBoard::ReferralToPlan, ReportBoard::ReferralToPlanToDate];
    let exits = vec![ReportBoard::ExitsByReason, ReportBoard::DisengagementsByReason];
    let mut sections = Vec::new();
    if !rulebook.stages.is_empty() {
        sections.push(SectionDefinition { tables: of_stages(rulebook), ..section("stages", "Stages") });
    }
    sections.push(SectionDefinition { boards: contact, ..section("contact", "Days since contact") });
    if rulebook.referral_to_plan.is_some() {
        sections.push(SectionDefinition { boards: plans, ..section("plans", "Referral to plan") });
    }
    sections.push(SectionDefinition { boards: exits, ..section("exits", "Exits") });
    for (is_there, shown, code, title) in [
        (rulebook.has_levels(), Shown::Indicators, "indicators", "Indicators"),
        (!rulebook.grades.is_empty(), Shown::Grade, "grade", "Grade"),
    ] {
        if is_there {
            sections.push(SectionDefinition { also: vec![shown], ..section(code, title) });
        }
    }
    ReportDefinition {
        code: "performance".to_owned(),
        title: "Performance".to_owned(),
        every: Every::Month,
        small_counts: if rulebook.reports.hide_small_counts { SmallCounts::Hidden } else { SmallCounts::Shown },
        sections,
    }
}

/// The stages by area against targets, in the month and to date, and month by month.
fn of_stages(rulebook: &Rulebook) -> Vec<TableDefinition> {
    let in_month = TableDefinition {
        title: None,
        measures: rulebook.stages.iter().map(|stage| stage.code.clone()).collect(),
        by: vec![Dimension::Area],
        period: TablePeriod::Report,
        compare: vec![Compared::Targets, Compared::ThreeMonths],
        layout: Layout::Rows,
        chart: None,
    };
    let to_date =
        TableDefinition { period: TablePeriod::ContractToDate, compare: vec![Compared::Targets], ..in_month.clone() };
    let by_month = TableDefinition {
        by: vec![Dimension::Month],
        period: TablePeriod::RollingTwelveMonths,
        compare: Vec::new(),
        layout: Layout::Columns,
        chart: Some(ChartKind::Lines),
        ..in_month.clone()
    };
    vec![in_month, to_date, by_month]
}

impl Rulebook {
    /// Whether counts of one to four people are hidden from commissioners in other answers than reports: if the rulebook
    /// says so for all, or for one of its reports.
    pub fn hides_small_counts(&self) -> bool {
        let hides = |report: &ReportDefinition| report.small_counts == SmallCounts::Hidden;
        self.reports.hide_small_counts || self.own_reports.iter().any(hides)
    }

    /// Whether a standard has levels, so that there are indicators.
    fn has_levels(&self) -> bool {
        self.standards.iter().any(|standard| standard.minimum_level.or(standard.lower_level).is_some())
    }
}
