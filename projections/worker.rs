//! Workers: who they are on boards, and which login is theirs.

use super::{Rows, Value, table};
use crate::journey::event::WorkerJoined;
use crate::log::envelope::{Occurred, WorkerId};

table!("worker", key 1, ["id": Uuid, "login": Text, "label": Text, "joined_on": Date]);

/// The row of a worker.
pub fn rows(id: WorkerId, joined_on: Occurred, joined: &WorkerJoined) -> Rows {
    let mut rows = Rows::default();
    rows.add(
        &TABLE,
        [
            Value::Uuid(id.0),
            joined.login.as_deref().map_or(Value::Null, Value::text),
            Value::text(&joined.label),
            Value::Date(joined_on.earliest()),
        ],
    );
    rows
}
