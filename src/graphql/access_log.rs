//! The access log in the API: who opened whose names, notes or files of evidence, and when.
//!
//! Only for administrators of the whole deployment. It has ids only, and nothing is opened here.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::DateTime;
use uuid::Uuid;

use super::bounds::PageLength;
use super::context::RequestContext as _;
use super::cursor::{Cursors, SAME_FILTER};
use super::fault::fault;
use super::page::{self, Listed, More, Page};
use super::scalars::{Id, Instant};
use crate::keys::KeyError;
use crate::keys::access_log::{self, AccessFilter, AccessPlace};
use throughline_domain::fact::envelope::SubjectId;
use throughline_gateway::Code;

/// What was opened of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "access_log::Kind")]
pub enum OpenedKind {
    /// Names, birth date, contact details, numbers or needs.
    Identity,
    /// Notes or agreed actions.
    Notes,
    /// A file of evidence or its small picture.
    Evidence,
}

/// What one response opened of one person.
#[derive(Debug, Clone, SimpleObject)]
pub struct AccessEntry {
    /// When it was opened.
    opened_at: Instant,
    /// The login of the caller.
    login: String,
    /// The role of the caller.
    role: String,
    /// The id of the subject.
    subject_id: ID,
    /// What was opened.
    kinds: Vec<OpenedKind>,
    /// The id of the HTTP request. All operations of a WebSocket have the same.
    request_id: String,
    /// The id of the reveal that allowed it. Null if the role of the caller did. `reveals` has its reason.
    reveal_id: Option<ID>,
}

impl From<access_log::AccessEntry> for AccessEntry {
    fn from(entry: access_log::AccessEntry) -> Self {
        Self {
            opened_at: Instant(entry.opened_at),
            login: entry.login,
            role: entry.role,
            subject_id: ID(entry.subject.to_string()),
            kinds: entry.kinds.into_iter().map(Into::into).collect(),
            request_id: entry.request,
            reveal_id: entry.reveal.map(|reveal| ID(reveal.to_string())),
        }
    }
}

impl Listed for AccessEntry {
    type Totals = AccessLogTotals;
    const PAGE: &'static str = "A page of the access log, newest entries first.";
    const EDGE: &'static str = "An entry with its cursor.";
    const ONE: &'static str = "entry";
    const MANY: &'static str = "entries";
}

/// A list of entries as a whole.
pub struct AccessLogTotals {
    filter: AccessFilter,
}

#[Object]
impl AccessLogTotals {
    /// The number of entries on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        ctx.app().keys.access_count(&self.filter).await.map_err(|error| unreadable(&error))
    }
}

/// The filter of a query: a subject, a login, and the instants between which something was opened.
pub(super) struct AccessQuery {
    pub(super) subject: Option<Id>,
    pub(super) who: Option<String>,
    pub(super) from: Option<Instant>,
    pub(super) to: Option<Instant>,
}

/// A page of the access log.
pub(super) async fn entries(
    ctx: &Context<'_>,
    asked: AccessQuery,
    (first, after): (PageLength, Option<String>),
) -> Result<Page<AccessEntry>> {
    if asked.who.as_ref().is_some_and(|who| who.contains('\0')) {
        return Err(Code::BadUserInput.error("who has a character that no login has: check the login"));
    }
    let filter = AccessFilter::of(asked.subject.map(|id| SubjectId(id.0)), asked.who)
        .between(asked.from.map(|from| from.0), asked.to.map(|to| to.0));
    let cursors = Cursors::filtered("accessLog", &format!("{filter:?}"), SAME_FILTER);
    let place: Option<AccessPlace> = cursors.place(after.as_deref(), |parts| {
        let micros = parts.part()?;
        Some((DateTime::from_timestamp_micros(micros)?, parts.part::<Uuid>()?, parts.part::<Uuid>()?))
    })?;
    let most = i64::from(first.rows()) + 1;
    let found = ctx.app().keys.access_log(&filter, place, most).await;
    let mut found = found.map_err(|error| unreadable(&error))?;
    let more = More { before: place.is_some(), after: page::cut(&mut found, first.count()) };
    let cursor = |entry: &access_log::AccessEntry| {
        let (at, response, subject) = entry.place();
        cursors.cursor(format_args!("{}\n{response}\n{subject}", at.timestamp_micros()))
    };
    let rows: Vec<_> = found.into_iter().map(|entry| (cursor(&entry), Some(entry.into()))).collect();
    Ok(Page::of(rows, more, AccessLogTotals { filter }))
}

/// The error where the access log cannot be read. Where the key store is away, it says so: an empty list would say that
/// nothing was opened.
fn unreadable(error: &KeyError) -> async_graphql::Error {
    match error {
        KeyError::Away(_) => Code::Unavailable
            .error("the key store is away, and the access log with it: ask the operator to give it back"),
        error => fault(error),
    }
}
