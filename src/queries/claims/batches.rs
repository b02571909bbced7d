//! The batches of a contract by themselves, and what was received for each claim. No claim is evaluated here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;

use crate::log::read::{Lane, PAGE_SIZE};
use crate::log::{Log, LogError};
use throughline_domain::contract::batch::Batch;
use throughline_domain::contract::batch::ledger::{Ledger, LedgerLine};
use throughline_domain::contract::outcome::settle::LineState;
use throughline_domain::fact::envelope::{BatchId, ClaimId, JourneyId, Position, StreamKind};
use throughline_domain::fact::event::EventType;
use throughline_domain::fact::money::Money;
use throughline_domain::fact::{History, Recorded};

/// The batches of a contract at the end of a day, as known at a position, in the order in which they were opened.
pub async fn batches(
    log: &Log,
    contract: &str,
    upto: Position,
    as_of: NaiveDate,
) -> Result<Vec<(BatchId, Arc<Batch>)>, LogError> {
    let of_batches = |event_type: &&EventType| event_type.stream_kinds().contains(&StreamKind::Batch);
    let lanes: Vec<Lane> = EventType::ALL
        .iter()
        .filter(of_batches)
        .map(|event_type| Lane::TypeOfContract(event_type.as_str(), contract.to_owned()))
        .collect();
    let mut histories: BTreeMap<BatchId, History> = BTreeMap::new();
    let mut opened = Vec::new();
    let mut after = Position::default();
    loop {
        let page = log.page_among(&lanes, after, upto, PAGE_SIZE).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for envelope in page.iter().filter(|envelope| envelope.stream.kind == StreamKind::Batch) {
            let batch = BatchId(envelope.stream.id);
            let recorded = Recorded::decode(envelope).map_err(|error| LogError::Payload(Box::new(error)))?;
            if !histories.contains_key(&batch) {
                opened.push(batch);
            }
            histories.entry(batch).or_default().evolve(recorded);
        }
    }
    let folded = opened.into_iter().map(|id| (id, Arc::new(Batch::as_of(&histories[&id], as_of))));
    Ok(folded.filter(|(_, batch)| batch.opened.is_some()).collect())
}

/// What was received for each claim: for its lines, and for the adjustments that a payment settled.
#[derive(Debug)]
pub struct Receipts<'b> {
    ledger: &'b Ledger<'b>,
    settled: BTreeMap<ClaimId, Money>,
}

/// The claims of one case in all batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CaseMoney {
    /// The submitted claims, whatever was decided.
    pub submitted: u32,
    /// Of these: paid in full.
    pub paid: u32,
    /// What was received for them and their adjustments.
    pub received: Money,
}

impl<'b> Receipts<'b> {
    /// The receipts of these batches.
    pub fn of(ledger: &'b Ledger<'b>, batches: &[(BatchId, Arc<Batch>)]) -> Self {
        let mut settled: BTreeMap<ClaimId, Money> = BTreeMap::new();
        let raised = batches.iter().flat_map(|(_, batch)| &batch.adjustments);
        for adjustment in raised.filter(|adjustment| adjustment.settled.is_some()) {
            let details = &adjustment.raised.details;
            if let Some(claim) = details.claim {
                let sum = settled.entry(claim).or_default();
                *sum = *sum + details.amount;
            }
        }
        Self { ledger, settled }
    }

    /// The lines of a claim that were not withdrawn, in batch order. Without any, the claim was not submitted.
    pub fn lines(&self, claim: ClaimId) -> Vec<&LedgerLine<'b>> {
        self.ledger.lines_of(claim).filter(|line| line.state() != LineState::Withdrawn).collect()
    }

    /// What was received for a claim.
    pub fn received(&self, claim: ClaimId) -> Money {
        let paid: Money = self.lines(claim).iter().map(|line| line.line.paid).sum();
        paid + self.settled.get(&claim).copied().unwrap_or_default()
    }

    /// The submitted claims of each case, with what was received for them.
    pub fn by_case(&self) -> BTreeMap<JourneyId, CaseMoney> {
        let mut by_case: BTreeMap<JourneyId, CaseMoney> = BTreeMap::new();
        let of_cases = self.ledger.lines().iter().filter_map(|line| {
            let frozen = &line.line.frozen;
            Some((frozen.about.journey()?, frozen.claim))
        });
        for (journey, claim) in of_cases.collect::<BTreeSet<_>>() {
            let lines = self.lines(claim);
            let Some(last) = lines.last() else { continue };
            let of_case = by_case.entry(journey).or_default();
            of_case.submitted += 1;
            of_case.paid += u32::from(last.state() == LineState::Paid);
            of_case.received = of_case.received + self.received(claim);
        }
        by_case
    }
}
