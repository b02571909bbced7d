//! Batches on both stores: what two nodes submit at once, and what a journey's later event does to it. What may be done
//! with a batch at all is tested beside the decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use throughline::access::Role;
use throughline::import::lines::LINE_MAX;
use throughline::log::append::{Appended, Expected};
use throughline::record::{CommandRequest, RecordError, Recorder};
use throughline::store::Dialect;
use throughline_domain::command::Command;
use throughline_domain::command::batches::{
    Basis, BatchAct, BatchCommand, CLAIMS_MAX, ClaimDecision, Payment, Prepared,
};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::batch::{Batch, BatchState};
use throughline_domain::contract::rulebook::packs;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{BatchId, ClaimId, CommandId, JourneyId, Occurred, Position, StreamId};
use throughline_domain::fact::event::{AmountPaid, BatchOpened, ClaimAbout, ClaimLine};
use throughline_domain::fact::money::Money;
use throughline_domain::fact::refusal::RefusalCode;
use uuid::Uuid;

use crate::deployment::{Deployment, JOURNEY, contact, day, of_role, open_contract, record, record_a_case};
use crate::ndjson::{exported, restore};
use crate::stores::STORES;

pub(crate) const fn batch(n: u128) -> BatchId {
    BatchId(Uuid::from_u128(0xb0 + n))
}

/// The rules that all of them rest on: parsed once, for there are tens of thousands of lines.
static RULES: LazyLock<String> = LazyLock::new(|| {
    let rulebook = Rulebook::parse(packs::pack("shps").expect("a pack").text).expect("a rulebook");
    rulebook.hash().to_owned()
});

/// The claims of these numbers, each of a journey of its own; the first is the story's.
fn line(n: u128) -> ClaimLine {
    ClaimLine {
        claim: ClaimId(Uuid::from_u128(0xc0 + n)),
        about: ClaimAbout::Journey(if n == 0 { JOURNEY } else { JourneyId(Uuid::from_u128(0x1000 + n)) }),
        outcome: "housing_secured".to_owned(),
        repeat: 1,
        achieved_on: day("2018-02-01"),
        amount: Money::of(1_000.into(), "GBP"),
        rulebook: RULES.clone(),
        derivation: "0".repeat(64),
    }
}

pub(crate) fn submit(of: BatchId, claims: &[u128], prepared_at: Position) -> Command {
    let lines: Vec<ClaimLine> = claims.iter().map(|n| line(*n)).collect();
    let rulebooks = BTreeSet::from([RULES.clone()]);
    let from = Basis { position: prepared_at, streams: BTreeSet::new(), rulebooks };
    let prepared = Prepared { from, currency: "GBP".to_owned(), lines: Ok(lines), verified_by: BTreeMap::new() };
    let act = BatchAct::Submit(prepared);
    Command::Batch(BatchCommand {
        batch: of,
        when: Occurred::on(day("2018-03-01")).into(),
        as_of: None,
        act,
        warnings: Vec::new(),
    })
}

pub(crate) fn open(of: BatchId) -> Command {
    let act = BatchAct::Open("shps".to_owned(), BatchOpened::default());
    Command::Batch(BatchCommand {
        batch: of,
        when: Occurred::on(day("2018-03-01")).into(),
        as_of: None,
        act,
        warnings: Vec::new(),
    })
}

async fn send(recorder: &Recorder, id: u128, command: Command) -> Result<Appended, RecordError> {
    let decides = matches!(&command, Command::Batch(BatchCommand { act: BatchAct::Decide(..), .. }));
    let instruction = CommandRequest {
        principal: of_role(if decides { Role::Commissioner } else { Role::Manager }),
        command_id: CommandId(Uuid::from_u128(id)),
        body: id.to_be_bytes().to_vec(),
        expected: Expected::Any,
        source: None,
        accept_warnings: BTreeSet::new(),
        dry_run: false,
        command,
    };
    recorder.append(instruction).await
}

fn refusal(outcome: &Result<Appended, RecordError>) -> Option<RefusalCode> {
    match outcome {
        Err(RecordError::Refused(refusals)) => Some(refusals[0].code),
        Err(other) => panic!("{other:?}"),
        Ok(_) => None,
    }
}

#[tokio::test]
async fn two_managers_submit_overlapping_batches_at_once_and_no_claim_is_in_both() {
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let (here, there) = (deployment.recorder().await, deployment.recorder().await);
        open_contract(&here).await;
        for round in 0..5 {
            let (one, other) = (batch(2 * round), batch(2 * round + 1));
            record(&here, 100 + 10 * round, open(one)).await;
            let opened = record(&there, 101 + 10 * round, open(other)).await;
            let claims = [3 * round + 1, 3 * round + 2, 3 * round + 3];
            let (first, second) = tokio::join!(
                send(&here, 102 + 10 * round, submit(one, &claims[..2], opened.position())),
                send(&there, 103 + 10 * round, submit(other, &claims[1..], opened.position())),
            );
            let refused: Vec<_> = [&first, &second].into_iter().filter_map(refusal).collect();
            assert_eq!(refused, [RefusalCode::ClaimInBatch], "{first:?} {second:?}");
            let Some(RecordError::Refused(refused)) = first.err().or(second.err()) else { panic!("one is refused") };
            assert!(refused[0].message.contains(&line(claims[1]).claim.to_string()), "{refused:?}");
        }
        drop((here, there));
        deployment.end().await;
    }
}

#[tokio::test]
async fn a_later_event_of_a_journey_makes_its_claim_stale_and_one_of_another_journey_does_not() {
    for dialect in STORES {
        let deployment = Deployment::on(dialect).await;
        let recorder = deployment.recorder().await;
        record_a_case(&recorder).await;
        record(&recorder, 20, open(batch(0))).await;
        let opened = record(&recorder, 21, open(batch(1))).await.position();
        let told = record(&recorder, 22, contact("2018-02-27")).await.position();
        let stale = send(&recorder, 23, submit(batch(0), &[0, 1], opened)).await;
        assert_eq!(refusal(&stale), Some(RefusalCode::StaleClaims));
        let Err(RecordError::Refused(refused)) = stale else { panic!("refused") };
        assert_eq!((refused.len(), refused[0].path.clone()), (1, Some("claims.0".into())));
        send(&recorder, 24, submit(batch(0), &[1], opened)).await.expect("nothing of it has moved");
        let elsewhere = send(&recorder, 25, submit(batch(1), &[0], told)).await;
        assert_eq!(refusal(&elsewhere), Some(RefusalCode::StaleClaims), "the other batch uses more of a cap");
        let now = deployment.log.head().await.expect("a head").position;
        let submitted = send(&recorder, 26, submit(batch(1), &[0], now)).await.expect("as things now stand");
        let again = send(&recorder, 26, submit(batch(1), &[0], opened)).await.expect("the same command");
        assert!(again.replayed, "once per command id, whatever has moved since");
        assert_eq!(again.events[0].to_record(), submitted.events[0].to_record());
        assert_eq!(deployment.log.stream(StreamId::batch(batch(1))).await.expect("a stream").len(), 2);
        drop(recorder);
        deployment.end().await;
    }
}

#[tokio::test]
async fn a_batch_of_as_many_claims_as_one_may_hold_goes_out_and_into_the_other_store() {
    let claims: Vec<u128> = (1..=CLAIMS_MAX as u128).collect();
    let ids: Vec<ClaimId> = claims.iter().map(|n| line(*n).claim).collect();
    let act = |act| {
        Command::Batch(BatchCommand {
            batch: batch(0),
            when: Occurred::on(day("2018-03-01")).into(),
            as_of: None,
            act,
            warnings: Vec::new(),
        })
    };
    for (from, into) in [(Dialect::Sqlite, Dialect::Postgres), (Dialect::Postgres, Dialect::Sqlite)] {
        let (here, there) = (Deployment::on(from).await, Deployment::on(into).await);
        let recorder = here.recorder().await;
        open_contract(&recorder).await;
        let opened = record(&recorder, 100, open(batch(0))).await.position();
        record(&recorder, 101, submit(batch(0), &claims, opened)).await;
        let one_more: Vec<u128> = (1..=CLAIMS_MAX as u128 + 1).collect();
        let refused = send(&recorder, 102, submit(batch(1), &one_more, opened)).await;
        assert_eq!(refusal(&refused), Some(RefusalCode::BatchNotFound));
        record(&recorder, 103, open(batch(1))).await;
        let refused = send(&recorder, 104, submit(batch(1), &one_more, opened)).await;
        assert_eq!(refusal(&refused), Some(RefusalCode::InputTooLong));
        let accept = act(BatchAct::Decide(ids.clone(), ClaimDecision::Accept));
        send(&recorder, 105, accept).await.expect("the commissioner accepts all of them");
        let amounts = ids.iter().map(|claim| AmountPaid { claim: *claim, amount: line(1).amount }).collect();
        record(&recorder, 106, act(BatchAct::Pay(Payment { amounts, ..Payment::default() }))).await;
        let events = here.log.stream(StreamId::batch(batch(0))).await.expect("a stream");
        assert_eq!(events.len(), CLAIMS_MAX + 3);
        let history = History::of(events.iter().map(|event| Recorded::decode(event).expect("it is read")));
        let told = Batch::of(&history);
        assert_eq!((told.state(), told.lines.len()), (BatchState::Settled, CLAIMS_MAX));
        let lines = exported(&here).await;
        let longest = lines.lines().map(str::len).max().expect("there are lines");
        assert!(longest > LINE_MAX / 4 && longest < LINE_MAX, "{longest}");
        restore(&there, &lines).await.expect("loaded");
        assert_eq!(exported(&there).await, lines);
        drop(recorder);
        here.end().await;
        there.end().await;
    }
}
