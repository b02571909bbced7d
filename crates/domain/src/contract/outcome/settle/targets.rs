//! The amounts that submitted lines should have: the entitlement of their claims, settled with each other and within
//! the caps.
//!
//! It only proposes. A line keeps using the amount due for it until something else is decided.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::caps::{CapUse, Room};
use super::{Adjustment, AdjustmentCause, Line, Party, Reason, SetOf, Settling, Status, Withdrawal};
use crate::fact::envelope::{ClaimId, SubjectId};
use crate::fact::money::Money;

/// The target amounts of submitted lines, and the amounts that they hold until a decision.
#[derive(Default)]
pub(super) struct Targets<'a> {
    pub(super) adjustments: Vec<Adjustment>,
    pub(super) withdrawals: Vec<Withdrawal>,
    /// The target amounts of the lines of a set, without those of 0.
    of_set: HashMap<SetOf, Vec<(&'a Line, Money)>>,
    /// The lines of a set that hold a payment.
    held_in_set: HashMap<SetOf, Vec<Held<'a>>>,
    /// The lines that hold a payment of an outcome for a person.
    held_for_person: HashMap<(usize, SubjectId), Vec<Held<'a>>>,
    /// The lines whose target is lower than their amount, with their caps.
    reduced: Vec<(CapUse, ClaimId)>,
}

/// A line that holds a payment.
#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) line: &'a Line,
    /// The amount that it holds: the amount due now or the target, whichever is higher.
    pub(super) amount: Money,
    /// Whether it should hold nothing. This is proposed, not decided.
    pub(super) is_going: bool,
}

impl<'a> Settling<'a> {
    /// The lines in the order in which they are paid: first, in batch order, those that have money or only lack it
    /// because of a deliberate reduction, then those that were taken back.
    pub(super) fn in_order(&self) -> Vec<&'a Line> {
        let (with_money, without): (Vec<_>, Vec<_>) = self.lines.iter().partition(|line| line.keeps_its_turn());
        with_money.into_iter().chain(without).collect()
    }

    /// The amount of each cap that the lines use now.
    pub(super) fn used(&self) -> Room<'a, 'a> {
        let mut room = Room::new(self.terms);
        for line in self.lines {
            if line.state.is_live() || line.has_money() {
                room.take(line.cap_use(), line.current());
            }
            room.take(line.cap_use(), line.pending);
            room.keep(line.cap_use(), line.given_up());
        }
        room
    }

    /// The target amount of each submitted line: its current price, less the amount of claims that it converts from,
    /// within the caps. It is 0 if the line is rejected, its entitlement is gone, or another line has the payment. Room
    /// that the lines leave under a cap goes to lines that should have more, in order. If the lines use more than a cap
    /// allows, the later lines should have less.
    pub(super) fn targets(&self, prices: &[Option<Money>], room: &mut Room<'a, 'a>) -> Targets<'a> {
        let order = self.in_order();
        let displaced = self.displaced(&order, prices);
        let mut targets = Targets::default();
        // The amounts that the lines so far should use.
        let mut before = Room::new(self.terms);
        for line in order {
            let uses = line.cap_use();
            if !line.stands() {
                targets.hold(self, line, Money::ZERO);
                targets.propose(line, Money::ZERO, Reason::Rejected);
                continue;
            }
            let current = line.current();
            let (wanted, reason) = if displaced.contains(&line.claim) {
                (Money::ZERO, Reason::PaidElsewhere)
            } else {
                self.wanted(line, prices, &targets)
            };
            room.take(uses, -current);
            // An amount that was taken back under a cap that does not refill is room for this line only.
            room.keep(uses, -line.given_up());
            let kept = before.fits(uses, wanted.min(current));
            let got = wanted.min(room.fits(uses, wanted).max(kept));
            let given_up = (line.given_up() - (got - current).max(Money::ZERO)).max(Money::ZERO);
            room.keep(uses, given_up);
            room.take(uses, current.max(got));
            room.lack(uses, wanted - got);
            before.keep(uses, given_up);
            before.take(uses, got);
            let reason = if kept < wanted.min(current) { Reason::BeyondCap } else { reason };
            targets.hold(self, line, got);
            targets.propose(line, got, reason);
        }
        targets
    }

    /// The claims whose lines give way to other lines. Of an outcome paid once per person, the earlier line stays. Of
    /// outcomes that exclude each other, the line with the higher entitlement stays.
    fn displaced(&self, order: &[&'a Line], prices: &[Option<Money>]) -> BTreeSet<ClaimId> {
        let mut displaced = BTreeSet::new();
        let mut had: HashMap<(usize, SubjectId), usize> = HashMap::new();
        let mut of_set: HashMap<SetOf, Vec<Rival<'a>>> = HashMap::new();
        for (place, line) in order.iter().enumerate().filter(|(_, line)| line.stands()) {
            let Some(entitled) = self.entitled(line, prices) else { continue };
            if let Some(of_person) = self.of_person(entitled.party) {
                let had = had.entry(of_person).or_default();
                let is_once = self.terms.is_once_per_person(entitled.party.outcome);
                if is_once && *had >= self.terms.times(entitled.party.outcome) {
                    displaced.insert(line.claim);
                    continue;
                }
                *had += 1;
            }
            let Entitled { party, price } = entitled;
            of_set.entry(self.set_of(party)).or_default().push(Rival { line, place, party, price });
        }
        for mut rivals in of_set.into_values().filter(|rivals| rivals.len() > 1) {
            rivals.sort_by_key(|of| {
                (!of.line.keeps_its_turn(), Reverse(self.terms.height(of.party.outcome)), Reverse(of.price), of.place)
            });
            let mut staying: Vec<Rival<'_>> = Vec::new();
            for rival in rivals {
                let gives_way = |other: &Rival<'_>| {
                    let (later, earlier) = if rival.place > other.place { (&rival, other) } else { (other, &rival) };
                    self.are_rivals(rival.party, other.party) && !self.takes_up(later.party, earlier.party)
                };
                if staying.iter().any(gives_way) {
                    displaced.insert(rival.line.claim);
                } else {
                    staying.push(rival);
                }
            }
        }
        displaced
    }

    /// The entitlement of a line in force without regard to others, if there is one. On hold: the amount due for it.
    fn entitled(&self, line: &Line, prices: &[Option<Money>]) -> Option<Entitled> {
        let at = *self.of_claim.get(&line.claim)?;
        let price = match self.entitlements[at].standing {
            Status::EvidenceMissing => return None,
            Status::OnHold => line.current(),
            _ => prices[at]? + line.reduced,
        };
        price.is_positive().then(|| Entitled { party: self.entitlements[at].party(), price })
    }

    /// The target of a line in force without caps, settled with the lines before it, and the reason for a difference.
    fn wanted(&self, line: &Line, prices: &[Option<Money>], before: &Targets<'_>) -> (Money, Reason) {
        let nothing = |reason| (Money::ZERO, reason);
        let Some(at) = self.of_claim.get(&line.claim).copied() else { return nothing(Reason::NotAchieved) };
        match self.entitlements[at].standing {
            // While the outcome is on hold, nothing changes.
            Status::OnHold => return (line.current(), Reason::PriceChanged),
            Status::EvidenceMissing => return nothing(Reason::EvidenceMissing),
            _ => {}
        }
        let party = self.entitlements[at].party();
        let set = self.set_of(party);
        let of_set = before.of_set.get(&set).into_iter().flatten();
        let taken_up: Money =
            of_set.filter(|(other, _)| self.takes_up(party, other.party())).map(|(_, amount)| *amount).sum();
        let price = prices[at].unwrap_or_default() - taken_up;
        let price = (price.max(Money::ZERO) + line.reduced).max(Money::ZERO);
        let mut of_lines = self.lines_in.get(&set).into_iter().flatten();
        let is_capped = || self.terms.caps.iter().any(|cap| self.terms.is_under(cap, party.outcome));
        let reason = if of_lines.any(|other| self.takes_up(party, other.party())) {
            Reason::Conversion
        } else if price > line.current() && line.given_up().is_positive() {
            Reason::AchievedAgain
        } else if price > line.current() && is_capped() {
            Reason::RoomUnderCap
        } else {
            Reason::PriceChanged
        };
        (price, reason)
    }
}

/// The entitlement of a line without regard to others.
struct Entitled {
    party: Party,
    price: Money,
}

/// One of the lines of a set of which only one may be paid.
struct Rival<'a> {
    line: &'a Line,
    /// Its index in the order of lines.
    place: usize,
    party: Party,
    price: Money,
}

impl<'a> Targets<'a> {
    /// The lines of a set that hold a payment.
    pub(super) fn held_in(&self, set: SetOf) -> &[Held<'a>] {
        self.held_in_set.get(&set).map_or(&[], Vec::as_slice)
    }

    /// The lines that hold a payment of an outcome for a person.
    pub(super) fn held_for(&self, key: (usize, SubjectId)) -> &[Held<'a>] {
        self.held_for_person.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The first line that is proposed to use less of a cap that a claim counts under.
    pub(super) fn making_room(&self, shares_pot: impl Fn(CapUse) -> bool) -> Option<ClaimId> {
        self.reduced.iter().find(|(uses, _)| shares_pot(*uses)).map(|(_, claim)| *claim)
    }

    fn hold(&mut self, settling: &Settling<'_>, line: &'a Line, target: Money) {
        let set = settling.set_of(line.party());
        if target.is_positive() {
            self.of_set.entry(set).or_default().push((line, target));
        }
        if target < line.held() {
            self.reduced.push((line.cap_use(), line.claim));
        }
        let held = Held { line, amount: target.max(line.held()), is_going: !target.is_positive() };
        if held.amount.is_positive() {
            self.held_in_set.entry(set).or_default().push(held);
            if let Some(of_person) = settling.of_person(line.party()) {
                self.held_for_person.entry(of_person).or_default().push(held);
            }
        }
    }

    fn propose(&mut self, line: &Line, target: Money, reason: Reason) {
        let (claim, amount) = (line.claim, target - line.current());
        if line.state.is_undecided() {
            if !target.is_positive() && line.has_money() {
                self.withdrawals.push(Withdrawal { claim, amount: line.current(), reason });
            }
        } else if amount != Money::ZERO {
            let cause = match reason {
                _ if !target.is_positive() => AdjustmentCause::Clawback,
                Reason::Conversion => AdjustmentCause::Conversion,
                Reason::RoomUnderCap => AdjustmentCause::CapRelease,
                _ => AdjustmentCause::Restated,
            };
            self.adjustments.push(Adjustment { claim, amount, cause, reason });
        }
    }
}
