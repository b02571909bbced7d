//! Mutations on batches: submit claims to the commissioner, record decisions and payments, raise adjustments.
//!
//! A submission is prepared here, from the view that answers, and judged again next to the log. If anything it depends
//! on has changed in between, it is refused as stale.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use super::input::batch::{
    DecideClaimInput, OpenBatchInput, RaiseAdjustmentInput, RecordPaymentInput, ResubmitClaimInput, SubmitBatchInput,
    WithdrawClaimInput, claims, money,
};
use super::input::convert::Conversion;
use super::input::{Stamp, When};
use super::input_path::SentInput;
use super::payload::{BatchPayload, Outcome};
use super::{Answered, answered, own_id, record};
use crate::graphql::context::{OrFault as _, RequestContext as _};
use crate::graphql::double_funding;
use crate::graphql::scalars::Id;
use crate::graphql::selection::Selected;
use crate::queries;
use crate::queries::claims::{Claim, Claims, ClaimsQuery, Purpose};
use throughline_domain::command::Command;
use throughline_domain::command::batches::{Adjusting, Basis, BatchAct, BatchCommand, ClaimDecision, Prepared};
use throughline_domain::fact::envelope::{AdjustmentId, BatchId, ClaimId, Position, StreamId};
use throughline_domain::fact::event::AdjustmentRaised;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The most claims with a warning in one response.
const WARNINGS_MAX: usize = 20;

/// The mutations on batches and claims.
#[derive(Default)]
pub(super) struct BatchMutations;

/// The mutations on batches and claims.
#[Object]
impl BatchMutations {
    /// Opens a batch. Its `proposal` shows what it could submit.
    async fn open_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: OpenBatchInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let mut conversion = Conversion::default();
            let batch = BatchId(own_id(&input.stamp, "batch", input.batch));
            let when = input.when.read(&mut conversion);
            let act = BatchAct::Open(input.contract.clone(), input.opened(&mut conversion));
            let command = Command::Batch(BatchCommand { batch, when, as_of: None, act, warnings: Vec::new() });
            BatchPayload::of(ctx, batch, record(ctx, input.stamp, conversion, command).await?).await
        })
        .await
    }

    /// Submits the claims of a batch to the commissioner, with the adjustments raised in it. Each line keeps its
    /// content from then on.
    async fn submit_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: SubmitBatchInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let contract_claims = contract_claims(ctx, input.batch, input.when, BTreeSet::new()).await?;
            let of = selection(ctx, contract_claims.as_deref(), input.batch).await?;
            let named = input.claims.as_deref().map(claims);
            let others = named
                .as_deref()
                .map(|named| outside(contract_claims.as_deref(), of.as_ref(), named))
                .unwrap_or_default();
            let wanted = named.or_else(|| Some(selected(contract_claims.as_deref()?, &of?)));
            let seen = input.prepared_at.map(|seen| seen.0);
            let mut prepared = prepared(contract_claims.as_deref(), wanted.as_deref(), seen);
            if !others.is_empty() {
                prepared.lines = Err(others);
            }
            let named = wanted.unwrap_or_else(|| lines(&prepared));
            let twice = doubly_funded(ctx, contract_claims.as_ref(), &named).await?;
            let act = BatchAct::Submit(prepared);
            send(ctx, input.batch, (input.stamp, input.when), (act, twice), contract_claims.as_deref()).await
        })
        .await
    }

    /// Submits queried or rejected claims of a batch again, as they are now. Resubmission after a query does not use up
    /// an attempt; after a rejection it does.
    async fn resubmit_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: ResubmitClaimInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let wanted = claims(&input.claims);
            let contract_claims =
                contract_claims(ctx, input.batch, input.when, wanted.iter().copied().collect()).await?;
            let prepared = prepared(contract_claims.as_deref(), Some(&wanted), input.prepared_at.map(|seen| seen.0));
            let twice = doubly_funded(ctx, contract_claims.as_ref(), &wanted).await?;
            let act = BatchAct::Resubmit(prepared);
            send(ctx, input.batch, (input.stamp, input.when), (act, twice), contract_claims.as_deref()).await
        })
        .await
    }

    /// Records that the commissioner accepts, queries or rejects claims.
    async fn decide_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: DecideClaimInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            match input.decided() {
                Ok(decision) => {
                    let named = claims(&input.claims);
                    let contract_claims = if decision == ClaimDecision::Accept {
                        contract_claims(ctx, input.batch, input.when, BTreeSet::new()).await?
                    } else {
                        None
                    };
                    let twice = doubly_funded(ctx, contract_claims.as_ref(), &named).await?;
                    let act = BatchAct::Decide(named, decision);
                    send(ctx, input.batch, (input.stamp, input.when), (act, twice), contract_claims.as_deref()).await
                }
                Err(refusals) => {
                    let outcome = Outcome::refused(refusals, &SentInput::of(ctx)?);
                    BatchPayload::of(ctx, BatchId(input.batch.0), outcome).await
                }
            }
        })
        .await
    }

    /// Withdraws claims before they are decided. They can be claimed again.
    async fn withdraw_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: WithdrawClaimInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let act = BatchAct::Withdraw(claims(&input.claims), input.reason);
            send(ctx, input.batch, (input.stamp, input.when), (act, Vec::new()), None).await
        })
        .await
    }

    /// Records a payment for a batch. An amount beyond what is due for a claim is kept apart as excess.
    async fn record_payment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: RecordPaymentInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let act = BatchAct::Pay(input.payment());
            send(ctx, input.batch, (input.stamp, input.when), (act, Vec::new()), None).await
        })
        .await
    }

    /// Raises an adjustment: a decision to pay more or less than a submitted line says. It is due with the open batch
    /// that records it.
    async fn raise_adjustment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The details to record.")] input: RaiseAdjustmentInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let contract_claims = contract_claims(ctx, input.batch, input.when, BTreeSet::new()).await?;
            let fact = AdjustmentRaised {
                adjustment: AdjustmentId(own_id(&input.stamp, "adjustment", input.adjustment)),
                kind: input.kind.into(),
                batch: input.of_batch.map(|batch| BatchId(batch.0)),
                claim: input.claim.map(|claim| ClaimId(claim.0)),
                amount: money(input.amount),
                by_hand: None,
                reason: input.reason,
            };
            let contract_claims = contract_claims.as_deref();
            let by_hand = contract_claims
                .zip(fact.claim)
                .and_then(|(contract_claims, claim)| contract_claims.by_hand(claim, fact.amount));
            let fact = AdjustmentRaised { by_hand, ..fact };
            let due = fact.batch.and_then(|batch| contract_claims?.due(batch, fact.claim));
            let from = contract_claims
                .map(|contract_claims| contract_claims.basis(input.prepared_at.map(|seen| seen.0)))
                .unwrap_or_default();
            let beyond = contract_claims
                .zip(fact.claim)
                .map(|(contract_claims, claim)| contract_claims.beyond(claim, fact.amount))
                .unwrap_or_default();
            let act = BatchAct::Adjust(Adjusting { from, fact, due });
            send(ctx, input.batch, (input.stamp, input.when), (act, beyond), contract_claims).await
        })
        .await
    }
}

/// Sends a command on a batch, with the claims that it was prepared from, if it was prepared from claims.
async fn send(
    ctx: &Context<'_>,
    batch: Id,
    (stamp, when): (Stamp, When),
    (act, warnings): (BatchAct, Vec<Refusal>),
    prepared_from: Option<&Claims>,
) -> Result<BatchPayload> {
    let batch = BatchId(batch.0);
    let mut conversion = Conversion::default();
    let when = when.read(&mut conversion);
    let as_of = prepared_from.map(|contract_claims| contract_claims.asked.as_of);
    let command = Command::Batch(BatchCommand { batch, when, as_of, act, warnings });
    BatchPayload::of(ctx, batch, record(ctx, stamp, conversion, command).await?).await
}

/// The claims of a batch's contract as of the date of a command, settled against all batches, as if the claims in
/// `again` were not queried. None if the caller may not see the batch. If midnight passes before the command is
/// decided, the decision refuses the preparation as stale.
async fn contract_claims(
    ctx: &Context<'_>,
    batch: Id,
    when: When,
    again: BTreeSet<ClaimId>,
) -> Result<Option<Arc<Claims>>> {
    let log = &ctx.app().log;
    let opened = log.stream(StreamId::batch(BatchId(batch.0))).await.or_fault()?;
    let code = opened.first().and_then(|first| first.contract.as_deref()).unwrap_or_default();
    let Some(scope) = ctx.in_scope(code) else { return Ok(None) };
    let generation = &ctx.caller().generation;
    let Some(contract) = generation.contract_state(scope) else { return Ok(None) };
    let today = ctx.today(&contract);
    // An invalid date is reported when the command itself is sent.
    let as_of = when.read(&mut Conversion::default()).decided_on(today).earliest().min(today);
    let asked = ClaimsQuery { as_of, today, purpose: Purpose::Submit { batch: BatchId(batch.0), again } };
    queries::claims::of_contract(generation, log, scope, asked).await.or_fault()
}

/// Which claims the batch is for; none if it is for all claims of the contract.
async fn selection(ctx: &Context<'_>, contract_claims: Option<&Claims>, batch: Id) -> Result<Option<Selected>> {
    let batch = contract_claims.and_then(|contract_claims| {
        Some((contract_claims, contract_claims.batches.iter().find(|(known, _)| known.0 == batch.0)?))
    });
    let Some((contract_claims, (_, batch))) = batch else { return Ok(None) };
    let Some(of) = batch.opened.as_ref().and_then(|opened| opened.details.claims.clone()) else { return Ok(None) };
    let code = contract_claims.contract.code().unwrap_or_default();
    let Some(scope) = ctx.in_scope(code) else { return Ok(None) };
    let (contract, as_of) = (&contract_claims.contract, contract_claims.asked.as_of);
    Selected::read(&ctx.caller().generation, scope, (contract, as_of), of).await.map(Some)
}

/// The claims that the batch is for and that can be claimed.
fn selected(contract_claims: &Claims, of: &Selected) -> Vec<ClaimId> {
    let claimable = contract_claims.claimable().into_iter().filter(|claim| of.fits(claim, claim.achieved_on()));
    claimable.map(|claim| claim.claim).collect()
}

/// Refusals for named claims that the batch is not for.
fn outside(contract_claims: Option<&Claims>, of: Option<&Selected>, named: &[ClaimId]) -> Vec<Refusal> {
    let Some((contract_claims, of)) = contract_claims.zip(of) else { return Vec::new() };
    let known = named.iter().enumerate().filter_map(|(at, claim)| Some((at, contract_claims.get(*claim)?)));
    let others = known.filter(|(_, claim)| !of.fits(claim, claim.achieved_on())).take(WARNINGS_MAX);
    let refusal = |(at, claim): (usize, &Claim)| {
        let message = format!("this batch is not for the claim {}: submit it with another batch", claim.claim);
        Refusal::new(RefusalCode::ClaimOutsideBatch, message)
            .at(format!("claims.{at}"))
            .by("domain §8: a claim must match every condition of its batch")
    };
    others.map(refusal).collect()
}

/// The claims that were prepared.
fn lines(prepared: &Prepared) -> Vec<ClaimId> {
    prepared.lines.iter().flatten().map(|line| line.claim).collect()
}

/// The warnings that other contracts claim for the same days of the same people as these claims.
async fn doubly_funded(
    ctx: &Context<'_>,
    contract_claims: Option<&Arc<Claims>>,
    named: &[ClaimId],
) -> Result<Vec<Refusal>> {
    let Some(contract_claims) = contract_claims else { return Ok(Vec::new()) };
    let known: Vec<(usize, &Claim)> =
        named.iter().enumerate().filter_map(|(at, claim)| Some((at, contract_claims.get(*claim)?))).collect();
    let claims: Vec<&Claim> = known.iter().map(|(_, claim)| *claim).collect();
    let found = double_funding::among(ctx, contract_claims, &claims).await?;
    let warnings = known.iter().filter_map(|(at, claim)| Some(found.get(&claim.claim)?.first()?.warning(*at)));
    Ok(warnings.take(WARNINGS_MAX).collect())
}

/// Prepares claims for a batch. If the caller may not see the batch, nothing is prepared and the command reports that
/// the batch does not exist.
fn prepared(contract_claims: Option<&Claims>, wanted: Option<&[ClaimId]>, seen: Option<Position>) -> Prepared {
    let nothing = || Prepared {
        from: Basis::default(),
        currency: String::new(),
        lines: Ok(Vec::new()),
        verified_by: BTreeMap::new(),
    };
    contract_claims.map_or_else(nothing, |contract_claims| contract_claims.prepared(wanted, seen))
}
