//! Full-time equivalents: how much each worker works, over ranges of days `[from_on, to_on)`, while they work here.
//!
//! Absence lowers what they can do, not their full-time equivalent.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{FOREVER, Rows, Value, countable, table};
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::people::worker::Worker;

table!("wte", key 2, ["worker": Uuid, "from_on": Date, "to_on": Date, "wte": Int]);

/// The rows of a worker: one for each range of days with the same value, in millionths. None where no value was set.
pub fn rows(id: WorkerId, worker: &Worker, rows: &mut Rows) {
    let ends = [worker.joined.as_ref().map(|joined| joined.occurred), worker.left.as_ref().map(|left| left.occurred)];
    let set = worker.wte.iter().map(|set| set.occurred);
    let mut edges: BTreeSet<NaiveDate> =
        ends.into_iter().flatten().chain(set).map(|occurred| occurred.earliest()).collect();
    edges.insert(FOREVER);
    let edges: Vec<NaiveDate> = edges.into_iter().collect();
    for days in edges.windows(2) {
        let wte = worker.wte_on(days[0]).filter(|_| worker.is_here(days[0]));
        if let Some(wte) = wte.and_then(countable::millionths) {
            let (from, to) = (Value::Date(days[0]), Value::Date(days[1]));
            rows.add(&TABLE, [Value::Uuid(id.0), from, to, Value::Int(wte)]);
        }
    }
}
