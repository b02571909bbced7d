//! Batches in the API: their lines, the decision on each line, and the payments.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};

use super::bounds::PageLength;
use super::claim::{self, Claim, ClaimFilter, ClaimScope};
use super::context::{OrFault as _, RequestContext as _};
use super::cursor::{Cursors, Parts, SAME_FILTER};
use super::event::OccurredOn;
use super::journey::work::DayPeriod;
use super::journey::{self, CaseHistory, Journey, Occurrence};
use super::money::Money;
use super::page::{self, Listed, Page};
use super::point_in_time::KnownUpTo;
use super::proposal::{ProposedAdjustment, ProposedWithdrawal};
use super::reveal;
use super::scalars::{Date, Position};
use super::selection::{ClaimSelection, Selected};
use crate::access::policy::Action;
use crate::queries;
use crate::queries::claims::{CapOf, CapUse, Claims, ClaimsQuery, Purpose};
use throughline_domain::contract::batch::{self as domain, Decision};
use throughline_domain::contract::rulebook::terms::{CapScope, Crossing};
use throughline_domain::fact::envelope::{BatchId, JourneyId, StreamId};
use throughline_domain::fact::event::{self, ClaimAbout, Period};

/// The state of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::BatchState")]
pub enum BatchState {
    /// Claims and adjustments can still be added.
    Open,
    /// Its claims were submitted to the commissioner.
    Submitted,
    /// Nothing is left to decide or to pay.
    Settled,
}

/// The latest decision on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum LineState {
    /// Submitted, with no decision yet.
    Submitted,
    /// The commissioner has queried it.
    Queried,
    /// Accepted.
    Accepted,
    /// Rejected.
    Rejected,
    /// Withdrawn before a decision.
    Withdrawn,
    /// Queried, and replaced by a later line.
    Replaced,
}

/// The reason why the amount due differs from a submitted line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "event::AdjustmentKind")]
pub enum AdjustmentKind {
    /// A payment is taken back, because the claim is no longer supported.
    Clawback,
    /// The amount changes because the payment for the lower outcome that the claim converts has changed.
    Conversion,
    /// More was paid than was due, and the difference is settled.
    Overpayment,
    /// There is room under a cap again.
    CapRelease,
    /// The result of a sample is applied to everything the sample was drawn from.
    Extrapolation,
    /// The price has changed, because of changed facts or rules.
    Restatement,
}

/// A batch: claims submitted to the commissioner together, the decision on each, and the payments.
#[derive(Clone)]
pub struct Batch {
    contract_claims: Arc<Claims>,
    at: usize,
}

/// One claim in a batch, at one submission. A line never changes after it is submitted; only its decision and payments
/// do.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub struct BatchLine {
    /// The id of the claim.
    claim: ID,
    /// The id of the case. Null if the claim covers many cases together.
    journey_id: Option<ID>,
    /// The cohort, site or area. Null if the claim is for one case.
    scope: Option<ClaimScope>,
    /// The code of the outcome in the rulebook.
    outcome: String,
    /// For an outcome that can be achieved several times: which time this is, from 1.
    repeat: u32,
    /// The day on which the outcome was achieved.
    achieved_on: Date,
    /// The amount claimed.
    amount: Money,
    /// The hash of the rulebook by which the claim was judged.
    rulebook: String,
    /// SHA-256 of the derivation (the reasons for the claim), in lower-case hexadecimal.
    derivation: String,
    /// The day on which it was submitted.
    submitted: OccurredOn,
    /// The position in the log of the event that submitted it.
    position: Position,
    /// How often the claim has been submitted in this batch, from 1.
    attempt: u32,
    /// The latest decision.
    state: LineState,
    /// The code of the defect in the rulebook, if the line was rejected.
    defect: Option<String>,
    /// The commissioner's question or remark.
    remark: Option<String>,
    /// The amount paid.
    paid: Money,
    /// The amount still to be paid.
    outstanding: Money,
    #[graphql(skip)]
    contract_claims: Arc<Claims>,
    #[graphql(skip)]
    line: Box<event::ClaimLine>,
    #[graphql(skip)]
    story: Option<Arc<CaseHistory>>,
}

#[ComplexObject]
impl BatchLine {
    /// The case. Null if the claim covers many cases together or you may not read the case.
    async fn journey(&self) -> Option<Journey> {
        let id = self.line.about.journey()?;
        let story = Arc::clone(self.story.as_ref()?);
        Some(Journey::of(id, Arc::clone(&self.contract_claims.contract), self.contract_claims.asked.as_of, story))
    }

    /// The present claim. Null if you may not read its case.
    async fn claim_now(&self) -> Option<Claim> {
        let is_readable = self.line.about.journey().is_none() || self.story.is_some();
        Claim::with_journey(&self.contract_claims, self.line.claim, self.story.clone()).filter(|_| is_readable)
    }
}

impl BatchLine {
    pub(super) fn of(
        line: &domain::BatchLine,
        contract_claims: &Arc<Claims>,
        currency: &str,
        story: Option<Arc<CaseHistory>>,
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
            contract_claims: Arc::clone(contract_claims),
            line: Box::new(line.frozen.clone()),
            story,
        }
    }
}

impl Listed for Batch {
    type Totals = BatchTotals;
    const PAGE: &'static str = "A page of batches, in the order in which they were opened.";
    const EDGE: &'static str = "A batch with its cursor.";
    const ONE: &'static str = "batch";
    const MANY: &'static str = "batches";
}

/// A list of batches as a whole.
#[derive(SimpleObject)]
pub struct BatchTotals {
    /// The number of batches on all pages.
    total_count: usize,
}

impl Listed for BatchLine {
    type Totals = BatchLineTotals;
    const PAGE: &'static str = "A page of the lines of a batch, in the order in which they were submitted.";
    const EDGE: &'static str = "A line of a batch with its cursor.";
    const ONE: &'static str = "line";
    const MANY: &'static str = "lines";
}

/// The lines of a batch as a whole.
#[derive(SimpleObject)]
pub struct BatchLineTotals {
    /// The number of lines on all pages.
    total_count: usize,
}

/// A payment for a batch.
#[derive(Debug, Clone, SimpleObject)]
pub struct BatchPayment {
    /// When the payment was received, with its event.
    received: Occurrence,
    /// The reference number of the remittance, if there is one.
    reference: Option<String>,
    /// The amounts by claim.
    amounts: Vec<ClaimPayment>,
    /// The ids of the adjustments settled with this payment.
    adjustments: Vec<ID>,
    /// The amount paid beyond everything due.
    excess: Option<Money>,
}

/// The amount paid for one claim.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClaimPayment {
    /// The id of the claim.
    claim: ID,
    /// The amount.
    amount: Money,
}

/// A decision to pay more or less than a submitted line says. It is due with the batch that records it.
#[derive(Debug, Clone, SimpleObject)]
pub struct Adjustment {
    /// The id of the adjustment.
    id: ID,
    /// The kind of adjustment.
    kind: AdjustmentKind,
    /// When it was decided, with the reason and the event.
    raised: Occurrence,
    /// The id of the batch whose line or excess payment it settles.
    of_batch: Option<ID>,
    /// The id of the claim. Null for an excess payment or a sample.
    claim: Option<ID>,
    /// The change in the amount due. Negative: less is due.
    amount: Money,
    /// The part of the amount that was decided by hand and not proposed by the service. Null if the amount is no more
    /// than the proposal. A reduction by hand is permanent: it is not proposed back.
    by_hand: Option<Money>,
    /// When it was settled with a payment. Null if it is not settled yet.
    settled: Option<OccurredOn>,
}

/// What an open batch could submit now.
pub struct Proposal {
    contract_claims: Arc<Claims>,
    selected: Selected,
}

/// What an open batch could submit now.
#[Object]
impl Proposal {
    /// The position of the log from which the proposal is prepared. Pass it as `preparedAt` to submit exactly this
    /// proposal.
    async fn position(&self) -> Position {
        Position(self.contract_claims.position)
    }

    /// The claims that can be claimed, by day.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<Claim>> {
        claim::page(ctx, &self.contract_claims, ClaimFilter::claimable(self.selected.clone()), (first, after)).await
    }

    /// The adjustments that should be raised. An amount they take back makes room for other claims once they are
    /// raised.
    async fn adjustments(&self) -> Vec<ProposedAdjustment> {
        ProposedAdjustment::all(&self.contract_claims)
    }

    /// The claims submitted earlier that should be withdrawn.
    async fn withdrawals(&self) -> Vec<ProposedWithdrawal> {
        ProposedWithdrawal::all(&self.contract_claims)
    }
}

/// A batch: claims submitted to the commissioner together, the decision on each, and the payments.
#[Object]
impl Batch {
    /// The id of the batch.
    pub async fn id(&self) -> ID {
        ID(self.batch_id().to_string())
    }

    /// The version of the batch's stream. Pass it as `expectedVersion` to refuse a command if the batch has changed
    /// since.
    async fn version(&self) -> i64 {
        self.batch().version
    }

    /// The reference that the parties use for the batch.
    async fn reference(&self) -> Option<&str> {
        self.batch().opened.as_ref().and_then(|opened| opened.details.reference.as_deref())
    }

    /// The period of the batch.
    async fn period(&self) -> Option<DayPeriod> {
        self.batch().opened.as_ref().and_then(|opened| opened.details.period).map(Into::into)
    }

    /// Which claims the batch is for. Null if it is for all claims of the contract.
    async fn selection(&self, ctx: &Context<'_>) -> Option<Result<ClaimSelection>> {
        let of = self.batch().opened.as_ref()?.details.claims.as_ref()?;
        Some(ClaimSelection::of(ctx, of).await)
    }

    /// When the batch was opened, with its event.
    async fn opened(&self) -> Option<Occurrence> {
        self.batch().opened.as_ref().map(Occurrence::of)
    }

    /// The day on which its claims were submitted. Null while the batch is open.
    async fn submitted(&self) -> Option<OccurredOn> {
        self.batch().submitted.as_ref().map(|submitted| submitted.occurred.into())
    }

    /// The position of the log from which its claims were prepared. Null while the batch is open.
    async fn prepared_at(&self) -> Option<Position> {
        self.batch().submitted.as_ref().map(|submitted| Position(submitted.prepared_at))
    }

    /// The state of the batch.
    async fn state(&self) -> BatchState {
        self.batch().state().into()
    }

    /// The lines, in the order in which they were submitted. A claim that was submitted again has a line for each
    /// submission.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "How many to return, from 1 to 200. Default: 20.")] first: PageLength,
        #[graphql(desc = "Return only what comes after this cursor. Use `endCursor` of the previous page.")]
        after: Option<String>,
    ) -> Result<Page<BatchLine>> {
        self.page(ctx, first, after.as_deref()).await
    }

    /// The payments received, oldest first.
    async fn payments(&self) -> Vec<BatchPayment> {
        let payment = |of: &throughline_domain::fact::Entry<event::PaymentReceived>| BatchPayment {
            received: Occurrence::of(of),
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

    /// The adjustments due with this batch, oldest first.
    async fn adjustments(&self) -> Vec<Adjustment> {
        let adjustment = |of: &domain::BatchAdjustment| Adjustment {
            id: ID(of.raised.details.adjustment.to_string()),
            kind: of.raised.details.kind.into(),
            raised: Occurrence::why(&of.raised, Some(&of.raised.details.reason)),
            of_batch: of.raised.details.batch.map(|batch| ID(batch.to_string())),
            claim: of.raised.details.claim.map(|claim| ID(claim.to_string())),
            amount: self.money(of.raised.details.amount),
            by_hand: of.raised.details.by_hand.map(|amount| self.money(amount)),
            settled: of.settled.map(Into::into),
        };
        self.batch().adjustments.iter().map(adjustment).collect()
    }

    /// The amount claimed: the total of the lines as submitted, without lines that a later line replaces.
    async fn claimed(&self) -> Money {
        self.money(self.batch().claimed())
    }

    /// The amount due: the lines that count, plus the adjustments.
    async fn due(&self) -> Money {
        self.money(self.batch().due())
    }

    /// The total of the adjustments recorded in this batch.
    async fn adjusted(&self) -> Money {
        self.money(self.batch().adjusted())
    }

    /// The amount received: for claims, for adjustments, and in excess.
    async fn received(&self) -> Money {
        self.money(self.batch().received())
    }

    /// The amount received beyond everything due.
    async fn excess(&self) -> Money {
        self.money(self.batch().excess())
    }

    /// What the batch could submit now. Null once it was submitted.
    async fn proposal(&self, ctx: &Context<'_>) -> Option<Result<Proposal>> {
        if self.batch().state() != domain::BatchState::Open {
            return None;
        }
        self.proposed(ctx).await.transpose()
    }
}

impl Batch {
    /// The present batch, if the caller may see it.
    pub(super) async fn today(ctx: &Context<'_>, id: BatchId) -> Result<Option<Self>> {
        if !ctx.may(Action::ReadBatches) {
            return Ok(None);
        }
        let events = ctx.app().log.stream(StreamId::batch(id)).await.or_fault()?;
        let code = events.first().and_then(|first| first.contract.as_deref()).unwrap_or_default();
        Self::of_contract(ctx, code, id).await
    }

    /// The batch of a contract in its present state.
    pub(super) async fn of_contract(ctx: &Context<'_>, code: &str, id: BatchId) -> Result<Option<Self>> {
        let Some(scope) = ctx.in_scope(code) else { return Ok(None) };
        let generation = &ctx.caller().generation;
        let Some(contract) = generation.contract_state(scope) else { return Ok(None) };
        let today = ctx.today(&contract);
        let asked = ClaimsQuery { as_of: today, today, purpose: Purpose::Look };
        let contract_claims =
            queries::claims::of_contract(generation, &ctx.app().log, scope, asked).await.or_fault()?;
        let contract_claims = claim::of_caller(ctx, contract_claims).await?;
        Ok(contract_claims.and_then(|contract_claims| Self::among(&contract_claims, id)))
    }

    /// The batch with this id among those of a contract.
    pub(super) fn among(contract_claims: &Arc<Claims>, id: BatchId) -> Option<Self> {
        let at = contract_claims.batches.iter().position(|(known, _)| *known == id)?;
        Some(Self { contract_claims: Arc::clone(contract_claims), at })
    }

    /// A page of the batches of a contract in this state, in the order in which they were opened.
    pub(super) fn all(
        contract_claims: &Arc<Claims>,
        (state, selected): (Option<BatchState>, &Selected),
        (first, after): (PageLength, Option<String>),
    ) -> Result<Page<Self>> {
        let of = |at| Self { contract_claims: Arc::clone(contract_claims), at };
        let has = |batch: &Self| {
            let mut lines = batch.batch().lines.iter();
            let fits = |line: &domain::BatchLine| {
                let claim = contract_claims.get(line.frozen.claim);
                claim.is_some_and(|claim| selected.fits(claim, Some(line.frozen.achieved_on)))
            };
            selected.is_empty() || lines.any(fits)
        };
        let fits =
            |batch: &Self| state.is_none_or(|state| BatchState::from(batch.batch().state()) == state) && has(batch);
        let batches: Vec<Self> = (0..contract_claims.batches.len()).map(of).filter(fits).collect();
        let list = format!("{state:?}{} {}", selected.name(), contract_claims.asked.as_of);
        let cursors = Cursors::filtered("batches", &list, SAME_FILTER);
        // A batch whose state has changed since is no longer in the list: the page continues with the first one opened
        // after it.
        let after = cursors.place(after.as_deref(), |parts| {
            let id: BatchId = parts.part()?;
            contract_claims.batches.iter().position(|(known, _)| *known == id)
        })?;
        let skipped = after.map_or(0, |after| batches.partition_point(|batch| batch.at <= after));
        let (shown, more) = page::part(&batches, skipped, first);
        let rows = shown.iter().map(|batch| (cursors.cursor(batch.batch_id()), Some(batch.clone())));
        Ok(Page::of(rows, more, BatchTotals { total_count: batches.len() }))
    }

    /// The claims that the batch is for.
    async fn selected(&self, ctx: &Context<'_>, contract_claims: &Claims) -> Result<Selected> {
        let of = self.batch().opened.as_ref().and_then(|opened| opened.details.claims.clone()).unwrap_or_default();
        let code = contract_claims.contract.code().unwrap_or_default();
        let Some(scope) = ctx.in_scope(code) else { return Ok(Selected::default()) };
        Selected::read(&ctx.caller().generation, scope, (&contract_claims.contract, contract_claims.asked.as_of), of)
            .await
    }

    fn batch_id(&self) -> BatchId {
        self.contract_claims.batches[self.at].0
    }

    fn batch(&self) -> &domain::Batch {
        &self.contract_claims.batches[self.at].1
    }

    fn money(&self, amount: throughline_domain::fact::money::Money) -> Money {
        let of_lines = self.batch().submitted.as_ref().map(|submitted| submitted.currency.as_str());
        Money::of(amount, of_lines.unwrap_or_else(|| self.contract_claims.currency()))
    }

    async fn proposed(&self, ctx: &Context<'_>) -> Result<Option<Proposal>> {
        let code = self.contract_claims.contract.code().unwrap_or_default();
        let today = ctx.today(&self.contract_claims.contract);
        let as_of = self.contract_claims.asked.as_of.min(today);
        let asked =
            ClaimsQuery { as_of, today, purpose: Purpose::Submit { batch: self.batch_id(), again: BTreeSet::new() } };
        let contract_claims = claim::as_known(ctx, code, self.contract_claims.position, asked).await?;
        let Some(contract_claims) = contract_claims else { return Ok(None) };
        let selected = self.selected(ctx, &contract_claims).await?;
        Ok(Some(Proposal { contract_claims, selected }))
    }

    async fn page(&self, ctx: &Context<'_>, first: PageLength, after: Option<&str>) -> Result<Page<BatchLine>> {
        let lines = &self.batch().lines;
        let cursors = Cursors::of(format!("lines {}", self.batch_id()));
        // Lines are only ever added at the end.
        let after: Option<usize> = cursors.place(after, Parts::part)?;
        let skipped = after.unwrap_or(0).min(lines.len());
        let (shown, more) = page::part(lines, skipped, first);
        let currency = self.batch().submitted.as_ref().map_or("", |submitted| submitted.currency.as_str());
        let stories = self.case_histories(ctx, shown).await?;
        let line = |line: &domain::BatchLine| {
            let story = line.frozen.about.journey().and_then(|journey| stories.get(&journey)).cloned();
            Some(BatchLine::of(line, &self.contract_claims, currency, story))
        };
        let rows = (skipped + 1..).map(|at| cursors.cursor(at)).zip(shown.iter().map(line));
        Ok(Page::of(rows, more, BatchLineTotals { total_count: lines.len() }))
    }
}

impl Batch {
    /// The cases of some lines, if the query requests fields of them.
    async fn case_histories(
        &self,
        ctx: &Context<'_>,
        lines: &[domain::BatchLine],
    ) -> Result<HashMap<JourneyId, Arc<CaseHistory>>> {
        let asked = ctx.look_ahead();
        let nodes = [asked.field("nodes"), asked.field("edges").field("node")];
        if !nodes.iter().any(|node| node.field("journey").exists() || node.field("claimNow").exists()) {
            return Ok(HashMap::new());
        }
        let journeys: BTreeSet<JourneyId> = lines.iter().filter_map(|line| line.frozen.about.journey()).collect();
        journey::case_histories(ctx, journeys.into_iter(), KnownUpTo(self.contract_claims.position)).await
    }
}

/// What the limit of a cap applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "CapScope", remote = "CapScope")]
pub enum CapFor {
    /// The contract as a whole.
    Contract,
    /// Each financial year, by the day on which an outcome was achieved.
    Year,
    /// Each person.
    Person,
    /// Each outcome.
    Outcome,
}

/// What happens to a claim that does not fully fit under a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "CapCrossing", remote = "Crossing")]
pub enum CapCrossing {
    /// It is paid up to what is left under the cap.
    Partial,
    /// It is not paid at all. Smaller claims after it are still considered.
    Whole,
}

/// How much of a cap is used.
#[derive(Debug, Clone, SimpleObject)]
pub struct Cap {
    /// What the limit applies to.
    scope: CapFor,
    /// The codes of the outcomes whose payments count. Empty: all outcomes.
    outcomes: Vec<String>,
    /// The first day of the financial year, for a cap per year.
    year: Option<Date>,
    /// The id of the subject that identifies the person, for a cap per person.
    person: Option<ID>,
    /// The code of the outcome, for a cap per outcome.
    outcome: Option<String>,
    /// What happens to a claim that does not fully fit.
    crossing: CapCrossing,
    /// Whether an amount paid back can be used again.
    refill: bool,
    /// The limit of the cap.
    limit: Money,
    /// The amount used by submitted lines, counted by the amount due.
    used: Money,
    /// The amount left under the cap.
    headroom: Money,
    /// The amount that lines and claims lose because of the cap.
    capped: Money,
}

impl Cap {
    /// Every cap in force, with an entry for each year, person or outcome it applies to.
    pub(super) async fn all(ctx: &Context<'_>, contract: &str, contract_claims: &Claims) -> Result<Vec<Self>> {
        let mut caps = Vec::with_capacity(contract_claims.caps.len());
        for cap in &contract_claims.caps {
            let mut shown = Self::of(cap, contract_claims.currency());
            if let CapOf::Person(subject) = &cap.of {
                shown.person = Some(ID(reveal::shown_id(ctx, *subject, contract).await?.to_string()));
            }
            caps.push(shown);
        }
        Ok(caps)
    }

    /// A cap without the id of a person.
    fn of(of: &CapUse, currency: &str) -> Self {
        let money = |amount| Money::of(amount, currency);
        let (mut year, mut outcome) = (None, None);
        match &of.of {
            CapOf::Contract | CapOf::Person(_) => {}
            CapOf::Year(first) => year = Some(Date(*first)),
            CapOf::Outcome(code) => outcome = Some(code.clone()),
        }
        Self {
            scope: of.cap.scope.into(),
            outcomes: of.cap.outcomes.clone(),
            year,
            person: None,
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
