//! Keeps the index of people up: follows the log by position and replaces what those are found by whose identity,
//! links or dismissals changed.
//!
//! Several servers may do so at once: the cursor in the database decides whose step counts. A step that did not count
//! is read again from where the cursor then is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::tokens::IndexKey;
use super::{PeopleSearch, SearchError, spelling};
use crate::keys::KeyError;
use crate::keys::search::{FoundBy, SearchCursor};
use crate::telemetry::repeated::Repeated;
use throughline_domain::fact::envelope::{Envelope, Position, StreamKind, SubjectId};
use throughline_domain::fact::event::EventType;

static NOT_INDEXED: Repeated = Repeated::of("the search for people cannot be kept up");
static NOT_FOUND: Repeated = Repeated::warning("a person cannot be found, because their keys cannot be used");

/// The number of events in one step.
const STEP: i64 = 1_000;
/// The number of people in one transaction, so that a new key never waits long for it.
const AT_ONCE: usize = 100;
/// The number of events without people after which the cursor is written anyway.
const WRITE_AFTER: i64 = 20_000;
/// The pause after a fault.
const PAUSE: Duration = Duration::from_secs(1);

/// The types of events that change what a person is found by, or whom they look like.
const HEEDED: [EventType; 7] = [
    EventType::IdentitySealed,
    EventType::SubjectsLinked,
    EventType::SubjectsUnlinked,
    EventType::DuplicateDismissed,
    EventType::ErasureApproved,
    EventType::FactCorrected,
    EventType::FactRetracted,
];

impl PeopleSearch {
    /// Keeps the index up until the future is dropped. Ends at once if the keys are away.
    pub async fn keep_up(self) {
        self.0.passed.send_replace(Some(Position::default()));
        while !self.is_away() {
            if let Err(error) = self.follow().await {
                NOT_INDEXED.met(&error);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Follows the log from the cursor, until something fails.
    async fn follow(&self) -> Result<(), SearchError> {
        let key = self.key().await?;
        loop {
            let mut cursor = self.begun().await?;
            let mut pages = self.0.log.pages(cursor.position);
            let mut written = cursor.position;
            self.0.passed.send_replace(Some(cursor.position));
            loop {
                let page = pages.next(STEP).await?;
                let Some(last) = page.last() else { break };
                let people = concerned(&page);
                if !people.is_empty() || last.position.0 - written.0 >= WRITE_AFTER {
                    if !self.step(&key, cursor, last, &people).await? {
                        break;
                    }
                    written = last.position;
                }
                cursor = SearchCursor { position: last.position, event: Some(last.event_id), ..cursor };
                self.0.passed.send_replace(Some(last.position));
            }
        }
    }

    /// Up to where the log is indexed. An index of another spelling, or of another log, is emptied first.
    async fn begun(&self) -> Result<SearchCursor, SearchError> {
        let cursor = self.0.keys.search_cursor().await?;
        let is_of_this_log = match cursor.event {
            Some(event) => self.0.log.event_at(cursor.position).await? == Some(event),
            None => cursor.position == Position::default(),
        };
        if cursor.spelling == spelling::VERSION && is_of_this_log {
            return Ok(cursor);
        }
        self.0.keys.restart_search(cursor, spelling::VERSION).await?;
        Ok(self.0.keys.search_cursor().await?)
    }

    /// Indexes these people and moves the cursor behind a page. Returns false if another server was faster.
    async fn step(
        &self,
        key: &IndexKey,
        from: SearchCursor,
        last: &Envelope,
        people: &BTreeSet<SubjectId>,
    ) -> Result<bool, SearchError> {
        let people: Vec<SubjectId> = people.iter().copied().collect();
        // The cursor stands before the page until its last people are indexed.
        let (stays, passes) = ((from.position, from.event), (last.position, Some(last.event_id)));
        let mut portions = people.chunks(AT_ONCE).peekable();
        while let Some(portion) = portions.next() {
            let found_by = self.usable(key, &portion.iter().copied().collect()).await?;
            let upto = if portions.peek().is_some() { stays } else { passes };
            if !self.0.keys.index(from, upto, &found_by).await? {
                return Ok(false);
            }
        }
        if people.is_empty() {
            return Ok(self.0.keys.index(from, passes, &BTreeMap::new()).await?);
        }
        Ok(true)
    }

    /// What these people are found by. One whose keys cannot be used is not found, and hides nobody else.
    async fn usable(
        &self,
        key: &IndexKey,
        people: &BTreeSet<SubjectId>,
    ) -> Result<BTreeMap<SubjectId, FoundBy>, SearchError> {
        match self.found_by(key, people).await {
            Err(SearchError::Key(KeyError::Damaged { .. } | KeyError::UnknownKek(_))) => {}
            read => return read,
        }
        let mut usable = BTreeMap::new();
        for person in people {
            match self.found_by(key, &BTreeSet::from([*person])).await {
                Ok(found_by) => usable.extend(found_by),
                Err(SearchError::Key(error @ (KeyError::Damaged { .. } | KeyError::UnknownKek(_)))) => {
                    NOT_FOUND.met(&error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(usable)
    }
}

/// The people whom events of a page concern.
fn concerned(page: &[Envelope]) -> BTreeSet<SubjectId> {
    let is_heeded = |envelope: &&Envelope| {
        envelope.stream.kind == StreamKind::Subject
            && EventType::named(&envelope.event_type).is_some_and(|of| HEEDED.contains(&of))
    };
    page.iter().filter(is_heeded).map(|envelope| SubjectId(envelope.stream.id)).collect()
}
