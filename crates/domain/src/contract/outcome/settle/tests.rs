//! The worked examples of money that crosses claims, each by its name.

mod held;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::tests::telling::{day, rules};
use super::*;
use crate::contract::rulebook::Rulebook;
use rust_decimal::Decimal;

const CAP: &str = "[[cap]]\nscope = \"contract\"\namount = \"10000.00\"\n";

fn plain(code: &str, amount: &str, keys: &str) -> String {
    format!(
        "[[outcome]]\ncode = \"{code}\"\ntitle = \"{code}\"\ntrigger = {{ plan = [\"a\"] }}\n{keys}\n\
         [[outcome.tariff]]\namount = \"{amount}\"\n"
    )
}

fn money(amount: i64) -> Money {
    Money::of(Decimal::from(amount), "GBP")
}

fn person(n: u128) -> SubjectId {
    SubjectId(Uuid::from_u128(0x9_0000 + n))
}

/// The n-th claim: of an outcome, in a case of its own, by a person of their own, achieved on the n-th of January.
fn claim(n: u128, outcome: usize, amount: i64) -> Entitlement {
    Entitlement {
        claim: ClaimId(Uuid::from_u128(n)),
        holder: Uuid::from_u128(0x7_0000 + n),
        person: Some(person(n)),
        outcome,
        achieved_on: day(&format!("2022-01-{n:02}")),
        price: Price::Amount(money(amount)),
        standing: Status::Claimable,
        in_time: Status::Claimable,
    }
}

fn settle(rulebook: &Rulebook, entitlements: &[Entitlement], lines: &[Line]) -> Settlement {
    super::settle(&Terms::alone(rulebook, day("2022-06-30")), entitlements, lines)
}

/// The line after it was paid and taken back.
fn reversed(line: Line) -> Line {
    let taken_back = line.amount + line.adjusted;
    Line { state: LineState::Reversed, adjusted: line.adjusted - taken_back, taken_back, ..line }
}

/// The line after it was rejected following payment.
fn rejected_later(of: &Entitlement, amount: i64) -> Line {
    Line { paid: money(amount), ..line(of, amount, LineState::Rejected) }
}

fn line(of: &Entitlement, amount: i64, state: LineState) -> Line {
    Line {
        claim: of.claim,
        holder: of.holder,
        person: of.person,
        outcome: of.outcome,
        achieved_on: of.achieved_on,
        amount: money(amount),
        adjusted: Money::ZERO,
        taken_back: Money::ZERO,
        reduced: Money::ZERO,
        pending: Money::ZERO,
        rejected_on: (state == LineState::Rejected).then(|| day("2022-03-01")),
        paid: if matches!(state, LineState::Paid | LineState::Reversed) { money(amount) } else { Money::ZERO },
        state,
    }
}

/// The result of each claim.
fn claims(settlement: &Settlement) -> Vec<(Status, String)> {
    let shown = |of: &Settled| (of.status, of.amount.unwrap_or_default().to_string());
    settlement.claims.iter().map(shown).collect()
}

fn proposals(settlement: &Settlement) -> Vec<(u128, String, AdjustmentCause)> {
    let shown = |of: &Adjustment| (of.claim.0.as_u128(), of.amount.to_string(), of.cause);
    settlement.adjustments.iter().map(shown).collect()
}

fn four() -> Vec<Entitlement> {
    (1..=4).map(|n| claim(n, 0, 3_000)).collect()
}

#[test]
fn a_cap_of_10_000_gives_the_crossing_claim_the_rest_or_nothing() {
    let outcome = plain("job", "3000.00", "");
    let partial = settle(&rules(&format!("{outcome}{CAP}crossing = \"partial\"\n")), &four(), &[]);
    let amounts: Vec<String> = claims(&partial).into_iter().map(|(_, amount)| amount).collect();
    assert_eq!(amounts, ["3000.00", "3000.00", "3000.00", "1000.00"]);
    let whole = settle(&rules(&format!("{outcome}{CAP}crossing = \"whole\"\n")), &four(), &[]);
    let statuses: Vec<Status> = claims(&whole).into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses, [Status::Claimable, Status::Claimable, Status::Claimable, Status::Capped]);
}

#[test]
fn under_a_whole_cap_smaller_later_claims_are_still_tried() {
    let rulebook = rules(&format!("{}{CAP}crossing = \"whole\"\n", plain("job", "3000.00", "")));
    let mut five = four();
    five.push(claim(5, 0, 900));
    let statuses: Vec<Status> = claims(&settle(&rulebook, &five, &[])).into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses[3..], [Status::Capped, Status::Claimable]);
}

#[test]
fn then_the_second_is_clawed_back_and_refills_or_does_not() {
    let outcome = plain("job", "3000.00", "");
    let four = four();
    let mut lines: Vec<Line> =
        four.iter().zip([3_000, 3_000, 3_000, 1_000]).map(|(of, paid)| line(of, paid, LineState::Paid)).collect();
    lines[1] = reversed(lines[1]);
    let entitlements = [&four[..1], &four[2..]].concat();
    let refill = settle(&rules(&format!("{outcome}{CAP}refill = true\n")), &entitlements, &lines);
    assert_eq!(proposals(&refill), [(4, "2000.00".to_owned(), AdjustmentCause::CapRelease)]);
    let spent = settle(&rules(&format!("{outcome}{CAP}refill = false\n")), &entitlements, &lines);
    assert_eq!(proposals(&spent), []);
    let more = [entitlements, vec![claim(5, 0, 3_000)]].concat();
    let after = settle(&rules(&format!("{outcome}{CAP}refill = true\n")), &more, &lines);
    assert_eq!(claims(&after)[3], (Status::Claimable, "1000.00".to_owned()), "headroom 1,000 once the fourth is whole");
}

/// Two levels of a job outcome. The higher converts from the lower.
fn levels() -> Rulebook {
    let lower = plain("under16", "900.00", "group = \"job\"");
    let higher = plain("over16", "1500.00", "group = \"job\"\nconvert = { from = \"under16\" }");
    rules(&format!("{lower}{higher}"))
}

/// The lower and the higher level of one case.
fn of_one_journey() -> [Entitlement; 2] {
    let lower = claim(1, 0, 900);
    let higher = Entitlement { holder: lower.holder, person: lower.person, ..claim(2, 1, 1_500) };
    [lower, higher]
}

#[test]
fn under_16_hours_paid_and_later_16_or_more_pays_the_difference_once() {
    let [lower, higher] = of_one_journey();
    let both = [lower.clone(), higher.clone()];
    let paid = line(&lower, 900, LineState::Paid);
    let first = settle(&levels(), &both, std::slice::from_ref(&paid));
    assert_eq!(claims(&first), [(Status::Paid, "900.00".to_owned()), (Status::Claimable, "600.00".to_owned())]);
    assert_eq!(proposals(&first), []);
    let then = settle(&levels(), &both, &[paid, line(&higher, 600, LineState::Paid)]);
    assert_eq!(claims(&then)[1], (Status::Paid, "600.00".to_owned()));
    assert_eq!(proposals(&then), []);
}

#[test]
fn lower_paid_higher_achieved_then_rejected() {
    let [lower, higher] = of_one_journey();
    let both = [lower.clone(), higher.clone()];
    let paid = line(&lower, 900, LineState::Paid);
    let unpaid = settle(&levels(), &both, &[paid, line(&higher, 600, LineState::Rejected)]);
    assert_eq!(proposals(&unpaid), [], "rejected before payment the line is 0");
    let rejected = settle(&levels(), &both, &[paid, rejected_later(&higher, 600)]);
    assert_eq!(proposals(&rejected), [(2, "-600.00".to_owned(), AdjustmentCause::Clawback)]);
    assert_eq!(claims(&rejected), [(Status::Paid, "900.00".to_owned()), (Status::Rejected, "600.00".to_owned())]);
    let decided = Line { adjusted: money(-600), taken_back: money(600), ..rejected_later(&higher, 600) };
    let settled = settle(&levels(), &both, &[line(&lower, 900, LineState::Paid), decided]);
    assert_eq!(proposals(&settled), [], "the lower one is kept");
    assert_eq!(settled.claims[1].status, Status::Reversed);
}

#[test]
fn if_the_lower_is_rejected_later_the_higher_is_raised() {
    let [lower, higher] = of_one_journey();
    let gone = rejected_later(&lower, 900);
    let settlement = settle(&levels(), &[lower, higher.clone()], &[gone, line(&higher, 600, LineState::Paid)]);
    assert_eq!(
        proposals(&settlement),
        [(1, "-900.00".to_owned(), AdjustmentCause::Clawback), (2, "900.00".to_owned(), AdjustmentCause::Conversion)]
    );
}

#[test]
fn higher_claimed_and_evidence_of_the_lower_arrives() {
    let [lower, higher] = of_one_journey();
    let settlement = settle(&levels(), &[lower, higher.clone()], &[line(&higher, 1_500, LineState::Submitted)]);
    assert_eq!(settlement.claims[0].status, Status::Excluded);
    assert_eq!(settlement.claims[0].excluded_by, Some(ExcludedBy::Outcome(1)));
    assert_eq!(proposals(&settlement), []);
}

#[test]
fn a_group_pays_the_conversion_then_the_highest_price_then_the_earliest_then_the_first() {
    let [lower, higher] = of_one_journey();
    let excluded = |rulebook: &Rulebook, entitlements: &[Entitlement]| {
        let settled = settle(rulebook, entitlements, &[]);
        settled.claims.iter().position(|claim| claim.status == Status::Excluded)
    };
    let dear = Entitlement { price: Price::Amount(money(2_000)), ..lower.clone() };
    assert_eq!(excluded(&levels(), &[dear.clone(), higher.clone()]), Some(0), "the one that converts");
    let group = |code| plain(code, "1.00", "group = \"g\"");
    let plain_group = rules(&format!("{}{}", group("a"), group("b")));
    assert_eq!(excluded(&plain_group, &[dear, higher.clone()]), Some(1), "the one with the higher price");
    let same = |n: &Entitlement| Entitlement { price: Price::Amount(money(5)), ..n.clone() };
    assert_eq!(excluded(&plain_group, &[same(&lower), same(&higher)]), Some(1), "the earlier one");
    let sooner = Entitlement { achieved_on: lower.achieved_on, ..same(&higher) };
    assert_eq!(excluded(&plain_group, &[same(&lower), sooner]), Some(1), "the first in the file");
}

#[test]
fn a_higher_ranked_claim_that_cannot_be_paid_yet_is_not_excluded() {
    let [lower, higher] = of_one_journey();
    let waiting = Entitlement { standing: Status::EvidenceMissing, ..higher };
    let settlement = settle(&levels(), &[lower.clone(), waiting.clone()], &[]);
    let statuses: Vec<Status> = settlement.claims.iter().map(|claim| claim.status).collect();
    assert_eq!(statuses, [Status::Claimable, Status::EvidenceMissing]);
    let below = Entitlement { standing: Status::EvidenceMissing, ..lower };
    let higher = Entitlement { standing: Status::Claimable, ..waiting };
    let settlement = settle(&levels(), &[below, higher], &[]);
    assert_eq!(settlement.claims[0].status, Status::Excluded);
}

#[test]
fn per_person_caps_and_payments_look_across_journeys() {
    let once = plain("plan", "100.00", "once_per = \"person\"");
    let first = claim(1, 0, 100);
    let again = Entitlement { person: first.person, ..claim(2, 0, 100) };
    let settlement = settle(&rules(&once), &[again.clone(), first.clone()], &[]);
    assert_eq!(settlement.claims[0].excluded_by, Some(ExcludedBy::Person), "a re-referral after closing");
    assert_eq!(settlement.claims[1].status, Status::Claimable);
    let cap = "[[cap]]\nscope = \"person\"\namount = \"150.00\"\n";
    let capped = settle(&rules(&format!("{}{cap}", plain("plan", "100.00", ""))), &[first, again], &[]);
    assert_eq!(claims(&capped)[1], (Status::Claimable, "50.00".to_owned()));
}

#[test]
fn two_people_linked_after_both_were_paid_the_same_plan() {
    let rulebook = rules(&plain("plan", "100.00", "once_per = \"person\""));
    let first = claim(1, 0, 100);
    let second = Entitlement { person: first.person, ..claim(2, 0, 100) };
    let lines = [line(&first, 100, LineState::Paid), line(&second, 100, LineState::Paid)];
    let settlement = settle(&rulebook, &[first, second], &lines);
    assert_eq!(proposals(&settlement), [(2, "-100.00".to_owned(), AdjustmentCause::Clawback)]);
}

#[test]
fn a_paid_claims_job_is_retracted() {
    let rulebook = rules(&plain("job", "100.00", ""));
    let gone = claim(1, 0, 100);
    let settlement = settle(&rulebook, &[], &[line(&gone, 100, LineState::Paid)]);
    assert_eq!(proposals(&settlement), [(1, "-100.00".to_owned(), AdjustmentCause::Clawback)]);
    let decided = reversed(line(&gone, 100, LineState::Paid));
    assert_eq!(proposals(&settle(&rulebook, &[], &[decided])), [], "once it is decided nothing more is proposed");
}

#[test]
fn a_paid_claim_whose_price_or_evidence_changed() {
    let rulebook = rules(&plain("job", "100.00", ""));
    let of = |amount, standing| Entitlement { standing, ..claim(1, 0, amount) };
    let proposed = |of: Entitlement| {
        let paid = line(&of, 100, LineState::Paid);
        proposals(&settle(&rulebook, &[of], &[paid]))
    };
    assert_eq!(proposed(of(80, Status::Claimable)), [(1, "-20.00".to_owned(), AdjustmentCause::Restated)]);
    assert_eq!(proposed(of(100, Status::EvidenceMissing)), [(1, "-100.00".to_owned(), AdjustmentCause::Clawback)]);
    assert_eq!(proposed(of(100, Status::OnHold)), [], "nothing is decided until it is known");
    assert_eq!(proposed(of(100, Status::Expired)), [], "it was claimed in time");
}

#[test]
fn a_rejected_claim_has_as_many_attempts_as_the_rulebook_allows() {
    let rulebook = rules(&plain("job", "100.00", "claim = { attempts = 2 }"));
    let of = claim(1, 0, 100);
    let rejected = line(&of, 100, LineState::Rejected);
    let once = settle(&rulebook, std::slice::from_ref(&of), std::slice::from_ref(&rejected));
    assert_eq!(once.claims[0].status, Status::Claimable);
    let twice = settle(&rulebook, &[of], &[rejected, rejected]);
    assert_eq!(twice.claims[0].status, Status::Rejected);
}

#[test]
fn a_price_by_volume_follows_the_order_of_claims() {
    let tiers = "[[outcome]]\ncode = \"job\"\ntitle = \"Job\"\ntrigger = { plan = [\"a\"] }\n\
                 [[outcome.tariff]]\namount = \"10.00\"\nup_to = 2\n[[outcome.tariff]]\namount = \"7.00\"\n";
    let price = Price::Tiers(vec![(Some(2), money(10)), (None, money(7))]);
    let three: Vec<Entitlement> =
        (1..=3).rev().map(|n| Entitlement { price: price.clone(), ..claim(n, 0, 0) }).collect();
    let amounts: Vec<String> =
        claims(&settle(&rules(tiers), &three, &[])).into_iter().map(|(_, amount)| amount).collect();
    assert_eq!(amounts, ["7.00", "10.00", "10.00"]);
}

#[test]
fn a_yearly_cap_applies_to_the_financial_year_of_achievement() {
    let rulebook = rules(&format!("{}[[cap]]\nscope = \"year\"\namount = \"100.00\"\n", plain("job", "100.00", "")));
    let of = |n, on: &str| Entitlement { achieved_on: day(on), ..claim(n, 0, 100) };
    let settlement = settle(&rulebook, &[of(1, "2022-03-30"), of(2, "2022-03-31"), of(3, "2022-04-01")], &[]);
    let statuses: Vec<Status> = settlement.claims.iter().map(|claim| claim.status).collect();
    assert_eq!(statuses, [Status::Claimable, Status::Capped, Status::Claimable]);
}

proptest! {
    #[test]
    fn amounts_due_never_exceed_the_caps_and_no_set_is_paid_twice(
        cap in 0_i64..5_000,
        crossing in prop_oneof![Just("partial"), Just("whole")],
        of in proptest::collection::vec((0_usize..2, 1_u128..6, 1_u32..28, 1_i64..2_000, any::<bool>()), 0..12),
    ) {
        let caps = format!("[[cap]]\nscope = \"contract\"\namount = \"{cap}.00\"\ncrossing = \"{crossing}\"\n");
        let outcomes = format!("{}{}", plain("a", "1.00", "group = \"g\""), plain("b", "1.00", "group = \"g\""));
        let rulebook = rules(&format!("{outcomes}{caps}"));
        let mut seen = BTreeSet::new();
        let mut entitlements = Vec::new();
        for (n, (outcome, holder, on, amount, claimable)) in (1..).zip(of) {
            if seen.insert((outcome, holder)) {
                entitlements.push(Entitlement {
                    holder: Uuid::from_u128(holder),
                    achieved_on: day(&format!("2022-01-{on:02}")),
                    standing: if claimable { Status::Claimable } else { Status::EvidenceMissing },
                    ..claim(n % 28 + 1, outcome, amount)
                });
                entitlements.last_mut().expect("one").claim = ClaimId(Uuid::from_u128(n));
            }
        }
        let settlement = settle(&rulebook, &entitlements, &[]);
        let due = |claim: &&Settled| claim.status == Status::Claimable;
        let sum: Money = settlement.claims.iter().filter(due).filter_map(|claim| claim.amount).sum();
        prop_assert!(sum <= money(cap));
        let mut paid = BTreeSet::new();
        for (of, claim) in entitlements.iter().zip(&settlement.claims) {
            prop_assert!(claim.status != Status::Claimable || paid.insert(of.holder));
        }
    }
}

/// A step of a random history.
#[derive(Debug, Clone)]
enum Step {
    /// An outcome is achieved.
    Achieve { holder: u128, outcome: usize, on: u32, amount: i64 },
    /// The n-th entitlement is lost.
    Lose(usize),
    /// Every n-th claimable claim is submitted.
    Submit(usize),
    /// The n-th line is paid.
    Pay(usize),
    /// The n-th line is rejected.
    Reject(usize),
    /// The n-th line is withdrawn.
    Withdraw(usize),
    /// Every n-th proposed adjustment is recorded.
    Adjust(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1_u128..8, 0_usize..2, 1_u32..28, 1_i64..2_000)
            .prop_map(|(holder, outcome, on, amount)| Step::Achieve { holder, outcome, on, amount }),
        1 => (0_usize..8).prop_map(Step::Lose),
        3 => (1_usize..3).prop_map(Step::Submit),
        2 => (0_usize..8).prop_map(Step::Pay),
        1 => (0_usize..8).prop_map(Step::Reject),
        1 => (0_usize..8).prop_map(Step::Withdraw),
        2 => (1_usize..3).prop_map(Step::Adjust),
    ];
    proptest::collection::vec(step, 0..40)
}

/// The entitlements and lines after a history.
#[derive(Default)]
struct Running {
    entitlements: Vec<Entitlement>,
    lines: Vec<Line>,
}

impl Running {
    fn take(&mut self, rulebook: &Rulebook, step: &Step) {
        let settlement = settle(rulebook, &self.entitlements, &self.lines);
        match step {
            Step::Achieve { holder, outcome, on, amount } => {
                let n = holder * 2 + u128::try_from(*outcome).expect("two");
                if !self.entitlements.iter().any(|of| of.claim == ClaimId(Uuid::from_u128(n))) {
                    let of = claim(1, *outcome, *amount);
                    let (claim, holder) = (ClaimId(Uuid::from_u128(n)), Uuid::from_u128(*holder));
                    let achieved_on = day(&format!("2022-01-{on:02}"));
                    self.entitlements.push(Entitlement { claim, holder, achieved_on, person: None, ..of });
                }
            }
            Step::Lose(at) if *at < self.entitlements.len() => drop(self.entitlements.remove(*at)),
            Step::Submit(every) => {
                let claimable = self.entitlements.iter().zip(&settlement.claims);
                let claimable = claimable.filter(|(_, claim)| claim.status == Status::Claimable).step_by(*every);
                for (of, claim) in claimable {
                    let amount = claim.amount.expect("a claimable claim has an amount");
                    self.lines.push(Line { amount, ..line(of, 0, LineState::Submitted) });
                }
            }
            Step::Pay(at) => self.decide(*at, |line| (line.state, line.paid) = (LineState::Paid, line.amount)),
            Step::Reject(at) => self.decide(*at, |line| line.state = LineState::Rejected),
            Step::Withdraw(at) => self.decide(*at, |line| {
                if line.state == LineState::Submitted {
                    line.state = LineState::Withdrawn;
                }
            }),
            Step::Adjust(every) => {
                for proposed in settlement.adjustments.iter().step_by(*every) {
                    let of_claim = self.lines.iter_mut().filter(|line| line.claim == proposed.claim);
                    let line = of_claim.filter(|line| line.current() != Money::ZERO || line.stands()).last();
                    let line = line.expect("a proposal is about a line");
                    line.adjusted = line.adjusted + proposed.amount;
                    if proposed.cause == AdjustmentCause::Clawback {
                        line.taken_back = line.taken_back - proposed.amount;
                        if line.state.is_live() && line.amount + line.adjusted <= Money::ZERO {
                            line.state = LineState::Reversed;
                        }
                    } else if proposed.amount.is_positive() {
                        line.taken_back = (line.taken_back - proposed.amount).max(Money::ZERO);
                        if line.state == LineState::Reversed {
                            line.state = LineState::Paid;
                        }
                    }
                }
            }
            Step::Lose(_) => {}
        }
    }

    fn decide(&mut self, at: usize, change: impl FnOnce(&mut Line)) {
        if let Some(line) = self.lines.get_mut(at).filter(|line| line.state.is_live()) {
            change(line);
        }
    }
}

proptest! {
    #[test]
    fn claims_never_exceed_the_cap_whatever_is_submitted_decided_paid_and_adjusted(
        cap in 0_i64..6_000,
        crossing in prop_oneof![Just("partial"), Just("whole")],
        refill in any::<bool>(),
        steps in steps(),
    ) {
        let caps = format!("[[cap]]\nscope = \"contract\"\namount = \"{cap}.00\"\ncrossing = \"{crossing}\"\nrefill = {refill}\n");
        let lower = plain("a", "1.00", "group = \"g\"");
        let higher = plain("b", "1.00", "group = \"g\"\nconvert = { from = \"a\" }");
        let rulebook = rules(&format!("{lower}{higher}{caps}"));
        let mut running = Running::default();
        for step in &steps {
            running.take(&rulebook, step);
            let standing = || running.lines.iter().filter(|line| line.state.is_live());
            let due: Money = standing().map(Line::current).sum();
            prop_assert!(due <= money(cap), "{due} after {step:?} of {steps:#?}");
            let mut claims = BTreeSet::new();
            prop_assert!(standing().all(|line| claims.insert(line.claim)), "no claim has two lines in force");
        }
    }
}
