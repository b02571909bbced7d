//! The results of claims that were not submitted, settled with the submitted lines and with each other: one payment per
//! person, one per group, tiers, and caps.
//!
//! Only a claim with a price that the caps leave something holds a place that another claim could have.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;

use super::caps::Room;
use super::targets::{Held, Targets};
use super::{ExcludedBy, Party, Price, SetOf, Settled, Settling, Status, Volumes, is_payable};
use crate::contract::rulebook::outcome::WhenCapped;
use crate::fact::envelope::{ClaimId, SubjectId};
use crate::fact::money::Money;

/// The claims that were not submitted, as far as they are settled.
struct Open<'s, 'a> {
    settling: &'s Settling<'a>,
    targets: &'s Targets<'a>,
    /// The number of lines of each outcome.
    volumes: &'s Volumes,
    /// The indexes of the entitlements, in the order in which they are paid.
    order: Vec<usize>,
    claims: Vec<Settled>,
    /// The result of each without regard to other claims.
    alone: &'s [Settled],
    /// The claims that the caps leave nothing.
    capped: BTreeSet<usize>,
    /// The claims that another outcome excludes, as far as known. They hold no place for their person or in their tier.
    lost: BTreeSet<usize>,
}

/// How often the places of persons and of groups are computed again, each from the other. They form a chain, not a
/// circle, unless rules contradict each other. No contract has a chain of this length.
const MOST_TURNS: usize = 32;

impl<'a> Settling<'a> {
    /// The result of every entitlement, and the room that is left afterwards.
    pub(super) fn places<'r>(
        &self,
        targets: &Targets<'a>,
        volumes: &Volumes,
        room: &Room<'r, 'r>,
    ) -> (Vec<Settled>, Room<'r, 'r>) {
        let alone: Vec<Settled> = (0..self.entitlements.len()).map(|at| self.alone(at)).collect();
        let mut order: Vec<usize> = (0..alone.len()).filter(|at| !alone[*at].status.is_fact()).collect();
        order.sort_by_key(|at| (self.entitlements[*at].achieved_on, self.entitlements[*at].claim));
        let mut open = Open {
            settling: self,
            targets,
            volumes,
            order,
            claims: Vec::new(),
            alone: &alone,
            capped: BTreeSet::new(),
            lost: BTreeSet::new(),
        };
        loop {
            let (left, capped) = open.round(room.clone());
            // A claim that the caps leave nothing makes way for others: all claims are settled again without it.
            if capped.is_subset(&open.capped) || !self.gives_way(&capped) {
                open.set_waits_for(&left);
                return (open.claims, left);
            }
            open.capped.extend(capped);
        }
    }

    /// Whether an exclusion within one case can affect other cases, through persons or tiers.
    fn affects_other_cases(&self) -> bool {
        self.entitlements.iter().any(|of| {
            matches!(of.price, Price::Tiers(_)) || self.terms.is_family_of_persons(self.terms.family(of.outcome))
        })
    }

    /// Whether any of these claims could have held a place that others need.
    fn gives_way(&self, capped: &BTreeSet<usize>) -> bool {
        let tiered = self.entitlements.iter().filter(|of| matches!(of.price, Price::Tiers(_)));
        let tiered: BTreeSet<usize> = tiered.map(|of| self.terms.code(of.outcome)).collect();
        capped.iter().any(|at| {
            let of = &self.entitlements[*at];
            self.terms.is_family_of_persons(self.terms.family(of.outcome))
                || self.terms.outcome(of.outcome).when_capped == WhenCapped::Next
                || tiered.contains(&self.terms.code(of.outcome))
        })
    }
}

impl Open<'_, '_> {
    /// Settles the claims once. Returns the room that is left, and the claims that the caps leave nothing.
    fn round<'r>(&mut self, mut room: Room<'r, 'r>) -> (Room<'r, 'r>, BTreeSet<usize>) {
        for _ in 0..MOST_TURNS {
            self.claims = self.alone.to_vec();
            self.price();
            self.one_per_person();
            self.one_per_set();
            let by_another = |at: &usize| matches!(self.claims[*at].excluded_by, Some(ExcludedBy::Outcome(_)));
            let lost: BTreeSet<usize> = self.order.iter().copied().filter(by_another).collect();
            let is_settled = lost == self.lost || !self.settling.affects_other_cases();
            self.lost = lost;
            if is_settled {
                break;
            }
        }
        let capped = self.pay(&mut room);
        (room, capped)
    }

    /// The claims with a status, in the order in which they are paid.
    fn with_status(&self, status: Status) -> Vec<usize> {
        self.order.iter().copied().filter(|at| self.claims[*at].status == status).collect()
    }

    fn is_claimable(&self, at: usize) -> bool {
        self.claims[at].status == Status::Claimable
    }

    fn code(&self, at: usize) -> usize {
        self.settling.terms.code(self.settling.entitlements[at].outcome)
    }

    fn next_price(&self, volumes: &Volumes, at: usize) -> Option<Money> {
        volumes.next_price(self.code(at), &self.settling.entitlements[at].price)
    }

    /// Gives every claim its full price as if nothing excluded it. A claimable claim without a price becomes achieved.
    fn price(&mut self) {
        let mut volumes = self.volumes.clone();
        let (counting, others): (Vec<usize>, Vec<usize>) = self
            .order
            .iter()
            .partition(|at| !self.capped.contains(at) && !self.lost.contains(at) && self.is_claimable(**at));
        for at in counting {
            self.claims[at].amount = self.next_price(&volumes, at);
            if self.claims[at].amount.is_some() {
                volumes.count(self.code(at));
            } else {
                self.claims[at].status = Status::Achieved;
            }
        }
        for at in others {
            self.claims[at].amount = self.next_price(&volumes, at);
        }
    }

    /// Gives every claim that can be paid the amount of its tier that the caps leave, in the order in which they are
    /// paid. Returns those that are left nothing. The other claims get the price that the next claim would have.
    fn pay(&mut self, room: &mut Room<'_, '_>) -> BTreeSet<usize> {
        let mut volumes = self.volumes.clone();
        let mut capped = BTreeSet::new();
        let (counting, others): (Vec<usize>, Vec<usize>) = self.order.iter().partition(|at| self.is_claimable(**at));
        for at in counting {
            self.price_in_tier(&volumes, at);
            let Some(due) = self.claims[at].amount else {
                self.claims[at].status = Status::Achieved;
                continue;
            };
            let uses = self.settling.entitlements[at].cap_use();
            let got = if self.capped.contains(&at) { Money::ZERO } else { room.fits(uses, due) };
            room.take(uses, got);
            room.lack(uses, due - got);
            if due.is_positive() && !got.is_positive() {
                self.claims[at].status = Status::Capped;
                capped.insert(at);
                continue;
            }
            self.claims[at].amount = Some(got);
            volumes.count(self.code(at));
        }
        for at in others {
            self.price_in_tier(&volumes, at);
        }
        capped
    }

    fn price_in_tier(&mut self, volumes: &Volumes, at: usize) {
        if matches!(self.settling.entitlements[at].price, Price::Tiers(_)) {
            let taken_up = self.taken_up(at);
            let price = self.next_price(volumes, at);
            self.claims[at].amount = price.map(|price| (price - taken_up).max(Money::ZERO));
        }
    }

    /// Whether a claim holds a place: it has a price, will be paid, and the caps leave it something.
    fn holds(&self, at: usize) -> bool {
        is_payable(self.claims[at].status) && self.claims[at].amount.is_some() && !self.capped.contains(&at)
    }

    /// Excludes claims whose payment another case of the same person already has, or has first.
    fn one_per_person(&mut self) {
        let mut had: HashMap<(usize, SubjectId), usize> = HashMap::new();
        for at in self.order.clone() {
            let party = self.settling.entitlements[at].party();
            let Some(of_person) = self.settling.of_person(party) else { continue };
            let times = self.settling.terms.times(party.outcome);
            let held = self.targets.held_for(of_person);
            let had = had.entry(of_person).or_default();
            if self.settling.terms.is_once_per_person(party.outcome) && held.len() + *had >= times {
                let staying = held.iter().filter(|held| !held.is_going).count() + *had;
                let going = held.iter().find(|held| held.is_going).filter(|_| staying < times);
                self.exclude(at, ExcludedBy::Person, going.map(|held| held.line.claim));
            } else if self.holds(at) && !self.lost.contains(&at) {
                *had += 1;
            }
        }
    }

    /// Excludes all but one of the outcomes that exclude each other. Of the claims that can be paid, the best one gets
    /// the payment. Claims that rank below it are excluded. Claims that rank above it keep their status, because they
    /// may still be paid later.
    fn one_per_set(&mut self) {
        let mut members: Vec<(SetOf, usize)> = self
            .order
            .iter()
            .copied()
            .filter(|at| self.claims[*at].status != Status::Excluded)
            .map(|at| (self.settling.set_of(self.settling.entitlements[at].party()), at))
            .collect();
        members.sort_by_cached_key(|(set, at)| (*set, self.rank(*at)));
        for members in members.chunk_by(|(one, _), (other, _)| one == other) {
            let mut winners: Vec<Party> = Vec::new();
            for (_, at) in members.iter().copied() {
                if let Some((by, waits_for)) = self.held_by(at, members[0].0) {
                    self.exclude(at, ExcludedBy::Outcome(by), waits_for);
                    continue;
                }
                let party = self.settling.entitlements[at].party();
                let better = winners.iter().find(|winner| self.settling.are_rivals(party, **winner));
                if let Some(by) = better.copied() {
                    self.exclude(at, ExcludedBy::Outcome(by.outcome), None);
                    continue;
                }
                if self.wins(at) {
                    winners.push(party);
                }
                let taken_up = self.taken_up(at);
                self.claims[at].amount = self.claims[at].amount.map(|price| (price - taken_up).max(Money::ZERO));
            }
        }
    }

    /// Whether a claim gets the payment of its set. If the caps leave it nothing, it does so only if the next claim may
    /// not take its place.
    fn wins(&self, at: usize) -> bool {
        let outcome = self.settling.terms.outcome(self.settling.entitlements[at].outcome);
        let is_passed_over = self.capped.contains(&at) && outcome.when_capped == WhenCapped::Next;
        is_payable(self.claims[at].status) && self.claims[at].amount.is_some() && !is_passed_over
    }

    /// The outcome of a line that has the payment of a set instead. If every such line is proposed to go, also the
    /// claim of the first one.
    fn held_by(&self, at: usize, set: SetOf) -> Option<(usize, Option<ClaimId>)> {
        let party = self.settling.entitlements[at].party();
        let blocks = |held: &&Held<'_>| {
            let other = held.line.party();
            self.settling.are_rivals(party, other) && !self.settling.takes_up(party, other)
        };
        let blocking: Vec<&Held<'_>> = self.targets.held_in(set).iter().filter(blocks).collect();
        let by = blocking.iter().find(|held| !held.is_going).or(blocking.first())?;
        Some((by.line.outcome, by.is_going.then_some(by.line.claim)))
    }

    /// The amount held by the lines that a claim converts from.
    fn taken_up(&self, at: usize) -> Money {
        let party = self.settling.entitlements[at].party();
        let held = self.targets.held_in(self.settling.set_of(party)).iter();
        held.filter(|held| self.settling.takes_up(party, held.line.party())).map(|held| held.amount).sum()
    }

    /// The lowest rank wins: the outcome with most conversions below it, then the highest price, then the earliest,
    /// then the first in the file. Claims without a price come last.
    fn rank(&self, at: usize) -> (Reverse<usize>, Reverse<Option<Money>>, NaiveDate, usize) {
        let of = &self.settling.entitlements[at];
        (Reverse(self.settling.terms.height(of.outcome)), Reverse(self.claims[at].amount), of.achieved_on, of.outcome)
    }

    fn exclude(&mut self, at: usize, by: ExcludedBy, waits_for: Option<ClaimId>) {
        let claim = &mut self.claims[at];
        (claim.status, claim.excluded_by, claim.waits_for) = (Status::Excluded, Some(by), waits_for);
    }

    /// For each claim that the caps leave nothing, sets the line that is proposed to use less of one of them.
    fn set_waits_for(&mut self, room: &Room<'_, '_>) {
        for at in self.with_status(Status::Capped) {
            let uses = self.settling.entitlements[at].cap_use();
            self.claims[at].waits_for = self.targets.making_room(|other| room.share_a_pot(uses, other));
        }
    }
}
