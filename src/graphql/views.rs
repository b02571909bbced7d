//! The views behind the boards: the live one, the one being built, the streams that could not be applied; and the
//! mutations with which an administrator rebuilds, rolls back and retries.
//!
//! None of this is a fact. The log does not record it, and every view is derived from the log.

use std::sync::Arc;

use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, TimeDelta, Utc};

use super::bounds::PageLength;
use super::context::{OrFault as _, RequestContext as _};
use super::event::StreamKind;
use super::mutation::input::Stamp;
use super::mutation::input::convert::Conversion;
use super::mutation::input_path::SentInput;
use super::mutation::payload::{Outcome, Problem, ViewsPayload, command_id_reused, conflict, notice};
use super::mutation::{Answered, answered, body};
use super::page::{self, Listed, More, Page};
use super::scalars::{Id, Instant, Position};
use crate::views::admin_requests::{AdminRequest, Known};
use crate::views::generation::Generation;
use crate::views::rebuild::{Options, Phase, Progress};
use crate::views::{self, ViewError};
use throughline_domain::fact::envelope::{self, StreamId};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The phase of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Phase")]
pub enum RebuildPhase {
    /// It waits for its turn, and determines what to do.
    Preparing,
    /// It reads the log and writes the rows.
    Folding,
    /// It creates the indexes of the new tables.
    Indexing,
    /// It checks the written rows against the events read.
    Verifying,
    /// It applies the events recorded in the meantime.
    CatchingUp,
    /// It makes the new view live.
    Switching,
    /// The new view is live.
    Done,
    /// It was cancelled. Nothing of it is kept.
    Cancelled,
    /// It failed. Nothing of it is kept.
    Failed,
}

/// The progress of a rebuild.
#[derive(Debug, Clone, SimpleObject)]
pub struct RebuildProgress {
    /// The number of the view being built. Null until it has one.
    number: Option<i32>,
    /// The phase.
    phase: RebuildPhase,
    /// The progress in events. Reading the log counts half, writing the rows the other half.
    events: Position,
    /// The number of events to process. Events recorded in the meantime are added.
    of: Position,
    /// Events per second, so far.
    rate: f64,
    /// The estimated time of completion at this rate. Null while there is no rate, and when the rebuild is over.
    eta: Option<Instant>,
}

impl RebuildProgress {
    /// The progress in the API.
    pub fn read(now: DateTime<Utc>, progress: Progress) -> Self {
        let Progress { generation, phase, events, of, rate, eta } = progress;
        let eta = eta.filter(|_| !phase.is_over()).and_then(|eta| TimeDelta::from_std(eta).ok());
        Self {
            number: i32::try_from(generation).ok().filter(|number| *number > 0),
            phase: phase.into(),
            events: Position(envelope::Position(events)),
            of: Position(envelope::Position(of)),
            rate,
            eta: eta.and_then(|eta| now.checked_add_signed(eta)).map(Instant),
        }
    }
}

/// The rulebook of a contract that a view applies.
#[derive(Debug, Clone, SimpleObject)]
pub struct AppliedRulebook {
    /// The code of the contract.
    contract: String,
    /// The version that the contract's boards use: the latest version that the view knows.
    version: String,
    /// The hash of its content.
    hash: String,
}

/// The live view: the one that answers every query.
#[derive(Debug, Clone, SimpleObject)]
pub struct LiveView {
    /// The number of the view. A newer view has a higher number.
    number: i32,
    /// The position in the log up to which the view has applied events.
    position: Position,
    /// The digest of every table's definition and fold. It differs between versions of the program.
    definition: String,
    /// The rulebooks that the view applies, for the contracts that you may see.
    rulebooks: Vec<AppliedRulebook>,
}

/// A parked stream: its events could not be applied to a view. Boards show it as of its last event that could be
/// applied. Other streams are not affected.
#[derive(Debug, Clone, SimpleObject)]
pub struct ParkedStream {
    /// The kind of stream.
    kind: StreamKind,
    /// The id of the case, contract, batch, subject, worker or team.
    id: Id,
    /// The version of the stream up to which boards show it.
    version: Position,
    /// The position of the event that could not be applied.
    position: Position,
    /// The error.
    error: String,
}

/// The views behind the boards.
pub struct Views;

/// The views behind the boards.
#[Object]
impl Views {
    /// The live view: the one that answers every query.
    async fn live(&self, ctx: &Context<'_>) -> LiveView {
        let live = ctx.app().views.live();
        let contracts = live.contract_states(&ctx.caller().principal.scope).into_iter();
        let rulebooks = contracts.filter_map(|contract| {
            let rulebook = contract.newest_rulebook()?;
            let (version, hash) = (rulebook.version.clone(), rulebook.hash().to_owned());
            Some(AppliedRulebook { contract: contract.code()?.to_owned(), version, hash })
        });
        LiveView {
            number: number(live.number),
            position: Position(*live.position().borrow()),
            definition: views::definition().to_owned(),
            rulebooks: rulebooks.collect(),
        }
    }

    /// The rebuild that this server is running. Null if there is none.
    async fn building(&self, ctx: &Context<'_>) -> Option<RebuildProgress> {
        let progress = *ctx.app().views.progress().borrow();
        progress
            .filter(|progress| !progress.phase.is_over())
            .map(|progress| RebuildProgress::read(ctx.app().clock.now(), progress))
    }

    /// The number of the view that was live before, if it is kept. `rollbackView` goes back to it.
    async fn previous(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(ctx.app().views.generations().await.or_fault()?.previous.map(number))
    }

    /// The parked streams of the live view, in the order of the log.
    async fn parked(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this position: a cursor, or the position of a parked stream.")]
        after: Option<Position>,
    ) -> Result<Page<ParkedStream>> {
        let after = after.map_or_else(envelope::Position::default, |after| after.0);
        let generation = ctx.app().views.live();
        let mut parked = generation.parked(after, i64::from(first.rows()) + 1).await.or_fault()?;
        let more = More { before: after > envelope::Position::default(), after: page::cut(&mut parked, first.count()) };
        let row = |of: views::parked::Parked| (of.position.to_string(), Some(of.into()));
        Ok(Page::of(parked.into_iter().map(row), more, ParkedTotals(generation)))
    }
}

impl Listed for ParkedStream {
    type Totals = ParkedTotals;
    const PAGE: &'static str = "A page of parked streams, in the order of the log.";
    const EDGE: &'static str = "A parked stream with its cursor.";
    const ONE: &'static str = "stream";
    const MANY: &'static str = "streams";
    const OTHERWISE: &'static [(&'static str, &'static str)] =
        &[("cursor", "The position, as text. Pass it as `after` to get the streams that follow.")];
}

/// A list of parked streams as a whole.
pub struct ParkedTotals(Arc<Generation>);

#[Object]
impl ParkedTotals {
    /// The number of parked streams on all pages. It is counted only when this field is requested.
    async fn total_count(&self) -> Result<i64> {
        self.0.parked_count().await.or_fault()
    }
}

impl From<views::parked::Parked> for ParkedStream {
    fn from(parked: views::parked::Parked) -> Self {
        Self {
            kind: parked.stream.kind.into(),
            id: Id(parked.stream.id),
            version: Position(envelope::Position(parked.version)),
            position: Position(parked.position),
            error: parked.error,
        }
    }
}

/// The number of a generation in the API.
fn number(of: i64) -> i32 {
    i32::try_from(of).unwrap_or(i32::MAX)
}

/// The most threads that can build a view.
const WORKERS_MAX: usize = 1_024;

/// How to build a new view. `expectedVersion` is the number that the live view must have.
#[derive(Debug, Clone, InputObject)]
pub struct StartRebuildInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The number of threads that decode and fold, from 1 to 1,024. Default: one for each core. The result does not
    /// depend on it.
    pub workers: Option<i32>,
}

/// A view: the one that this server is building, or the live one. `expectedVersion` is the number that the live view
/// must have.
#[derive(Debug, Clone, InputObject)]
pub struct ViewInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
}

/// Which parked streams to retry. `expectedVersion` is the number that the live view must have.
#[derive(Debug, Clone, InputObject)]
pub struct RetryParkedInput {
    /// The fields that every command has.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The kind of a single stream, together with `id`. Default: every parked stream.
    pub kind: Option<StreamKind>,
    /// The id of a single stream, together with `kind`.
    pub id: Option<Id>,
}

/// The mutations that rebuild, roll back and repair views.
#[derive(Default)]
pub struct ViewMutations;

/// The mutations that rebuild, roll back and repair views. They are for administrators. None of them is a fact, and the
/// log does not record them.
#[Object]
impl ViewMutations {
    /// Builds a new view from the whole log in the background and switches to it when it is complete. `rebuildProgress`
    /// shows the progress.
    async fn start_rebuild(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How to build the new view.")] input: StartRebuildInput,
    ) -> Answered<ViewsPayload> {
        let mut reading = Conversion::default();
        let workers = match input.workers.map(usize::try_from) {
            None => Options::default().workers,
            Some(Ok(workers @ 1..=WORKERS_MAX)) => workers,
            Some(_) => {
                let message = format!("use 1 to {WORKERS_MAX} threads, or leave it out for one per core");
                reading.field("workers", |reading| reading.invalid(message));
                1
            }
        };
        let options = Options { workers, ..Options::default() };
        answered(act(ctx, &input.stamp, reading, Act::Rebuild(options))).await
    }

    /// Cancels the rebuild that this server is running. Nothing of it is kept.
    async fn cancel_rebuild(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the command and the expected live view.")] input: ViewInput,
    ) -> Answered<ViewsPayload> {
        answered(act(ctx, &input.stamp, Conversion::default(), Act::Cancel)).await
    }

    /// Goes back to the view that was live before, after it has caught up with the log. Rulebooks that it does not know
    /// are missing until the next rebuild.
    async fn rollback_view(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the command and the expected live view.")] input: ViewInput,
    ) -> Answered<ViewsPayload> {
        answered(act(ctx, &input.stamp, Conversion::default(), Act::RollBack)).await
    }

    /// Retries parked streams. Streams that can now be applied are no longer parked.
    async fn retry_parked(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which parked streams to retry.")] input: RetryParkedInput,
    ) -> Answered<ViewsPayload> {
        let mut reading = Conversion::default();
        let half = "give both the kind and the id of one stream, or neither for every parked stream";
        match (input.kind, input.id) {
            (Some(_), None) => reading.field("id", |reading| reading.invalid(half)),
            (None, Some(_)) => reading.field("kind", |reading| reading.invalid(half)),
            _ => {}
        }
        let alone = input.kind.zip(input.id).map(|(kind, id)| StreamId { kind: kind.into(), id: id.0 });
        answered(act(ctx, &input.stamp, reading, Act::Retry(alone))).await
    }
}

/// An action on the views.
#[derive(Debug, Clone, Copy)]
enum Act {
    Rebuild(Options),
    Cancel,
    RollBack,
    /// Retry every parked stream, or a single one.
    Retry(Option<StreamId>),
}

impl Act {
    async fn done(self, views: &views::Views) -> Result<(), ViewError> {
        match self {
            Self::Rebuild(options) => {
                views.start_rebuild(views.right_to_build().await?, options);
                Ok(())
            }
            Self::Cancel => views.cancel_rebuild().await,
            Self::RollBack => views.roll_back().await,
            Self::Retry(alone) => views.retry_parked(alone).await,
        }
    }

    /// Whether the action is possible now.
    async fn judged(self, views: &views::Views) -> Result<(), ViewError> {
        match self {
            Self::Rebuild(_) => views.may_rebuild().await,
            Self::Cancel => views.may_cancel(),
            Self::RollBack => views.may_roll_back().await,
            Self::Retry(_) => Ok(()),
        }
    }
}

/// Performs an action on the views for an authorised caller, once per command id. A dry run only checks it.
async fn act(ctx: &Context<'_>, stamp: &Stamp, mut reading: Conversion, what: Act) -> Result<ViewsPayload> {
    let (views, sent) = (&ctx.app().views, SentInput::of(ctx)?);
    let expected = stamp.expected(&mut reading);
    if let Err(refusals) = reading.done() {
        return Ok(ViewsPayload::of(Outcome::refused(refusals, &sent)));
    }
    let request = AdminRequest { actor: ctx.caller().principal.subject.clone(), id: stamp.command(), body: body(ctx)? };
    let answer = |replayed, problems| Ok(ViewsPayload::of(Outcome::unrecorded(replayed, problems)));
    match views.known(&request) {
        Known::Done => return answer(true, Vec::new()),
        Known::AsAnother => return answer(false, vec![command_id_reused()]),
        Known::New => {}
    }
    let live = views.live().number;
    if !expected.allows(live) {
        let message = format!("the live view is number {live}: check it, then send the command again");
        return answer(false, vec![conflict(live, message, Vec::new())]);
    }
    let done = if stamp.dry_run { what.judged(views).await } else { what.done(views).await };
    match done {
        Ok(()) if stamp.dry_run => answer(
            false,
            vec![notice(
                "DRY_RUN",
                "nothing was done because of dryRun; without it the command would succeed".to_owned(),
            )],
        ),
        Ok(()) => {
            views.remember(request);
            answer(false, Vec::new())
        }
        Err(error) => {
            let code = match &error {
                ViewError::Building => RefusalCode::ViewBeingBuilt,
                ViewError::NotBuilding => RefusalCode::NoRebuild,
                ViewError::NoPrevious => RefusalCode::NoPreviousView,
                _ => return Err(error).or_fault(),
            };
            answer(false, vec![Problem::of(Refusal::new(code, error.to_string()), &sent)])
        }
    }
}
