//! Who holds a case: permanent and temporary assignments, and releases.
//!
//! Pure. It never fails.

use super::{Assignment, Entry, Journey};
use crate::fact::event::{KEYWORKER, WorkerAssigned, WorkerReleased};

impl Journey {
    /// A new keyworker replaces the former one from that day, or for the days of a temporary assignment. Workers in
    /// other roles hold the case side by side.
    pub(super) fn assign(&mut self, assigned: Entry<WorkerAssigned>) {
        let Entry { event_id, occurred, details: WorkerAssigned { worker, role, until } } = assigned;
        let from = occurred.earliest();
        let mut again = Vec::new();
        if role == KEYWORKER {
            for held in std::mem::take(&mut self.assignments) {
                if held.role != KEYWORKER || !held.lasts_after(from) {
                    self.assignments.push(held);
                    continue;
                }
                if let Some(until) = until.filter(|until| held.lasts_after(*until)) {
                    again.push(Assignment { from: held.from.max(until), ..held.clone() });
                }
                if held.from <= from {
                    self.assignments.push(Assignment { to: Some(from), ..held });
                }
            }
        }
        self.assignments.push(Assignment { event_id, worker, role, from, to: until, released: None });
        self.assignments.append(&mut again);
    }

    pub(super) fn release(&mut self, release: &Entry<WorkerReleased>) {
        let WorkerReleased { worker, role } = &release.details;
        let day = release.occurred.earliest();
        let theirs = |held: &Assignment| held.worker == *worker && held.role == *role;
        self.assignments.retain(|held| !theirs(held) || held.from <= day);
        let mut agreed = Vec::new();
        for held in self.assignments.iter_mut().filter(|held| theirs(held) && held.lasts_after(day)) {
            agreed.extend(held.to.replace(day));
            held.released = Some(release.clone());
        }
        // A temporary keyworker gives the case back: the assignment that follows now starts on the day of the release.
        let follows = |next: &&mut Assignment| {
            *role == KEYWORKER && next.role == KEYWORKER && next.from > day && agreed.contains(&next.from)
        };
        for next in self.assignments.iter_mut().filter(follows) {
            next.from = day;
        }
    }
}
