//! The batches of claims of a year: they are prepared from the live view, as the API does, then decided and paid.
//!
//! Nothing is claimed that the view does not show as claimable. A batch with nothing to claim is not opened.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::dice::Dice;
use super::play::PlayError;
use super::story::NAMES;
use super::telling::caller;
use crate::access::{Principal, Role, Scope};
use crate::app::App;
use crate::queries::claims::{self, Claims, ClaimsQuery, Purpose};
use crate::record::CommandRequest;
use throughline_domain::command::Command;
use throughline_domain::command::batches::{BatchAct, BatchCommand, ClaimDecision, Payment};
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::fact::envelope::{BatchId, ClaimId, CommandId, Occurred, Position};
use throughline_domain::fact::event::{AmountPaid, BatchOpened, ClaimLine};

/// The most time that the live view may take to apply what was recorded.
const PATIENCE: Duration = Duration::from_mins(10);
/// What a commissioner asks about a claim.
const QUERY: &str = "send a copy of the evidence that can be read";

/// Something that is done with a batch of claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Act {
    /// When it is recorded.
    pub(crate) at: DateTime<Utc>,
    /// The day, in the zone of the contract.
    pub(crate) on: NaiveDate,
    /// The number of the batch.
    pub(crate) batch: u32,
    /// What is done.
    pub(crate) deal: Deal,
}

/// What is done with a batch of claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deal {
    /// It is opened, and all that is claimable is submitted.
    Submit,
    /// The commissioner accepts most claims, and queries or rejects the others.
    Decide,
    /// The accepted claims are paid.
    Pay,
}

/// The batches of one contract.
pub(super) struct Settling<'a> {
    app: &'a App,
    contract: &'a str,
    dice: Dice,
    batches: Vec<Submitted>,
}

/// A batch that was submitted.
struct Submitted {
    number: u32,
    lines: Vec<ClaimLine>,
    accepted: Vec<ClaimId>,
}

impl<'a> Settling<'a> {
    pub(super) fn of(app: &'a App, contract: &'a str, seed: u64) -> Self {
        Self { app, contract, dice: Dice::of(seed, 5), batches: Vec::new() }
    }

    /// Does one act. Returns the position of the last event it recorded, if it recorded any.
    pub(super) async fn act(&mut self, act: Act) -> Result<Option<Position>, PlayError> {
        match act.deal {
            Deal::Submit => self.submit(act).await,
            Deal::Decide => self.decide(act).await,
            Deal::Pay => self.pay(act).await,
        }
    }

    async fn submit(&mut self, act: Act) -> Result<Option<Position>, PlayError> {
        let Some(seen) = self.claims(act, Purpose::Look).await? else { return Ok(None) };
        if seen.claimable().is_empty() {
            return Ok(None);
        }
        let manager = self.caller("manager", Role::Manager);
        let reference = Some(format!("CLAIM-{:02}", act.batch));
        let opened = BatchOpened { reference, period: None, claims: None };
        self.send(act, &manager, "opening", BatchAct::Open(self.contract.to_owned(), opened)).await?;
        let purpose = Purpose::Submit { batch: self.id(act.batch), again: BTreeSet::new() };
        let Some(claimable) = self.claims(act, purpose).await? else { return Ok(None) };
        let prepared = claimable.prepared(None, None);
        let lines = prepared.lines.clone().unwrap_or_default();
        let position = self.send(act, &manager, "submission", BatchAct::Submit(prepared)).await?;
        self.batches.push(Submitted { number: act.batch, lines, accepted: Vec::new() });
        Ok(Some(position))
    }

    async fn decide(&mut self, act: Act) -> Result<Option<Position>, PlayError> {
        let Some(at) = self.batches.iter().position(|batch| batch.number == act.batch) else { return Ok(None) };
        let defect = self.defect();
        let (mut accepted, mut queried, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
        for line in &self.batches[at].lines {
            match self.dice.from(1..=100) {
                1..=4 => queried.push(line.claim),
                5..=9 if defect.is_some() => rejected.push(line.claim),
                _ => accepted.push(line.claim),
            }
        }
        self.batches[at].accepted.clone_from(&accepted);
        let reject = ClaimDecision::Reject { defect: defect.unwrap_or_default(), remark: None };
        let decisions = [
            (accepted, "acceptance", ClaimDecision::Accept),
            (queried, "query", ClaimDecision::Query { remark: QUERY.to_owned() }),
            (rejected, "rejection", reject),
        ];
        let commissioner = self.caller("commissioner", Role::Commissioner);
        let mut last = None;
        for (claims, what, decision) in decisions {
            if !claims.is_empty() {
                last = Some(self.send(act, &commissioner, what, BatchAct::Decide(claims, decision)).await?);
            }
        }
        Ok(last)
    }

    async fn pay(&self, act: Act) -> Result<Option<Position>, PlayError> {
        let Some(batch) = self.batches.iter().find(|batch| batch.number == act.batch) else { return Ok(None) };
        let paid = batch.lines.iter().filter(|line| batch.accepted.contains(&line.claim));
        let amounts: Vec<AmountPaid> = paid.map(|line| AmountPaid { claim: line.claim, amount: line.amount }).collect();
        if amounts.is_empty() {
            return Ok(None);
        }
        let reference = Some(format!("REMITTANCE-{:02}", act.batch));
        let payment = Payment { reference, amounts, ..Payment::default() };
        let finance = self.caller("finance", Role::Manager);
        self.send(act, &finance, "payment", BatchAct::Pay(payment)).await.map(Some)
    }

    /// The claims of the contract on a day, once the live view shows everything that was recorded.
    async fn claims(&self, act: Act, purpose: Purpose) -> Result<Option<Arc<Claims>>, PlayError> {
        let head = self.app.log.head().await.map_err(PlayError::Claims)?.position;
        if !self.app.views.passed(head, PATIENCE).await {
            return Err(PlayError::Behind(head));
        }
        let scope = Scope::Deployment;
        let Some(scoped) = scope.contract(self.contract) else { return Ok(None) };
        let asked = ClaimsQuery { as_of: act.on, today: act.on, purpose };
        let found = claims::of_contract(&self.app.views.live(), &self.app.log, scoped, asked).await;
        found.map_err(PlayError::Claims)
    }

    /// A defect that the rulebook lists.
    fn defect(&self) -> Option<String> {
        let scope = Scope::Deployment;
        let contract = self.app.views.live().contract_state(scope.contract(self.contract)?)?;
        let defects = contract.newest_rulebook()?.codes.listed(CodeList::DefectCodes)?;
        (!defects.is_empty()).then(|| self.dice.pick(defects).clone())
    }

    async fn send(&self, act: Act, by: &Principal, what: &str, of: BatchAct) -> Result<Position, PlayError> {
        let as_of = matches!(of, BatchAct::Submit(_)).then_some(act.on);
        let (batch, when) = (self.id(act.batch), Occurred::on(act.on).into());
        let command = Command::Batch(BatchCommand { batch, when, as_of, act: of, warnings: Vec::new() });
        let name = format!("{what} of batch {} of {}", act.batch, self.contract);
        let command_id = CommandId(Uuid::new_v5(&NAMES, name.as_bytes()));
        let request = CommandRequest::new(by.clone(), command_id, command).accepting_every_warning();
        let appended = self.app.recorder.ordered().append(request).await;
        let appended = appended.map_err(|why| PlayError::NotRecorded { command_id, recorded_at: act.at, why })?;
        Ok(appended.position())
    }

    fn id(&self, number: u32) -> BatchId {
        BatchId(Uuid::new_v5(&NAMES, format!("batch {number} of {}", self.contract).as_bytes()))
    }

    fn caller(&self, login: &str, role: Role) -> Principal {
        caller(login, role, self.contract)
    }
}
