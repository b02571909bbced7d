//! Covers: which worker covers for which, and on which days.
//!
//! The covering worker sees the cases of the absent worker on those days only.

use super::FOREVER;
use super::{Rows, Value, table};
use throughline_domain::fact::envelope::TeamId;
use throughline_domain::people::team::Team;

table!("cover", key 2, [
    "team": Uuid, "id": Uuid, "absent": Uuid, "stands_in": Uuid, "from_on": Date, "to_on": Date,
]);

/// The rows of a team: one for each cover that lasts at least one day.
pub fn rows(id: TeamId, team: &Team, rows: &mut Rows) {
    for cover in &team.covers {
        let (from, to) = cover.days();
        let to = to.unwrap_or(FOREVER);
        if to <= from {
            continue;
        }
        let started = &cover.started.details;
        rows.add(
            &TABLE,
            [
                Value::Uuid(id.0),
                Value::Uuid(started.cover.0),
                Value::Uuid(started.absent.0),
                Value::Uuid(started.by.0),
                Value::Date(from),
                Value::Date(to),
            ],
        );
    }
}
