//! Reveals in the API: who may see, for a limited time, who a subject is.
//!
//! It opens nothing. Ids of subjects are shown as pseudonyms to those who see pseudonyms.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, HashMapCache};
use async_graphql::{Context, ID, Object, Result};
use uuid::Uuid;

use super::bounds::PageLength;
use super::context::{OrFault as _, RequestContext as _};
use super::cursor::{Cursors, Parts};
use super::journey::Occurrence;
use super::page::{self, Listed, More, Page};
use super::people::Histories;
use super::scalars::Instant;
use crate::access::policy::{Action, Redaction};
use crate::access::pseudonym::Pseudonyms;
use crate::log::LogError;
use crate::log::read::{Lane, PAGE_SIZE};
use crate::queries;
use throughline_domain::fact::envelope::{Envelope, Position, RevealId, StreamId, SubjectId};
use throughline_domain::fact::event::{Event, EventType};
use throughline_domain::fact::{Entry, History, Recorded};
use throughline_domain::people::reveal;

/// The events that begin a reveal.
const BEGUN: [Lane; 1] = [Lane::Type(EventType::IdentityRevealed.as_str())];

/// A time in which an auditor or commissioner may see who a subject is.
#[derive(Debug, Clone)]
pub struct Reveal {
    subject: SubjectId,
    reveal: reveal::Reveal,
}

/// A time in which an auditor or commissioner may see who a subject is. It counts for their login and role only, and
/// what they open meanwhile is in the access log.
#[Object]
impl Reveal {
    /// The id of the reveal. Use it to end the reveal.
    async fn reveal(&self) -> ID {
        ID(self.reveal.details.reveal.to_string())
    }

    /// The id of the subject. A pseudonym if you may see only pseudonyms.
    async fn subject_id(&self, ctx: &Context<'_>) -> Result<ID> {
        Ok(ID(shown_id(ctx, self.subject, &self.reveal.details.contract).await?.to_string()))
    }

    /// The code of the contract for which it is needed.
    async fn contract(&self) -> &str {
        &self.reveal.details.contract
    }

    /// The reason.
    async fn reason(&self) -> &str {
        &self.reveal.details.reason
    }

    /// The login of the one who may see it.
    async fn by(&self) -> &str {
        &self.reveal.by
    }

    /// Their role.
    async fn role(&self) -> &str {
        &self.reveal.role
    }

    /// When it began.
    async fn revealed_at(&self) -> Instant {
        Instant(self.reveal.at)
    }

    /// When it is over, if it is not ended earlier.
    async fn until(&self) -> Instant {
        Instant(self.reveal.until())
    }

    /// When it was ended early. Null if it was not.
    async fn ended_at(&self) -> Option<Instant> {
        self.reveal.ended.as_ref().map(|ended| Instant(ended.at))
    }

    /// The login of the one who ended it. Null if nobody did, or if you may not see logins.
    async fn ended_by(&self) -> Option<&str> {
        self.reveal.ended.as_ref().map(|ended| ended.by.as_str())
    }

    /// Whether it counts now.
    async fn in_force(&self, ctx: &Context<'_>) -> bool {
        self.reveal.is_in_force(ctx.app().clock.now())
    }
}

/// The id of a subject as the caller may see it in a context, such as the code of a contract.
pub(super) async fn shown_id(ctx: &Context<'_>, subject: SubjectId, context: &str) -> Result<Uuid> {
    if !ctx.redacts(Redaction::SubjectIds) {
        return Ok(subject.0);
    }
    Ok(ctx.app().log.pseudonyms().await.or_fault()?.of(context, subject))
}

/// How the ids of a subject's own events and legal holds are shown. Those who see only pseudonyms would join the cases of
/// one person in several contracts by them, so each contract has others, and `node` finds none of them.
pub(super) struct EventIds(Option<(Pseudonyms, String)>);

impl EventIds {
    /// The ids as the caller may see them in a context, such as the code of a contract.
    pub(super) async fn shown(ctx: &Context<'_>, context: &str) -> Result<Self> {
        // Those who read the feed verify records, which have the ids.
        if !ctx.redacts(Redaction::SubjectIds) || ctx.may(Action::ReadEvents) {
            return Ok(Self(None));
        }
        let pseudonyms = ctx.app().log.pseudonyms().await.or_fault()?.clone();
        Ok(Self(Some((pseudonyms, format!("events in {context}")))))
    }

    /// An id of an event or of a legal hold.
    pub(super) fn of(&self, id: Uuid) -> ID {
        let shown = self.0.as_ref().map_or(id, |(pseudonyms, context)| pseudonyms.of(context, SubjectId(id)));
        ID(shown.to_string())
    }

    /// A step, with its reason if one was given.
    pub(super) fn occurrence<T>(&self, entry: &Entry<T>, reason: Option<&str>) -> Occurrence {
        Occurrence::why(entry, reason).under(self.of(entry.event_id.0))
    }
}

/// The subject that a caller names by its id as they see it in a contract. For those who see only pseudonyms an id is
/// the id of nobody; those who read records may give it too.
pub(super) async fn named_subject(ctx: &Context<'_>, id: Uuid, contract: &str) -> Result<SubjectId> {
    if !ctx.redacts(Redaction::SubjectIds) {
        return Ok(SubjectId(id));
    }
    let otherwise = if ctx.may(Action::ReadEvents) { id } else { Uuid::nil() };
    // In a contract of others nobody has a pseudonym.
    let Some(scope) = ctx.in_scope(contract) else { return Ok(SubjectId(otherwise)) };
    let all = queries::subjects::of_contract(&ctx.caller().generation, scope).await.or_fault()?;
    let pseudonyms = ctx.app().log.pseudonyms().await.or_fault()?;
    Ok(pseudonyms.find(contract, id, &all).unwrap_or(SubjectId(otherwise)))
}

/// A reveal of a subject, as the log has it now.
pub(super) async fn find(ctx: &Context<'_>, subject: SubjectId, id: RevealId) -> Result<Option<Reveal>> {
    // Read anew: what the request knew of the stream may be from before the command.
    let mut history = History::default();
    for event in ctx.app().log.stream(StreamId::subject(subject)).await.or_fault()? {
        history.evolve(Recorded::decode(&event).map_err(|error| LogError::Payload(Box::new(error))).or_fault()?);
    }
    let found = reveal::reveals(&history).into_iter().find(|one| one.details.reveal == id);
    Ok(found.map(|reveal| Reveal { subject, reveal }))
}

impl Listed for Reveal {
    type Totals = RevealTotals;
    const PAGE: &'static str = "A page of reveals, in the order in which they were recorded.";
    const EDGE: &'static str = "A reveal with its cursor.";
    const ONE: &'static str = "reveal";
    const MANY: &'static str = "reveals";
}

/// The list of reveals as a whole.
pub struct RevealTotals;

#[Object]
impl RevealTotals {
    /// The number of reveals on all pages. It is counted only when this field is requested.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<usize> {
        let (log, mut after, mut count) = (&ctx.app().log, Position::default(), 0);
        let upto = log.head().await.or_fault()?.position;
        loop {
            let found = log.page_among(&BEGUN, after, upto, PAGE_SIZE).await.or_fault()?;
            let Some(last) = found.last() else { return Ok(count) };
            after = last.position;
            count += found.len();
        }
    }
}

/// A page of all reveals, in the order of the log.
pub(super) async fn reveals(ctx: &Context<'_>, (first, after): (PageLength, Option<String>)) -> Result<Page<Reveal>> {
    let (cursors, log) = (Cursors::of("reveals"), &ctx.app().log);
    let place: Option<i64> = cursors.place(after.as_deref(), Parts::part)?;
    let upto = log.head().await.or_fault()?.position;
    let after = Position(place.unwrap_or_default());
    let mut found = log.page_among(&BEGUN, after, upto, i64::from(first.rows()) + 1).await.or_fault()?;
    let more = More { before: place.is_some(), after: page::cut(&mut found, first.count()) };
    let loader: &DataLoader<Histories, HashMapCache> = ctx.data_unchecked();
    let streams: Vec<StreamId> = found.iter().map(|event| event.stream).collect();
    let histories = loader.load_many(streams).await.map_err(|error| super::fault::fault(&*error))?;
    let mut rows = Vec::with_capacity(found.len());
    for event in &found {
        rows.push((cursors.cursor(event.position), begun_by(event, &histories).or_fault()?));
    }
    Ok(Page::of(rows, more, RevealTotals))
}

/// The reveal that an event began.
fn begun_by(event: &Envelope, histories: &HashMap<StreamId, Arc<History>>) -> Result<Option<Reveal>, LogError> {
    let begun = Recorded::decode(event).map_err(|error| LogError::Payload(Box::new(error)))?;
    let Event::IdentityRevealed(details) = begun.event else { return Ok(None) };
    let all = histories.get(&event.stream).map(|history| reveal::reveals(history)).unwrap_or_default();
    let found = all.into_iter().find(|one| one.details.reveal == details.reveal);
    Ok(found.map(|reveal| Reveal { subject: SubjectId(event.stream.id), reveal }))
}
