//! Teams as clients read them: the fold of a team's stream, as of a day.

use std::collections::BTreeSet;

use async_graphql::{ComplexObject, Context, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;

use super::at::Known;
use super::context::Asked as _;
use super::journey::Step;
use super::people::{Setting, Worker, history};
use super::scalars::{Date, Decimal};
use throughline_domain::fact::envelope::{StreamId, TeamId, WorkerId};
use throughline_domain::people::team;

/// A team of workers, read as of a day.
#[derive(Debug, Clone, Copy)]
pub struct Team {
    id: TeamId,
    as_of: NaiveDate,
    known: Known,
}

impl Team {
    /// A team as of a day, and as known then.
    pub const fn as_of(id: TeamId, as_of: NaiveDate, known: Known) -> Self {
        Self { id, as_of, known }
    }

    async fn told(&self, ctx: &Context<'_>) -> Result<team::Team> {
        let history = history(ctx, StreamId::team(self.id), self.known).await?;
        Ok(history.map(|history| team::Team::fold(&history.facts_as_of(self.as_of))).unwrap_or_default())
    }
}

/// A team of workers, read as of a day.
#[Object]
impl Team {
    /// The team's id.
    pub async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// What boards print.
    async fn label(&self, ctx: &Context<'_>) -> Option<Result<String>> {
        self.told(ctx).await.map(|told| told.now().map(|set| set.details.label.clone())).transpose()
    }

    /// Everybody who is in it, by label.
    async fn members(&self, ctx: &Context<'_>) -> Result<Vec<Worker>> {
        let told = self.told(ctx).await?;
        let members: BTreeSet<WorkerId> =
            told.now().into_iter().flat_map(|set| set.details.members.iter().copied()).collect();
        Worker::load_many(ctx, &members, self.known).await
    }

    /// How often it was set, oldest first, with the events that a correction names.
    async fn set(&self, ctx: &Context<'_>) -> Result<Vec<Step>> {
        Ok(self.told(ctx).await?.set.iter().map(Step::of).collect())
    }

    /// How many open cases a full-time member holds at most. No value where nobody set one.
    async fn capacity(&self, ctx: &Context<'_>) -> Option<Result<Decimal>> {
        let told = self.told(ctx).await;
        told.map(|told| told.capacity_on(self.as_of).map(|cases| Decimal(cases.0))).transpose()
    }

    /// How often that was set, oldest first.
    async fn capacity_set(&self, ctx: &Context<'_>) -> Result<Vec<Setting>> {
        Ok(self.told(ctx).await?.capacity.iter().map(|set| Setting::of(set, set.details.cases_per_wte)).collect())
    }

    /// The posts that are or were vacant, oldest first.
    async fn vacancies(&self, ctx: &Context<'_>) -> Result<Vec<Vacancy>> {
        Ok(self.told(ctx).await?.vacancies.iter().map(|vacancy| Vacancy::of(vacancy, self.known)).collect())
    }

    /// Who stands, stood or will stand in for whom, oldest first. Covers that lie ahead are shown as of today or later.
    async fn covers(&self, ctx: &Context<'_>) -> Result<Vec<Cover>> {
        let lies_ahead = self.as_of >= ctx.deployment_today();
        let ahead = Self { as_of: if lies_ahead { NaiveDate::MAX } else { self.as_of }, ..*self };
        Ok(ahead.told(ctx).await?.covers.iter().map(|cover| Cover::of(cover, self.known)).collect())
    }
}

/// A vacant post.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Vacancy {
    /// The vacancy's own id, by which it is filled.
    id: ID,
    /// The post, by code.
    role: String,
    /// How much of a full-time post it is.
    wte: Decimal,
    /// Since when it is vacant.
    opened: Step,
    /// When it was filled, if it was.
    filled: Option<Step>,
    #[graphql(skip)]
    worker: Option<WorkerId>,
    #[graphql(skip)]
    known: Known,
}

#[ComplexObject]
impl Vacancy {
    /// Who fills it, if it is filled and that is known.
    async fn worker(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.worker?, self.known).await
    }
}

impl Vacancy {
    fn of(vacancy: &team::Vacancy, known: Known) -> Self {
        let opened = &vacancy.opened.details;
        Self {
            id: ID(opened.vacancy.to_string()),
            role: opened.role.clone(),
            wte: Decimal(opened.wte.0),
            opened: Step::of(&vacancy.opened),
            filled: vacancy.filled.as_ref().map(Step::of),
            worker: vacancy.filled.as_ref().and_then(|filled| filled.details.worker),
            known,
        }
    }
}

/// Somebody stands in for a member of the team who is away or has left.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Cover {
    /// The cover's own id, by which it is ended.
    id: ID,
    /// Since when.
    started: Step,
    /// When it was ended, if it was: the first day without it.
    ended: Option<Step>,
    /// The first day without it, where that is known: as it was planned, or earlier where it was ended.
    until: Option<Date>,
    #[graphql(skip)]
    absent: WorkerId,
    #[graphql(skip)]
    by: WorkerId,
    #[graphql(skip)]
    known: Known,
}

#[ComplexObject]
impl Cover {
    /// Who is away.
    async fn absent(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.absent, self.known).await
    }

    /// Who stands in.
    async fn by(&self, ctx: &Context<'_>) -> Option<Result<Worker>> {
        Worker::load(ctx, self.by, self.known).await
    }
}

impl Cover {
    fn of(cover: &team::Cover, known: Known) -> Self {
        Self {
            id: ID(cover.started.details.cover.to_string()),
            started: Step::of(&cover.started),
            ended: cover.ended.as_ref().map(Step::of),
            until: cover.days().1.map(Date),
            absent: cover.started.details.absent,
            by: cover.started.details.by,
            known,
        }
    }
}
