//! Items that start and end under their own id, and starts and ends that alternate under one name.
//!
//! Pure. Of facts that exclude each other, the one recorded first is kept and the one recorded last is refused.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::fact::consistency::DatedFact;
use crate::fact::envelope::EventId;
use crate::fact::event::Event;
use crate::fact::refusal::{Refusal, RefusalCode};

/// What a fact does to an item that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Starts it.
    Begins,
    /// Ends it.
    Ends,
}

/// The words and codes of one kind of item, for refusals.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    /// The field that names an item.
    pub(crate) field: &'static str,
    /// How an item starts, such as `was placed`.
    pub(crate) begins: &'static str,
    /// How an item ends, such as `was lifted`.
    pub(crate) ends: &'static str,
    /// The code where an item with this id already exists.
    pub(crate) exists: RefusalCode,
    /// The code where no item has this id.
    pub(crate) not_found: RefusalCode,
    /// The code where the item has already ended.
    pub(crate) over: RefusalCode,
    /// Whether its start and its end are neither corrected nor retracted.
    pub(crate) is_final: bool,
}

/// The items of one kind in a stream, by id.
#[derive(Debug)]
pub(crate) struct Pairs<'a> {
    begun: BTreeMap<Uuid, DatedFact<'a>>,
    over: BTreeMap<Uuid, DatedFact<'a>>,
    part_of: fn(&Event) -> Option<(Uuid, Part)>,
    words: Words,
}

impl<'a> Pairs<'a> {
    /// Collects the items that `part_of` finds in these facts.
    pub(crate) fn of(facts: &[DatedFact<'a>], part_of: fn(&Event) -> Option<(Uuid, Part)>, words: Words) -> Self {
        let mut pairs = Self { begun: BTreeMap::new(), over: BTreeMap::new(), part_of, words };
        for fact in facts {
            let kept = match part_of(fact.event) {
                Some((id, Part::Begins)) => pairs.begun.entry(id).or_insert(*fact),
                Some((id, Part::Ends)) => pairs.over.entry(id).or_insert(*fact),
                None => continue,
            };
            *kept = kept.in_order_recorded(*fact).0;
        }
        pairs
    }

    /// All items: the start, and the end if there is one.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&DatedFact<'a>, Option<&DatedFact<'a>>)> {
        self.begun.iter().map(|(id, begun)| (begun, self.over.get(id)))
    }

    /// Why this fact is invalid, if it is about such an item and is.
    pub(crate) fn refusal(&self, fact: &DatedFact<'_>) -> Option<Refusal> {
        let (id, part) = (self.part_of)(fact.event)?;
        let Some(begun) = self.begun.get(&id) else { return Some(self.not_found()) };
        if part == Part::Begins {
            return (begun.id != fact.id).then(|| self.exists(begun));
        }
        if let Some(over) = self.over.get(&id).filter(|over| over.id != fact.id) {
            return Some(self.is_over(over));
        }
        fact.is_before(begun).then(|| self.before_it_began(begun))
    }

    /// The refusal of a fact that names an item that does not exist.
    pub(crate) fn not_found(&self) -> Refusal {
        let Words { field, not_found, .. } = self.words;
        let open = self.begun.keys().filter(|id| !self.over.contains_key(id));
        let message = format!("there is no {field} with this id: record its start first, or name an open one");
        Refusal::new(not_found, message).at(field).allowing(open)
    }

    fn exists(&self, begun: &DatedFact<'_>) -> Refusal {
        let Words { field, begins, exists, is_final, .. } = self.words;
        let remedy = if is_final { "use a new id" } else { "use a new id, or correct that fact" };
        let message = format!("the {field} with this id {begins} on {}: {remedy}", begun.day());
        Refusal::new(exists, message).at(field).naming([begun.fact()])
    }

    fn is_over(&self, ended: &DatedFact<'_>) -> Refusal {
        let Words { field, ends, over, is_final, .. } = self.words;
        let remedy =
            if is_final { "there is nothing left to do" } else { "correct or retract that fact if it is wrong" };
        let message = format!("the {field} {ends} on {}: {remedy}", ended.day());
        Refusal::new(over, message).at(field).naming([ended.fact()])
    }

    fn before_it_began(&self, begun: &DatedFact<'_>) -> Refusal {
        let Words { field, begins, .. } = self.words;
        let message =
            format!("the {field} {begins} on {}: use that day or a later one, or correct that fact", begun.day());
        Refusal::new(RefusalCode::EndedBeforeStart, message)
            .at("occurred_on")
            .by("an end cannot be dated before its start")
            .naming([begun.fact()])
    }
}

/// The facts that are out of order, where a start and an end must alternate under each name. `part_of` returns the name
/// that a fact is about. `refusal` builds the refusal, given the conflicting fact if there is one: the start that is in
/// force, or the end since which nothing is.
pub(crate) fn out_of_turn<'a, K: Ord>(
    facts: &[DatedFact<'a>],
    part_of: impl Fn(&'a Event) -> Option<(K, Part)>,
    refusal: impl Fn(Part, Option<&DatedFact<'a>>) -> Refusal,
) -> HashMap<EventId, Refusal> {
    let mut turns: BTreeMap<K, (Part, DatedFact<'a>)> = BTreeMap::new();
    let mut refused = HashMap::new();
    for fact in facts {
        let Some((name, part)) = part_of(fact.event) else { continue };
        match turns.get_mut(&name) {
            None if part == Part::Ends => {
                refused.insert(fact.id, refusal(part, None));
            }
            Some((last, stands)) if *last == part => {
                let (first, second) = stands.in_order_recorded(*fact);
                refused.insert(second.id, refusal(part, Some(&first)));
                *stands = first;
            }
            _ => {
                turns.insert(name, (part, *fact));
            }
        }
    }
    refused
}
