//! Batches as clients read them: their lines, what was decided of each, and the money that came.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};

use super::at::Known;
use super::bounds::PageLength;
use super::claim::{self, Claim, ClaimConnection, ClaimFilter, ClaimScope};
use super::context::{Asked as _, OrFault as _};
use super::cursor;
use super::event::OccurredOn;
use super::journey::work::DayPeriod;
use super::journey::{self, Journey, Step, Story};
use super::list::PageInfo;
use super::money::Money;
use super::proposal::{ProposedAdjustment, ProposedWithdrawal};
use super::scalars::{Date, Position};
use super::selection::{ClaimSelection, Selected};
use crate::access::policy::Action;
use crate::views::claims::{Asked, CapOf, CapUse, Claims, Purpose};
use throughline_domain::contract::batch::{self as domain, Decision};
use throughline_domain::contract::rulebook::terms::{CapScope, Crossing};
use throughline_domain::fact::envelope::{BatchId, JourneyId, StreamId};
use throughline_domain::fact::event::{self, ClaimAbout, Period};

/// How far a batch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::BatchState")]
pub enum BatchState {
    /// Claims and adjustments can still be put into it.
    Open,
    /// Its claims are with the commissioner.
    Submitted,
    /// Nothing of it is left to decide or to pay.
    Settled,
}

/// What was decided of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum LineState {
    /// Nothing yet.
    Submitted,
    /// The commissioner asks about it.
    Queried,
    /// It was accepted.
    Accepted,
    /// It was rejected.
    Rejected,
    /// It was taken back before it was decided.
    Withdrawn,
    /// It was queried, and a further line stands for it.
    Replaced,
}

/// Why more or less is due than a closed line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::AdjustmentKind")]
pub enum AdjustmentKind {
    /// What was paid is taken back: there is no ground for it any more.
    Clawback,
    /// The lower outcome that a claim took up is paid otherwise than it was.
    Conversion,
    /// More was paid than was due, and is settled.
    Overpayment,
    /// There is room under a cap again.
    CapRelease,
    /// What a sample showed is taken as so of all that it was drawn from.
    Extrapolation,
    /// The price is another, as the facts or rules now read.
    Restatement,
}

/// Claims that go to the commissioner together, what is decided of each, and the money that comes for them.
#[derive(Clone)]
pub struct Batch {
    told: Arc<Claims>,
    at: usize,
}

/// One claim of a batch, at one time that it was submitted: it never moves again.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub struct BatchLine {
    /// The claim, by its id.
    claim: ID,
    /// The journey that it is about, by its id; none where it is about many together.
    journey_id: Option<ID>,
    /// The cohort, site or area that it is about, where it is about many journeys together.
    scope: Option<ClaimScope>,
    /// The outcome, by its code in the rulebook.
    outcome: String,
    /// Which time it is that the outcome was achieved, from 1.
    repeat: u32,
    /// The day on which it was achieved.
    achieved_on: Date,
    /// The amount that is claimed.
    amount: Money,
    /// The hash of the rulebook by which it was judged.
    rulebook: String,
    /// SHA-256 of the derivation, in lower-case hexadecimal.
    derivation: String,
    /// When it was submitted.
    submitted: OccurredOn,
    /// The log position of the event that submitted it.
    position: Position,
    /// Which time it was submitted within this batch, from 1.
    attempt: u32,
    /// What was decided of it last.
    state: LineState,
    /// What is wrong with it, by the rulebook's code, if it was rejected.
    defect: Option<String>,
    /// What the commissioner asks or says beside.
    remark: Option<String>,
    /// What was paid for it.
    paid: Money,
    /// What is still to be paid for it.
    outstanding: Money,
    #[graphql(skip)]
    told: Arc<Claims>,
    #[graphql(skip)]
    line: Box<event::ClaimLine>,
    #[graphql(skip)]
    story: Option<Arc<Story>>,
}

#[ComplexObject]
impl BatchLine {
    /// The journey that it is about; none where it is about many together, or you may not read it.
    async fn journey(&self) -> Option<Journey> {
        let id = self.line.about.journey()?;
        let story = Arc::clone(self.story.as_ref()?);
        Some(Journey::of(id, Arc::clone(&self.told.contract), self.told.asked.as_of, story))
    }

    /// The claim as it now stands; none where it is about a journey that you may not read.
    async fn claim_now(&self) -> Option<Claim> {
        let is_readable = self.line.about.journey().is_none() || self.story.is_some();
        Claim::with_journey(&self.told, self.line.claim, self.story.clone()).filter(|_| is_readable)
    }
}

impl BatchLine {
    pub(super) fn of(
        line: &domain::BatchLine,
        (told, currency): (&Arc<Claims>, &str),
        story: Option<Arc<Story>>,
    ) -> Self {
        let money = |amount| Money::of(amount, currency);
        let (journey_id, scope) = match &line.frozen.about {
            ClaimAbout::Journey(journey) => (Some(ID(journey.to_string())), None),
            ClaimAbout::Many(many) => {
                let period = Period { first: many.first, last: many.last };
                (None, Some(ClaimScope::over(&many.of, period)))
            }
        };
        let (state, defect, remark) = match &line.decision {
            Decision::Submitted => (LineState::Submitted, None, None),
            Decision::Queried(query) => (LineState::Queried, None, Some(query.remark.clone())),
            Decision::Accepted => (LineState::Accepted, None, None),
            Decision::Rejected(of) => (LineState::Rejected, Some(of.defect.clone()), of.remark.clone()),
            Decision::Withdrawn => (LineState::Withdrawn, None, None),
            Decision::Replaced => (LineState::Replaced, None, None),
        };
        Self {
            claim: ID(line.frozen.claim.to_string()),
            journey_id,
            scope,
            outcome: line.frozen.outcome.clone(),
            repeat: line.frozen.repeat,
            achieved_on: Date(line.frozen.achieved_on),
            amount: money(line.frozen.amount),
            rulebook: line.frozen.rulebook.clone(),
            derivation: line.frozen.derivation.clone(),
            submitted: line.submitted.into(),
            position: Position(line.position),
            attempt: line.attempt,
            state,
            defect,
            remark,
            paid: money(line.paid),
            outstanding: money(line.outstanding()),
            told: Arc::clone(told),
            line: Box::new(line.frozen.clone()),
            story,
        }
    }
}

/// A batch and its place in the order.
#[derive(SimpleObject)]
pub struct BatchEdge {
    /// Give it as `after` to go on from here.
    cursor: String,
    /// The batch.
    node: Batch,
}

/// Batches in the order in which they were opened, page by page.
#[derive(SimpleObject)]
pub struct BatchConnection {
    /// The batches of this page, each with its cursor.
    edges: Vec<BatchEdge>,
    /// The batches of this page.
    nodes: Vec<Batch>,
    /// Where the page begins and ends.
    page_info: PageInfo,
    /// How many there are on all pages.
    total_count: usize,
}

/// A line and its place in the batch.
#[derive(SimpleObject)]
pub struct BatchLineEdge {
    /// Give it as `after` to go on from here.
    cursor: String,
    /// The line.
    node: BatchLine,
}

/// The lines of a batch in the order in which they were submitted, page by page.
#[derive(SimpleObject)]
pub struct BatchLineConnection {
    /// The lines of this page, each with its cursor.
    edges: Vec<BatchLineEdge>,
    /// The lines of this page.
    nodes: Vec<BatchLine>,
    /// Where the page begins and ends.
    page_info: PageInfo,
    /// How many there are on all pages.
    total_count: usize,
}

/// Money that came for a batch.
#[derive(Debug, Clone, SimpleObject)]
pub struct BatchPayment {
    /// When it came, with its event.
    received: Step,
    /// The remittance's own number, where it has one.
    reference: Option<String>,
    /// What of it is for which claim.
    amounts: Vec<ClaimPayment>,
    /// The adjustments that were settled with it, by their ids.
    adjustments: Vec<ID>,
    /// What came beyond everything due.
    excess: Option<Money>,
}

/// What was paid for one claim.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClaimPayment {
    /// The claim, by its id.
    claim: ID,
    /// How much.
    amount: Money,
}

/// A decision to pay more or less than a closed line says: it is due with the batch that records it.
#[derive(Debug, Clone, SimpleObject)]
pub struct Adjustment {
    /// Its own id.
    id: ID,
    /// Why.
    kind: AdjustmentKind,
    /// When it was decided and why, with its event.
    raised: Step,
    /// The batch whose line or excess it settles, by its id.
    of_batch: Option<ID>,
    /// The claim that it is about, by its id; none for an excess or a sample.
    claim: Option<ID>,
    /// How much more is due; less than nothing: how much less.
    amount: Money,
    /// What of the amount was decided by hand, nothing having proposed it; null where it is no more than was proposed. A
    /// reduction by hand stays: it is not proposed back.
    by_hand: Option<Money>,
    /// When it was settled with a payment, if it was.
    settled: Option<OccurredOn>,
}

/// What a batch that is open could submit now.
pub struct Proposal {
    told: Arc<Claims>,
    selected: Selected,
}

/// What a batch that is open could submit now.
#[Object]
impl Proposal {
    /// The position of the log from which it is prepared: name it as `preparedAt` to submit exactly this.
    async fn position(&self) -> Position {
        Position(self.told.position)
    }

    /// The claims that can be claimed, in the order of their days.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<ClaimConnection> {
        claim::page(ctx, &self.told, ClaimFilter::claimable(self.selected.clone()), (first, after)).await
    }

    /// The adjustments that should be raised. What they take back makes way for other claims once they are raised.
    async fn adjustments(&self) -> Vec<ProposedAdjustment> {
        ProposedAdjustment::all(&self.told)
    }

    /// The claims that were submitted before and should be withdrawn.
    async fn withdrawals(&self) -> Vec<ProposedWithdrawal> {
        ProposedWithdrawal::all(&self.told)
    }
}

/// Claims that go to the commissioner together, what is decided of each, and the money that comes for them.
#[Object]
impl Batch {
    /// The batch's id.
    pub async fn id(&self) -> ID {
        ID(self.batch_id().to_string())
    }

    /// The stream's version as known here: what `expectedVersion` compares with.
    async fn version(&self) -> i64 {
        self.batch().version
    }

    /// What the parties call it.
    async fn reference(&self) -> Option<&str> {
        self.batch().opened.as_ref().and_then(|opened| opened.details.reference.as_deref())
    }

    /// The period that it is for.
    async fn period(&self) -> Option<DayPeriod> {
        self.batch().opened.as_ref().and_then(|opened| opened.details.period).map(Into::into)
    }

    /// Which claims it is for; none where it is for all of the contract.
    async fn selection(&self, ctx: &Context<'_>) -> Option<Result<ClaimSelection>> {
        let of = self.batch().opened.as_ref()?.details.claims.as_ref()?;
        Some(ClaimSelection::of(ctx, of).await)
    }

    /// The opening, with its event.
    async fn opened(&self) -> Option<Step> {
        self.batch().opened.as_ref().map(Step::of)
    }

    /// When its claims were submitted; none while it is open.
    async fn submitted(&self) -> Option<OccurredOn> {
        self.batch().submitted.as_ref().map(|submitted| submitted.occurred.into())
    }

    /// The position of the log that its claims were prepared from; none while it is open.
    async fn prepared_at(&self) -> Option<Position> {
        self.batch().submitted.as_ref().map(|submitted| Position(submitted.prepared_at))
    }

    /// How far it has come.
    async fn state(&self) -> BatchState {
        self.batch().state().into()
    }

    /// Its lines, in the order in which they were submitted. A claim that went again has a further line.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many, from 1 to 200; 20 if left out or null.")] first: PageLength,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
    ) -> Result<BatchLineConnection> {
        self.page(ctx, first.count(), after.as_deref()).await
    }

    /// The money that came for it, oldest first.
    async fn payments(&self) -> Vec<BatchPayment> {
        let payment = |of: &throughline_domain::fact::Entry<event::PaymentReceived>| BatchPayment {
            received: Step::of(of),
            reference: of.details.reference.clone(),
            amounts: of
                .details
                .amounts
                .iter()
                .map(|paid| ClaimPayment { claim: ID(paid.claim.to_string()), amount: self.money(paid.amount) })
                .collect(),
            adjustments: of.details.adjustments.iter().map(|id| ID(id.to_string())).collect(),
            excess: of.details.excess.map(|excess| self.money(excess)),
        };
        self.batch().payments.iter().map(payment).collect()
    }

    /// The decisions to pay more or less than closed lines say, due with this batch, oldest first.
    async fn adjustments(&self) -> Vec<Adjustment> {
        let adjustment = |of: &domain::BatchAdjustment| Adjustment {
            id: ID(of.raised.details.adjustment.to_string()),
            kind: of.raised.details.kind.into(),
            raised: Step::why(&of.raised, Some(&of.raised.details.reason)),
            of_batch: of.raised.details.batch.map(|batch| ID(batch.to_string())),
            claim: of.raised.details.claim.map(|claim| ID(claim.to_string())),
            amount: self.money(of.raised.details.amount),
            by_hand: of.raised.details.by_hand.map(|amount| self.money(amount)),
            settled: of.settled.map(Into::into),
        };
        self.batch().adjustments.iter().map(adjustment).collect()
    }

    /// What was claimed: the lines as they were submitted, but for those that a further line stands for.
    async fn claimed(&self) -> Money {
        self.money(self.batch().claimed())
    }

    /// What is due for it: the lines that stand, and the adjustments.
    async fn due(&self) -> Money {
        self.money(self.batch().due())
    }

    /// What the adjustments that it records amount to.
    async fn adjusted(&self) -> Money {
        self.money(self.batch().adjusted())
    }

    /// The money that came: for claims, for adjustments, and in excess.
    async fn received(&self) -> Money {
        self.money(self.batch().received())
    }

    /// What came beyond everything due.
    async fn excess(&self) -> Money {
        self.money(self.batch().excess())
    }

    /// What it could submit now; none once it was submitted.
    async fn proposal(&self, ctx: &Context<'_>) -> Option<Result<Proposal>> {
        if self.batch().state() != domain::BatchState::Open {
            return None;
        }
        self.proposed(ctx).await.transpose()
    }
}

impl Batch {
    /// The batch as it now is, as far as the caller may know of it.
    pub(super) async fn today(ctx: &Context<'_>, id: BatchId) -> Result<Option<Self>> {
        if !ctx.may(Action::ReadBatches) {
            return Ok(None);
        }
        let events = ctx.parts().log.stream(StreamId::batch(id)).await.or_fault()?;
        let code = events.first().and_then(|first| first.contract.as_deref()).unwrap_or_default();
        Self::of_contract(ctx, code, id).await
    }

    /// The batch of a contract as it now is.
    pub(super) async fn of_contract(ctx: &Context<'_>, code: &str, id: BatchId) -> Result<Option<Self>> {
        let Some(scope) = ctx.in_scope(code) else { return Ok(None) };
        let generation = &ctx.caller().generation;
        let Some(contract) = generation.told(scope) else { return Ok(None) };
        let today = ctx.today(&contract);
        let asked = Asked { as_of: today, today, purpose: Purpose::Look };
        let told = generation.claims(&ctx.parts().log, scope, asked).await.or_fault()?;
        let told = claim::of_caller(ctx, told).await?;
        Ok(told.and_then(|told| Self::among(&told, id)))
    }

    /// The batch of this id among those of a contract.
    pub(super) fn among(told: &Arc<Claims>, id: BatchId) -> Option<Self> {
        let at = told.batches.iter().position(|(known, _)| *known == id)?;
        Some(Self { told: Arc::clone(told), at })
    }

    /// A page of the batches of a contract that have come so far, in the order in which they were opened.
    pub(super) fn all(
        told: &Arc<Claims>,
        (state, selected): (Option<BatchState>, &Selected),
        (first, after): (PageLength, Option<String>),
    ) -> Result<BatchConnection> {
        let of = |at| Self { told: Arc::clone(told), at };
        let has = |batch: &Self| {
            let mut lines = batch.batch().lines.iter();
            let fits = |line: &domain::BatchLine| {
                let claim = told.get(line.frozen.claim);
                claim.is_some_and(|claim| selected.fits(claim, Some(line.frozen.achieved_on)))
            };
            selected.is_empty() || lines.any(fits)
        };
        let fits =
            |batch: &Self| state.is_none_or(|state| BatchState::from(batch.batch().state()) == state) && has(batch);
        let batches: Vec<Self> = (0..told.batches.len()).map(of).filter(fits).collect();
        let list = cursor::named("batches", &format!("{state:?}{} {}", selected.name(), told.asked.as_of));
        // A batch that has come further since is in the list no more: the next one is the first that was opened later.
        let place = |id: &str| told.batches.iter().position(|(known, _)| known.to_string() == id);
        let after = after.map(|after| cursor::place(&after, &list, cursor::SAME_FILTER, place)).transpose()?;
        let rest = after.map_or(0, |after| batches.partition_point(|batch| batch.at <= after));
        let shown = &batches[rest..batches.len().min(rest + first.count())];
        let cursors: Vec<String> = shown.iter().map(|batch| cursor::of(&list, batch.batch_id())).collect();
        let page_info = PageInfo::of(&cursors, rest + shown.len() < batches.len(), rest > 0);
        let edges = cursors.into_iter().zip(shown);
        Ok(BatchConnection {
            edges: edges.map(|(cursor, batch)| BatchEdge { cursor, node: batch.clone() }).collect(),
            nodes: shown.to_vec(),
            page_info,
            total_count: batches.len(),
        })
    }

    /// The claims that it is for.
    async fn selected(&self, ctx: &Context<'_>, told: &Claims) -> Result<Selected> {
        let of = self.batch().opened.as_ref().and_then(|opened| opened.details.claims.clone()).unwrap_or_default();
        let code = told.contract.code().unwrap_or_default();
        let Some(scope) = ctx.in_scope(code) else { return Ok(Selected::default()) };
        Selected::read(&ctx.caller().generation, scope, (&told.contract, told.asked.as_of), of).await
    }

    fn batch_id(&self) -> BatchId {
        self.told.batches[self.at].0
    }

    fn batch(&self) -> &domain::Batch {
        &self.told.batches[self.at].1
    }

    fn money(&self, amount: throughline_domain::fact::money::Money) -> Money {
        let of_lines = self.batch().submitted.as_ref().map(|submitted| submitted.currency.as_str());
        Money::of(amount, of_lines.unwrap_or_else(|| self.told.currency()))
    }

    async fn proposed(&self, ctx: &Context<'_>) -> Result<Option<Proposal>> {
        let code = self.told.contract.code().unwrap_or_default();
        let today = ctx.today(&self.told.contract);
        let as_of = self.told.asked.as_of.min(today);
        let asked = Asked { as_of, today, purpose: Purpose::Submit { batch: self.batch_id(), again: BTreeSet::new() } };
        let told = claim::as_known(ctx, code, self.told.position, asked).await?;
        let Some(told) = told else { return Ok(None) };
        let selected = self.selected(ctx, &told).await?;
        Ok(Some(Proposal { told, selected }))
    }

    async fn page(&self, ctx: &Context<'_>, first: usize, after: Option<&str>) -> Result<BatchLineConnection> {
        let lines = &self.batch().lines;
        let list = format!("lines {}", self.batch_id());
        let rest = after.map_or(Ok(0), |cursor| next(cursor, &list))?.min(lines.len());
        let shown = &lines[rest..lines.len().min(rest + first)];
        let currency = self.batch().submitted.as_ref().map_or("", |submitted| submitted.currency.as_str());
        let cursors: Vec<String> = (rest..rest + shown.len()).map(|at| cursor::of(&list, at + 1)).collect();
        let page_info = PageInfo::of(&cursors, rest + shown.len() < lines.len(), rest > 0);
        let stories = self.stories(ctx, shown).await?;
        let line = |line: &domain::BatchLine| {
            let story = line.frozen.about.journey().and_then(|journey| stories.get(&journey)).cloned();
            BatchLine::of(line, (&self.told, currency), story)
        };
        let edges = cursors.into_iter().zip(shown);
        Ok(BatchLineConnection {
            edges: edges.map(|(cursor, of)| BatchLineEdge { cursor, node: line(of) }).collect(),
            nodes: shown.iter().map(line).collect(),
            page_info,
            total_count: lines.len(),
        })
    }
}

impl Batch {
    /// The stories of the journeys of some lines, where anything is asked of these.
    async fn stories(&self, ctx: &Context<'_>, lines: &[domain::BatchLine]) -> Result<HashMap<JourneyId, Arc<Story>>> {
        let asked = ctx.look_ahead();
        let nodes = [asked.field("nodes"), asked.field("edges").field("node")];
        if !nodes.iter().any(|node| node.field("journey").exists() || node.field("claimNow").exists()) {
            return Ok(HashMap::new());
        }
        let journeys: BTreeSet<JourneyId> = lines.iter().filter_map(|line| line.frozen.about.journey()).collect();
        journey::stories(ctx, journeys.into_iter(), Known(self.told.position)).await
    }
}

/// How many lines stand before the one after a cursor: lines are only ever added behind others.
fn next(cursor: &str, list: &str) -> Result<usize> {
    cursor::place(cursor, list, cursor::PAGE_BEFORE, |at| at.parse().ok())
}

/// For what a cap is the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "CapScope", remote = "CapScope")]
pub enum CapFor {
    /// The contract as a whole.
    Contract,
    /// Each financial year, by the day an outcome was achieved.
    Year,
    /// Each person.
    Person,
    /// Each outcome.
    Outcome,
}

/// What becomes of a claim that does not fit under a cap in whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "CapCrossing", remote = "Crossing")]
pub enum CapCrossing {
    /// It gets what is left.
    Partial,
    /// It gets nothing; smaller ones are still tried.
    Whole,
}

/// How much of a cap is used by what it counts together.
#[derive(Debug, Clone, SimpleObject)]
pub struct Cap {
    /// For what it is the most.
    scope: CapFor,
    /// The only outcomes whose payments it counts, by code; none named: all.
    outcomes: Vec<String>,
    /// The first day of the financial year, where it is for each year.
    year: Option<Date>,
    /// The subject by whose id the person is known, where it is for each person.
    person: Option<ID>,
    /// The outcome, by code, where it is for each outcome.
    outcome: Option<String>,
    /// What becomes of a claim that does not fit in whole.
    crossing: CapCrossing,
    /// Whether what is paid back may be paid again.
    refill: bool,
    /// The most.
    limit: Money,
    /// What submitted lines use, by what is due for them.
    used: Money,
    /// What is left.
    headroom: Money,
    /// What lines and claims would be more but for it.
    capped: Money,
}

impl Cap {
    /// Every cap in force, by what it counts together.
    pub(super) fn all(told: &Claims) -> Vec<Self> {
        told.caps.iter().map(|cap| Self::of(cap, told.currency())).collect()
    }

    fn of(of: &CapUse, currency: &str) -> Self {
        let money = |amount| Money::of(amount, currency);
        let (mut year, mut person, mut outcome) = (None, None, None);
        match &of.of {
            CapOf::Contract => {}
            CapOf::Year(first) => year = Some(Date(*first)),
            CapOf::Person(subject) => person = Some(ID(subject.to_string())),
            CapOf::Outcome(code) => outcome = Some(code.clone()),
        }
        Self {
            scope: of.cap.scope.into(),
            outcomes: of.cap.outcomes.clone(),
            year,
            person,
            outcome,
            crossing: of.cap.crossing.into(),
            refill: of.cap.refill,
            limit: money(of.limit),
            used: money(of.used),
            headroom: money(of.headroom),
            capped: money(of.capped),
        }
    }
}
