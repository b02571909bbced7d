//! Which lines and claims hold a payment: lines that are paid twice, clawbacks that are only proposed, claims without a
//! price or room, tiers, and claims that are submitted again (decision 0021).

use super::*;

fn group(more: &str) -> Rulebook {
    let small = plain("small", "100.00", "group = \"g\"");
    let great = plain("great", "5000.00", &format!("group = \"g\"\n{more}"));
    rules(&format!("{small}{great}"))
}

/// A smaller and a greater outcome of one case.
fn small_and_great() -> [Entitlement; 2] {
    let small = claim(1, 0, 100);
    let great = Entitlement { holder: small.holder, person: small.person, ..claim(2, 1, 5_000) };
    [small, great]
}

fn paid(of: &Entitlement, amount: i64) -> Line {
    line(of, amount, LineState::Paid)
}

#[test]
fn in_a_group_that_is_paid_twice_the_greater_outcome_stays() {
    let [small, great] = small_and_great();
    let both = [small.clone(), great.clone()];
    for lines in [[paid(&small, 100), paid(&great, 5_000)], [paid(&great, 5_000), paid(&small, 100)]] {
        let settled = settle(&group(""), &both, &lines);
        assert_eq!(proposals(&settled), [(1, "-100.00".to_owned(), AdjustmentCause::Clawback)]);
        assert_eq!(settled.adjustments[0].reason, Reason::PaidElsewhere);
    }
}

#[test]
fn of_one_persons_same_outcome_the_earlier_stays_whatever_its_price() {
    let rulebook = rules(&plain("plan", "100.00", "once_per = \"person\""));
    let first = claim(1, 0, 100);
    let second = Entitlement { person: first.person, ..claim(2, 0, 900) };
    let settled = settle(&rulebook, &[first.clone(), second.clone()], &[paid(&first, 100), paid(&second, 900)]);
    assert_eq!(proposals(&settled), [(2, "-900.00".to_owned(), AdjustmentCause::Clawback)]);
}

#[test]
fn a_clawback_that_is_only_proposed_frees_nothing_and_is_named() {
    let [small, great] = small_and_great();
    // The greater one, which is paid, is no longer achieved: the smaller one waits for its clawback.
    let lines = [paid(&great, 5_000)];
    let settled = settle(&group(""), std::slice::from_ref(&small), &lines);
    assert_eq!(proposals(&settled), [(2, "-5000.00".to_owned(), AdjustmentCause::Clawback)]);
    assert_eq!(settled.claims[0].status, Status::Excluded);
    assert_eq!(settled.claims[0].waits_for, Some(great.claim));
    let raised = reversed(lines[0]);
    let settled = settle(&group(""), std::slice::from_ref(&small), &[raised]);
    assert_eq!(claims(&settled), [(Status::Claimable, "100.00".to_owned())]);
    // In another batch than the open one that takes it back, it still waits.
    let elsewhere = Line { pending: money(5_000), ..raised };
    let settled = settle(&group(""), &[small], &[elsewhere]);
    assert_eq!((settled.claims[0].status, settled.claims[0].waits_for), (Status::Excluded, Some(great.claim)));
}

#[test]
fn a_clawback_that_is_only_proposed_frees_no_place_of_a_person_and_no_room() {
    let once = rules(&plain("plan", "100.00", "once_per = \"person\""));
    let gone = claim(1, 0, 100);
    let next = Entitlement { person: gone.person, ..claim(2, 0, 100) };
    let settled = settle(&once, std::slice::from_ref(&next), &[paid(&gone, 100)]);
    assert_eq!((settled.claims[0].status, settled.claims[0].waits_for), (Status::Excluded, Some(gone.claim)));
    let capped =
        rules(&format!("{}{}", plain("plan", "100.00", ""), "[[cap]]\nscope = \"contract\"\namount = \"100.00\"\n"));
    for line in [paid(&gone, 100), rejected_later(&gone, 100)] {
        let settled = settle(&capped, std::slice::from_ref(&next), &[line]);
        assert_eq!((settled.claims[0].status, settled.claims[0].waits_for), (Status::Capped, Some(gone.claim)));
    }
    let settled = settle(&capped, &[next], &[reversed(paid(&gone, 100))]);
    assert_eq!(claims(&settled), [(Status::Claimable, "100.00".to_owned())]);
}

#[test]
fn a_claim_without_a_price_excludes_nothing() {
    let [small, great] = small_and_great();
    let unpriced = Entitlement { price: Price::None, standing: Status::Achieved, ..great };
    for rulebook in [group(""), group("convert = { from = \"small\" }")] {
        let settled = settle(&rulebook, &[small.clone(), unpriced.clone()], &[]);
        assert_eq!(claims(&settled)[0], (Status::Claimable, "100.00".to_owned()));
    }
    let once = rules(&plain("plan", "100.00", "once_per = \"person\""));
    let first = Entitlement { price: Price::None, standing: Status::Achieved, ..claim(1, 0, 0) };
    let second = Entitlement { person: first.person, ..claim(2, 0, 100) };
    let settled = settle(&once, &[first, second], &[]);
    assert_eq!(claims(&settled)[1], (Status::Claimable, "100.00".to_owned()));
}

#[test]
fn a_claim_that_the_caps_leave_nothing_gives_its_persons_place_to_the_next() {
    let cap = "[[cap]]\nscope = \"year\"\namount = \"100.00\"\n";
    let rulebook =
        rules(&format!("{}{}{cap}", plain("plan", "100.00", "once_per = \"person\""), plain("b", "1.00", "")));
    let full = Entitlement { achieved_on: day("2022-01-01"), ..claim(1, 1, 100) };
    let first = Entitlement { achieved_on: day("2022-02-01"), ..claim(2, 0, 100) };
    let next_year = Entitlement { person: first.person, achieved_on: day("2022-05-01"), ..claim(3, 0, 100) };
    let settled = settle(&rulebook, &[full, first, next_year], &[]);
    let statuses: Vec<Status> = settled.claims.iter().map(|claim| claim.status).collect();
    assert_eq!(statuses, [Status::Claimable, Status::Capped, Status::Claimable]);
}

#[test]
fn a_groups_best_claim_that_the_cap_leaves_nothing_makes_way_only_if_the_rulebook_says_so() {
    let capped = |more: &str| {
        let small = plain("small", "100.00", "group = \"g\"");
        let great = plain("great", "5000.00", &format!("group = \"g\"\n{more}"));
        let cap = "[[cap]]\nscope = \"outcome\"\noutcomes = [\"great\"]\namount = \"0.00\"\n";
        rules(&format!("{small}{great}{cap}"))
    };
    let both = small_and_great();
    let statuses = |rulebook: &Rulebook| -> Vec<Status> {
        settle(rulebook, &both, &[]).claims.iter().map(|claim| claim.status).collect()
    };
    assert_eq!(statuses(&capped("")), [Status::Excluded, Status::Capped]);
    assert_eq!(statuses(&capped("when_capped = \"next\"")), [Status::Claimable, Status::Capped]);
}

#[test]
fn tiers_count_payable_claims_only() {
    let tiers = Price::Tiers(vec![(Some(1), money(10)), (None, money(7))]);
    let of = |n: u128, standing| Entitlement { price: tiers.clone(), standing, ..claim(n, 0, 0) };
    let rulebook = rules(&plain("job", "10.00", ""));
    let missing = of(1, Status::EvidenceMissing);
    let settled = settle(&rulebook, &[missing, of(2, Status::Claimable)], &[]);
    assert_eq!(
        claims(&settled),
        [(Status::EvidenceMissing, "7.00".to_owned()), (Status::Claimable, "10.00".to_owned())]
    );
    // A line whose clawback is only proposed holds its tier.
    let gone = Line { outcome: 0, ..paid(&claim(3, 0, 10), 10) };
    let settled = settle(&rulebook, &[of(2, Status::Claimable)], &[gone]);
    assert_eq!(claims(&settled), [(Status::Claimable, "7.00".to_owned())]);
    let settled = settle(&rulebook, &[of(2, Status::Claimable)], &[reversed(gone)]);
    assert_eq!(claims(&settled), [(Status::Claimable, "10.00".to_owned())]);
}

#[test]
fn a_claim_beyond_the_last_tier_or_capped_to_nothing_uses_no_tier() {
    // Two claims of the south, and one of the north whose price only covers the first claim: it has no place among
    // three.
    let south = Price::Tiers(vec![(Some(2), money(100))]);
    let north = Price::Tiers(vec![(Some(1), money(90))]);
    let of = |n: u128, price: &Price| Entitlement { price: price.clone(), ..claim(n, 0, 0) };
    let settled = settle(&rules(&plain("job", "1.00", "")), &[of(1, &south), of(2, &north), of(3, &south)], &[]);
    assert_eq!(
        claims(&settled),
        [
            (Status::Claimable, "100.00".to_owned()),
            (Status::Achieved, "0".to_owned()),
            (Status::Claimable, "100.00".to_owned())
        ]
    );
    let cap = "[[cap]]\nscope = \"contract\"\namount = \"100.00\"\ncrossing = \"whole\"\n";
    let rulebook = rules(&format!("{}{cap}", plain("job", "1.00", "")));
    let settled = settle(&rulebook, &[claim(1, 0, 250), of(2, &north)], &[]);
    assert_eq!(claims(&settled), [(Status::Capped, "250.00".to_owned()), (Status::Claimable, "90.00".to_owned())]);
}

#[test]
fn a_claim_excluded_by_another_outcome_holds_no_place_for_the_person() {
    let lower = plain("lower", "333.00", "once_per = \"person\"");
    let rulebook = rules(&format!("{lower}{}", plain("higher", "500.00", "convert = { from = \"lower\" }")));
    let first = claim(1, 0, 333);
    let higher = Entitlement { holder: first.holder, person: first.person, ..claim(2, 1, 500) };
    let second = Entitlement { person: first.person, ..claim(3, 0, 333) };
    let statuses: Vec<Status> =
        settle(&rulebook, &[first, higher, second], &[]).claims.iter().map(|claim| claim.status).collect();
    assert_eq!(statuses, [Status::Excluded, Status::Claimable, Status::Claimable]);
}

#[test]
fn lines_beyond_a_cap_are_corrected_by_taking_back_from_the_later_ones() {
    // Two records were linked as one person, or the cap is lower than before.
    let cap = "[[cap]]\nscope = \"person\"\namount = \"150.00\"\n";
    let rulebook = rules(&format!("{}{cap}", plain("plan", "100.00", "")));
    let first = claim(1, 0, 100);
    let of = |n: u128| Entitlement { person: first.person, ..claim(n, 0, 100) };
    let all = [first.clone(), of(2), of(3)];
    let lines: Vec<Line> = all.iter().map(|of| paid(of, 100)).collect();
    let settled = settle(&rulebook, &all, &lines);
    assert_eq!(
        proposals(&settled),
        [(2, "-50.00".to_owned(), AdjustmentCause::Restated), (3, "-100.00".to_owned(), AdjustmentCause::Clawback)]
    );
    assert!(settled.adjustments.iter().all(|of| of.reason == Reason::BeyondCap));
    // A line that goes for a reason of its own leaves the others their amounts.
    let settled = settle(&rulebook, &all[1..], &lines);
    assert_eq!(
        proposals(&settled),
        [(1, "-100.00".to_owned(), AdjustmentCause::Clawback), (3, "-50.00".to_owned(), AdjustmentCause::Restated)]
    );
    // The last line is not decided: it cannot be adjusted, but it can be withdrawn.
    let undecided = [lines[0], lines[1], line(&all[2], 100, LineState::Submitted)];
    let settled = settle(&rulebook, &all, &undecided);
    assert_eq!(
        settled.withdrawals.iter().map(|of| (of.claim, of.reason)).collect::<Vec<_>>(),
        [(all[2].claim, Reason::BeyondCap)]
    );
}

#[test]
fn an_amount_taken_back_is_due_again_when_achieved_again_and_a_deliberate_reduction_stays() {
    let rulebook = rules(&plain("plan", "180.00", ""));
    let of = claim(1, 0, 180);
    let taken_back = reversed(paid(&of, 180));
    let settled = settle(&rulebook, std::slice::from_ref(&of), &[taken_back]);
    assert_eq!(proposals(&settled), [(1, "180.00".to_owned(), AdjustmentCause::Restated)]);
    assert_eq!(settled.adjustments[0].reason, Reason::AchievedAgain);
    let given_again = Line { adjusted: Money::ZERO, taken_back: Money::ZERO, state: LineState::Paid, ..taken_back };
    assert_eq!(proposals(&settle(&rulebook, std::slice::from_ref(&of), &[given_again])), []);
    let restated = Line { adjusted: money(-30), ..paid(&of, 180) };
    let settled = settle(&rulebook, std::slice::from_ref(&of), &[restated]);
    assert_eq!(proposals(&settled), [(1, "30.00".to_owned(), AdjustmentCause::Restated)], "the entitlement is 180");
    let sampled = Line { reduced: money(-30), ..restated };
    assert_eq!(
        proposals(&settle(&rulebook, std::slice::from_ref(&of), &[sampled])),
        [],
        "a deliberate reduction stays"
    );
    let settled = settle(&rulebook, &[], &[sampled]);
    assert_eq!(proposals(&settled), [(1, "-150.00".to_owned(), AdjustmentCause::Clawback)]);
}

#[test]
fn an_amount_taken_back_under_a_cap_without_refill_is_room_only_for_itself() {
    let cap = "[[cap]]\nscope = \"contract\"\namount = \"180.00\"\nrefill = false\n";
    let rulebook = rules(&format!("{}{cap}", plain("plan", "180.00", "")));
    let of = claim(1, 0, 180);
    let taken_back = reversed(paid(&of, 180));
    let settled = settle(&rulebook, &[claim(2, 0, 180)], &[taken_back]);
    assert_eq!(settled.claims[0].status, Status::Capped);
    let settled = settle(&rulebook, &[of], &[taken_back]);
    assert_eq!(proposals(&settled), [(1, "180.00".to_owned(), AdjustmentCause::Restated)]);
}

#[test]
fn an_undecided_line_that_is_no_longer_achieved_is_proposed_for_withdrawal_and_not_as_an_adjustment() {
    let rulebook = rules(&plain("plan", "180.00", ""));
    let of = claim(1, 0, 180);
    for state in [LineState::Submitted, LineState::Queried] {
        let settled = settle(&rulebook, &[], &[line(&of, 180, state)]);
        assert_eq!(proposals(&settled), []);
        let withdrawn: Vec<_> = settled.withdrawals.iter().map(|of| (of.claim, of.amount, of.reason)).collect();
        assert_eq!(withdrawn, [(of.claim, money(180), Reason::NotAchieved)]);
        let dearer = Entitlement { price: Price::Amount(money(200)), ..of.clone() };
        let settled = settle(&rulebook, &[dearer], &[line(&of, 180, state)]);
        assert!(settled.adjustments.is_empty() && settled.withdrawals.is_empty(), "nothing until it is accepted");
    }
}

#[test]
fn the_window_limits_the_first_submission_and_a_rejected_claim_may_be_submitted_again() {
    let late = |of: &Entitlement| Entitlement { standing: Status::Expired, ..of.clone() };
    let of = claim(1, 0, 100);
    let status = |keys: &str, lines: &[Line]| {
        let rulebook = rules(&plain("plan", "100.00", &format!("claim = {{ within_days = 90, {keys} }}")));
        settle(&rulebook, &[late(&of)], lines).claims[0].status
    };
    // Rejected on 1 March. Today is 30 June.
    let rejected = line(&of, 100, LineState::Rejected);
    assert_eq!(status("attempts = 2", &[]), Status::Expired);
    assert_eq!(status("attempts = 2", &[rejected]), Status::Claimable);
    assert_eq!(status("attempts = 2", &[rejected, rejected]), Status::Rejected);
    assert_eq!(status("attempts = 2, resubmit_within_days = 121", &[rejected]), Status::Claimable);
    assert_eq!(status("attempts = 2, resubmit_within_days = 120", &[rejected]), Status::Expired);
}

#[test]
fn a_smaller_outcome_that_is_paid_first_and_not_converted_keeps_the_greater_excluded() {
    let [small, great] = small_and_great();
    let settled = settle(&group(""), &[small.clone(), great.clone()], &[paid(&small, 100)]);
    assert_eq!(settled.claims[1].status, Status::Excluded);
    assert_eq!(settled.claims[1].excluded_by, Some(ExcludedBy::Outcome(0)));
    let settled = settle(&group("convert = { from = \"small\" }"), &[small.clone(), great], &[paid(&small, 100)]);
    assert_eq!(claims(&settled)[1], (Status::Claimable, "4900.00".to_owned()));
}

#[test]
fn one_outcome_of_a_group_is_paid_per_case_even_if_only_one_is_once_per_person() {
    let low = plain("low", "100.00", "group = \"g\"");
    let high = plain("high", "250.00", "group = \"g\"\nonce_per = \"person\"\nconvert = { from = \"low\" }");
    let rulebook = rules(&format!("{low}{high}"));
    let one = claim(1, 0, 100);
    let other = Entitlement { holder: one.holder, person: one.person, ..claim(2, 1, 250) };
    let settled = settle(&rulebook, &[one.clone(), other.clone()], &[]);
    assert_eq!(settled.claims[0].excluded_by, Some(ExcludedBy::Outcome(1)));
    let elsewhere = Entitlement { holder: claim(3, 0, 0).holder, ..other };
    let settled = settle(&rulebook, &[one, elsewhere], &[]);
    let statuses: Vec<Status> = settled.claims.iter().map(|claim| claim.status).collect();
    assert_eq!(
        statuses,
        [Status::Claimable, Status::Claimable],
        "in another case only the outcome that is paid once per person"
    );
}

#[test]
fn a_claim_without_a_price_counts_for_no_tier() {
    let rulebook = rules(&plain("job", "10.00", ""));
    let tiers = Price::Tiers(vec![(Some(1), money(10)), (None, money(7))]);
    let unpriced = Entitlement { price: Price::None, standing: Status::Achieved, ..claim(1, 0, 0) };
    let settled = settle(&rulebook, &[unpriced, Entitlement { price: tiers, ..claim(2, 0, 0) }], &[]);
    assert_eq!(claims(&settled)[1], (Status::Claimable, "10.00".to_owned()));
}
