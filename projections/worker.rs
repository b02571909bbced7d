//! Workers: their labels, their logins, and the day from which they have left.
//!
//! A worker who has left holds no case from that day on. Questions about who holds a case check here, because the rows
//! of a case come only from its own stream.

use super::{Rows, Value, table};
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::people::login;
use throughline_domain::people::worker::Worker;

table!("worker", key 1, ["id": Uuid, "login": Text, "label": Text, "joined_on": Date, "left_on": Date,
    "login_key": Text]);

/// The row of a worker. None if they never joined.
pub fn rows(id: WorkerId, worker: &Worker, rows: &mut Rows) {
    let Some(joined) = &worker.joined else { return };
    let left_on = worker.left.as_ref().map(|left| left.occurred.earliest());
    rows.add(
        &TABLE,
        [
            Value::Uuid(id.0),
            joined.details.login.as_deref().map_or(Value::Null, Value::text),
            Value::text(&joined.details.label),
            Value::Date(joined.occurred.earliest()),
            Value::date(left_on),
            joined.details.login.as_deref().map_or(Value::Null, |login| Value::Text(login::key(login))),
        ],
    );
}
