//! The search for people: by name, birth date and number, through keyed hashes beside the keys; and records that look
//! like one person.
//!
//! A task of each server follows the log and keeps the index up. The index can be emptied at any time and is then built
//! anew. What a name is opened for here is only to compute hashes: nothing that was opened is kept, shown or logged. It
//! decides no access: whom a caller may see is asked where the results are shown.

mod follower;
mod spelling;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tokio::sync::watch;
use uuid::Uuid;

use crate::keys::search::{Asked, FoundAt, FoundBy};
use crate::keys::{KeyError, KeyStore, Likeness, Opened, Pair, open_text};
use crate::log::{Log, LogError};
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Position, StreamId, SubjectId};
use throughline_domain::fact::event::{IdentitySealed, Patched};
use throughline_domain::fact::identity::{Identity, Part};
use throughline_domain::fact::sealed::ClearText;
use throughline_domain::people::subject::Subject;
use tokens::{IndexKey, Person};

/// The most parts of the name in a search.
pub const PARTS_MAX: usize = 8;
/// The most characters of the name in a search: more than 8 whole parts have.
const NAME_MAX: usize = 400;

/// The search for people. Clones are handles to the same.
#[derive(Clone)]
pub struct PeopleSearch(Arc<Shared>);

struct Shared {
    log: Log,
    keys: KeyStore,
    /// Up to where the log is indexed. None while no task of this process keeps the index up.
    passed: watch::Sender<Option<Position>>,
}

/// A fault of the search.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The keys cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What a caller looks for. Everything that is given must match.
#[derive(Clone, Default)]
pub struct Wanted {
    /// A name or parts of it, in any order.
    pub name: Option<String>,
    /// The birth date.
    pub birth_date: Option<NaiveDate>,
    /// A National Insurance number, NHS number, unique pupil number or unique property reference number.
    pub identifier: Option<String>,
}

impl std::fmt::Debug for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wanted(secret)")
    }
}

/// Why nobody can be looked for in this way. No message repeats what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsearchable {
    /// Nothing is given.
    #[error("this search is empty: give a name, a birth date or an identifier")]
    Nothing,
    /// The name has no letters.
    #[error("the name has no letters: give at least one part of the name, or leave it out")]
    NoLetters,
    /// The name is one letter.
    #[error("the name is one letter: give at least one whole part of the name")]
    OneLetter,
    /// The name has too many parts.
    #[error("the name has more than 8 parts: give fewer")]
    ManyParts,
    /// The name is too long.
    #[error("the name has more than 400 characters: give only parts of the name")]
    LongName,
    /// The identifier is none that people are found by.
    #[error("this is no National Insurance number, NHS number, unique pupil number or UPRN: check it, or leave it out")]
    UnknownIdentifier,
}

/// A search that can be carried out: hashes only.
#[derive(Debug, Clone)]
pub struct Search(Asked);

impl Search {
    /// The hashes of the search, as text. Searches with equal texts find the same people.
    pub fn fingerprint(&self) -> String {
        serde_json::to_string(&self.0.criteria).expect("hashes can be written as JSON")
    }
}

/// The place of a person in the results of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Whether the person comes after those whose whole name matches: 0 or 1.
    pub later: i64,
    /// The person.
    pub subject: SubjectId,
}

impl PeopleSearch {
    /// The search of an open store. Its index is kept up only while a task does so.
    pub fn of(log: &Log, keys: &KeyStore) -> Self {
        Self(Arc::new(Shared { log: log.clone(), keys: keys.clone(), passed: watch::Sender::new(None) }))
    }

    /// Whether the keys are away, so that nobody can be found.
    pub fn is_away(&self) -> bool {
        self.0.keys.why_away().is_some()
    }

    /// Waits until everything up to a position is indexed. False if it is not within this time, or if this process does
    /// not keep the index up.
    pub async fn passed(&self, position: Position, patience: Duration) -> bool {
        let mut passed = self.0.passed.subscribe();
        let is_there = |passed: &Option<Position>| passed.is_some_and(|passed| passed >= position);
        if passed.borrow().is_none() {
            return false;
        }
        tokio::time::timeout(patience, passed.wait_for(is_there)).await.is_ok_and(|waited| waited.is_ok())
    }

    async fn key(&self) -> Result<IndexKey, KeyError> {
        Ok(IndexKey::new(&self.0.keys.index_key().await?))
    }

    /// Turns what a caller looks for into hashes, unless nobody can be looked for in this way.
    pub async fn search(&self, wanted: &Wanted) -> Result<Result<Search, Unsearchable>, SearchError> {
        let key = self.key().await?;
        Ok(searched(&key, wanted))
    }

    /// The people whom a search finds in the whole deployment, after a place. Those whose whole name matches come first,
    /// and then all by id.
    pub async fn found(&self, search: &Search, after: Option<Place>, most: i64) -> Result<Vec<Place>, SearchError> {
        let after = after.map(|Place { later, subject }| FoundAt { later, subject });
        let found = self.0.keys.found(&search.0, after, most).await?;
        Ok(found.into_iter().map(|FoundAt { later, subject }| Place { later, subject }).collect())
    }

    /// The pairs of records that look like one person, in the whole deployment, after a pair.
    pub async fn pairs_after(
        &self,
        after: Option<(SubjectId, SubjectId)>,
        most: i64,
    ) -> Result<Vec<Pair>, SearchError> {
        let first = SubjectId(Uuid::nil());
        Ok(self.0.keys.pairs_after(after.unwrap_or((first, first)), most).await?)
    }

    /// The other records that look like the person of this record in the whole deployment.
    pub async fn pairs_of(&self, subject: SubjectId) -> Result<BTreeMap<SubjectId, Likeness>, SearchError> {
        let pairs = self.0.keys.pairs_of(subject).await?.into_iter();
        let other = |pair: &Pair| if pair.subject == subject { pair.other } else { pair.subject };
        Ok(pairs.map(|pair| (other(&pair), pair.likeness)).collect())
    }

    /// The other records of the whole deployment that would look like the person of this record if this were said of them.
    pub async fn would_be_alike(
        &self,
        subject: SubjectId,
        said: &IdentitySealed,
    ) -> Result<BTreeMap<SubjectId, Likeness>, SearchError> {
        let key = self.key().await?;
        let known = self.known(&BTreeSet::from([subject])).await?.remove(&subject).unwrap_or_default();
        let mut person = known.person;
        for part in Part::ALL {
            match said.part(*part) {
                Patched::Becomes(text) => person.learns(*part, text.clear().map(ClearText::text)),
                Patched::Cleared => person.learns(*part, None),
                Patched::Stays => {}
            }
        }
        let mut alike = self.0.keys.alike(subject, &person.found_by(&key).alike).await?;
        alike.retain(|other, _| !known.settled.contains(other));
        Ok(alike)
    }

    /// What is known of these people, opened with their keys. Nothing is known of people whose keys are gone.
    async fn known(&self, subjects: &BTreeSet<SubjectId>) -> Result<BTreeMap<SubjectId, Known>, SearchError> {
        let streams = subjects.iter().map(|subject| (StreamId::subject(*subject), 0));
        let mut histories: BTreeMap<SubjectId, History> = BTreeMap::new();
        for envelope in self.0.log.streams(streams).await? {
            let recorded = Recorded::decode(&envelope).map_err(|error| LogError::Payload(Box::new(error)))?;
            histories.entry(SubjectId(envelope.stream.id)).or_default().evolve(recorded);
        }
        let keys = self.0.keys.keys(subjects).await?;
        let mut known = BTreeMap::new();
        for (id, history) in histories {
            let Subject { linked, dismissed, identity, .. } = Subject::fold(&history.facts());
            let settled = linked.into_iter().chain(dismissed).collect();
            known.insert(id, Known { person: opened(&identity, &keys), settled });
        }
        Ok(known)
    }

    /// What these people are found by.
    async fn found_by(
        &self,
        key: &IndexKey,
        subjects: &BTreeSet<SubjectId>,
    ) -> Result<BTreeMap<SubjectId, FoundBy>, SearchError> {
        let mut known = self.known(subjects).await?;
        let found_by = |subject: &SubjectId| {
            let known = known.remove(subject).unwrap_or_default();
            (*subject, FoundBy { settled: known.settled, ..known.person.found_by(key) })
        };
        Ok(subjects.iter().map(found_by).collect())
    }
}

/// What is known of a person.
#[derive(Default)]
struct Known {
    person: Person,
    /// The records that are linked with theirs, or that were dismissed as other people.
    settled: BTreeSet<SubjectId>,
}

fn opened(identity: &Identity, keys: &crate::keys::Keys) -> Person {
    let mut person = Person::default();
    for (part, entry) in identity.parts() {
        if let Some(Opened::Text(text)) = entry.details.sealed().map(|sealed| open_text(sealed, keys)) {
            person.learns(part, Some(&text));
        }
    }
    person
}

/// The hashes of what a caller looks for.
fn searched(key: &IndexKey, wanted: &Wanted) -> Result<Search, Unsearchable> {
    let mut asked = Asked::default();
    if let Some(name) = &wanted.name {
        // Words that hyphens join are also read as one word, which takes room in the square of their number.
        if name.chars().nth(NAME_MAX).is_some() {
            return Err(Unsearchable::LongName);
        }
        let parts = spelling::parts(name);
        if parts.is_empty() {
            return Err(Unsearchable::NoLetters);
        }
        // Initials do not count beside whole parts.
        let whole: Vec<_> = parts.iter().filter(|part| !part.is_initial()).collect();
        if whole.is_empty() {
            return Err(Unsearchable::OneLetter);
        }
        if parts.len() > PARTS_MAX {
            return Err(Unsearchable::ManyParts);
        }
        let exact = key.whole(&parts);
        asked.criteria.extend(whole.into_iter().map(|part| key.accepted(part)));
        // Who has the whole name has each part of it, so this finds nobody else.
        asked.criteria[0].insert(exact);
        asked.first = Some(exact);
    }
    asked.criteria.extend(wanted.birth_date.map(|born| BTreeSet::from([key.birth_date(born)])));
    if let Some(identifier) = &wanted.identifier {
        let number = tokens::number(identifier).ok_or(Unsearchable::UnknownIdentifier)?;
        asked.criteria.push(BTreeSet::from([key.number(&number)]));
    }
    if asked.criteria.is_empty() {
        return Err(Unsearchable::Nothing);
    }
    Ok(Search(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_name(name: &str) -> Result<Search, Unsearchable> {
        searched(&IndexKey::new(&[1; 32]), &Wanted { name: Some(name.to_owned()), ..Wanted::default() })
    }

    #[test]
    fn a_search_that_would_find_everybody_is_refused() {
        let nothing = searched(&IndexKey::new(&[1; 32]), &Wanted::default());
        assert_eq!(nothing.map(drop), Err(Unsearchable::Nothing));
        for (name, refusal) in [
            ("J", Unsearchable::OneLetter),
            ("J. P.", Unsearchable::OneLetter),
            (" - ", Unsearchable::NoLetters),
            ("a1 b2 c3 d4 e5 f6 g7 h8 i9", Unsearchable::ManyParts),
        ] {
            assert_eq!(by_name(name).map(drop), Err(refusal), "{name}");
        }
        let wrong = Wanted { identifier: Some("QQ12".to_owned()), ..Wanted::default() };
        let wrong = searched(&IndexKey::new(&[1; 32]), &wrong);
        assert_eq!(wrong.map(drop), Err(Unsearchable::UnknownIdentifier));
        assert!(by_name("a1 b2 c3 d4 e5 f6 g7 h8").is_ok());
        assert_eq!(by_name(&"a-b-".repeat(250_000)).map(drop), Err(Unsearchable::LongName));
        assert!(by_name(&"ab".repeat(NAME_MAX / 2)).is_ok());
    }

    #[test]
    fn initials_do_not_count_beside_whole_parts() {
        let [with, without] =
            ["John A Smith", "John Smith"].map(|name| by_name(name).expect("a search").0.criteria.len());
        assert_eq!((with, without), (2, 2));
    }
}
