//! The views behind the boards: which is live, what is being built, what could not be taken in; and how an administrator
//! replaces, goes back and mends.
//!
//! Nothing here is a fact: the log records none of it, and every view follows from the log.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, TimeDelta, Utc};

use super::bounds::PageLength;
use super::context::{Asked as _, OrFault as _};
use super::event::StreamKind;
use super::list::PageInfo;
use super::mutation::input::Stamp;
use super::mutation::input::reading::Reading;
use super::mutation::payload::{Outcome, Problem, ViewsPayload, command_id_reused, conflict, notice};
use super::mutation::sent::Sent;
use super::mutation::{Answered, answered, body};
use super::scalars::{Id, Instant, Position};
use crate::views::generation::Generation;
use crate::views::orders::{Known, Order};
use crate::views::rebuild::{Options, Phase, Progress};
use crate::views::{self, ViewError};
use throughline_domain::fact::envelope::{self, StreamId};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// What a rebuild is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Phase")]
pub enum RebuildPhase {
    /// It waits for its turn, and finds out what there is to do.
    Preparing,
    /// It reads the log and writes what follows from it.
    Folding,
    /// It makes the indexes of the new tables.
    Indexing,
    /// It compares what was written with what was read.
    Verifying,
    /// It takes in what was recorded meanwhile.
    CatchingUp,
    /// It makes the new view the live one.
    Switching,
    /// The new view is live.
    Done,
    /// It was told to stop; nothing of it is left.
    Cancelled,
    /// It failed; nothing of it is left.
    Failed,
}

/// How far a rebuild is.
#[derive(Debug, Clone, SimpleObject)]
pub struct RebuildProgress {
    /// The number of the view that is built; none until it has one.
    number: Option<i32>,
    /// What it is at.
    phase: RebuildPhase,
    /// How many events of the log are read and their rows written, each half of the work.
    events: Position,
    /// How many there are to do; what is recorded meanwhile comes on top.
    of: Position,
    /// Events a second, so far.
    rate: f64,
    /// When the rest of them will be done at this rate; none before there is a rate, or once it is over.
    eta: Option<Instant>,
}

impl RebuildProgress {
    /// The progress as a client reads it.
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

/// A contract's rules, as a view applies them.
#[derive(Debug, Clone, SimpleObject)]
pub struct AppliedRulebook {
    /// The contract's code.
    contract: String,
    /// The version that its boards go by: the one published last of those that the view knows.
    version: String,
    /// The hash of its content.
    hash: String,
}

/// The view that answers every question.
#[derive(Debug, Clone, SimpleObject)]
pub struct LiveView {
    /// Its number; a later one is newer.
    number: i32,
    /// The position of the log up to which it has come.
    position: Position,
    /// What it was made by: the digest of every table's definition and fold. Another version of the program has another.
    definition: String,
    /// The rules that it applies, of the contracts that you may see.
    rulebooks: Vec<AppliedRulebook>,
}

/// A stream whose events a view could not take in. What the boards show of it stands as of its last event that they
/// could; everything else goes on.
#[derive(Debug, Clone, SimpleObject)]
pub struct ParkedStream {
    /// What it tells the story of.
    kind: StreamKind,
    /// Whose story it is.
    id: Id,
    /// The version of the stream up to which the boards show it.
    version: Position,
    /// The position of the event that they could not take in.
    position: Position,
    /// Why.
    error: String,
}

/// The views behind the boards.
pub struct Views;

/// The views behind the boards.
#[Object]
impl Views {
    /// The one that answers every question.
    async fn live(&self, ctx: &Context<'_>) -> LiveView {
        let live = ctx.parts().views.live();
        let contracts = live.all_told(&ctx.caller().principal.scope).into_iter();
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

    /// The one that this server is building, if it is.
    async fn building(&self, ctx: &Context<'_>) -> Option<RebuildProgress> {
        let progress = *ctx.parts().views.progress().borrow();
        progress
            .filter(|progress| !progress.phase.is_over())
            .map(|progress| RebuildProgress::read(ctx.parts().clock.now(), progress))
    }

    /// The number of the view that was live before, if it is kept: `rollbackView` goes back to it.
    async fn previous(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(ctx.parts().views.generations().await.or_fault()?.previous.map(number))
    }

    /// Streams that the live view could not take in, in the order of the log.
    async fn parked(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "After this position, that of the last one of the page before; a cursor is one.")]
        after: Option<Position>,
    ) -> Result<ParkedStreamConnection> {
        let after = after.map_or_else(envelope::Position::default, |after| after.0);
        let generation = ctx.parts().views.live();
        let mut parked = generation.parked(after, i64::from(first.rows()) + 1).await.or_fault()?;
        let has_next_page = parked.len() > first.count();
        parked.truncate(first.count());
        let cursor = |of: &views::parked::Parked| of.position.0.to_string();
        let page_info = PageInfo {
            start_cursor: parked.first().map(cursor),
            end_cursor: parked.last().map(cursor),
            has_next_page,
            has_previous_page: after > envelope::Position::default(),
        };
        let edge = |of: &views::parked::Parked| ParkedStreamEdge { cursor: cursor(of), node: of.clone().into() };
        let edges = parked.iter().map(edge).collect();
        let nodes = parked.into_iter().map(ParkedStream::from).collect();
        Ok(ParkedStreamConnection { edges, nodes, page_info, generation })
    }
}

/// A parked stream and its place in the order.
#[derive(SimpleObject)]
pub struct ParkedStreamEdge {
    /// Its position, as text: give it as `after` to go on from here.
    cursor: String,
    /// The stream.
    node: ParkedStream,
}

/// Parked streams in the order of the log, page by page.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct ParkedStreamConnection {
    /// The streams of this page, each with its cursor.
    edges: Vec<ParkedStreamEdge>,
    /// The streams of this page.
    nodes: Vec<ParkedStream>,
    /// Where the page begins and ends.
    page_info: PageInfo,
    #[graphql(skip)]
    generation: Arc<Generation>,
}

#[ComplexObject]
impl ParkedStreamConnection {
    /// How many there are on all pages; counted only when asked for.
    async fn total_count(&self) -> Result<i64> {
        self.generation.parked_count().await.or_fault()
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

/// A generation's number as clients read it.
fn number(of: i64) -> i32 {
    i32::try_from(of).unwrap_or(i32::MAX)
}

/// The most threads that build a view.
const WORKERS_MAX: usize = 1_024;

/// How a new view is to be built. `expectedVersion` is the number that the live view must have.
#[derive(Debug, Clone, InputObject)]
pub struct StartRebuildInput {
    /// What comes with every command.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// Threads that decode and fold; one for each core if left out. What is built does not depend on it.
    pub workers: Option<i32>,
}

/// Which view is meant: the one that this server is building, or the live one, whose number `expectedVersion` is.
#[derive(Debug, Clone, InputObject)]
pub struct ViewInput {
    /// What comes with every command.
    #[graphql(flatten)]
    pub stamp: Stamp,
}

/// Which parked streams are to be tried again. `expectedVersion` is the number that the live view must have.
#[derive(Debug, Clone, InputObject)]
pub struct RetryParkedInput {
    /// What comes with every command.
    #[graphql(flatten)]
    pub stamp: Stamp,
    /// The kind of the one stream that is meant, with `id`; every parked stream if left out.
    pub kind: Option<StreamKind>,
    /// The id of the one stream that is meant, with `kind`.
    pub id: Option<Id>,
}

/// Replacing views, going back and mending.
#[derive(Default)]
pub struct ViewMutations;

/// What an administrator may do to the views. None of it is a fact, and the log records none of it.
#[Object]
impl ViewMutations {
    /// Builds a new view from the whole log beside the live one, in the background, and switches to it when it is done:
    /// `rebuildProgress` tells how far it is.
    async fn start_rebuild(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How it is to be built.")] input: StartRebuildInput,
    ) -> Answered<ViewsPayload> {
        let mut reading = Reading::default();
        let workers = match input.workers.map(usize::try_from) {
            None => Options::default().workers,
            Some(Ok(workers @ 1..=WORKERS_MAX)) => workers,
            Some(_) => {
                let message = format!("write 1 to {WORKERS_MAX} threads, or leave it out for one on each core");
                reading.field("workers", |reading| reading.invalid(message));
                1
            }
        };
        let options = Options { workers, ..Options::default() };
        answered(act(ctx, (&input.stamp, reading), Act::Rebuild(options))).await
    }

    /// Stops the rebuild that this server does; nothing of it is left.
    async fn cancel_rebuild(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: ViewInput,
    ) -> Answered<ViewsPayload> {
        answered(act(ctx, (&input.stamp, Reading::default()), Act::Cancel)).await
    }

    /// Goes back to the view that was live before, caught up with the log first. Rulebooks that it leaves out stay out
    /// until the next rebuild.
    async fn rollback_view(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: ViewInput,
    ) -> Answered<ViewsPayload> {
        answered(act(ctx, (&input.stamp, Reading::default()), Act::RollBack)).await
    }

    /// Tries parked streams again; those that can be taken in now are no longer parked.
    async fn retry_parked(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones.")] input: RetryParkedInput,
    ) -> Answered<ViewsPayload> {
        let mut reading = Reading::default();
        let half = "write both the kind and the id of one stream, or neither for every parked stream";
        match (input.kind, input.id) {
            (Some(_), None) => reading.field("id", |reading| reading.invalid(half)),
            (None, Some(_)) => reading.field("kind", |reading| reading.invalid(half)),
            _ => {}
        }
        let alone = input.kind.zip(input.id).map(|(kind, id)| StreamId { kind: kind.into(), id: id.0 });
        answered(act(ctx, (&input.stamp, reading), Act::Retry(alone))).await
    }
}

/// What is done to the views.
#[derive(Debug, Clone, Copy)]
enum Act {
    Rebuild(Options),
    Cancel,
    RollBack,
    /// Every parked stream, or one alone.
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

    /// Whether it could be done now.
    async fn judged(self, views: &views::Views) -> Result<(), ViewError> {
        match self {
            Self::Rebuild(_) => views.may_rebuild().await,
            Self::Cancel => views.may_cancel(),
            Self::RollBack => views.may_roll_back().await,
            Self::Retry(_) => Ok(()),
        }
    }
}

/// Does something to the views for somebody who may, once for each id, unless it is only to be judged.
async fn act(ctx: &Context<'_>, (stamp, mut reading): (&Stamp, Reading), what: Act) -> Result<ViewsPayload> {
    let (views, sent) = (&ctx.parts().views, Sent::of(ctx)?);
    let expected = stamp.expected(&mut reading);
    if let Err(refusals) = reading.done() {
        return Ok(ViewsPayload::of(Outcome::refused(refusals, &sent)));
    }
    let order = Order { actor: ctx.caller().principal.subject.clone(), id: stamp.command(), body: body(ctx)? };
    let answer = |replayed, problems| Ok(ViewsPayload::of(Outcome::unrecorded(replayed, problems)));
    match views.known(&order) {
        Known::Done => return answer(true, Vec::new()),
        Known::AsAnother => return answer(false, vec![command_id_reused()]),
        Known::New => {}
    }
    let live = views.live().number;
    if !expected.allows(live) {
        let message = format!("the live view is number {live}: look at it, then send the command anew");
        return answer(false, vec![conflict(live, message, Vec::new())]);
    }
    let done = if stamp.dry_run { what.judged(views).await } else { what.done(views).await };
    match done {
        Ok(()) if stamp.dry_run => {
            answer(false, vec![notice("DRY_RUN", "nothing was done; without dryRun it would be".to_owned())])
        }
        Ok(()) => {
            views.remember(order);
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
