//! What begins and ends under an id of its own, and what goes by turns under one name.
//!
//! Pure. Of facts that exclude each other the one said first stands, and the one said last is named.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::fact::consistency::Stated;
use crate::fact::envelope::EventId;
use crate::fact::event::Event;
use crate::fact::refusal::{Refusal, RefusalCode};

/// What a fact says of something that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It begins.
    Begins,
    /// It is over.
    Ends,
}

/// How a kind of thing that lasts is spoken of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    /// The field that names one.
    pub(crate) field: &'static str,
    /// How one begins, such as `was placed`.
    pub(crate) begins: &'static str,
    /// How one ends, such as `was lifted`.
    pub(crate) ends: &'static str,
    /// One of this id begins again.
    pub(crate) exists: RefusalCode,
    /// There is none of this id.
    pub(crate) not_found: RefusalCode,
    /// It was ended already.
    pub(crate) over: RefusalCode,
}

/// The things of one kind in a stream, by their ids.
#[derive(Debug)]
pub(crate) struct Pairs<'a> {
    begun: BTreeMap<Uuid, Stated<'a>>,
    over: BTreeMap<Uuid, Stated<'a>>,
    told: fn(&Event) -> Option<(Uuid, Part)>,
    words: Words,
}

impl<'a> Pairs<'a> {
    /// The things that `told` finds in these facts.
    pub(crate) fn of(facts: &[Stated<'a>], told: fn(&Event) -> Option<(Uuid, Part)>, words: Words) -> Self {
        let mut pairs = Self { begun: BTreeMap::new(), over: BTreeMap::new(), told, words };
        for fact in facts {
            let kept = match told(fact.event) {
                Some((id, Part::Begins)) => pairs.begun.entry(id).or_insert(*fact),
                Some((id, Part::Ends)) => pairs.over.entry(id).or_insert(*fact),
                None => continue,
            };
            *kept = kept.in_turn_of_saying(*fact).0;
        }
        pairs
    }

    /// Every thing: how it began, and how it ended if it did.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Stated<'a>, Option<&Stated<'a>>)> {
        self.begun.iter().map(|(id, begun)| (begun, self.over.get(id)))
    }

    /// Why this fact cannot be so, if it speaks of such a thing and cannot.
    pub(crate) fn refusal(&self, fact: &Stated<'_>) -> Option<Refusal> {
        let (id, part) = (self.told)(fact.event)?;
        let Some(begun) = self.begun.get(&id) else { return Some(self.not_found()) };
        if part == Part::Begins {
            return (begun.id != fact.id).then(|| self.exists(begun));
        }
        if let Some(over) = self.over.get(&id).filter(|over| over.id != fact.id) {
            return Some(self.is_over(over));
        }
        fact.is_before(begun).then(|| self.before_it_began(begun))
    }

    /// The refusal of a fact that names none that there is.
    pub(crate) fn not_found(&self) -> Refusal {
        let Words { field, not_found, .. } = self.words;
        let open = self.begun.keys().filter(|id| !self.over.contains_key(id));
        let message = format!("there is no {field} of this id here: record its beginning first, or name an open one");
        Refusal::new(not_found, message).at(field).allowing(open)
    }

    fn exists(&self, begun: &Stated<'_>) -> Refusal {
        let Words { field, begins, exists, .. } = self.words;
        let message = format!(
            "the {field} of this id {begins} on {}: give the new one a new id, or correct that fact",
            begun.day()
        );
        Refusal::new(exists, message).at(field).naming([begun.fact()])
    }

    fn is_over(&self, ended: &Stated<'_>) -> Refusal {
        let Words { field, ends, over, .. } = self.words;
        let message = format!("the {field} {ends} on {}: correct or retract that fact if it was not so", ended.day());
        Refusal::new(over, message).at(field).naming([ended.fact()])
    }

    fn before_it_began(&self, begun: &Stated<'_>) -> Refusal {
        let Words { field, begins, .. } = self.words;
        let message =
            format!("the {field} {begins} on {}: date this on or after that day, or correct that fact", begun.day());
        Refusal::new(RefusalCode::EndedBeforeStart, message)
            .at("occurred_on")
            .by("domain §4: what ends has begun")
            .naming([begun.fact()])
    }
}

/// The facts that come out of turn, where under each name a beginning and an end follow each other. `told` says which
/// name a fact speaks of; `refusal` names what stands in the way, if anything does: the beginning that stands, or the
/// end since which nothing does.
pub(crate) fn out_of_turn<'a, K: Ord>(
    facts: &[Stated<'a>],
    told: impl Fn(&'a Event) -> Option<(K, Part)>,
    refusal: impl Fn(Part, Option<&Stated<'a>>) -> Refusal,
) -> HashMap<EventId, Refusal> {
    let mut turns: BTreeMap<K, (Part, Stated<'a>)> = BTreeMap::new();
    let mut refused = HashMap::new();
    for fact in facts {
        let Some((name, part)) = told(fact.event) else { continue };
        match turns.get_mut(&name) {
            None if part == Part::Ends => {
                refused.insert(fact.id, refusal(part, None));
            }
            Some((last, stands)) if *last == part => {
                let (first, second) = stands.in_turn_of_saying(*fact);
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
