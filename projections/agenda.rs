//! The agenda: the appointments and tasks of cases, each with its day, worker and state.
//!
//! An item has a row for each range of days over which it does not change: until it is moved, another keyworker takes
//! the case, the case ends, or the item ends. Whether an open item is overdue depends on the as-of date of the
//! question.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime};
use uuid::Uuid;

use super::FOREVER;
use super::obligation::last_holder;
use super::{CaseFacts, Rows, Value, table};
use throughline_domain::fact::envelope::WorkerId;
use throughline_domain::fact::event::{Attendance, KEYWORKER};
use throughline_domain::journey::{Appointment, AppointmentOver, Journey, Task, TaskOver};

table!("agenda", key 4, [
    "journey": Uuid, "kind": Text, "item": Uuid, "counts_from": Date, "counts_to": Date, "contract": Text,
    "area": Text, "state": Text, "due_on": Date, "due_at": Text, "worker": Uuid, "keyworker": Uuid,
    "last_keyworker": Uuid,
]);

/// The kind of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An appointment with the client.
    Appointment,
    /// A task with a due date.
    Task,
}

impl Kind {
    /// The kind as the table stores it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Appointment => "appointment",
            Self::Task => "task",
        }
    }
}

/// The state of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It has no result yet.
    Open,
    /// The appointment was kept, or the task was completed.
    Done,
    /// The client missed the appointment.
    Missed,
    /// It was cancelled.
    Cancelled,
    /// The case ended before there was a result.
    Lapsed,
}

impl State {
    /// The state as the table stores it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Missed => "missed",
            Self::Cancelled => "cancelled",
            Self::Lapsed => "lapsed",
        }
    }

    /// The state of an appointment by the day to which its case is folded.
    pub fn of_appointment(journey: &Journey, appointment: &Appointment) -> Self {
        appointment.over.as_ref().map_or_else(|| Self::without_result(journey), of_over)
    }

    /// The state of a task by the day to which its case is folded.
    pub fn of_task(journey: &Journey, task: &Task) -> Self {
        task.over.as_ref().map_or_else(|| Self::without_result(journey), of_end)
    }

    /// The state of an item without a result.
    fn without_result(journey: &Journey) -> Self {
        let ended = journey.closed().is_some() || journey.turned_away().is_some();
        if ended { Self::Lapsed } else { Self::Open }
    }
}

const fn of_over(over: &AppointmentOver) -> State {
    match over {
        AppointmentOver::Cancelled(_) => State::Cancelled,
        AppointmentOver::Contact(contact) => match contact.details.attendance {
            Attendance::Attended | Attendance::None => State::Done,
            Attendance::DidNotAttend => State::Missed,
            Attendance::CancelledByClient | Attendance::CancelledByService | Attendance::NotOffered => State::Cancelled,
        },
    }
}

const fn of_end(over: &TaskOver) -> State {
    match over {
        TaskOver::Done(_) => State::Done,
        TaskOver::Cancelled(_) => State::Cancelled,
    }
}

/// An item with everything that its rows need.
struct Item<'a> {
    kind: Kind,
    id: Uuid,
    from: NaiveDate,
    over: Option<(NaiveDate, State)>,
    what: What<'a>,
}

enum What<'a> {
    Appointment(&'a Appointment),
    Task(&'a Task),
}

impl Item<'_> {
    /// The day, time and named worker of the item, as of a day.
    fn slot(&self, on: NaiveDate) -> (NaiveDate, Option<NaiveTime>, Option<WorkerId>) {
        match self.what {
            What::Appointment(appointment) => {
                let slot = appointment.slot(on);
                (slot.on, slot.time, slot.worker)
            }
            What::Task(task) => (task.details.due_on, None, task.details.owner),
        }
    }

    /// The days on which the item changes.
    fn edges(&self, journey: &Journey) -> Vec<NaiveDate> {
        let held = journey.assignments.iter().filter(|held| held.role == KEYWORKER);
        let mut edges: BTreeSet<NaiveDate> = held.flat_map(|held| [Some(held.from), held.to]).flatten().collect();
        edges.extend(journey.closed_or_reopened_on());
        edges.extend(journey.turned_away().map(|on| on.earliest()));
        if let What::Appointment(appointment) = self.what {
            edges.extend(appointment.moves.iter().map(|moved| moved.occurred.earliest()));
        }
        let over = self.over.map(|(on, _)| on.max(self.from));
        edges.retain(|day| *day > self.from && over.is_none_or(|over| *day < over));
        edges.extend([self.from, FOREVER]);
        edges.extend(over);
        edges.into_iter().collect()
    }

    /// The state of the item on a day.
    fn state(&self, journey: &Journey, on: NaiveDate) -> State {
        let turned_away = || journey.turned_away().is_some_and(|away| away.earliest() <= on);
        match self.over {
            Some((over, state)) if over <= on => state,
            _ if journey.is_closed_on(on) || turned_away() => State::Lapsed,
            _ => State::Open,
        }
    }
}

/// The appointments and tasks of a case.
fn items(journey: &Journey) -> impl Iterator<Item = Item<'_>> {
    let appointments = journey.appointments.iter().map(|appointment| Item {
        kind: Kind::Appointment,
        id: appointment.details.appointment.0,
        from: appointment.booked.earliest(),
        over: appointment.over.as_ref().map(|over| (over.occurred().earliest(), of_over(over))),
        what: What::Appointment(appointment),
    });
    let tasks = journey.tasks.iter().map(|task| Item {
        kind: Kind::Task,
        id: task.details.task.0,
        from: task.set.earliest(),
        over: task.over.as_ref().map(|over| (over.occurred().earliest(), of_end(over))),
        what: What::Task(task),
    });
    appointments.chain(tasks)
}

/// The rows of a case.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    let received = case.received.earliest();
    for item in items(case.journey) {
        for edge in item.edges(case.journey).windows(2) {
            let (from, to) = (edge[0].max(received), edge[1]);
            if to <= from {
                continue;
            }
            let (due, at, worker) = item.slot(from);
            let last = last_holder(case.journey, from);
            let keyworker = last.filter(|held| held.to.is_none_or(|to| from < to));
            let id = |worker: Option<WorkerId>| worker.map_or(Value::Null, |worker| Value::Uuid(worker.0));
            rows.add(
                &TABLE,
                [
                    Value::Uuid(case.id.0),
                    Value::text(item.kind.as_str()),
                    Value::Uuid(item.id),
                    Value::Date(from),
                    Value::Date(to),
                    Value::text(case.contract),
                    Value::text(&case.referral.area),
                    Value::text(item.state(case.journey, from).as_str()),
                    Value::Date(due.min(FOREVER)),
                    Value::text(&at.map(|at| at.to_string()).unwrap_or_default()),
                    id(worker),
                    id(keyworker.map(|held| held.worker)),
                    id(last.map(|held| held.worker)),
                ],
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::contract::Rulebook;
    use throughline_domain::fact::event::{ContactLogged, TaskSet};
    use throughline_domain::fact::refusal::RefusalCode;
    use throughline_domain::world::{
        ANN, APPOINTMENT, BOB, JOURNEY, RULES, TASK, World, accepted, booked, called_off, closed, contact, day, done,
        keyworker, moved, state, task,
    };

    /// The agenda of a test case: for each row the day of the item, its state, the first day of the row, and the
    /// keyworker.
    fn case(story: &World) -> Vec<(NaiveDate, State, NaiveDate, Option<WorkerId>)> {
        let rulebook = Rulebook::parse(RULES).expect("the rulebook is valid");
        let journey = story.case().journey();
        let case = CaseFacts::of(JOURNEY, "shps", &journey, &rulebook).expect("it was referred");
        let mut made = Rows::default();
        rows(&case, &mut made);
        let states = [State::Open, State::Done, State::Missed, State::Cancelled, State::Lapsed];
        let of = |name: &Value| states.into_iter().find(|state| *name == Value::text(state.as_str()));
        let row = |row: super::super::Row<'_>| {
            let state = of(row.cell("state")).expect("a known state");
            let keyworker = row.id("keyworker").map(WorkerId);
            (row.day("due_on").expect("a day"), state, row.day("counts_from").expect("a day"), keyworker)
        };
        made.of(&TABLE).map(row).collect()
    }

    #[test]
    fn an_appointment_is_for_the_day_to_which_it_was_moved_and_kept_by_the_contact_that_names_it() {
        let story =
            accepted().and(&state("2018-01-12", booked("2018-01-20"))).and(&state("2018-01-15", moved("2018-01-22")));
        let open = [
            (day("2018-01-20"), State::Open, day("2018-01-12"), None),
            (day("2018-01-22"), State::Open, day("2018-01-15"), None),
        ];
        assert_eq!(case(&story), open);
        let kept = ContactLogged { appointment: Some(APPOINTMENT), attendance: Attendance::Attended, ..contact() };
        let missed = ContactLogged { attendance: Attendance::DidNotAttend, two_way: false, ..kept.clone() };
        for (contact, became) in [(kept, State::Done), (missed, State::Missed)] {
            let story = story.clone().and(&state("2018-01-22", contact));
            assert_eq!(case(&story)[2], (day("2018-01-22"), became, day("2018-01-22"), None));
        }
        let off = story.and(&state("2018-01-21", called_off()));
        assert_eq!(case(&off)[2], (day("2018-01-22"), State::Cancelled, day("2018-01-21"), None));
    }

    #[test]
    fn an_item_is_the_keyworkers_of_the_day_and_lapses_with_the_case() {
        let story = accepted()
            .and(&state("2018-01-12", keyworker(ANN)))
            .and(&state("2018-01-13", TaskSet { due_on: day("2018-02-01"), ..task(TASK) }))
            .and(&state("2018-01-20", keyworker(BOB)));
        let due = day("2018-02-01");
        let held = [(due, State::Open, day("2018-01-13"), Some(ANN)), (due, State::Open, day("2018-01-20"), Some(BOB))];
        assert_eq!(case(&story), held);
        let finished = story.clone().and(&state("2018-01-25", done(TASK)));
        assert_eq!(case(&finished)[2], (due, State::Done, day("2018-01-25"), Some(BOB)));
        let left = story.accepting(RefusalCode::TasksOpen).and(&state("2018-01-25", closed()));
        assert_eq!(case(&left)[2], (due, State::Lapsed, day("2018-01-25"), Some(BOB)));
    }
}
