//! Teams: the names of each team and the days of each name.

use super::FOREVER;
use super::{Rows, Value, table};
use throughline_domain::fact::envelope::TeamId;
use throughline_domain::people::team::Team;

table!("team", key 2, ["id": Uuid, "from_on": Date, "to_on": Date, "label": Text]);

/// The rows of a team: one for each name, in order.
pub fn rows(id: TeamId, team: &Team, rows: &mut Rows) {
    for (label, from, to) in team.labels() {
        let to = to.unwrap_or(FOREVER);
        rows.add(&TABLE, [Value::Uuid(id.0), Value::Date(from), Value::Date(to), Value::text(label)]);
    }
}
