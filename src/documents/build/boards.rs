//! The boards of a report, as read at the end of its period: days since contact, referral to plan, and who left.

use super::super::small_counts::{ALL, TOTAL};
use super::super::{Cell, Missing, Table};
use super::{Draft, cells};
use crate::queries::board::Group;
use crate::queries::measures::{CompareWith, Dimension, FiguresError, MeasureFigures, Member};
use crate::queries::period::Period as BoardPeriod;
use crate::queries::recency::{self, RecencyRow};
use crate::queries::referral_to_plan::{self, ReferralToPlanRow};
use crate::queries::small_counts::{PlanCounts, RecencyCounts};
use chrono::NaiveDate;
use throughline_domain::performance::period::Period;
use throughline_domain::performance::report::{ReportBoard, TablePeriod};

impl Draft<'_> {
    /// The table of a board.
    pub(super) async fn board(&mut self, board: ReportBoard) -> Result<Table, FiguresError> {
        use recency::{By, Measure};
        match board {
            ReportBoard::ContactByArea => self.contact(By::Area, Measure::Anyone).await,
            ReportBoard::ContactByKeyworker => self.contact(By::Keyworker, Measure::Anyone).await,
            ReportBoard::OwnContactByKeyworker => self.contact(By::Keyworker, Measure::Keyworker).await,
            ReportBoard::ContactOfAllStaff => self.contact_of_all_staff().await,
            ReportBoard::ReferralToPlan => self.waits(self.period.months().map(BoardPeriod::Months)).await,
            ReportBoard::ReferralToPlanToDate => self.waits(Some(BoardPeriod::ToDate)).await,
            ReportBoard::ExitsByReason => self.left("exits").await,
            ReportBoard::DisengagementsByReason => self.left("disengaged").await,
        }
    }

    /// The last day of the period, or the as-of date if that is earlier.
    fn board_day(&self) -> NaiveDate {
        self.source.as_of.min(self.period.last())
    }

    /// Days since contact, with a row for all.
    async fn contact(&mut self, by: recency::By, measure: recency::Measure) -> Result<Table, FiguresError> {
        let mut rows = self.recency(by, measure).await?;
        rows.extend(self.recency(recency::By::Whole, measure).await?);
        let buckets = &self.source.rulebook.recency.buckets;
        let (whose, none) = match measure {
            recency::Measure::Anyone => ("contacts by anyone", buckets.none.as_str()),
            recency::Measure::Keyworker => ("their own contacts", recency::NO_CONTACT_BY_KEYWORKER),
        };
        let head = if by == recency::By::Area { "Area" } else { "Keyworker" };
        let lacks = Lacks::of(rows.iter().map(|row| row.no_data));
        let cells = |row: &RecencyRow| contact_cells(&label(&row.group), row, lacks);
        Ok(Table {
            title: format!(
                "Days since contact by {}, {whose}, at the end of {}",
                head.to_lowercase(),
                self.board_day()
            ),
            columns: self.contact_columns(head, none, lacks),
            rows: rows.iter().map(cells).collect(),
        })
    }

    /// Days since contact of all staff: a row for contacts by anyone, and one for those by the keyworker.
    async fn contact_of_all_staff(&mut self) -> Result<Table, FiguresError> {
        let mut found: Vec<(&str, RecencyRow)> = Vec::new();
        for (label, measure) in
            [("By anyone", recency::Measure::Anyone), ("By the keyworker", recency::Measure::Keyworker)]
        {
            let rows = self.recency(recency::By::Whole, measure).await?;
            found.extend(rows.into_iter().map(|row| (label, row)));
        }
        let lacks = Lacks::of(found.iter().map(|(_, row)| row.no_data));
        Ok(Table {
            title: format!("Days since contact, all staff, at the end of {}", self.board_day()),
            columns: self.contact_columns("Contacts", "No such contact", lacks),
            rows: found.iter().map(|(label, row)| contact_cells(label, row, lacks)).collect(),
        })
    }

    async fn recency(&mut self, by: recency::By, measure: recency::Measure) -> Result<Vec<RecencyRow>, FiguresError> {
        let (day, rulebook) = (self.board_day(), self.source.rulebook);
        let with = rulebook.recency.counts_with.join(", ");
        self.note(format!(
            "Days since contact: from the last contact made with {with} to the end of {day}, of the cases on the \
             caseload."
        ));
        let (view, scope) = (self.source.view, self.source.scope);
        let rows = recency::rows(view, scope, day, rulebook, (by, measure)).await?;
        self.note_areas_without(
            "Days since contact",
            rows.iter().filter(|row| row.is_without_supply).map(|row| &row.group),
        );
        Ok(rows)
    }

    /// Notes the service areas that do not supply what a board needs.
    fn note_areas_without<'g>(&mut self, board: &str, areas: impl Iterator<Item = &'g Group>) {
        let labels: Vec<String> = areas.map(Group::label).collect();
        if !labels.is_empty() {
            self.note(format!("{board}: no data for {}.", labels.join(", ")));
        }
    }

    fn contact_columns(&self, first: &str, none: &str, lacks: Lacks) -> Vec<String> {
        let buckets = &self.source.rulebook.recency.buckets.labels;
        let rest = [none, "Date imprecise", "No keyworker"].map(str::to_owned);
        let columns = std::iter::once(first.to_owned()).chain(buckets.iter().cloned()).chain(rest);
        columns.chain(lacks.head()).chain([TOTAL.to_owned()]).collect()
    }

    /// Days from referral to plan by area, with a row for all.
    async fn waits(&mut self, period: Option<BoardPeriod>) -> Result<Table, FiguresError> {
        let (rulebook, day) = (self.source.rulebook, self.board_day());
        let when = match period {
            Some(BoardPeriod::Months(_)) => format!("referred in {}", self.period.in_words()),
            Some(BoardPeriod::ToDate) | None => "to date".to_owned(),
        };
        let title = format!("Referral to plan, {when}, at the end of {day}");
        // The rulebook is refused if it names this board without measuring the days, or for weeks.
        let (Some(measured), Some(period)) = (&rulebook.referral_to_plan, period) else {
            return Ok(Table { title, columns: vec!["Area".to_owned()], rows: Vec::new() });
        };
        let plan = rulebook.labels.of(&measured.plan);
        self.note(format!("Referral to plan: days from the referral to the first plan of the kind {plan}."));
        let mut rows = Vec::new();
        for by in [referral_to_plan::By::Area, referral_to_plan::By::Whole] {
            let (view, scope) = (self.source.view, self.source.scope);
            rows.extend(referral_to_plan::rows(view, scope, day, rulebook, (by, period)).await?.unwrap_or_default());
        }
        let without = rows.iter().filter(|row: &&ReferralToPlanRow| row.is_without_supply).map(|row| &row.group);
        self.note_areas_without("Referral to plan", without);
        let lacks = Lacks::of(rows.iter().map(|row| row.no_data));
        let rest = [measured.buckets.none.as_str(), "Closed without plan", "Date imprecise"].map(str::to_owned);
        let columns = std::iter::once("Area".to_owned()).chain(measured.buckets.labels.iter().cloned()).chain(rest);
        let columns = columns.chain(lacks.head()).chain([TOTAL, "Median", "Mean"].map(str::to_owned)).collect();
        let cells = |row: &ReferralToPlanRow| {
            let (counts, shown) = (PlanCounts::of(row), |days| cells::days(days, row.days.count()));
            let rest = [counts.no_plan_yet, counts.closed_without_plan, counts.date_imprecise];
            let counts = counts.buckets.iter().copied().chain(rest).map(cells::cases_if_known);
            let mut cells: Vec<Cell> = std::iter::once(cells::words(&label(&row.group))).chain(counts).collect();
            cells.extend(lacks.cell(row.no_data));
            cells.extend([cells::cases(row.total()), shown(row.days.median()), shown(row.days.mean())]);
            cells
        };
        Ok(Table { title, columns, rows: rows.iter().map(cells).collect() })
    }

    /// Those who left, by reason: in the period and to date, with a row for all.
    async fn left(&mut self, measure: &str) -> Result<Table, FiguresError> {
        let to_date = TablePeriod::ContractToDate.period((self.report.every, &self.period), self.calendar());
        let periods = [Some(self.period), to_date];
        let codes = [measure.to_owned()];
        let (mut by_reason, mut whole): (Vec<Option<MeasureFigures>>, Vec<Option<MeasureFigures>>) =
            (Vec::new(), Vec::new());
        for period in periods {
            by_reason.push(self.one(&codes, &[Dimension::Code], period).await?);
            whole.push(self.one(&codes, &[], period).await?);
        }
        let mut reasons: Vec<&[Member]> = Vec::new();
        for row in by_reason.iter().flatten().flat_map(|found| &found.rows) {
            if !reasons.contains(&row.members.as_slice()) {
                reasons.push(&row.members);
            }
        }
        let mut rows = Vec::new();
        for reason in reasons {
            let label = reason.first().map(|reason| reason.label(&self.source.rulebook.labels)).unwrap_or_default();
            rows.push(figures(&label, &by_reason, reason)?);
        }
        rows.push(figures(ALL, &whole, &[])?);
        let what = if measure == "exits" { "Exits" } else { "Disengagements" };
        Ok(Table {
            title: format!("{what} by reason, {}", self.period_in_words(&self.period)),
            columns: ["Reason", "In the period", "To date"].map(str::to_owned).into(),
            rows,
        })
    }

    /// The figures of one measure. None without a period.
    async fn one(
        &mut self,
        code: &[String],
        by: &[Dimension],
        period: Option<Period>,
    ) -> Result<Option<MeasureFigures>, FiguresError> {
        let Some(period) = period else { return Ok(None) };
        Ok(self.figures(code, by, (period, CompareWith::default())).await?.pop())
    }
}

/// A row of figures: one of each period for the same group.
fn figures(label: &str, found: &[Option<MeasureFigures>], group: &[Member]) -> Result<Vec<Cell>, FiguresError> {
    let mut row = vec![cells::words(label)];
    for found in found {
        let figure = found.as_ref().and_then(|found| {
            let row = found.rows.iter().find(|row| row.members == group)?;
            Some(cells::figure(&row.figure, &found.measure))
        });
        row.push(figure.transpose()?.unwrap_or(Cell::Missing(Missing::NotApplicable)));
    }
    Ok(row)
}

/// Whether a board has a column for the cases of areas that do not supply its facts.
#[derive(Clone, Copy)]
enum Lacks {
    Nothing,
    Some,
}

impl Lacks {
    fn of(mut no_data: impl Iterator<Item = u64>) -> Self {
        if no_data.any(|cases| cases > 0) { Self::Some } else { Self::Nothing }
    }

    fn head(self) -> Option<String> {
        matches!(self, Self::Some).then(|| "No data".to_owned())
    }

    fn cell(self, no_data: u64) -> Option<Cell> {
        matches!(self, Self::Some).then(|| cells::cases(no_data))
    }
}

fn contact_cells(label: &str, row: &RecencyRow, lacks: Lacks) -> Vec<Cell> {
    let counts = RecencyCounts::of(row);
    let rest = [counts.none, counts.date_imprecise, counts.unassigned];
    let shown = counts.buckets.iter().copied().chain(rest).map(cells::cases_if_known);
    let ahead = std::iter::once(cells::words(label)).chain(shown).chain(lacks.cell(row.no_data));
    ahead.chain([cells::cases(row.total())]).collect()
}

fn label(group: &Group) -> String {
    if *group == Group::Whole { ALL.to_owned() } else { group.label() }
}
