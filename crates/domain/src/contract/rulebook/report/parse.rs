//! Reads `[[report]]`.
//!
//! Each report is read alone. The measures that its tables name are checked once the whole rulebook is read, because
//! they may be any of its measures.

use super::super::Calendar;
use super::super::grammar::Word;
use super::super::grammar::report::{BOARDS, CHARTS, COMMENTARY, COMPARED, EVERY, LAYOUTS, TABLE_PERIODS};
use super::super::measure::Measure;
use super::super::measure::known::KnownMeasures;
use super::super::reader::{Fault, Item, Report as Faults, Section};
use super::{
    CommentaryNeed, Compared, Dimension, Every, Layout, ReportBoard, ReportDefinition, SectionDefinition, Shown,
    SmallCounts, TableDefinition, TablePeriod,
};

/// The most dimensions of one table.
const DIMENSIONS_MAX: usize = 3;

/// The reports of the rulebook.
pub(in super::super) fn reports(
    top: &Section<'_>,
    calendar: Option<&Calendar>,
    faults: &mut Faults<'_>,
) -> Vec<ReportDefinition> {
    let mut codes: Vec<String> = Vec::new();
    let mut reports = Vec::new();
    let hides_all = top.section("reports").and_then(|section| section.flag("hide_small_counts")) == Some(true);
    for section in top.sections("report") {
        unique(&section, &mut codes, "report", faults);
        let Some(every) = section.word("every", &EVERY) else { continue };
        let periods = Periods { every, calendar };
        let sections = sections(&section, &periods, faults);
        if let (Some(code), Some(title), Some(is_hidden)) =
            (section.text("code"), section.text("title"), section.flag("hide_small_counts"))
        {
            let small_counts = if is_hidden || hides_all { SmallCounts::Hidden } else { SmallCounts::Shown };
            reports.push(ReportDefinition { code, title, every, small_counts, sections });
        }
    }
    reports
}

/// Reports a code that stands above already.
fn unique(section: &Section<'_>, earlier: &mut Vec<String>, what: &str, faults: &mut Faults<'_>) {
    let Some(code) = section.text("code") else { return };
    if earlier.contains(&code) {
        let problem = format!("the {what} {code:?} is already defined above");
        faults.add(section.place_of("code"), Some(&section.path_of("code")), problem, "give it another code");
    }
    earlier.push(code);
}

fn sections(report: &Section<'_>, periods: &Periods<'_>, faults: &mut Faults<'_>) -> Vec<SectionDefinition> {
    let mut codes: Vec<String> = Vec::new();
    let mut sections = Vec::new();
    for section in report.sections("section") {
        unique(&section, &mut codes, "section", faults);
        let tables = section.sections("table").iter().filter_map(|table| periods.table(table, faults)).collect();
        let boards = periods.boards(&section, faults);
        let also = [("indicators", Shown::Indicators), ("grade", Shown::Grade)];
        let also =
            also.into_iter().filter(|(key, _)| section.flag(key) == Some(true)).map(|(_, shown)| shown).collect();
        let commentary = section.word("commentary", &COMMENTARY).unwrap_or(CommentaryNeed::Optional);
        if let (Some(code), Some(title)) = (section.text("code"), section.text("title")) {
            sections.push(SectionDefinition { code, title, tables, boards, also, commentary });
        }
    }
    sections
}

/// The words of a list, each with its value.
fn each<'d, T: Copy>(section: &Section<'d>, key: &str, words: &[Word<T>]) -> Vec<(Item<'d>, T)> {
    let items = section.item(key).map(|item| item.elements()).unwrap_or_default();
    let read = |item: Item<'d>| {
        let text = item.text().ok()?;
        let word = words.iter().find(|word| word.text == text)?;
        Some((item, word.value))
    };
    items.into_iter().filter_map(read).collect()
}

/// What the figures of a table are broken down by.
fn dimensions<'d>(section: &Section<'d>) -> Vec<(Item<'d>, Dimension)> {
    let items = section.item("by").map(|item| item.elements()).unwrap_or_default();
    let read = |item: Item<'d>| {
        let by = Dimension::named(&item.text().ok()?)?;
        Some((item, by))
    };
    items.into_iter().filter_map(read).collect()
}

fn values<T: Copy>(section: &Section<'_>, key: &str, words: &[Word<T>]) -> Vec<T> {
    each(section, key, words).into_iter().map(|(_, value)| value).collect()
}

/// The periods of one report.
struct Periods<'c> {
    every: Every,
    calendar: Option<&'c Calendar>,
}

impl Periods<'_> {
    fn table(&self, section: &Section<'_>, faults: &mut Faults<'_>) -> Option<TableDefinition> {
        let by: Vec<Dimension> = dimensions(section).into_iter().map(|(_, by)| by).collect();
        let compare = values(section, "compare", &COMPARED);
        let otherwise = if compare.is_empty() && !by.is_empty() { Layout::Columns } else { Layout::Rows };
        let table = TableDefinition {
            title: section.text("title"),
            measures: section.texts("measures"),
            by,
            period: section.word("period", &TABLE_PERIODS)?,
            compare,
            layout: section.word("layout", &LAYOUTS).unwrap_or(otherwise),
            chart: section.word("chart", &CHARTS),
        };
        self.check_dimensions(section, &table, faults);
        self.check_comparisons(section, &table, faults);
        Some(table)
    }

    fn check_dimensions(&self, section: &Section<'_>, table: &TableDefinition, faults: &mut Faults<'_>) {
        if let Some(item) = section.item("by").filter(|_| table.by.len() > DIMENSIONS_MAX) {
            item.wrong(format!("a table has at most {DIMENSIONS_MAX} dimensions"), faults);
        }
        if let Some(item) = section.item("layout").filter(|_| table.layout == Layout::Matrix && table.by.is_empty()) {
            let (problem, remedy) = ("a matrix has a column for each member of a dimension", "write by = [\"month\"]");
            item.faulty(Fault::Remedied { problem: problem.to_owned(), remedy: remedy.to_owned() }, faults);
        }
        for (item, _) in dimensions(section).into_iter().filter(|(_, by)| *by == Dimension::Month) {
            if !self.is_of_months(table.period) {
                let problem = "the period of the table is not made of whole months".to_owned();
                let remedy = "leave out month, or write period = \"rolling_3_months\"".to_owned();
                item.faulty(Fault::Remedied { problem, remedy }, faults);
            }
        }
    }

    fn check_comparisons(&self, section: &Section<'_>, table: &TableDefinition, faults: &mut Faults<'_>) {
        let is_apart = matches!(table.layout, Layout::Columns | Layout::Matrix) && !table.compare.is_empty();
        if let Some(item) = section.item("layout").filter(|_| is_apart) {
            let problem = "this layout has no place for what the figures are compared with".to_owned();
            let remedy = "write layout = \"rows\" or \"each\", or leave out compare".to_owned();
            item.faulty(Fault::Remedied { problem, remedy }, faults);
        }
        let is_month = match table.period {
            TablePeriod::Month => true,
            TablePeriod::Report => self.every == Every::Month,
            _ => table.by.contains(&Dimension::Month),
        };
        let three = each(section, "compare", &COMPARED).into_iter().filter(|(_, with)| *with == Compared::ThreeMonths);
        for (item, _) in three.filter(|_| !is_month) {
            let problem = "only a month is compared with the three months before it".to_owned();
            let remedy = "leave out three_months, or write period = \"month\"".to_owned();
            item.faulty(Fault::Remedied { problem, remedy }, faults);
        }
    }

    /// Whether a period is made of whole months. The financial year may begin within a month.
    fn is_of_months(&self, period: TablePeriod) -> bool {
        let year_is = || self.calendar.is_none_or(|calendar| calendar.financial_year.day == 1);
        match period {
            TablePeriod::Week => false,
            TablePeriod::Month | TablePeriod::RollingThreeMonths | TablePeriod::RollingTwelveMonths => true,
            TablePeriod::Quarter | TablePeriod::FinancialYear => year_is(),
            TablePeriod::YearToDate => self.every != Every::Week && year_is(),
            TablePeriod::Report | TablePeriod::ContractToDate => match self.every {
                Every::Week => false,
                Every::Month => true,
                Every::Quarter | Every::Year => year_is(),
            },
        }
    }

    fn boards(&self, section: &Section<'_>, faults: &mut Faults<'_>) -> Vec<ReportBoard> {
        let boards = each(section, "boards", &BOARDS);
        for (item, _) in boards.iter().filter(|(_, board)| *board == ReportBoard::ReferralToPlan) {
            if !self.is_of_months(TablePeriod::Report) {
                let problem = "referral_to_plan counts whole months, and this report is about other periods".to_owned();
                let remedy = "write \"referral_to_plan_to_date\", or every = \"month\"".to_owned();
                item.faulty(Fault::Remedied { problem, remedy }, faults);
            }
        }
        boards.into_iter().map(|(_, board)| board).collect()
    }
}

/// Reports measures of tables that the rulebook does not have, and boards that it does not measure.
pub(in super::super) fn check_measures(top: &Section<'_>, known: &KnownMeasures, faults: &mut Faults<'_>) {
    for section in top.sections("report").iter().flat_map(|report| report.sections("section")) {
        let named = section.sections("table");
        for item in named.iter().filter_map(|table| table.item("measures")).flat_map(|item| item.elements()) {
            if let Some(fault) = item.text().ok().and_then(|code| known.unknown(&code, remedy(known.measures()))) {
                item.faulty(fault, faults);
            }
        }
        let waits = [ReportBoard::ReferralToPlan, ReportBoard::ReferralToPlanToDate];
        for (item, _) in each(&section, "boards", &BOARDS).into_iter().filter(|(_, board)| waits.contains(board)) {
            if !top.has("referral_to_plan") {
                let problem = "the rulebook does not measure the days from referral to plan".to_owned();
                let remedy = "write [referral_to_plan], or leave out this board".to_owned();
                item.faulty(Fault::Remedied { problem, remedy }, faults);
            }
        }
    }
}

/// The measures of the rulebook itself. Those that every contract has are too many to name.
fn remedy(known: &[Measure]) -> String {
    let own = known.iter().filter(|known| known.version.is_some() && !known.code.contains(':'));
    let own: Vec<&str> = own.map(|known| known.code.as_str()).collect();
    let others = "one that every contract has, such as contacts, exits, caseload or wte";
    if own.is_empty() { format!("write {others}") } else { format!("write one of {}, or {others}", own.join(", ")) }
}

#[cfg(test)]
mod tests;
