//! Teams in the API: the fold of a team's stream, as of a day.

use std::collections::BTreeSet;

use async_graphql::{ComplexObject, Context, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;

use super::context::RequestContext as _;
use super::journey::Occurrence;
use super::people::{DatedValue, Worker, history};
use super::point_in_time::KnownUpTo;
use super::scalars::{Date, Decimal};
use throughline_domain::fact::envelope::{StreamId, TeamId, WorkerId};
use throughline_domain::people::team;

/// A team of workers, as of a day.
#[derive(Debug, Clone, Copy)]
pub struct Team {
    id: TeamId,
    as_of: NaiveDate,
    known: KnownUpTo,
}

impl Team {
    /// A team as of a day, with the knowledge of a log position.
    pub const fn as_of(id: TeamId, as_of: NaiveDate, known: KnownUpTo) -> Self {
        Self { id, as_of, known }
    }

    async fn state(&self, ctx: &Context<'_>) -> Result<team::Team> {
        let history = history(ctx, StreamId::team(self.id), self.known).await?;
        Ok(history.map(|history| team::Team::fold(&history.facts_as_of(self.as_of))).unwrap_or_default())
    }
}

/// A team of workers, as of a day.
#[Object]
impl Team {
    /// The id of the team.
    pub async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// The team's label on boards.
    async fn label(&self, ctx: &Context<'_>) -> Option<Result<String>> {
        self.state(ctx).await.map(|state| state.now().map(|set| set.details.label.clone())).transpose()
    }

    /// The members, by label.
    async fn members(&self, ctx: &Context<'_>) -> Result<Vec<Worker>> {
        let state = self.state(ctx).await?;
        let members: BTreeSet<WorkerId> =
            state.now().into_iter().flat_map(|set| set.details.members.iter().copied()).collect();
        Worker::load_many(ctx, &members, self.known).await
    }

    /// The changes of the name and members, oldest first. The `event` of each is the target of a correction.
    async fn set(&self, ctx: &Context<'_>) -> Result<Vec<Occurrence>> {
        Ok(self.state(ctx).await?.set.iter().map(Occurrence::of).collect())
    }

    /// The capacity: the most open cases that a full-time member may hold. Null if no capacity was set.
    async fn capacity(&self, ctx: &Context<'_>) -> Option<Result<Decimal>> {
        let state = self.state(ctx).await;
        state.map(|state| state.capacity_on(self.as_of).map(|cases| Decimal(cases.0))).transpose()
    }

    /// The capacities set, oldest first.
    async fn capacity_set(&self, ctx: &Context<'_>) -> Result<Vec<DatedValue>> {
        Ok(self.state(ctx).await?.capacity.iter().map(|set| DatedValue::of(set, set.details.cases_per_wte)).collect())
    }

    /// The past and present vacancies, oldest first.
    async fn vacancies(&self, ctx: &Context<'_>) -> Result<Vec<Vacancy>> {
        Ok(self.state(ctx).await?.vacancies.iter().map(|vacancy| Vacancy::of(vacancy, self.known)).collect())
    }

    /// The past, present and future covers, oldest first. A future cover is shown only if the as-of date is today or
    /// later.
    async fn covers(&self, ctx: &Context<'_>) -> Result<Vec<Cover>> {
        let lies_ahead = self.as_of >= ctx.deployment_today();
        let ahead = Self { as_of: if lies_ahead { NaiveDate::MAX } else { self.as_of }, ..*self };
        Ok(ahead.state(ctx).await?.covers.iter().map(|cover| Cover::of(cover, self.known)).collect())
    }
}

/// A vacant post.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Vacancy {
    /// The id of the vacancy. Use it to fill the vacancy.
    id: ID,
    /// The post, by code.
    role: String,
    /// The size of the post in WTE: 1 is full-time.
    wte: Decimal,
    /// When it became vacant.
    opened: Occurrence,
    /// When it was filled. Null if it is still vacant.
    filled: Option<Occurrence>,
    #[graphql(skip)]
    worker: Option<WorkerId>,
    #[graphql(skip)]
    known: KnownUpTo,
}

#[ComplexObject]
impl Vacancy {
    /// The worker who fills it, if known.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.worker?, self.known).await
    }
}

impl Vacancy {
    fn of(vacancy: &team::Vacancy, known: KnownUpTo) -> Self {
        let opened = &vacancy.opened.details;
        Self {
            id: ID(opened.vacancy.to_string()),
            role: opened.role.clone(),
            wte: Decimal(opened.wte.0),
            opened: Occurrence::of(&vacancy.opened),
            filled: vacancy.filled.as_ref().map(Occurrence::of),
            worker: vacancy.filled.as_ref().and_then(|filled| filled.details.worker),
            known,
        }
    }
}

/// A cover: one worker covers for a member of the team who is absent or has left.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Cover {
    /// The id of the cover. Use it to end the cover.
    id: ID,
    /// When the cover started.
    started: Occurrence,
    /// When it was ended. The date is the first day without the cover. Null if it was not ended.
    ended: Option<Occurrence>,
    /// The first day without the cover, if known: as planned, or earlier if it was ended.
    until: Option<Date>,
    #[graphql(skip)]
    absent: WorkerId,
    #[graphql(skip)]
    by: WorkerId,
    #[graphql(skip)]
    known: KnownUpTo,
}

#[ComplexObject]
impl Cover {
    /// The absent worker.
    async fn absent(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.absent, self.known).await
    }

    /// The covering worker.
    async fn by(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.by, self.known).await
    }
}

impl Cover {
    fn of(cover: &team::Cover, known: KnownUpTo) -> Self {
        Self {
            id: ID(cover.started.details.cover.to_string()),
            started: Occurrence::of(&cover.started),
            ended: cover.ended.as_ref().map(Occurrence::of),
            until: cover.days().1.map(Date),
            absent: cover.started.details.absent,
            by: cover.started.details.by,
            known,
        }
    }
}
