//! Mutations about batches: claims go to the commissioner, are decided, paid and adjusted.
//!
//! What is submitted is prepared here, from the view that answers, and judged again beside the log: if anything that it
//! rests on has moved meanwhile, it is refused as stale.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use chrono::NaiveDate;

use super::input::batch::{
    DecideClaimInput, OpenBatchInput, RaiseAdjustmentInput, RecordPaymentInput, ResubmitClaimInput, SubmitBatchInput,
    WithdrawClaimInput, claims, money,
};
use super::input::reading::Reading;
use super::input::{Stamp, When};
use super::payload::{BatchPayload, Outcome};
use super::sent::Sent;
use super::{Answered, answered, contract_today, own_id, record, today};
use crate::graphql::context::{Asked as _, OrFault as _};
use crate::graphql::funding;
use crate::graphql::scalars::Id;
use crate::graphql::selection::Selected;
use crate::views::claims::{Asked, Claim, Claims, Purpose};
use throughline_domain::command::Command;
use throughline_domain::command::batches::{Adjusting, Basis, BatchAct, BatchCommand, ClaimDecision, Prepared};
use throughline_domain::fact::envelope::{AdjustmentId, BatchId, ClaimId, Position, StreamId};
use throughline_domain::fact::event::AdjustmentRaised;
use throughline_domain::fact::refusal::{Refusal, RefusalCode};

/// The most claims that one answer warns of.
const WARNINGS_MAX: usize = 20;

/// What may be done with claims.
#[derive(Default)]
pub(super) struct BatchMutations;

/// What may be done with claims.
#[Object]
impl BatchMutations {
    /// A batch is begun. Its `proposal` says what it could submit.
    async fn open_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: OpenBatchInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let mut reading = Reading::default();
            let batch = BatchId(own_id(&input.stamp, "batch", input.batch));
            let occurred = input.when.occurred(contract_today(ctx, &input.contract).await?, &mut reading);
            let act = BatchAct::Open(input.contract.clone(), input.opened(&mut reading));
            let command = Command::Batch(BatchCommand { batch, occurred, act, warnings: Vec::new() });
            BatchPayload::of(ctx, batch, record(ctx, input.stamp, reading, command).await?).await
        })
        .await
    }

    /// The claims of a batch go to the commissioner, each frozen as it is; with the adjustments raised in it.
    async fn submit_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: SubmitBatchInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let day = day(ctx, input.batch, &input.when).await?;
            let told = told(ctx, input.batch, day, BTreeSet::new()).await?;
            let of = selection(ctx, told.as_deref(), input.batch).await?;
            let named = input.claims.as_deref().map(claims);
            let others = named.as_deref().map(|named| outside(told.as_deref(), of.as_ref(), named)).unwrap_or_default();
            let wanted = named.or_else(|| Some(selected(told.as_deref()?, &of?)));
            let seen = input.prepared_at.map(|seen| seen.0);
            let mut prepared = prepared(told.as_deref(), wanted.as_deref(), seen);
            if !others.is_empty() {
                prepared.lines = Err(others);
            }
            let named = wanted.unwrap_or_else(|| lines(&prepared));
            let twice = doubly_funded(ctx, told.as_ref(), &named).await?;
            send(ctx, input.batch, (input.stamp, input.when), (BatchAct::Submit(prepared), twice)).await
        })
        .await
    }

    /// Queried or rejected claims of a batch go to the commissioner again, each frozen as it now is. A query costs no
    /// attempt; a rejection does.
    async fn resubmit_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: ResubmitClaimInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let wanted = claims(&input.claims);
            let day = day(ctx, input.batch, &input.when).await?;
            let told = told(ctx, input.batch, day, wanted.iter().copied().collect()).await?;
            let prepared = prepared(told.as_deref(), Some(&wanted), input.prepared_at.map(|seen| seen.0));
            let twice = doubly_funded(ctx, told.as_ref(), &wanted).await?;
            send(ctx, input.batch, (input.stamp, input.when), (BatchAct::Resubmit(prepared), twice)).await
        })
        .await
    }

    /// The commissioner accepts, queries or rejects claims.
    async fn decide_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: DecideClaimInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            match input.decided() {
                Ok(decision) => {
                    let named = claims(&input.claims);
                    let twice = if decision == ClaimDecision::Accept {
                        let day = day(ctx, input.batch, &input.when).await?;
                        let told = told(ctx, input.batch, day, BTreeSet::new()).await?;
                        doubly_funded(ctx, told.as_ref(), &named).await?
                    } else {
                        Vec::new()
                    };
                    let act = BatchAct::Decide(named, decision);
                    send(ctx, input.batch, (input.stamp, input.when), (act, twice)).await
                }
                Err(refusals) => {
                    let outcome = Outcome::refused(refusals, &Sent::of(ctx)?);
                    BatchPayload::of(ctx, BatchId(input.batch.0), outcome).await
                }
            }
        })
        .await
    }

    /// Claims are taken back before they are decided: they may be claimed again.
    async fn withdraw_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: WithdrawClaimInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let act = BatchAct::Withdraw(claims(&input.claims), input.reason);
            send(ctx, input.batch, (input.stamp, input.when), (act, Vec::new())).await
        })
        .await
    }

    /// Money came for a batch. What is more than is due for a claim is kept apart as excess.
    async fn record_payment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RecordPaymentInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let act = BatchAct::Pay(input.payment());
            send(ctx, input.batch, (input.stamp, input.when), (act, Vec::new())).await
        })
        .await
    }

    /// It is decided to pay more or less than a closed line says: due with the open batch that records it.
    async fn raise_adjustment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be recorded.")] input: RaiseAdjustmentInput,
    ) -> Answered<BatchPayload> {
        answered(async {
            let day = day(ctx, input.batch, &input.when).await?;
            let told = told(ctx, input.batch, day, BTreeSet::new()).await?;
            let fact = AdjustmentRaised {
                adjustment: AdjustmentId(own_id(&input.stamp, "adjustment", input.adjustment)),
                kind: input.kind.into(),
                batch: input.of_batch.map(|batch| BatchId(batch.0)),
                claim: input.claim.map(|claim| ClaimId(claim.0)),
                amount: money(input.amount),
                by_hand: None,
                reason: input.reason,
            };
            let told = told.as_deref();
            let by_hand = told.zip(fact.claim).and_then(|(told, claim)| told.by_hand(claim, fact.amount));
            let fact = AdjustmentRaised { by_hand, ..fact };
            let due = fact.batch.and_then(|batch| told?.due(batch, fact.claim));
            let from = told.map(|told| told.basis(input.prepared_at.map(|seen| seen.0))).unwrap_or_default();
            let beyond = told.zip(fact.claim).map(|(told, claim)| told.beyond(claim, fact.amount)).unwrap_or_default();
            let act = BatchAct::Adjust(Adjusting { from, fact, due });
            send(ctx, input.batch, (input.stamp, input.when), (act, beyond)).await
        })
        .await
    }
}

/// The day of a command about a batch.
async fn day(ctx: &Context<'_>, batch: Id, when: &When) -> Result<NaiveDate> {
    let today = today(ctx, StreamId::batch(BatchId(batch.0)), when).await?;
    // Whoever sends the command with it says what is wrong with the date.
    Ok(when.occurred(today, &mut Reading::default()).earliest())
}

async fn send(
    ctx: &Context<'_>,
    batch: Id,
    (stamp, when): (Stamp, When),
    (act, warnings): (BatchAct, Vec<Refusal>),
) -> Result<BatchPayload> {
    let batch = BatchId(batch.0);
    let mut reading = Reading::default();
    let occurred = when.occurred(today(ctx, StreamId::batch(batch), &when).await?, &mut reading);
    let command = Command::Batch(BatchCommand { batch, occurred, act, warnings });
    BatchPayload::of(ctx, batch, record(ctx, stamp, reading, command).await?).await
}

/// The claims of a batch's contract by the facts of a day, beside every batch, as if these were not queried; none where
/// the caller may not know of the batch.
async fn told(ctx: &Context<'_>, batch: Id, as_of: NaiveDate, again: BTreeSet<ClaimId>) -> Result<Option<Arc<Claims>>> {
    let log = &ctx.parts().log;
    let opened = log.stream(StreamId::batch(BatchId(batch.0))).await.or_fault()?;
    let code = opened.first().and_then(|first| first.contract.as_deref()).unwrap_or_default();
    let Some(scope) = ctx.in_scope(code) else { return Ok(None) };
    let today = contract_today(ctx, code).await?;
    let asked = Asked { as_of: as_of.min(today), today, purpose: Purpose::Submit { batch: BatchId(batch.0), again } };
    ctx.caller().generation.claims(log, scope, asked).await.or_fault()
}

/// Which claims a batch is for; none where it is for all of the contract.
async fn selection(ctx: &Context<'_>, told: Option<&Claims>, batch: Id) -> Result<Option<Selected>> {
    let batch = told.and_then(|told| Some((told, told.batches.iter().find(|(known, _)| known.0 == batch.0)?)));
    let Some((told, (_, batch))) = batch else { return Ok(None) };
    let Some(of) = batch.opened.as_ref().and_then(|opened| opened.details.claims.clone()) else { return Ok(None) };
    let code = told.contract.code().unwrap_or_default();
    let Some(scope) = ctx.in_scope(code) else { return Ok(None) };
    let (contract, as_of) = (&told.contract, told.asked.as_of);
    Selected::read(&ctx.caller().generation, scope, (contract, as_of), of).await.map(Some)
}

/// The claims that a batch is for and that can be claimed.
fn selected(told: &Claims, of: &Selected) -> Vec<ClaimId> {
    let claimable = told.claimable().into_iter().filter(|claim| of.fits(claim, claim.achieved_on()));
    claimable.map(|claim| claim.claim).collect()
}

/// Why claims that are named do not go with a batch that is for others.
fn outside(told: Option<&Claims>, of: Option<&Selected>, named: &[ClaimId]) -> Vec<Refusal> {
    let Some((told, of)) = told.zip(of) else { return Vec::new() };
    let known = named.iter().enumerate().filter_map(|(at, claim)| Some((at, told.get(*claim)?)));
    let others = known.filter(|(_, claim)| !of.fits(claim, claim.achieved_on())).take(WARNINGS_MAX);
    let refusal = |(at, claim): (usize, &Claim)| {
        let message =
            format!("the claim {} is none of those that this batch is for: submit it with another batch", claim.claim);
        Refusal::new(RefusalCode::ClaimOutsideBatch, message)
            .at(format!("claims.{at}"))
            .by("domain §8: of what a batch is for, everything given must fit")
    };
    others.map(refusal).collect()
}

/// The claims that were prepared.
fn lines(prepared: &Prepared) -> Vec<ClaimId> {
    prepared.lines.iter().flatten().map(|line| line.claim).collect()
}

/// The warnings that other contracts claim for the same days of the same people as these claims.
async fn doubly_funded(ctx: &Context<'_>, told: Option<&Arc<Claims>>, named: &[ClaimId]) -> Result<Vec<Refusal>> {
    let Some(told) = told else { return Ok(Vec::new()) };
    let known: Vec<(usize, &Claim)> =
        named.iter().enumerate().filter_map(|(at, claim)| Some((at, told.get(*claim)?))).collect();
    let claims: Vec<&Claim> = known.iter().map(|(_, claim)| *claim).collect();
    let found = funding::among(ctx, told, &claims).await?;
    let warnings = known.iter().filter_map(|(at, claim)| Some(found.get(&claim.claim)?.first()?.warning(*at)));
    Ok(warnings.take(WARNINGS_MAX).collect())
}

/// Claims prepared for a batch. Of a batch that the caller may not know of nothing is: the command says that it is not
/// there.
fn prepared(told: Option<&Claims>, wanted: Option<&[ClaimId]>, seen: Option<Position>) -> Prepared {
    let nothing = || Prepared { from: Basis::default(), currency: String::new(), lines: Ok(Vec::new()) };
    told.map_or_else(nothing, |told| told.prepared(wanted, seen))
}
