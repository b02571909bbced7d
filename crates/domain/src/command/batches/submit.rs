//! Submits claims to the commissioner, for the first time or again.
//!
//! Pure. Every line must match the facts, the rulebook and the other batches at this moment. If any of them changed
//! since the lines were prepared, the lines must be prepared again.

use std::collections::{BTreeSet, HashMap};

use super::{Basis, BatchDecision, CLAIMS_MAX, LineAct, NAMED_MAX, Prepared, claim_not_found, twice, verified_by_you};
use crate::contract::batch::{Batch, BatchLine, Decision};
use crate::contract::rulebook::{AppliesBy, Rulebook};
use crate::fact::History;
use crate::fact::envelope::{BatchId, ClaimId, StreamId, StreamKind};
use crate::fact::event::{BatchSubmitted, ClaimAbout, ClaimLine, ClaimResubmitted, Event};
use crate::fact::refusal::{Refusal, RefusalCode as Code};
use crate::people::login;

pub(super) fn submit(asked: &BatchDecision<'_, '_>, prepared: &Prepared) -> Result<Vec<Event>, Vec<Refusal>> {
    asked.is_open()?;
    let lines = checked(asked, prepared)?;
    if lines.is_empty() && asked.batch.adjustments.is_empty() {
        let message = "there is nothing to submit: name a claim, or record an adjustment first";
        return Err(Refusal::new(Code::MissingValue, message).at("claims").alone());
    }
    let (prepared_at, currency) = (prepared.from.position, prepared.currency.clone());
    Ok(vec![BatchSubmitted { prepared_at, currency, lines: lines.to_vec() }.into()])
}

pub(super) fn resubmit(asked: &BatchDecision<'_, '_>, prepared: &Prepared) -> Result<Vec<Event>, Vec<Refusal>> {
    asked.was_submitted()?;
    let lines = checked(asked, prepared)?;
    if lines.is_empty() {
        return Err(Refusal::new(Code::MissingValue, "no claim is named: name at least one claim")
            .at("claims")
            .alone());
    }
    let mut rejected: HashMap<ClaimId, usize> = HashMap::new();
    for line in asked.batch.lines.iter().filter(|line| matches!(line.decision, Decision::Rejected(_))) {
        *rejected.entry(line.frozen.claim).or_default() += 1;
    }
    all(lines.iter().enumerate().filter_map(|(at, line)| {
        let refusal = match asked.batch.line(line.claim) {
            None => Some(claim_not_found(line.claim)),
            Some(before) => no_resubmission(asked, before, rejected.get(&line.claim).copied().unwrap_or(0), line),
        };
        refusal.map(|refusal| refusal.at(format!("claims.{at}")))
    }))?;
    let again = |line: &ClaimLine| ClaimResubmitted { prepared_at: prepared.from.position, line: line.clone() }.into();
    Ok(lines.iter().map(again).collect())
}

/// The refusal where a line of this batch, rejected this many times, may not be submitted again. Only a rejection uses
/// up an attempt, not a query.
fn no_resubmission(
    asked: &BatchDecision<'_, '_>,
    before: &BatchLine,
    rejected: usize,
    line: &ClaimLine,
) -> Option<Refusal> {
    if let Err(refusal) = before.may(LineAct::Resubmit) {
        return Some(*refusal);
    }
    if !matches!(before.decision, Decision::Rejected(_)) {
        return None;
    }
    let published = asked.given.contract.rulebooks().iter().map(|published| &*published.rulebook);
    let rulebook = published.into_iter().find(|rulebook| rulebook.hash() == line.rulebook)?;
    let attempts = rulebook.outcome(&line.outcome)?.claim.attempts;
    (rejected >= attempts as usize).then(|| no_attempts_left(line.claim, attempts, rulebook))
}

/// The refusal where the claim has no attempts left.
fn no_attempts_left(claim: ClaimId, attempts: u32, rulebook: &Rulebook) -> Refusal {
    let message = format!("the claim {claim} was rejected on all of its {attempts} attempts: leave it out");
    Refusal::new(Code::NoAttemptsLeft, message).by(format!("rulebook {}: claim.attempts", rulebook.version))
}

/// The lines of a preparation that is still valid.
fn checked<'a>(asked: &BatchDecision<'_, '_>, prepared: &'a Prepared) -> Result<&'a [ClaimLine], Vec<Refusal>> {
    let from = &prepared.from;
    let mut validator = asked.validator();
    validator.at_most("claims", prepared.lines.as_ref().map_or(0, Vec::len), CLAIMS_MAX);
    validator.done()?;
    reaches(asked, from)?;
    let lines = prepared.lines.as_ref().map_err(Clone::clone)?;
    all(in_other_batches(asked, from, lines))?;
    let mut named = BTreeSet::new();
    all(lines.iter().enumerate().filter_map(|(at, line)| {
        let once = named.insert(line.claim);
        let refusal = if once { line_refused(asked, from, line) } else { Some(twice(line.claim)) };
        refusal.map(|refusal| refusal.at(format!("claims.{at}")))
    }))?;
    stands_still(asked, from)?;
    all(verified_by_sender(asked, prepared, lines))?;
    Ok(lines)
}

/// Refuses each claim that rests on evidence which the sender verified, if the rulebook keeps these duties apart.
fn verified_by_sender(
    asked: &BatchDecision<'_, '_>,
    prepared: &Prepared,
    lines: &[ClaimLine],
) -> impl Iterator<Item = Refusal> {
    let rulebook = asked.given.contract.rulebook_in_force(asked.occurred.earliest());
    let apart = rulebook.is_some_and(|rulebook| rulebook.duties.verify_submit);
    let checked = lines.iter().enumerate().filter(move |_| apart);
    checked.filter_map(|(at, line)| {
        let mut logins = prepared.verified_by.get(&line.claim)?.iter();
        let is_theirs = logins.any(|login| login::is_same(login, asked.given.sender));
        is_theirs.then(|| verified_by_you(line.claim).at(format!("claims.{at}")))
    })
}

fn line_refused(asked: &BatchDecision<'_, '_>, from: &Basis, line: &ClaimLine) -> Option<Refusal> {
    moved_on(asked, from, line).or_else(|| not_ready(asked, from, line))
}

/// The refusal where the case of a line has changed since the line was prepared.
pub(super) fn moved_on(asked: &BatchDecision<'_, '_>, from: &Basis, line: &ClaimLine) -> Option<Refusal> {
    let ClaimAbout::Journey(journey) = line.about else { return None };
    let has_changed = asked.given.changed.is_after(from.position, StreamId::journey(journey));
    has_changed.then(|| stale(from, &format!("the case {journey} of the claim {} has", line.claim)))
}

/// The refusal where a rulebook that may judge this line was published after the lines were prepared.
fn not_ready(asked: &BatchDecision<'_, '_>, from: &Basis, line: &ClaimLine) -> Option<Refusal> {
    let on = asked.occurred.earliest();
    let published = asked.given.contract.rulebooks().iter().map(|published| &published.rulebook);
    let mut unknown = published.filter(|rulebook| !from.rulebooks.contains(rulebook.hash()));
    let judges = |rulebook: &Rulebook| {
        let by = match rulebook.applies_by {
            AppliesBy::Achieved if !rulebook.retroactive => line.achieved_on,
            // The line does not say the date that chooses the version. That date is never after this one.
            _ => on,
        };
        rulebook.effective_from <= by
    };
    let version = &unknown.find(|rulebook| judges(rulebook))?.version;
    let message = format!(
        "the rulebook {version} may apply to the claim {}, but claims are not computed under it yet: try again shortly",
        line.claim
    );
    Some(Refusal::new(Code::RulebookNotReady, message).by(format!("rulebook {version}: effective_from")))
}

/// Refuses each claim that is in another batch which was submitted in the meantime.
fn in_other_batches(asked: &BatchDecision<'_, '_>, from: &Basis, lines: &[ClaimLine]) -> impl Iterator<Item = Refusal> {
    let others = changed_batches(asked, from).filter(|(id, _)| *id != asked.command.batch);
    let others: Vec<(BatchId, Batch)> = others.map(|(id, history)| (id, Batch::of(history))).collect();
    lines.iter().enumerate().filter_map(move |(at, line)| {
        let (other, _) = others.iter().find(|(_, batch)| batch.holds(line.claim))?;
        let message = format!("the claim {} is already in the batch {other}: leave it out", line.claim);
        Some(Refusal::new(Code::ClaimInBatch, message).at(format!("claims.{at}")))
    })
}

/// The batches of this contract that have changed since, with their histories.
fn changed_batches<'g>(asked: &BatchDecision<'_, 'g>, from: &Basis) -> impl Iterator<Item = (BatchId, &'g History)> {
    let (given, since) = (asked.given, from.position);
    let of_batches = given.changed.streams().filter(|stream| stream.kind == StreamKind::Batch);
    let changed = of_batches.filter(move |stream| given.changed.is_after(since, *stream));
    let known = changed.filter_map(|stream| Some((BatchId(stream.id), (given.history)(stream)?)));
    known.filter(|(_, history)| history.contract() == given.contract.code())
}

/// Refuses a preparation that is so old that the changes since are not known.
pub(super) fn reaches(asked: &BatchDecision<'_, '_>, from: &Basis) -> Result<(), Vec<Refusal>> {
    if asked.given.changed.reaches(from.position) {
        Ok(())
    } else {
        Err(stale(from, "too much of the log has").alone())
    }
}

/// Refuses a preparation if the batches of the contract have since used more or less of a cap, or if links between
/// records have changed.
pub(super) fn stands_still(asked: &BatchDecision<'_, '_>, from: &Basis) -> Result<(), Vec<Refusal>> {
    if from.streams.iter().any(|stream| asked.given.changed.is_after(from.position, *stream)) {
        return Err(stale(from, "a link between client records has").alone());
    }
    let counts = |history: &History| {
        let newer = history.events().iter().rev().take_while(|event| event.position > from.position);
        newer.map(|event| &event.event).any(|event| {
            matches!(
                event,
                Event::BatchSubmitted(_)
                    | Event::ClaimRejected(_)
                    | Event::ClaimResubmitted(_)
                    | Event::ClaimWithdrawn(_)
                    | Event::AdjustmentRaised(_)
            )
        })
    };
    match changed_batches(asked, from).find(|(_, history)| counts(history)) {
        Some((batch, _)) => Err(stale(from, &format!("the batch {batch} of the same contract has")).alone()),
        None => Ok(()),
    }
}

fn stale(from: &Basis, what: &str) -> Refusal {
    let message = format!(
        "{what} changed since position {}: read the claims again and send the command with their new position",
        from.position
    );
    let rule = "the claims of a batch command must not have changed since the position that it names";
    Refusal::new(Code::StaleClaims, message).by(rule)
}

/// Returns the refusals, if there are any, up to the limit.
fn all(refused: impl Iterator<Item = Refusal>) -> Result<(), Vec<Refusal>> {
    let refused: Vec<Refusal> = refused.take(NAMED_MAX).collect();
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}
