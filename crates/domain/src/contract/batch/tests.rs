//! Given these batches of a contract, when a command is sent about one, then these events or this refusal.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rust_decimal::Decimal;
use uuid::Uuid;

use super::ledger::{Ledger, LedgerLine};
use super::*;
use crate::command::batches::{Adjusting, Basis, BatchAct, BatchCommand, ClaimDecision, Payment, Prepared};
use crate::command::{Command, Given, NewEvent, When, decide};
use crate::contract::Contract;
use crate::contract::outcome::settle::LineState;
use crate::fact::changed::ChangedStreams;
use crate::fact::envelope::{AdjustmentId, BatchId, EventId, JourneyId, RiskId, StreamId, SubjectId};
use crate::fact::event::{
    AdjustmentKind, AmountPaid, BatchSubmitted, ClaimAbout, ClaimAccepted, ClaimResubmitted, RiskCleared,
};
use crate::fact::refusal::{Refusal, RefusalCode as Code};
use crate::world::{RULES, day, open_contract, recorded, when};

const OUTCOME: &str = "[[outcome]]\ncode = \"job\"\ntitle = \"Job\"\ntrigger = { spell = [\"accommodation\"] }\n\
    claim = { attempts = 2 }\n[[outcome.tariff]]\namount = \"3000.00\"\n";

fn rules() -> String {
    format!("{RULES}{OUTCOME}")
}

/// The same from February 2018 on, with another price.
fn second(applies_by: &str) -> String {
    let second = rules().replace("\"2017-03\"", "\"2018-02\"").replace("= 2017-03-01", "= 2018-02-01");
    second.replace("3000.00", "2500.00").replace("\"achieved\"", &format!("\"{applies_by}\""))
}

fn money(amount: i64) -> Money {
    Money::of(Decimal::from(amount), "GBP")
}

const fn claim(n: u128) -> ClaimId {
    ClaimId(Uuid::from_u128(0xc_0000 + n))
}

const fn journey(n: u128) -> JourneyId {
    JourneyId(Uuid::from_u128(0x7_0000 + n))
}

const fn batch(n: u128) -> BatchId {
    BatchId(Uuid::from_u128(0xb_0000 + n))
}

const fn adjustment(n: u128) -> AdjustmentId {
    AdjustmentId(Uuid::from_u128(0xa_0000 + n))
}

/// All recorded events, each with its index as position.
struct Books {
    contract: Contract,
    histories: HashMap<StreamId, History>,
    position: i64,
}

fn books() -> Books {
    Books { contract: open_contract(&[&rules()]), histories: HashMap::new(), position: 100 }
}

impl Books {
    /// A preparation of these claims, each of a case of its own, from the current position.
    fn prepared(&self, claims: &[u128]) -> Prepared {
        let rulebooks = self.contract.rulebooks();
        let hash = rulebooks.first().expect("there are rules").rulebook.hash().to_owned();
        let line = |n: &u128| ClaimLine {
            claim: claim(*n),
            about: ClaimAbout::Journey(journey(*n)),
            outcome: "job".to_owned(),
            repeat: 1,
            achieved_on: day("2018-01-15"),
            amount: money(3_000),
            rulebook: hash.clone(),
            derivation: "d".repeat(64),
        };
        let lines = Ok(claims.iter().map(line).collect());
        Prepared { from: self.basis(), currency: "GBP".to_owned(), lines, verified_by: BTreeMap::new() }
    }

    fn basis(&self) -> Basis {
        let rulebooks = self.contract.rulebooks().iter().map(|known| known.rulebook.hash().to_owned());
        Basis { position: Position(self.position), streams: BTreeSet::new(), rulebooks: rulebooks.collect() }
    }

    fn decide(&self, command: &BatchCommand) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        // The person who submits does not decide.
        let sender = if matches!(command.act, BatchAct::Decide(..)) { "cat" } else { "ann" };
        self.decide_as(sender, command)
    }

    fn decide_as(&self, sender: &str, command: &BatchCommand) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let newest = self.histories.iter().map(|(stream, history)| (*stream, history.position()));
        let given = Given {
            today: day("2018-02-28"),
            contract: &self.contract,
            sender,
            history: &|stream| self.histories.get(&stream),
            // Excess payments have a test of their own.
            accepted: &BTreeSet::from([Code::PaymentBeyondDue.as_str().to_owned()]),
            changed: &ChangedStreams::since(Position::default(), newest),
        };
        let none = History::default();
        let history = self.histories.get(&StreamId::batch(command.batch)).unwrap_or(&none);
        decide(history, &Command::Batch(command.clone()), &given)
    }

    fn record(&mut self, stream: StreamId, at: &str, event: Event) {
        self.position += 1;
        let history = self.histories.entry(stream).or_default();
        let mut recorded = recorded(history.version() + 1, when(at), event);
        recorded.position = Position(self.position);
        recorded.event_id = EventId(Uuid::from_u128(self.position.unsigned_abs().into()));
        history.evolve(recorded);
    }

    fn tell(&mut self, n: u128, at: &str, act: BatchAct) -> Vec<Event> {
        let command = BatchCommand { batch: batch(n), when: when(at).into(), as_of: None, act, warnings: Vec::new() };
        let events = self.decide(&command).unwrap_or_else(|refused| panic!("{command:#?} is refused: {refused:#?}"));
        for event in &events {
            self.record(event.stream, at, event.event.clone());
        }
        events.into_iter().map(|event| event.event).collect()
    }

    fn and(mut self, n: u128, at: &str, act: BatchAct) -> Self {
        self.tell(n, at, act);
        self
    }

    #[track_caller]
    fn refuses(&self, n: u128, at: &str, act: BatchAct) -> Refusal {
        let command = BatchCommand { batch: batch(n), when: when(at).into(), as_of: None, act, warnings: Vec::new() };
        let refused = self.decide(&command).expect_err("a refusal");
        assert_eq!(refused.len(), 1, "{refused:#?}");
        refused.into_iter().next().expect("there is one")
    }

    fn batch(&self, n: u128) -> Batch {
        Batch::of(&self.histories[&StreamId::batch(batch(n))])
    }

    fn opened(self, n: u128) -> Self {
        self.and(n, "2018-02-01", open())
    }

    /// A batch with the claims 1, 2 and 3, submitted on 2 February.
    fn submitted() -> Self {
        let books = books().opened(1);
        let prepared = books.prepared(&[1, 2, 3]);
        books.and(1, "2018-02-02", BatchAct::Submit(prepared))
    }

    fn accepted(self, claims: &[u128]) -> Self {
        self.and(1, "2018-02-03", accept(claims))
    }

    /// The state and amount of a claim in the ledger.
    fn line(&self, n: u128) -> (LineState, Money) {
        let batches = self.batches();
        let ledger = Ledger::of(&batches);
        let line = ledger.line(claim(n)).expect("a line");
        (line.state(), line.due())
    }

    fn batches(&self) -> Vec<(BatchId, Batch)> {
        let batches = self.histories.iter().filter(|(stream, _)| **stream == StreamId::batch(BatchId(stream.id)));
        let mut batches: Vec<_> = batches.map(|(stream, of)| (BatchId(stream.id), Batch::of(of))).collect();
        batches.sort_by_key(|(id, _)| *id);
        batches
    }

    fn adjusting(&self, kind: AdjustmentKind, n: Option<u128>, amount: i64) -> Adjusting {
        let batches = self.batches();
        let ledger = Ledger::of(&batches);
        let fact = AdjustmentRaised {
            adjustment: adjustment(1),
            kind,
            batch: Some(batch(1)),
            claim: n.map(claim),
            amount: money(amount),
            by_hand: None,
            reason: "never begun".to_owned(),
        };
        let due = match n {
            Some(n) => ledger.line_in(batch(1), claim(n)).map(LedgerLine::due),
            None => Some(ledger.excess(batch(1))),
        };
        Adjusting { from: self.basis(), fact, due }
    }
}

fn open() -> BatchAct {
    BatchAct::Open(
        "shps".to_owned(),
        BatchOpened { reference: Some("2017-18 Q4".to_owned()), ..BatchOpened::default() },
    )
}

fn accept(claims: &[u128]) -> BatchAct {
    BatchAct::Decide(claims.iter().copied().map(claim).collect(), ClaimDecision::Accept)
}

fn reject(claims: &[u128]) -> BatchAct {
    let decision = ClaimDecision::Reject { defect: "remarks_on_form".to_owned(), remark: None };
    BatchAct::Decide(claims.iter().copied().map(claim).collect(), decision)
}

fn query(n: u128) -> BatchAct {
    BatchAct::Decide(vec![claim(n)], ClaimDecision::Query { remark: "which payslip?".to_owned() })
}

fn pay(amounts: &[(u128, i64)]) -> BatchAct {
    let amounts = amounts.iter().map(|(n, amount)| AmountPaid { claim: claim(*n), amount: money(*amount) });
    BatchAct::Pay(Payment { amounts: amounts.collect(), ..Payment::default() })
}

fn withdraw(n: u128) -> BatchAct {
    BatchAct::Withdraw(vec![claim(n)], "the wrong quarter".to_owned())
}

#[test]
fn claims_are_submitted_accepted_and_paid() {
    let mut books = Books::submitted();
    assert_eq!(books.batch(1).state(), BatchState::Submitted);
    let events = books.tell(1, "2018-02-03", accept(&[1, 2, 3]));
    assert_eq!(events[0], ClaimAccepted { claim: claim(1) }.into());
    books.tell(1, "2018-02-10", pay(&[(1, 3_000), (2, 3_000)]));
    let batch = books.batch(1);
    assert_eq!(batch.state(), BatchState::Submitted, "one is not paid");
    assert_eq!((batch.claimed(), batch.due(), batch.received()), (money(9_000), money(9_000), money(6_000)));
    assert_eq!(books.line(1), (LineState::Paid, money(3_000)));
    assert_eq!(books.line(3), (LineState::Accepted, money(3_000)));
    books.tell(1, "2018-02-10", pay(&[(3, 3_000)]));
    assert_eq!(books.batch(1).state(), BatchState::Settled);
}

#[test]
fn a_submitted_line_is_frozen() {
    let books = books().opened(1);
    let prepared = books.prepared(&[1]);
    let lines = prepared.lines.clone().expect("lines");
    let events = books.and(1, "2018-02-02", BatchAct::Submit(prepared)).tell(1, "2018-02-03", accept(&[1]));
    assert_eq!(events.len(), 1);
    let mut again = Books::submitted().accepted(&[1]);
    let before = again.batch(1).line(claim(1)).expect("a line").frozen.clone();
    again.tell(1, "2018-02-04", reject(&[1]));
    assert_eq!(again.batch(1).line(claim(1)).expect("a line").frozen, before);
    assert_eq!(before.claim, lines[0].claim);
}

#[test]
fn a_batch_is_opened_once_in_a_contract_that_is_open() {
    let books = books().opened(1);
    assert_eq!(books.refuses(1, "2018-02-01", open()).code, Code::BatchExists);
    let elsewhere = BatchAct::Open("mhep".to_owned(), BatchOpened::default());
    assert_eq!(books.refuses(2, "2018-02-01", elsewhere).code, Code::ContractNotFound);
    assert_eq!(books.refuses(2, "2018-03-01", open()).code, Code::DatedInFuture);
    assert_eq!(books.refuses(2, "2018-02-01", accept(&[1])).code, Code::BatchNotFound);
}

#[test]
fn a_batch_is_submitted_once_and_decided_after_that() {
    let books = books().opened(1);
    assert_eq!(books.refuses(1, "2018-02-02", accept(&[1])).code, Code::BatchNotSubmitted);
    assert_eq!(books.refuses(1, "2018-02-02", pay(&[(1, 1)])).code, Code::BatchNotSubmitted);
    assert_eq!(books.refuses(1, "2018-02-02", BatchAct::Submit(books.prepared(&[]))).code, Code::MissingValue);
    assert_eq!(books.refuses(1, "2018-02-02", BatchAct::Submit(books.prepared(&[1, 1]))).code, Code::InvalidValue);
    assert_eq!(books.refuses(1, "2018-01-31", BatchAct::Submit(books.prepared(&[1]))).code, Code::InvalidValue);
    let books = Books::submitted();
    assert_eq!(
        books.refuses(1, "2018-02-02", BatchAct::Submit(books.prepared(&[4]))).code,
        Code::BatchAlreadySubmitted
    );
    assert_eq!(books.refuses(1, "2018-02-01", accept(&[1])).path, Some("occurred_on".into()));
    assert_eq!(books.refuses(1, "2018-02-03", accept(&[4])).code, Code::ClaimNotFound);
}

#[test]
fn a_rejection_names_a_defect_of_the_rulebook() {
    let books = Books::submitted();
    let decision = ClaimDecision::Reject { defect: "ugly".to_owned(), remark: None };
    let refusal = books.refuses(1, "2018-02-03", BatchAct::Decide(vec![claim(1)], decision));
    assert_eq!(
        (refusal.code, refusal.allowed),
        (Code::UnknownCode, vec!["illegible".to_owned(), "remarks_on_form".to_owned()])
    );
    let decision = ClaimDecision::Query { remark: "ring 020 7946 0958".to_owned() };
    assert_eq!(books.refuses(1, "2018-02-03", BatchAct::Decide(vec![claim(1)], decision)).code, Code::PersonalData);
}

#[test]
fn a_decision_depends_on_the_decisions_before() {
    let books = Books::submitted().accepted(&[1]).and(1, "2018-02-03", reject(&[2])).and(1, "2018-02-03", query(3));
    for act in [accept(&[1]), query(1), withdraw(1), accept(&[2]), reject(&[2]), withdraw(2), query(3)] {
        assert_eq!(books.refuses(1, "2018-02-04", act).code, Code::ClaimAlreadyDecided);
    }
    assert_eq!(books.refuses(1, "2018-02-04", pay(&[(3, 1)])).code, Code::ClaimNotAccepted);
    let books = books.and(1, "2018-02-04", withdraw(3));
    assert_eq!(books.line(3), (LineState::Withdrawn, Money::ZERO));
}

#[test]
fn claims_prepared_before_midnight_are_not_submitted_after_it() {
    let books = books().opened(1);
    let submit = |as_of: &str, when: When| {
        let (as_of, act) = (Some(day(as_of)), BatchAct::Submit(books.prepared(&[1])));
        books.decide(&BatchCommand { batch: batch(1), when, as_of, act, warnings: Vec::new() })
    };
    let events = submit("2018-02-28", When::TODAY).expect("accepted");
    assert_eq!(events[0].occurred, when("2018-02-28"), "today");
    let refused = submit("2018-02-27", When::TODAY).expect_err("a refusal");
    assert_eq!((refused[0].code, refused[0].path.clone()), (Code::StaleClaims, Some("occurred_on".into())));
    submit("2018-02-27", when("2018-02-27").into()).expect("claims of an earlier day");
    let early = submit("2018-02-28", when("2018-03-01").into()).expect_err("a refusal");
    assert_eq!(early[0].code, Code::DatedInFuture);
}

#[test]
fn a_rejected_claim_is_submitted_again_while_attempts_are_left() {
    let again = |books: &Books| BatchAct::Resubmit(books.prepared(&[1]));
    let books = Books::submitted();
    assert_eq!(books.refuses(1, "2018-02-03", again(&books)).code, Code::ClaimAlreadyDecided);
    let books = books.and(1, "2018-02-03", reject(&[1]));
    let act = again(&books);
    let mut books = books.and(1, "2018-02-04", act);
    assert_eq!(books.line(1).0, LineState::Submitted);
    assert_eq!(books.batch(1).line(claim(1)).expect("a line").attempt, 2);
    books.tell(1, "2018-02-05", reject(&[1]));
    assert_eq!(books.refuses(1, "2018-02-06", again(&books)).code, Code::NoAttemptsLeft);
    let lines = books.batch(1).lines;
    assert_eq!(lines.len(), 4, "the first line is kept");
    assert!(matches!(lines[0].decision, Decision::Rejected(_)));
}

#[test]
fn a_query_is_answered_by_submitting_again_and_costs_no_attempt() {
    let mut books = Books::submitted();
    for at in ["2018-02-03", "2018-02-04", "2018-02-05"] {
        books.tell(1, at, query(1));
        let prepared = books.prepared(&[1]);
        let events = books.tell(1, at, BatchAct::Resubmit(prepared));
        assert!(
            matches!(&events[..], [Event::ClaimResubmitted(ClaimResubmitted { line, .. })] if line.claim == claim(1))
        );
    }
    books.tell(1, "2018-02-06", accept(&[1]));
    assert_eq!(books.batch(1).due(), money(9_000), "each claim counts once");
}

#[test]
fn a_rejected_claim_is_submitted_again_under_the_version_that_then_applies() {
    let mut books = Books::submitted().and(1, "2018-02-03", reject(&[1]));
    books.contract = open_contract(&[&rules(), &second("submitted")]);
    let mut prepared = books.prepared(&[1]);
    let hash = books.contract.rulebooks()[1].rulebook.hash().to_owned();
    let line = &mut prepared.lines.as_mut().expect("lines")[0];
    (line.amount, line.rulebook) = (money(2_500), hash.clone());
    books.tell(1, "2018-02-04", BatchAct::Resubmit(prepared));
    let batch = books.batch(1);
    let line = batch.line(claim(1)).expect("a line");
    assert_eq!((line.frozen.amount, &line.frozen.rulebook), (money(2_500), &hash));
    assert_eq!(batch.lines[0].frozen.amount, money(3_000));
}

#[test]
fn two_managers_submit_overlapping_batches_and_the_second_is_refused_naming_the_claim() {
    let books = books().opened(1).opened(2);
    let (one, other) = (books.prepared(&[1, 2]), books.prepared(&[2, 3]));
    let books = books.and(1, "2018-02-02", BatchAct::Submit(one));
    let refusal = books.refuses(2, "2018-02-02", BatchAct::Submit(other));
    assert_eq!((refusal.code, refusal.path.clone()), (Code::ClaimInBatch, Some("claims.0".into())));
    assert!(refusal.message.contains(&claim(2).to_string()) && refusal.message.contains(&batch(1).to_string()));
    let fresh = books.prepared(&[3]);
    books.and(2, "2018-02-02", BatchAct::Submit(fresh));
}

#[test]
fn another_batchs_use_of_a_cap_makes_a_preparation_stale() {
    let books = books().opened(1).opened(2);
    let (one, other) = (books.prepared(&[1]), books.prepared(&[2]));
    let books = books.and(1, "2018-02-02", BatchAct::Submit(one));
    assert_eq!(books.refuses(2, "2018-02-02", BatchAct::Submit(other)).code, Code::StaleClaims);
    let fresh = books.prepared(&[2]);
    let books = books.and(1, "2018-02-03", accept(&[1])).and(2, "2018-02-03", BatchAct::Submit(fresh));
    assert_eq!(books.batches().len(), 2, "an acceptance changes no amount");
}

#[test]
fn a_claim_whose_journey_has_a_later_event_is_stale() {
    let mut books = books().opened(1);
    let prepared = books.prepared(&[1, 2]);
    books.record(StreamId::journey(journey(2)), "2018-01-10", RiskCleared { risk: RiskId(Uuid::nil()) }.into());
    let refusal = books.refuses(1, "2018-02-02", BatchAct::Submit(prepared.clone()));
    assert_eq!((refusal.code, refusal.path.clone()), (Code::StaleClaims, Some("claims.1".into())));
    let fresh = books.prepared(&[1, 2]);
    let mut rests = Prepared {
        from: Basis { streams: [StreamId::subject(SubjectId(Uuid::nil()))].into(), ..fresh.from.clone() },
        ..fresh.clone()
    };
    books.record(
        StreamId::subject(SubjectId(Uuid::nil())),
        "2018-01-10",
        RiskCleared { risk: RiskId(Uuid::nil()) }.into(),
    );
    assert_eq!(books.refuses(1, "2018-02-02", BatchAct::Submit(rests.clone())).code, Code::StaleClaims, "a link");
    rests.lines = Err(Refusal::new(Code::ClaimNotClaimable, "the claim matures").alone());
    rests.from = books.basis();
    assert_eq!(books.refuses(1, "2018-02-02", BatchAct::Submit(rests)).code, Code::ClaimNotClaimable);
    books.and(1, "2018-02-02", BatchAct::Submit(fresh));
}

#[test]
fn who_verified_evidence_of_a_claim_does_not_submit_it_and_who_submitted_does_not_decide() {
    let books = books().opened(1);
    let verified_by = BTreeMap::from([(claim(2), BTreeSet::from(["bob".to_owned(), "Ann".to_owned()]))]);
    let prepared = Prepared { verified_by, ..books.prepared(&[1, 2]) };
    let submit = |prepared: &Prepared| BatchCommand {
        batch: batch(1),
        when: when("2018-02-02").into(),
        as_of: None,
        act: BatchAct::Submit(prepared.clone()),
        warnings: Vec::new(),
    };
    let refused = books.decide_as("ann", &submit(&prepared)).expect_err("refused");
    let found: Vec<_> = refused.iter().map(|refusal| (refusal.code, refusal.path.clone())).collect();
    assert_eq!(found, [(Code::SamePerson, Some("claims.1".into()))]);
    assert!(books.decide_as("cat", &submit(&prepared)).is_ok(), "another person");
    assert!(books.decide_as("ann", &submit(&books.prepared(&[1]))).is_ok(), "without that claim");
    let submitted = books.and(1, "2018-02-02", BatchAct::Submit(prepared_by_nobody(&prepared)));
    let decide = BatchCommand { act: accept(&[1]), ..submit(&prepared) };
    let refused = submitted.decide_as("ANN", &decide).expect_err("refused");
    assert_eq!((refused[0].code, refused[0].path.clone()), (Code::SamePerson, Some("batch".into())));
    assert!(submitted.decide_as("cat", &decide).is_ok());
}

/// The same preparation, of claims whose evidence nobody verified.
fn prepared_by_nobody(prepared: &Prepared) -> Prepared {
    Prepared { verified_by: BTreeMap::new(), ..prepared.clone() }
}

#[test]
fn a_line_that_may_need_a_newly_published_rulebook_waits_for_it() {
    for (applies_by, code) in
        [("submitted", Some(Code::RulebookNotReady)), ("achieved", None), ("referred", Some(Code::RulebookNotReady))]
    {
        let mut books = books().opened(1);
        let prepared = books.prepared(&[1]);
        books.contract = open_contract(&[&rules(), &second(applies_by)]);
        let command = BatchCommand {
            batch: batch(1),
            when: when("2018-02-02").into(),
            as_of: None,
            act: BatchAct::Submit(prepared),
            warnings: Vec::new(),
        };
        let refused = books.decide(&command).err().map(|refused| refused[0].code);
        assert_eq!(refused, code, "{applies_by}: achieved before it comes into force");
    }
}

#[test]
fn an_excess_is_recorded_apart_and_settled_in_a_later_batch() {
    let mut books = Books::submitted().accepted(&[1, 2]);
    let events = books.tell(1, "2018-02-10", pay(&[(1, 3_100), (2, 3_000)]));
    let [Event::PaymentReceived(payment)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(payment.amounts.iter().map(|paid| paid.amount).collect::<Vec<_>>(), [money(3_000), money(3_000)]);
    assert_eq!(payment.excess, Some(money(100)));
    let events = books.tell(1, "2018-02-11", pay(&[(1, 3_000)]));
    let [Event::PaymentReceived(payment)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((payment.amounts.len(), payment.excess), (0, Some(money(3_000))), "it was already paid");
    assert_eq!((books.batch(1).excess(), books.batch(1).received()), (money(3_100), money(9_100)));
    let books = books.opened(2);
    let too_much = books.adjusting(AdjustmentKind::Overpayment, None, -3_101);
    assert_eq!(books.refuses(2, "2018-02-12", BatchAct::Adjust(too_much)).code, Code::AdjustmentTooLarge);
    let settled = books.adjusting(AdjustmentKind::Overpayment, None, -3_100);
    let books = books.and(2, "2018-02-12", BatchAct::Adjust(settled));
    assert_eq!(Ledger::of(&books.batches()).excess(batch(1)), Money::ZERO);
    assert_eq!(books.batch(2).due(), money(-3_100));
}

#[test]
fn a_clawback_is_due_with_the_next_batch_and_the_closed_one_does_not_change() {
    let mut books =
        Books::submitted().accepted(&[1, 2, 3]).and(1, "2018-02-10", pay(&[(1, 3_000), (2, 3_000), (3, 3_000)]));
    let closed = books.histories[&StreamId::batch(batch(1))].version();
    let clawback = books.adjusting(AdjustmentKind::Clawback, Some(2), -3_000);
    assert_eq!(books.refuses(1, "2018-02-12", BatchAct::Adjust(clawback)).code, Code::BatchAlreadySubmitted);
    books = books.opened(2);
    let clawback = books.adjusting(AdjustmentKind::Clawback, Some(2), -3_000);
    books.tell(2, "2018-02-12", BatchAct::Adjust(clawback.clone()));
    assert_eq!(books.line(2), (LineState::Reversed, Money::ZERO));
    assert_eq!(books.histories[&StreamId::batch(batch(1))].version(), closed);
    let again = Adjusting { fact: AdjustmentRaised { adjustment: adjustment(2), ..clawback.fact.clone() }, ..clawback };
    assert_eq!(
        books.refuses(2, "2018-02-12", BatchAct::Adjust(again)).code,
        Code::StaleClaims,
        "nothing is taken back twice"
    );
    let again = books.adjusting(AdjustmentKind::Clawback, Some(2), -1);
    assert_eq!(books.refuses(2, "2018-02-12", BatchAct::Adjust(again)).code, Code::AdjustmentExists);
    let mut again = books.adjusting(AdjustmentKind::Clawback, Some(2), -1);
    again.fact.adjustment = adjustment(2);
    assert_eq!(books.refuses(2, "2018-02-12", BatchAct::Adjust(again)).code, Code::AdjustmentTooLarge);

    let prepared = books.prepared(&[4]);
    let mut books = books.and(2, "2018-02-13", BatchAct::Submit(prepared)).and(2, "2018-02-14", accept(&[4]));
    assert_eq!(books.batch(2).due(), Money::ZERO, "3,000 less 3,000");
    let payment = Payment {
        adjustments: vec![adjustment(1)],
        amounts: vec![AmountPaid { claim: claim(4), amount: money(3_000) }],
        ..Payment::default()
    };
    books.tell(2, "2018-02-15", BatchAct::Pay(payment.clone()));
    assert_eq!((books.batch(2).state(), books.batch(2).received()), (BatchState::Settled, Money::ZERO));
    assert_eq!(
        books.refuses(2, "2018-02-15", BatchAct::Pay(Payment { amounts: Vec::new(), ..payment })).code,
        Code::AdjustmentNotFound
    );
}

#[test]
fn an_adjustment_names_its_subject_and_has_the_right_sign() {
    let books = Books::submitted().accepted(&[1]).opened(2);
    let refuses = |kind, n: Option<u128>, amount| {
        let command = BatchCommand {
            batch: batch(2),
            when: when("2018-02-12").into(),
            as_of: None,
            act: BatchAct::Adjust(books.adjusting(kind, n, amount)),
            warnings: Vec::new(),
        };
        let refused = books.decide(&command).expect_err("a refusal");
        (refused[0].code, refused[0].path.clone().unwrap_or_default().to_string())
    };
    let at = |code, path: &str| (code, path.to_owned());
    assert_eq!(refuses(AdjustmentKind::Clawback, Some(1), 10), at(Code::InvalidValue, "amount"));
    assert_eq!(refuses(AdjustmentKind::CapRelease, Some(1), -10), at(Code::InvalidValue, "amount"));
    assert_eq!(refuses(AdjustmentKind::Conversion, Some(1), 0), at(Code::InvalidValue, "amount"));
    assert_eq!(refuses(AdjustmentKind::Clawback, None, -10), at(Code::MissingValue, "claim"));
    assert_eq!(refuses(AdjustmentKind::Extrapolation, Some(1), -10), at(Code::InvalidValue, "claim"));
    assert_eq!(refuses(AdjustmentKind::Clawback, Some(9), -10), at(Code::ClaimNotFound, "claim"));
    assert_eq!(refuses(AdjustmentKind::Clawback, Some(2), -10), at(Code::ClaimNotAccepted, "claim"));
    assert_eq!(refuses(AdjustmentKind::Clawback, Some(1), -3_001), at(Code::AdjustmentTooLarge, "amount"));
    let mut sample = books.adjusting(AdjustmentKind::Extrapolation, None, -250);
    (sample.fact.batch, sample.due) = (None, None);
    books.and(2, "2018-02-12", BatchAct::Adjust(sample));
}

#[test]
fn an_amount_has_no_more_digits_than_its_currency() {
    let books = Books::submitted().accepted(&[1]);
    let mills: Money = serde_json::from_str("\"10.005\"").expect("an amount");
    let payment = Payment { amounts: vec![AmountPaid { claim: claim(1), amount: mills }], ..Payment::default() };
    assert_eq!(books.refuses(1, "2018-02-10", BatchAct::Pay(payment)).path, Some("amounts.0.amount".into()));
    assert_eq!(books.refuses(1, "2018-02-10", pay(&[(1, -5)])).code, Code::InvalidValue);
    assert_eq!(books.refuses(1, "2018-02-10", BatchAct::Pay(Payment::default())).code, Code::MissingValue);
}

#[test]
fn a_batch_as_of_a_day_has_only_the_events_by_then() {
    let books = Books::submitted().accepted(&[1, 2, 3]).and(1, "2018-02-10", pay(&[(1, 3_000)]));
    let as_of = |on: &str| Batch::as_of(&books.histories[&StreamId::batch(batch(1))], day(on));
    assert_eq!(as_of("2018-02-01").state(), BatchState::Open);
    assert_eq!(as_of("2018-02-02").claims().filter(|line| line.decision == Decision::Submitted).count(), 3);
    assert_eq!((as_of("2018-02-09").received(), as_of("2018-02-10").received()), (Money::ZERO, money(3_000)));
}

#[test]
fn an_event_that_refers_to_nothing_changes_nothing() {
    let submitted = BatchSubmitted { prepared_at: Position(1), currency: "GBP".to_owned(), lines: Vec::new() };
    let events = [Event::from(ClaimAccepted { claim: claim(9) }), submitted.clone().into(), submitted.into()];
    let history = History::of((1..).zip(events).map(|(at, event)| recorded(at, when("2018-02-01"), event)));
    assert_eq!(Batch::of(&history).state(), BatchState::Settled);
}
