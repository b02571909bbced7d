//! What was known of claims then: a batch and every claim of its contract, byte for byte, whatever was decided since.

use serde_json::{Value, json};

use crate::app::{TestApp, administrator};
use crate::claims::{
    CODE, accept_and_pay, claims, commissioner, decide, ids, manager, on_both_stores, open_batch, planned, proposed,
    raise, submit,
};

/// Everything that is said of claims, batches and caps.
const EVERYTHING: &str = "query($at: ContractAt) { contract(code: \"claims\", at: $at) { \
    claims(first: 20) { totalCount totalAmount { amount currency } position forecast pageInfo { hasNextPage } nodes { \
      id status outcome title repeat journeyId journey { id version stage { code } } scope { of } counted { counted } \
      amount { amount currency } achievedOn earliestOn \
      untilPayable { reason missing earliestOn daysLeft daysCounted daysNeeded countedFrom claimableFrom claimableUntil } \
      derivation { rulebook { version hash } events { id type occurred { on } } evidence { id } daysCounted \
        gaps { from to counted } hoursBasis hours } \
      history { claim amount { amount } state attempt submitted { on } derivation paid { amount } } batch { id } } } \
    batches(first: 2) { totalCount pageInfo { hasNextPage } nodes { id version reference state preparedAt \
      submitted { on } opened { event occurred { on } } lines(first: 4) { totalCount nodes { claim journeyId outcome \
        repeat achievedOn amount { amount } rulebook derivation submitted { on } position attempt state defect remark \
        paid { amount } outstanding { amount } } } \
      payments { reference received { event } amounts { claim amount { amount } } adjustments excess { amount } } \
      adjustments { id kind amount { amount } settled { on } } claimed { amount } due { amount } adjusted { amount } \
      received { amount } excess { amount } \
      proposal { position claims(first: 1) { totalCount totalAmount { amount } nodes { id } } adjustments { claim kind } } } } \
    cap { scope limit { amount } used { amount } headroom { amount } capped { amount } } \
    proposedAdjustments { claim ofBatch kind amount { amount } } } }";

/// The answer as it came, once the view of then is put together.
async fn told(app: &TestApp, at: Value) -> String {
    let answer = app.answer_as_known(&manager(), EVERYTHING, json!({ "at": at })).await;
    assert_eq!(answer.codes(), Vec::<String>::new(), "{}", answer.body);
    // What the question costs is no part of what is read.
    answer.body.split(",\"extensions\"").next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_batch_and_every_claim_read_as_they_did_byte_for_byte() {
    on_both_stores("partial", true, async |app: &TestApp| {
        let mut plans = Vec::new();
        for on in ["2018-01-05", "2018-01-06", "2018-01-07", "2018-01-08"] {
            plans.push(planned(app, on).await);
        }
        let four = ids(&claims(app, "plan").await);
        let batch = open_batch(app).await;
        submit(app, &batch, &four[..3]).await;
        accept_and_pay(app, &batch, &[(four[0].clone(), "3000.00"), (four[1].clone(), "1000.00")]).await;
        decide(app, &batch, &four[2..3], json!({ "decision": "QUERY", "remark": "which plan?" })).await;
        let open = open_batch(app).await;
        let position = app.head().await;
        let day = json!({ "asOf": "2018-03-01" });
        let then = told(app, day.clone()).await;
        assert!(then.contains("\"outstanding\":{\"amount\":\"2000.00\"}"), "{then}");

        app.it_is("2018-03-02T09:00:00Z");
        let paid = json!({ "batch": batch, "amounts": [{ "claim": four[1], "amount": "2000.00" }],
            "occurredOn": "2018-03-01" });
        app.done(&manager(), "recordPayment", paid).await;
        let rejected = json!({ "batch": batch, "claims": [four[2]], "decision": "REJECT", "defect": "not_eligible",
            "occurredOn": "2018-03-01" });
        app.done(&commissioner(), "decideClaim", rejected).await;
        let (journey, plan) = &plans[0];
        let retract = json!({ "journey": journey, "targets": [plan], "reason": "never agreed" });
        app.done(&manager(), "retractFact", retract).await;
        raise(app, &open, &proposed(app).await[0]).await;
        submit(app, &open, &four[3..]).await;
        planned(app, "2018-01-04").await;
        let dearer = include_str!("rulebooks/claims.toml")
            .replace("CROSSING", "partial")
            .replace("REFILL", "true")
            .replace("\"2018-01\"", "\"2018-02\"")
            .replace("= 2018-01-01", "= 2018-02-01")
            .replace("retroactive = false", "retroactive = true")
            .replace("\"3000.00\"", "\"3500.00\"");
        app.done(&administrator(), "publishRulebook", json!({ "contract": CODE, "rulebook": dearer })).await;
        crate::rebuild_api::live_is(app, 2).await;

        assert_ne!(told(app, day.clone()).await, then, "as it is known now");
        let known = [
            json!({ "position": position }),
            json!({ "knownAt": "2018-03-01T23:00:00Z" }),
            json!({ "knownOn": "2018-03-01" }),
        ];
        for at in known {
            let at = crate::app::with(day.clone(), at);
            assert_eq!(told(app, at.clone()).await, then, "{at}");
        }
    })
    .await;
}
