//! Members of teams: the days of each membership.

use super::FOREVER;
use super::{Rows, Value, table};
use throughline_domain::fact::envelope::TeamId;
use throughline_domain::people::team::Team;

table!("team_member", key 3, ["team": Uuid, "worker": Uuid, "from_on": Date, "to_on": Date]);

/// The rows of a team: one for each member and range of days.
pub fn rows(id: TeamId, team: &Team, rows: &mut Rows) {
    for (worker, days) in team.memberships() {
        for (from, to) in days {
            let to = to.unwrap_or(FOREVER);
            rows.add(&TABLE, [Value::Uuid(id.0), Value::Uuid(worker.0), Value::Date(from), Value::Date(to)]);
        }
    }
}
