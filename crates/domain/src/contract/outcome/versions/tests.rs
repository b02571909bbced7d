//! Which version judges, by each kind of date that can choose it, and money across versions.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::price::Price;
use super::super::settle::{AdjustmentCause, Line, LineState, Settlement, settle};
use super::super::tests::telling::{HEAD, Sample, day, journey, start};
use super::*;
use crate::fact::event::PlanAgreed;
use crate::fact::money::Money;

const JOURNEY: JourneyId = JourneyId(Uuid::from_u128(0x7_0001));

/// A version of the rulebook from a day on: it pays for a plan, or for 91 days in a job, at this price.
fn version(name: &str, from: &str, applies_by: &str, price: &str) -> String {
    let head = HEAD.replace("version = \"1\"", &format!("version = \"{name}\""));
    let head = head.replace("effective_from = 2010-01-01", &format!("effective_from = {from}"));
    let head = head.replace("applies_by = \"achieved\"", &format!("applies_by = \"{applies_by}\""));
    format!(
        "{head}[[outcome]]\ncode = \"job\"\ntitle = \"Job\"\ntrigger = {{ spell = [\"employment\"] }}\n\
         sustain = {{ days = 91, continuity = \"none\", combine = \"employers\" }}\n\
         [[outcome.tariff]]\namount = \"{price}\"\n\
         [[outcome]]\ncode = \"plan\"\ntitle = \"Plan\"\ntrigger = {{ plan = [\"php\"] }}\n\
         [[outcome.tariff]]\namount = \"{price}\"\n"
    )
}

fn retroactive(text: &str) -> String {
    text.replace("retroactive = false", "retroactive = true")
}

fn read(texts: &[String]) -> Vec<Rulebook> {
    let read = |text: &String| Rulebook::parse(text).unwrap_or_else(|errors| panic!("{errors:#?}"));
    texts.iter().map(read).collect()
}

/// Two versions. The second starts on 1 October 2021.
fn two(applies_by: &str) -> Vec<Rulebook> {
    read(&[version("1", "2021-01-01", applies_by, "100.00"), version("2", "2021-10-01", applies_by, "80.00")])
}

/// A point of view in which nothing was submitted and everything was recorded on its own day.
struct View {
    as_of: NaiveDate,
    submitted_on: Option<NaiveDate>,
    recorded_on: Option<NaiveDate>,
}

fn on(as_of: &str) -> View {
    View { as_of: day(as_of), submitted_on: None, recorded_on: None }
}

impl View {
    fn judged(&self, rulebooks: &[Rulebook], sample: &Sample) -> Vec<(String, Judged)> {
        let facts = sample.history.facts_as_of(self.as_of);
        let versions = Versions::of(rulebooks);
        let (submitted_on, recorded_on) = (self.submitted_on, self.recorded_on);
        let sight = Sight { as_of: self.as_of, submitted_on: &|_| submitted_on, recorded_on: &|_| recorded_on };
        let judged = versions.judge(JOURNEY, &Case::of(&facts), sight);
        let named = |of: Judged| (versions.get(of.version).version.clone(), of);
        judged.into_iter().map(named).collect()
    }

    /// The version that judges an outcome, and whether it is achieved.
    fn of(&self, rulebooks: &[Rulebook], sample: &Sample, code: &str) -> Option<(String, bool)> {
        let is = |of: &Judged| {
            let rulebook = Versions::of(rulebooks).get(of.version);
            rulebook.outcomes[of.evaluation.outcome].code == code
        };
        let mut found = self.judged(rulebooks, sample).into_iter().filter(|(_, of)| is(of));
        let first = found.next();
        assert!(found.next().is_none(), "one version judges an outcome");
        first.map(|(version, of)| (version, matches!(of.evaluation.state, State::Reached(_))))
    }
}

fn plan(on: &str) -> Sample {
    journey().and(on, PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None })
}

fn job(from: &str) -> Sample {
    journey().and(from, start(1, "employment", None, None))
}

fn version_of(found: Option<(String, bool)>) -> (String, bool) {
    found.expect("it is judged")
}

#[test]
fn by_the_day_it_was_achieved() {
    let rulebooks = two("achieved");
    for (agreed, version) in [("2021-09-30", "1"), ("2021-10-01", "2")] {
        assert_eq!(version_of(on("2021-12-31").of(&rulebooks, &plan(agreed), "plan")), (version.to_owned(), true));
    }
    let across = job("2021-08-01");
    assert_eq!(version_of(on("2021-09-15").of(&rulebooks, &across, "job")), ("1".to_owned(), false));
    assert_eq!(version_of(on("2021-10-30").of(&rulebooks, &across, "job")), ("2".to_owned(), false));
    assert_eq!(version_of(on("2021-10-31").of(&rulebooks, &across, "job")), ("2".to_owned(), true));
    assert_eq!(version_of(on("2010-01-01").of(&rulebooks, &journey(), "job")), ("1".to_owned(), false), "before all");
}

#[test]
fn by_the_day_of_the_referral() {
    let rulebooks = two("referred");
    assert_eq!(version_of(on("2021-12-31").of(&rulebooks, &plan("2021-11-01"), "plan")), ("1".to_owned(), true));
}

#[test]
fn by_the_day_of_the_fact_that_starts_it() {
    let rulebooks = two("occurred");
    assert_eq!(version_of(on("2021-12-31").of(&rulebooks, &job("2021-09-30"), "job")), ("1".to_owned(), true));
    assert_eq!(version_of(on("2021-11-01").of(&rulebooks, &job("2021-09-30"), "job")), ("1".to_owned(), false));
    assert_eq!(version_of(on("2022-01-31").of(&rulebooks, &job("2021-10-01"), "job")), ("2".to_owned(), true));
}

#[test]
fn by_the_day_on_which_that_fact_was_recorded() {
    let rulebooks = two("recorded");
    for (recorded, version) in [("2021-09-30", "1"), ("2021-10-01", "2")] {
        let view = View { recorded_on: Some(day(recorded)), ..on("2021-12-31") };
        assert_eq!(version_of(view.of(&rulebooks, &plan("2021-09-01"), "plan")), (version.to_owned(), true));
    }
}

#[test]
fn rule_v2_by_submission_from_2021_10_01() {
    let rulebooks = two("submitted");
    let sample = plan("2021-09-01");
    assert_eq!(version_of(on("2021-09-30").of(&rulebooks, &sample, "plan")).0, "1", "before it is submitted, asOf");
    assert_eq!(version_of(on("2021-10-01").of(&rulebooks, &sample, "plan")).0, "2");
    let submitted = View { submitted_on: Some(day("2021-09-30")), ..on("2021-12-31") };
    assert_eq!(version_of(submitted.of(&rulebooks, &sample, "plan")).0, "1", "submitted 30 September under v1");
    let again = View { submitted_on: Some(day("2021-10-01")), ..on("2021-12-31") };
    assert_eq!(version_of(again.of(&rulebooks, &sample, "plan")).0, "2", "a rejected one is submitted again under v2");
}

#[test]
fn a_prospective_version_never_pays_an_outcome_dated_before_it_came_into_force() {
    let shorter = version("2", "2021-10-01", "achieved", "80.00").replace("days = 91", "days = 31");
    let rulebooks = read(&[version("1", "2021-01-01", "achieved", "100.00"), shorter]);
    assert_eq!(version_of(on("2021-12-31").of(&rulebooks, &job("2021-06-01"), "job")).0, "1", "91 days by 31 August");
    let reached = on("2021-10-01").of(&rulebooks, &job("2021-08-20"), "job");
    assert_eq!(version_of(reached), ("1".to_owned(), false), "31 days by 20 September: 91 only in November");
    let later = on("2021-10-02").of(&rulebooks, &job("2021-08-31"), "job");
    assert_eq!(version_of(later), ("2".to_owned(), true), "31 days on 1 October, the first of the later version");
    assert_eq!(version_of(on("2021-09-30").of(&rulebooks, &job("2021-08-20"), "job")), ("1".to_owned(), false));
}

#[test]
fn an_outcome_that_a_later_version_leaves_out_is_judged_where_it_was_achieved_before() {
    let only_job = |text: String| text.split("[[outcome]]\ncode = \"plan\"").next().expect("a head").to_owned();
    let rulebooks = read(&[
        version("1", "2021-01-01", "achieved", "100.00"),
        only_job(version("2", "2021-10-01", "achieved", "80.00")),
    ]);
    assert_eq!(version_of(on("2021-12-31").of(&rulebooks, &plan("2021-09-30"), "plan")), ("1".to_owned(), true));
    assert_eq!(on("2021-12-31").of(&rulebooks, &plan("2021-10-01"), "plan"), None);
}

/// The entitlements of the case on a day, judged on another.
fn entitlements(versions: &Versions<'_>, judged: &[Judged], terms: &Terms<'_>, days: ClaimDays) -> Vec<Entitlement> {
    let entitled = judged.iter().filter_map(|Judged { version, evaluation }| {
        let State::Reached(achievement) = &evaluation.state else { return None };
        let claim = claim_id(JOURNEY, versions.code(*version, evaluation.outcome), evaluation.repeat);
        let outcome = terms.number(*version, evaluation.outcome);
        Some(entitlement(claim, Claimant { holder: JOURNEY.0, person: None }, outcome, achievement, days))
    });
    entitled.collect()
}

/// The settlement of a paid plan of 1 September under these versions.
fn settled(rulebooks: &[Rulebook], sample: &Sample, as_of: &str) -> (Vec<Status>, Settlement) {
    let versions = Versions::of(rulebooks);
    let submitted_on = |_| Some(day("2021-09-15"));
    let sight = Sight { as_of: day(as_of), submitted_on: &submitted_on, recorded_on: &|_| None };
    let facts = sample.history.facts_as_of(day(as_of));
    let judged = versions.judge(JOURNEY, &Case::of(&facts), sight);
    let terms = versions.terms(day(as_of));
    let entitlements = entitlements(&versions, &judged, &terms, ClaimDays::on(day(as_of)));
    let hundred = Money::of(Decimal::from(100), "GBP");
    let line = Line {
        claim: claim_id(JOURNEY, "plan", 1),
        holder: JOURNEY.0,
        person: None,
        outcome: terms.find(rulebooks[0].hash(), "plan").expect("the first version has it"),
        achieved_on: day("2021-09-01"),
        amount: hundred,
        adjusted: Money::ZERO,
        taken_back: Money::ZERO,
        reduced: Money::ZERO,
        pending: Money::ZERO,
        rejected_on: None,
        paid: hundred,
        state: LineState::Paid,
    };
    let settlement = settle(&terms, &entitlements, &[line]);
    (settlement.claims.iter().map(|claim| claim.status).collect(), settlement)
}

#[test]
fn retroactive_v2_removes_a_paid_outcome() {
    let without = version("2", "2021-10-01", "achieved", "80.00")
        .split("[[outcome]]\ncode = \"plan\"")
        .next()
        .expect("a head")
        .to_owned();
    let rulebooks = read(&[version("1", "2021-01-01", "achieved", "100.00"), retroactive(&without)]);
    let sample = plan("2021-09-01");
    let (before, settlement) = settled(&rulebooks, &sample, "2021-09-30");
    assert_eq!((before, settlement.adjustments.len()), (vec![Status::Paid], 0), "not in force yet");
    let (after, settlement) = settled(&rulebooks, &sample, "2021-10-01");
    assert_eq!(after, [], "entitlement 0");
    let proposed = &settlement.adjustments[0];
    assert_eq!((proposed.amount.to_string(), proposed.cause), ("-100.00".to_owned(), AdjustmentCause::Clawback));
}

#[test]
fn retroactive_v2_reprices_a_paid_outcome() {
    let rulebooks = read(&[
        version("1", "2021-01-01", "achieved", "100.00"),
        retroactive(&version("2", "2021-10-01", "achieved", "80.00")),
    ]);
    let (_, settlement) = settled(&rulebooks, &plan("2021-09-01"), "2021-10-01");
    let proposed = &settlement.adjustments[0];
    assert_eq!((proposed.amount.to_string(), proposed.cause), ("-20.00".to_owned(), AdjustmentCause::Restated));
    let prospective = two("achieved");
    assert_eq!(settled(&prospective, &plan("2021-09-01"), "2021-10-01").1.adjustments, [], "closed lines never move");
}

#[test]
fn nothing_is_claimable_on_a_future_day() {
    let rulebooks = two("achieved");
    let versions = Versions::of(&rulebooks);
    let standing = |as_of: &str, today: &str| {
        let sample = plan("2021-09-01");
        let sight = Sight { as_of: day(as_of), submitted_on: &|_| None, recorded_on: &|_| None };
        let judged = versions.judge(JOURNEY, &Case::of(&sample.history.facts()), sight);
        let days = ClaimDays { as_of: day(as_of), today: day(today) };
        entitlements(&versions, &judged, &versions.terms(day(as_of)), days)[0].standing
    };
    assert_eq!(standing("2021-09-30", "2021-09-30"), Status::Claimable);
    assert_eq!(standing("2021-10-01", "2021-09-30"), Status::Achieved);
}

#[test]
fn outcomes_of_two_versions_exclude_each_other_if_the_judging_version_says_so() {
    let grouped = version("1", "2021-01-01", "achieved", "100.00")
        .replace("title = \"Job\"", "title = \"Job\"\ngroup = \"g\"")
        .replace("title = \"Plan\"", "title = \"Plan\"\ngroup = \"g\"");
    let rulebooks = read(&[grouped, version("2", "2021-10-01", "achieved", "80.00")]);
    let versions = Versions::of(&rulebooks);
    let terms = versions.terms(day("2021-12-31"));
    let entitlement = |version: usize, place: usize, n: u128| Entitlement {
        claim: ClaimId(Uuid::from_u128(n)),
        holder: JOURNEY.0,
        person: None,
        outcome: terms.number(version, place),
        achieved_on: day("2021-09-01"),
        price: Price::Amount(Money::of(Decimal::from(100), "GBP")),
        standing: Status::Claimable,
        in_time: Status::Claimable,
    };
    let excluded = |one: Entitlement, other: Entitlement| {
        let settlement = settle(&terms, &[one, other], &[]);
        settlement.claims.iter().filter(|claim| claim.status == Status::Excluded).count()
    };
    assert_eq!(excluded(entitlement(0, 0, 1), entitlement(0, 1, 2)), 1, "both under the first");
    assert_eq!(excluded(entitlement(0, 0, 1), entitlement(1, 1, 2)), 1, "the first still says so of its own");
    assert_eq!(excluded(entitlement(1, 0, 1), entitlement(1, 1, 2)), 0, "both under the second");
}

#[test]
fn a_derivation_has_one_digest() {
    let rulebooks = two("achieved");
    let sample = plan("2021-09-01");
    let state = |on_day: &str| {
        let (_, of) = on(on_day)
            .judged(&rulebooks, &sample)
            .into_iter()
            .find(|(_, of)| of.evaluation.outcome == 1)
            .expect("the plan");
        match of.evaluation.state {
            State::Reached(achievement) => digest(&derivation(&rulebooks[0], "plan", &achievement)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(state("2021-09-01"), state("2021-12-31"));
    assert_eq!(state("2021-09-01").len(), 64);
}
