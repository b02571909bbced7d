//! Points in time to report on: the as-of date, the knowledge date, and the rulebook.
//!
//! A view of an earlier knowledge date may have to be built first. Nothing here decides access: a caller's rights are
//! always those of now, also for questions about the past.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Error, InputObject, Result, value};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::codes::VIEW_BUILDING;
use super::context::{OrFault as _, RequestContext as _};
use super::scalars::{Date, Instant, Position};
use crate::record::end_of_day;
use crate::views::ViewError;
use crate::views::generation::Generation;
use crate::views::rebuild::Progress;
use crate::views::snapshots::KnownPart;
use throughline_domain::contract;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{self, StreamId};
use throughline_gateway::Code;

/// How long a query waits for a view that is being built.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a command waits for the live view. The rest of the time for an answer is left to what it needs the view for.
const PATIENCE_OF_COMMANDS: Duration = Duration::from_secs(15);
/// How long a client should wait before it asks again: if the time is unknown, at the least, and at the most.
const ASK_AGAIN: [Duration; 3] = [Duration::from_secs(2), Duration::from_millis(500), Duration::from_secs(30)];

/// The last log position that a query may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownUpTo(pub envelope::Position);

impl KnownUpTo {
    /// Every event of the log.
    pub const ALL: Self = Self(envelope::Position(i64::MAX));

    /// Whether the event at this position is known.
    pub(super) fn covers(self, position: envelope::Position) -> bool {
        position <= self.0
    }
}

/// The point in time to report on: as-of date, knowledge date and rulebook. Give at most one of `knownAt`, `knownOn`
/// and `position`.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ContractAt {
    /// The as-of date: count facts dated up to the end of this day. Default: today in the contract's time zone.
    pub as_of: Option<Date>,
    /// The knowledge date as an instant: use only what was recorded by then.
    pub known_at: Option<Instant>,
    /// The knowledge date as a day: use only what was recorded by the end of this day in the contract's time zone.
    pub known_on: Option<Date>,
    /// The knowledge date as a log position: use only events up to this position.
    pub position: Option<Position>,
    /// The version of the contract's rulebook to apply, whenever it was published. Default: the latest version
    /// published by the knowledge date.
    pub rulebook: Option<String>,
}

/// The point in time to report on: as-of date and knowledge date. Give at most one of `knownAt`, `knownOn` and
/// `position`.
#[derive(Debug, Clone, Copy, Default, InputObject)]
pub struct JourneyAt {
    /// The as-of date: count facts dated up to the end of this day. Default: today in the contract's time zone.
    pub as_of: Option<Date>,
    /// The knowledge date as an instant: use only what was recorded by then.
    pub known_at: Option<Instant>,
    /// The knowledge date as a day: use only what was recorded by the end of this day in the contract's time zone.
    pub known_on: Option<Date>,
    /// The knowledge date as a log position: use only events up to this position.
    pub position: Option<Position>,
}

/// The knowledge date of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Now,
    Instant(DateTime<Utc>),
    Position(envelope::Position),
}

impl Until {
    fn of((at, on, position): (Option<Instant>, Option<Date>, Option<Position>), zone: Tz) -> Result<Self> {
        match (at, on, position) {
            (None, None, None) => Ok(Self::Now),
            (Some(instant), None, None) => Ok(Self::Instant(instant.0)),
            (None, Some(day), None) => Ok(Self::Instant(end_of_day(day.0, zone))),
            (None, None, Some(position)) => Ok(Self::Position(position.0)),
            _ => Err(Code::BadUserInput.error("give at most one of knownAt, knownOn and position")),
        }
    }

    /// The last log position to use; none for the whole log.
    async fn position(self, ctx: &Context<'_>) -> Result<Option<envelope::Position>> {
        match self {
            Self::Now => Ok(None),
            Self::Instant(instant) => ctx.app().log.recorded_by(instant).await.or_fault().map(Some),
            Self::Position(position) => Ok(Some(position)),
        }
    }
}

impl JourneyAt {
    /// The last log position to use for a case.
    pub(super) async fn known(&self, ctx: &Context<'_>, zone: Tz) -> Result<KnownUpTo> {
        let until = Until::of((self.known_at, self.known_on, self.position), zone)?;
        Ok(until.position(ctx).await?.map_or(KnownUpTo::ALL, KnownUpTo))
    }
}

/// The view that answers a query at a point in time.
pub(super) struct Snapshot {
    /// The view.
    pub(super) generation: Arc<Generation>,
    /// The last log position to use for everything read from the view.
    pub(super) known: KnownUpTo,
    /// The instant that the client asked for.
    pub(super) known_at: Option<DateTime<Utc>>,
}

impl Snapshot {
    /// The live view.
    pub(super) fn live(ctx: &Context<'_>) -> Self {
        Self { generation: Arc::clone(&ctx.caller().generation), known: KnownUpTo::ALL, known_at: None }
    }

    /// The view of an open contract at a point in time; none if the contract was not open then.
    pub(super) async fn from(
        ctx: &Context<'_>,
        contract: &contract::Contract,
        at: &ContractAt,
    ) -> Result<Option<Self>> {
        let zone = contract.zone().unwrap_or(crate::record::DEPLOYMENT_ZONE);
        let until = Until::of((at.known_at, at.known_on, at.position), zone)?;
        let known_at = if let Until::Instant(instant) = until { Some(instant) } else { None };
        let position = until.position(ctx).await?;
        if position.is_some_and(|position| !contract.is_open_at(position)) {
            return Ok(None);
        }
        // The position of the log's head is needed only for an earlier knowledge date.
        let head = match position {
            Some(_) => Some(ctx.app().log.head().await.or_fault()?.position),
            None => None,
        };
        let upto = position.filter(|position| head.is_some_and(|head| *position < head));
        let rulebooks_upto = match &at.rulebook {
            Some(version) => rules_of(ctx, contract, version, upto).await?,
            None => upto,
        };
        let asked = rulebooks_upto.map(|rulebooks_upto| KnownPart { upto, rulebooks_upto });
        let generation = match (asked, head) {
            (Some(asked), _) => known_by_caller(ctx, asked).await?,
            (None, Some(head)) => caught_up(ctx, head).await?,
            (None, None) => Arc::clone(&ctx.caller().generation),
        };
        Ok(Some(Self { generation, known: upto.map_or(KnownUpTo::ALL, KnownUpTo), known_at }))
    }
}

/// The live view, once it has reached this position.
pub(super) async fn caught_up(ctx: &Context<'_>, head: envelope::Position) -> Result<Arc<Generation>> {
    reached(ctx, head, PATIENCE).await.ok_or_else(|| not_yet(None))
}

/// The live view, once it has reached this position, for a command that needs it. It waits longer than a question, and
/// nothing is recorded if that is not long enough.
pub(super) async fn caught_up_for_command(ctx: &Context<'_>, head: envelope::Position) -> Result<Arc<Generation>> {
    let view = reached(ctx, head, PATIENCE_OF_COMMANDS).await;
    view.ok_or_else(|| {
        let behind = head.0 - ctx.app().views.live().position().borrow().0;
        let message = format!(
            "the live view is {behind} events behind the log: nothing was recorded, send the command again with the \
             same commandId"
        );
        let mut error = Code::Unavailable.error_for_now(message, ASK_AGAIN[0]);
        error.extensions.get_or_insert_default().set("commandInDoubt", false);
        error
    })
}

/// The live view, once it has reached this position. None if it has not in time.
async fn reached(ctx: &Context<'_>, head: envelope::Position, patience: Duration) -> Option<Arc<Generation>> {
    let views = &ctx.app().views;
    if !views.passed(head, patience).await {
        return None;
    }
    let own = &ctx.caller().generation;
    let is_there = *own.position().borrow() >= head;
    Some(if is_there { Arc::clone(own) } else { views.live() })
}

/// The position up to which rulebooks are used so that the requested version is the newest. None if the live view
/// already uses that version and no earlier knowledge date is requested.
async fn rules_of(
    ctx: &Context<'_>,
    live: &contract::Contract,
    version: &str,
    upto: Option<envelope::Position>,
) -> Result<Option<envelope::Position>> {
    let code = live.code().unwrap_or_default();
    let events = ctx.app().log.stream(StreamId::contract(code)).await.or_fault()?;
    let recorded: Vec<Recorded> = events.iter().map(Recorded::decode).collect::<Result<_, _>>().or_fault()?;
    let contract_state = contract::Contract::of(&recorded).or_fault()?;
    let mut published = contract_state.rulebooks().iter().rev();
    let Some(named) = published.find(|published| published.rulebook.version == version) else {
        let mut known: Vec<&str> =
            contract_state.rulebooks().iter().map(|known| known.rulebook.version.as_str()).collect();
        known.dedup();
        let message = format!("there is no published rulebook version {version:?}: use one of {}", known.join(", "));
        return Err(Code::BadUserInput.error(message));
    };
    let is_newest = |published: Option<&contract::Published>| {
        published.is_some_and(|published| published.position == named.position)
    };
    let Some(upto) = upto else {
        return Ok((!is_newest(live.rulebooks().last())).then_some(named.position));
    };
    // A query that does not name the version uses the same view.
    let newest = contract_state.rulebooks().iter().rev().find(|published| published.position <= upto);
    Ok(Some(if is_newest(newest) { upto } else { named.position }))
}

/// The view with the knowledge of a log position.
pub(super) async fn as_known(ctx: &Context<'_>, KnownUpTo(position): KnownUpTo) -> Result<Arc<Generation>> {
    let head = ctx.app().log.head().await.or_fault()?.position;
    if position >= head {
        return caught_up(ctx, head).await;
    }
    let asked = KnownPart { upto: Some(position), rulebooks_upto: position };
    known_by_caller(ctx, asked).await
}

/// A view that the caller requests. Each caller has one place in the queue.
async fn known_by_caller(ctx: &Context<'_>, asked: KnownPart) -> Result<Arc<Generation>> {
    let who = &ctx.caller().principal;
    let who = format!("{} {}", who.role, who.subject);
    found(ctx.app().views.as_known_by(&who, asked, PATIENCE).await)
}

/// The requested view, or the error that it is not ready yet.
fn found(asked: Result<Arc<Generation>, ViewError>) -> Result<Arc<Generation>> {
    match asked {
        Err(ViewError::NotYet(progress)) => Err(not_yet(progress)),
        other => other.or_fault(),
    }
}

fn not_yet(progress: Option<Progress>) -> Error {
    let mut error = VIEW_BUILDING.error("the view for this knowledge date is being built: try again in a moment");
    let extensions = error.extensions.get_or_insert_default();
    let progress = progress.filter(|progress| !progress.phase.is_over());
    let [usual, least, most] = ASK_AGAIN;
    let wait = progress.and_then(|progress| progress.eta).unwrap_or(usual).clamp(least, most);
    extensions.set("retryAfterMs", u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    if let Some(Progress { events, of, rate, .. }) = progress {
        extensions.set("progress", value!({ "events": events, "of": of, "rate": rate }));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::rebuild::Phase;

    #[test]
    fn an_unfinished_view_reports_its_progress_and_when_to_ask_again() {
        let progress = |phase, eta| {
            let (generation, events, of, rate) = (7, 50, 100, 25.0);
            Some(Progress { generation, phase, events, of, rate, eta })
        };
        let error_of = |progress| {
            let extensions = not_yet(progress).extensions.expect("extensions");
            let extension = |name| extensions.get(name).cloned();
            (extension("code"), extension("retryAfterMs"), extension("progress"))
        };
        let code = || Some(value!("VIEW_BUILDING"));
        let how_far = value!({ "events": 50, "of": 100, "rate": 25.0 });
        let eta = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(error_of(progress(Phase::Folding, eta(2))), (code(), Some(value!(2_000)), Some(how_far.clone())));
        assert_eq!(error_of(progress(Phase::Folding, eta(900))), (code(), Some(value!(30_000)), Some(how_far)));
        assert_eq!(error_of(progress(Phase::Done, eta(0))), (code(), Some(value!(2_000)), None));
        assert_eq!(error_of(None), (code(), Some(value!(2_000)), None));
    }

    #[test]
    fn two_knowledge_dates_in_one_query_are_refused() {
        let date = Date("2018-02-23".parse().expect("a day"));
        let position = Position(envelope::Position(1));
        assert!(Until::of((None, Some(date), Some(position)), chrono_tz::Europe::London).is_err());
    }
}
