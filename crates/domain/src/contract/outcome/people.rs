//! Which records are one person, by the links recorded up to a day.
//!
//! A link joins two records until it is undone. The person is the smallest id of all joined records.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use uuid::Uuid;

use crate::fact::History;
use crate::fact::envelope::SubjectId;
use crate::fact::event::Event;

/// The person behind each linked record.
#[derive(Debug, Default)]
pub struct People(HashMap<SubjectId, SubjectId>);

impl People {
    /// The people behind these records, by the links recorded up to a day.
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
            let (one, other) = (people.first_of(one), people.first_of(other));
            people.0.extend([(one.max(other), one.min(other)), (one.min(other), one.min(other))]);
        }
        let records: Vec<SubjectId> = people.0.keys().copied().collect();
        for record in records {
            people.first_of(record);
        }
        people
    }

    /// The smallest record that this one is joined to so far. Every record on the way is updated to point to it.
    fn first_of(&mut self, record: SubjectId) -> SubjectId {
        let mut first = record;
        while let Some(joined) = self.0.get(&first).filter(|joined| **joined != first) {
            first = *joined;
        }
        let mut at = record;
        while let Some(joined) = self.0.get_mut(&at).filter(|joined| **joined != first) {
            at = std::mem::replace(joined, first);
        }
        first
    }

    /// The person behind a record.
    pub fn person(&self, subject: SubjectId) -> SubjectId {
        self.0.get(&subject).copied().unwrap_or(subject)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::fact::Recorded;
    use crate::fact::envelope::{Actor, EventId, Occurred, Position};
    use crate::fact::event::{SubjectsLinked, SubjectsUnlinked};

    const fn record(n: u128) -> SubjectId {
        SubjectId(Uuid::from_u128(n))
    }

    /// Applies these links and unlinks, each on its day, in this order.
    fn people(said: &[(&str, u128, u128, bool)], as_of: &str) -> Vec<u128> {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let mut subjects: HashMap<Uuid, History> = HashMap::new();
        for (position, (on, one, other, linked)) in (1..).zip(said) {
            let with = record(*other);
            let event = match linked {
                true => Event::from(SubjectsLinked { with, reason: "the same".to_owned() }),
                false => Event::from(SubjectsUnlinked { with, reason: "not the same".to_owned() }),
            };
            let history = subjects.entry(record(*one).0).or_default();
            history.evolve(Recorded {
                event_id: EventId(Uuid::from_u128(0xe000 + u128::try_from(position).expect("a position"))),
                position: Position(position),
                version: history.version() + 1,
                contract: None,
                recorded_at: DateTime::<Utc>::MIN_UTC,
                actor: Actor { subject: String::new(), role: String::new(), on_behalf_of: None },
                occurred: Occurred::on(day(on)),
                event,
            });
        }
        let people = People::of(&subjects, day(as_of));
        (1..=9).map(|n| people.person(record(n)).0.as_u128()).collect()
    }

    #[test]
    fn records_linked_through_another_are_one_person_with_the_smallest_id() {
        let links = [("2022-01-01", 9, 8, true), ("2022-01-01", 4, 6, true), ("2022-01-02", 8, 6, true)];
        assert_eq!(people(&links, "2022-01-01"), [1, 2, 3, 4, 5, 4, 7, 8, 8]);
        assert_eq!(people(&links, "2022-01-02"), [1, 2, 3, 4, 5, 4, 7, 4, 4]);
        let smaller = [&links[..], &[("2022-01-03", 6, 2, true)]].concat();
        assert_eq!(people(&smaller, "2022-01-03"), [1, 2, 3, 2, 5, 2, 7, 2, 2]);
    }

    #[test]
    fn undoing_a_link_separates_only_the_records_that_it_joined() {
        let links = [("2022-01-01", 1, 2, true), ("2022-01-01", 2, 3, true), ("2022-01-05", 2, 1, false)];
        assert_eq!(people(&links, "2022-01-04")[..3], [1, 1, 1]);
        assert_eq!(people(&links, "2022-01-05")[..3], [1, 2, 2]);
    }
}
