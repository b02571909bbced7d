//! Subject access: all that is held about a person, for that person (UK GDPR, Article 15), as one ZIP archive.
//!
//! It holds the data as JSON, a page to read, and the evidence files. Texts and files are opened only by `Opener` and
//! the evidence store, and only with keys of this person. Other people are left out: cases of others, texts that were
//! sealed for others, and the logins of staff. One evidence part is in memory at a time, and nothing clear is on disk.

mod archive;
mod contents;
mod opener;
mod page;
mod words;

use std::collections::BTreeSet;
use std::io;

use chrono::{DateTime, Utc};

pub use self::archive::{Written, write};
pub use self::contents::Contents;
use self::contents::{CaseHeld, gathered};
use self::opener::Opener;
use crate::access::Principal;
use crate::access::policy::{Action, Denied, policy};
use crate::access::relation::Relation;
use crate::evidence::{EvidenceError, EvidenceFiles};
use crate::keys::access_log::{self, Kind, Opening};
use crate::keys::{KeyError, KeyStore, Keys};
use crate::log::{Log, LogError};
use crate::queries::caseload_scope::{journeys_of, relations, relations_to_subjects};
use crate::queries::offers::of_subjects;
use crate::queries::people::links_of;
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::store::StoreError;
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, Position, SubjectId};
use throughline_domain::fact::event::DecodeError;
use throughline_domain::people::subject::reached;

/// Why a person's data cannot be exported. A message never names a person or a file.
#[derive(Debug, thiserror::Error)]
pub enum SubjectAccessError {
    /// The role may not export it.
    #[error("{0}")]
    Denied(Denied),
    /// There is no such subject for the caller.
    #[error("there is no subject with this id, or it is not in your scope")]
    NoSubject,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The key store failed.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A recorded event cannot be read.
    #[error("the event at position {position} cannot be read: run `throughline log verify`")]
    Payload {
        /// The event's position.
        position: Position,
        /// The cause.
        source: DecodeError,
    },
    /// A payload is not JSON.
    #[error("a payload cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// An evidence file could not be read to its end.
    #[error("an evidence file could not be read to its end: export again")]
    File(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The evidence store or its database failed.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The archive could not be written.
    #[error("the archive cannot be written")]
    Write(#[from] io::Error),
    /// The archive could not be put together.
    #[error("the archive cannot be put together")]
    Archive(#[from] zip::result::ZipError),
    /// Writing ended early.
    #[error("writing the archive ended early")]
    Panicked,
}

/// Where the data of a person is.
#[derive(Clone, Copy)]
pub struct Sources<'s> {
    /// The log.
    pub log: &'s Log,
    /// The live view, which says who may see what.
    pub view: &'s Generation,
    /// The keys of people.
    pub keys: &'s KeyStore,
    /// The evidence files.
    pub evidence: &'s EvidenceFiles,
}

/// Gathers what is held about a person and opens it, for this request. Nothing has been given away when this returns, and
/// what was opened is in the access log: if it cannot be written there, the export fails.
pub async fn gather(
    from: Sources<'_>,
    principal: &Principal,
    subject: SubjectId,
    (request, now): (&str, DateTime<Utc>),
) -> Result<Contents, SubjectAccessError> {
    let may = |relation| policy(principal, Action::ExportSubject, relation);
    // A role that may never do this is refused before any subject is looked for.
    may(Relation::Own).map_err(SubjectAccessError::Denied)?;
    let today = civil_day(now, DEPLOYMENT_ZONE);
    let links = links_of(from.view, &[subject], today).await?;
    let group: Vec<SubjectId> = reached(subject, &links).into_iter().collect();
    let known = relations_to_subjects(from.view, principal, today, &group).await?;
    let people: BTreeSet<SubjectId> =
        known.into_iter().filter(|(_, relation)| may(*relation).is_ok()).map(|(subject, _)| subject).collect();
    if !people.contains(&subject) {
        return Err(SubjectAccessError::NoSubject);
    }
    let named: Vec<SubjectId> = people.iter().copied().collect();
    let found = journeys_of(from.view, &named).await?;
    let journeys: Vec<(JourneyId, String)> =
        found.into_iter().map(|(_, journey, contract)| (journey, contract)).collect();
    let asked: Vec<(JourneyId, &str)> = journeys.iter().map(|(id, code)| (*id, code.as_str())).collect();
    let relations = relations(from.view, principal, today, &asked).await?;
    let cases = journeys.into_iter().filter(|(id, _)| relations.get(id).is_some_and(|to| may(*to).is_ok()));
    let cases = cases.map(|(journey, contract)| CaseHeld { journey, contract }).collect();
    let offers = of_subjects(from.view, principal, &people).await?;
    let keys = keys_of(from.keys, &people).await?;
    let opener = Opener::of(people, keys);
    let contents = gathered(from, (subject, cases, &offers), (opener, &principal.scope), now).await?;
    from.keys.note_openings(&access_log::Opener::of(principal, request), &openings(&contents)).await?;
    Ok(contents)
}

/// The keys of these people. `None` if they cannot be had: then the texts stay sealed, and the export says so.
async fn keys_of(store: &KeyStore, people: &BTreeSet<SubjectId>) -> Result<Option<Keys>, SubjectAccessError> {
    match store.keys(people).await {
        Ok(keys) => Ok(Some(keys)),
        Err(error @ KeyError::Store(_)) => Err(error.into()),
        Err(error) => {
            tracing::warn!(reason = %error, "a subject access export leaves names and notes sealed");
            Ok(None)
        }
    }
}

/// What an export opens of each record of the person.
fn openings(contents: &Contents) -> Vec<Opening> {
    let of_record = |(subject, kinds): (&SubjectId, &BTreeSet<Kind>)| {
        let opening = |kind: &Kind| Opening { subject: *subject, kind: *kind, reveal: None };
        kinds.iter().map(opening).collect::<Vec<_>>()
    };
    contents.opened().iter().flat_map(of_record).collect()
}
