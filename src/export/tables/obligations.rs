//! The table of obligations under the service standards.

use super::{CaseRead, Row, columns};
use crate::queries::obligations::{ObligationRow, of_journey};
use throughline_domain::fact::envelope::WorkerId;

pub(super) const MEANING: &str = "One row for each obligation whose clock started by the as-of date, by case and then \
    by due date. Boards and lists count the same rows.";

/// An obligation of a case.
pub(in crate::export) struct OwedRow<'a> {
    read: &'a CaseRead<'a>,
    owed: &'a ObligationRow,
}

columns! {
    OwedRow<'_> {
        "journey": Uuid Always, "The case." => |row| row.read.case.id.0.into();
        "standard": Text Always, "The service standard, by code." => |row| (&row.owed.place.standard).into();
        "nth": Integer Always, "The number of the obligation among those of the case under this standard, from 1." =>
            |row| (row.owed.place.nth + 1).into();
        "area": Text Always, "The service area of the case, by code." => |row| (&row.read.case.referral.area).into();
        "from_on": Date Always, "The day from which the days are counted." => |row| row.owed.from.into();
        "due_on": Date Optional,
            "The last day on which it is met in time. Empty if the bank holidays of that year are not known." =>
            |row| row.owed.due.into();
        "ended_on": Date Optional, "The day on which it was met, or from which it could no longer be met." =>
            |row| row.owed.ended.into();
        "status": Text Always, "The status: due, due_today, overdue, met, missed or cancelled." =>
            |row| row.owed.standing.as_str().into();
        "keyworker": Uuid Optional,
            "The keyworker of the case, or the keyworker when it ended. Empty from the day on which they left the \
             service." =>
            |row| row.keyworker().map(|worker| worker.0).into();
        "keyworker_label": Text Optional, "The keyworker's label on boards." =>
            |row| row.read.reading.staff.label(row.keyworker()).into();
    }
}

impl OwedRow<'_> {
    fn keyworker(&self) -> Option<WorkerId> {
        let day = self.owed.ended.unwrap_or(self.read.reading.as_of);
        self.read.reading.staff.here_on(self.owed.keyworker, day)
    }
}

/// The obligations of a case.
pub(in crate::export) fn rows(read: &CaseRead<'_>) -> Vec<Row> {
    let cells = |owed: &ObligationRow| {
        let row = OwedRow { read, owed };
        COLUMNS.iter().map(|column| (column.cell)(&row)).collect()
    };
    of_journey(&read.case, read.reading.as_of).iter().map(cells).collect()
}
