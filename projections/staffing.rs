//! Staffing: how many open cases a full-time post may hold, when workers are absent, which posts are vacant, and what
//! workers scored under supervision, each over a range of days `[from_on, to_on)`.
//!
//! The full-time equivalents of workers and the covers have tables of their own. Nothing here is computed from another
//! stream: how many slots a worker has depends on their teams too, and questions put that together.

use chrono::NaiveDate;

use super::{FOREVER, Rows, Value, countable, table};
use throughline_domain::fact::Entry;
use throughline_domain::fact::envelope::{EventId, TeamId, WorkerId};
use throughline_domain::fact::event::CapacitySet;
use throughline_domain::people::team::Team;
use throughline_domain::people::worker::Worker;
use uuid::Uuid;

table!("staffing", key 3, [
    "holder": Uuid, "kind": Text, "item": Uuid, "code": Text, "from_on": Date, "to_on": Date, "amount": Int,
]);

/// The open cases that a full-time post of a worker may hold, in millionths.
pub const CAPACITY: &str = "capacity";
/// The same for each member of a team.
pub const TEAM_CAPACITY: &str = "team_capacity";
/// The days on which a worker is absent. The amount is a whole worker.
pub const ABSENT: &str = "absent";
/// The days on which a post of a team is vacant. The amount is its full-time equivalent, in millionths.
pub const VACANT: &str = "vacant";

/// What a worker scored under supervision, in millionths, over the one day of the score. The code is the instrument.
pub const SCORE: &str = "score";

/// A whole worker, in millionths.
const WHOLE: i64 = 1_000_000;

/// One row of a worker or a team.
struct Item<'i> {
    kind: &'static str,
    event: EventId,
    code: &'i str,
    days: (NaiveDate, NaiveDate),
    amount: Option<i64>,
}

impl Item<'_> {
    /// Adds the row, if it has a day and an amount that the table holds.
    fn add(&self, holder: Uuid, rows: &mut Rows) {
        let (from, to) = self.days;
        let Some(amount) = self.amount.filter(|_| from < to) else { return };
        rows.add(
            &TABLE,
            [
                Value::Uuid(holder),
                Value::text(self.kind),
                Value::Uuid(self.event.0),
                Value::text(self.code),
                Value::Date(from),
                Value::Date(to),
                Value::Int(amount),
            ],
        );
    }
}

/// The rows of a worker: their capacities and scores, and their absences while they work here.
pub fn rows_of_worker(id: WorkerId, worker: &Worker, rows: &mut Rows) {
    let Some(joined) = &worker.joined else { return };
    let left = worker.left.as_ref().map_or(FOREVER, |left| left.occurred.earliest());
    capacities(CAPACITY, &worker.capacity, |item| item.add(id.0, rows));
    for absence in &worker.absences {
        let from = absence.occurred.earliest().max(joined.occurred.earliest());
        // Without a day back, the absence lasts until it is corrected or the worker leaves.
        let to = absence.details.back_on.unwrap_or(FOREVER).min(left);
        let (kind, event) = (ABSENT, absence.event_id);
        Item { kind, event, code: "", days: (from, to), amount: Some(WHOLE) }.add(id.0, rows);
    }
    for scored in &worker.assessments {
        let day = scored.occurred.earliest();
        let (days, amount) = ((day, day.succ_opt().unwrap_or(FOREVER)), countable::millionths(scored.details.score));
        Item { kind: SCORE, event: scored.event_id, code: &scored.details.instrument, days, amount }.add(id.0, rows);
    }
}

/// The rows of a team: its capacities, and its vacant posts.
pub fn rows_of_team(id: TeamId, team: &Team, rows: &mut Rows) {
    capacities(TEAM_CAPACITY, &team.capacity, |item| item.add(id.0, rows));
    for vacancy in &team.vacancies {
        let from = vacancy.opened.occurred.earliest();
        let to = vacancy.filled.as_ref().map_or(FOREVER, |filled| filled.occurred.earliest());
        let (event, amount) = (vacancy.opened.event_id, countable::millionths(vacancy.opened.details.wte));
        Item { kind: VACANT, event, code: "", days: (from, to), amount }.add(id.0, rows);
    }
}

/// Each capacity from its day until the next one is set. One that is replaced on its own day has no days.
fn capacities(kind: &'static str, set: &[Entry<CapacitySet>], mut add: impl FnMut(Item<'_>)) {
    let from = |entry: &Entry<CapacitySet>| entry.occurred.earliest();
    let ends = set.iter().skip(1).map(from).chain([FOREVER]);
    for (entry, to) in set.iter().zip(ends) {
        let (days, amount) = ((from(entry), to), countable::millionths(entry.details.cases_per_wte));
        add(Item { kind, event: entry.event_id, code: "", days, amount });
    }
}
