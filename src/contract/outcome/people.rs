//! Who is one person under several records, as far as was said by a day.
//!
//! A link joins two records until it is undone; the person is the smallest id of all that are joined.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use uuid::Uuid;

use crate::journey::History;
use crate::journey::event::Event;
use crate::log::envelope::SubjectId;

/// The one person behind each linked record.
#[derive(Debug, Default)]
pub struct People(HashMap<SubjectId, SubjectId>);

impl People {
    /// The people whom these records are of, as far as was said by a day.
    pub fn of(subjects: &HashMap<Uuid, History>, as_of: NaiveDate) -> Self {
        let mut said = Vec::new();
        for (id, history) in subjects {
            for event in history.events().iter().filter(|event| event.occurred.earliest() <= as_of) {
                let (with, linked) = match &event.event {
                    Event::SubjectsLinked(link) => (link.with, true),
                    Event::SubjectsUnlinked(link) => (link.with, false),
                    _ => continue,
                };
                let pair = (SubjectId(*id).min(with), SubjectId(*id).max(with));
                said.push((event.occurred.earliest(), event.position, pair, linked));
            }
        }
        said.sort_unstable();
        let last: BTreeMap<_, bool> = said.into_iter().map(|(.., pair, linked)| (pair, linked)).collect();
        let mut people = Self::default();
        for ((one, other), _) in last.into_iter().filter(|(_, linked)| *linked) {
            let (one, other) = (people.person(one), people.person(other));
            let (person, joined) = (one.min(other), one.max(other));
            people.0.values_mut().filter(|of| **of == joined).for_each(|of| *of = person);
            people.0.extend([(joined, person), (person, person)]);
        }
        people
    }

    /// The one person behind a record.
    pub fn person(&self, subject: SubjectId) -> SubjectId {
        self.0.get(&subject).copied().unwrap_or(subject)
    }
}
