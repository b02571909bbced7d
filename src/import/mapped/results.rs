//! The result of each record of a file, and their number.

use crate::cloud_event::LineError;
use crate::import::read::Found;
use crate::import::{Mark, Problem};
use throughline_domain::fact::envelope::Position;

/// The result of one record of a row, or of a record that is in no row any longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowResult {
    /// The index of the file, in the order in which files were given. `None` if there is no row.
    pub file: Option<usize>,
    /// The line on which the row begins. `None` if there is no row.
    pub line: Option<u64>,
    /// The name of the table in the mapping.
    pub table: Option<String>,
    /// The id of the record, if it could be read and may be shown.
    pub record: Option<String>,
    /// The result.
    pub outcome: Outcome,
    /// A further remark.
    pub note: Option<String>,
}

/// The result of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The record was new, or had further facts, and was recorded as these events.
    Recorded(Vec<Mark>),
    /// The record differs from what its source said before. These events correct or retract that.
    Corrected(Vec<Mark>),
    /// The content was already recorded, by these events if they are known.
    There(Vec<Mark>),
    /// A rule does not allow it, or it was corrected here and says something else. Nothing of it was recorded.
    Refused(Vec<Problem>),
    /// The row could not be read. Nothing of it was recorded.
    Unreadable(LineError),
    /// The record is gone from a full snapshot. What was recorded does not change.
    Missing,
    /// The record is gone from a full snapshot of a source that purges. These events retract its facts.
    Retracted(Vec<Mark>),
}

/// The number of records with each result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records that recorded something new.
    pub recorded: u64,
    /// Records that corrected what the source had said before.
    pub corrected: u64,
    /// Records that were already recorded.
    pub there: u64,
    /// Records that were refused.
    pub refused: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// Records that are gone and stay.
    pub missing: u64,
    /// Records that are gone and were retracted.
    pub retracted: u64,
    /// New cases.
    pub journeys: u64,
    /// The position of the newest event recorded. To see all rows, wait until the live view reaches it.
    pub position: Position,
    /// Why records that are gone were not looked for, although the source sends full snapshots.
    pub not_compared: Option<String>,
    /// What each file has beside its rows.
    pub found: Vec<Found>,
}

impl Summary {
    /// Counts a result.
    pub(super) fn count(&mut self, outcome: &Outcome) {
        let counted = match outcome {
            Outcome::Recorded(_) => &mut self.recorded,
            Outcome::Corrected(_) => &mut self.corrected,
            Outcome::There(_) => &mut self.there,
            Outcome::Refused(_) => &mut self.refused,
            Outcome::Unreadable(_) => &mut self.unreadable,
            Outcome::Missing => &mut self.missing,
            Outcome::Retracted(_) => &mut self.retracted,
        };
        *counted += 1;
        if let Outcome::Recorded(marks) | Outcome::Corrected(marks) | Outcome::Retracted(marks) = outcome {
            self.position = marks.iter().map(|(position, _)| *position).fold(self.position, Position::max);
        }
    }
}
