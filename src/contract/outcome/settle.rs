//! What is due when claims are taken together: groups, one payment per person, conversions and caps, beside the lines
//! that were submitted already (domain.md, "Caps and conversion, exactly").
//!
//! Pure, and cheap enough to be run whenever claims are read. It never moves a line: where one should be more or less
//! than it is, an adjustment is proposed.

mod caps;
mod terms;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use uuid::Uuid;

use super::Status;
use super::price::Price;
use crate::contract::money::Money;
use crate::journey::event::AdjustmentKind;
use crate::log::envelope::{ClaimId, SubjectId};
pub use caps::Pot;
use caps::{CapUse, Room};
pub use terms::Terms;

/// What an outcome that the facts show entitles to, before it is settled with others.
#[derive(Debug, Clone)]
pub struct Entitlement {
    /// The claim.
    pub claim: ClaimId,
    /// The journey that it is about, or the cohort, site or area.
    pub holder: Uuid,
    /// The one person behind linked records.
    pub person: Option<SubjectId>,
    /// The outcome, by its number in the terms.
    pub outcome: usize,
    /// The day on which it was achieved.
    pub achieved_on: NaiveDate,
    /// Its price.
    pub price: Price,
    /// What it amounts to alone.
    pub standing: Status,
}

/// A claim that was submitted.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// The claim.
    pub claim: ClaimId,
    /// The journey that it is about, or the cohort, site or area.
    pub holder: Uuid,
    /// The one person behind linked records.
    pub person: Option<SubjectId>,
    /// The outcome, by its number in the terms.
    pub outcome: usize,
    /// The day on which it was achieved, as it was submitted.
    pub achieved_on: NaiveDate,
    /// The amount, as it was submitted.
    pub amount: Money,
    /// The adjustments raised since, added up.
    pub adjusted: Money,
    /// What of them was taken back as having no ground, as an amount above nothing: it is not proposed again.
    pub taken_back: Money,
    /// What was paid for it.
    pub paid: Money,
    /// What became of it.
    pub state: LineState,
}

/// What became of a submitted claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineState {
    /// Nobody has decided.
    Submitted,
    /// Somebody asked about it.
    Queried,
    /// It was accepted.
    Accepted,
    /// It was paid.
    Paid,
    /// It was rejected.
    Rejected,
    /// It was taken back before it was decided.
    Withdrawn,
    /// It was paid and taken back.
    Reversed,
}

impl LineState {
    const fn is_live(self) -> bool {
        matches!(self, Self::Submitted | Self::Queried | Self::Accepted | Self::Paid)
    }

    /// What the claim is by it; what was taken back before it was decided is as if it were submitted still.
    pub const fn status(self) -> Status {
        match self {
            Self::Submitted | Self::Withdrawn => Status::Submitted,
            Self::Queried => Status::Queried,
            Self::Accepted => Status::Accepted,
            Self::Paid => Status::Paid,
            Self::Rejected => Status::Rejected,
            Self::Reversed => Status::Reversed,
        }
    }
}

impl Line {
    /// What is due for it as things were decided: of what was rejected, only what was paid is still to be settled.
    pub fn current(&self) -> Money {
        match self.state {
            LineState::Rejected | LineState::Withdrawn => self.paid + self.adjusted,
            _ => self.amount + self.adjusted,
        }
    }

    /// What was paid or due for it once and is not any more.
    const fn given_up(&self) -> Money {
        match self.state {
            LineState::Rejected | LineState::Withdrawn => self.paid,
            _ => self.taken_back,
        }
    }

    /// Whether it was taken back whole.
    fn is_reversed(&self) -> bool {
        let rejected_and_settled =
            self.paid.is_positive() && self.taken_back.is_positive() && self.current() == Money::ZERO;
        self.state == LineState::Reversed || self.state == LineState::Rejected && rejected_and_settled
    }
}

/// What claims amount to together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settlement {
    /// What became of each entitlement, in the order in which they were given.
    pub claims: Vec<Settled>,
    /// What should be paid beyond, or taken back from, submitted lines.
    pub adjustments: Vec<Adjustment>,
    /// What submitted lines use of each cap, by its place in the rulebook and by what it counts together.
    pub used: BTreeMap<(usize, Pot), Money>,
    /// What lines and claims lack because of each cap.
    pub capped: BTreeMap<(usize, Pot), Money>,
}

/// What becomes of an entitlement beside all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What has become of it.
    pub status: Status,
    /// What is due, or would be but for its status.
    pub amount: Option<Money>,
    /// Who has it instead, where it is excluded.
    pub excluded_by: Option<ExcludedBy>,
}

/// Who has a payment instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExcludedBy {
    /// Another outcome of the group, by its number in the terms.
    Outcome(usize),
    /// The same outcome of the same person.
    Person,
}

/// A proposal to pay more or less than a line says. Nothing is paid or taken back without a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// The claim whose line it is.
    pub claim: ClaimId,
    /// What to pay beyond it; less than nothing: what to take back.
    pub amount: Money,
    /// Why.
    pub cause: AdjustmentCause,
}

/// Why a line should be more or less than it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdjustmentCause {
    /// The entitlement is gone, or another line has it, or the line was rejected after it was paid.
    Clawback,
    /// The lower outcome that it took up is paid otherwise than it was.
    Conversion,
    /// There is room under the cap again.
    CapRelease,
    /// Its price is another, as the facts or rules now read.
    Restated,
}

impl From<AdjustmentCause> for AdjustmentKind {
    fn from(cause: AdjustmentCause) -> Self {
        match cause {
            AdjustmentCause::Clawback => Self::Clawback,
            AdjustmentCause::Conversion => Self::Conversion,
            AdjustmentCause::CapRelease => Self::CapRelease,
            AdjustmentCause::Restated => Self::Restatement,
        }
    }
}

/// Settles entitlements with each other and with the lines submitted so far, in batch order.
pub fn settle(terms: &Terms<'_>, entitlements: &[Entitlement], lines: &[Line]) -> Settlement {
    Settling::new(terms, entitlements, lines).settled()
}

/// Whose a claim is, and for what.
#[derive(Clone, Copy)]
struct Party {
    outcome: usize,
    holder: Uuid,
    person: Option<SubjectId>,
}

impl Entitlement {
    const fn cap_use(&self) -> CapUse {
        CapUse { outcome: self.outcome, person: self.person, achieved_on: self.achieved_on }
    }

    const fn party(&self) -> Party {
        Party { outcome: self.outcome, holder: self.holder, person: self.person }
    }
}

impl Line {
    const fn cap_use(&self) -> CapUse {
        CapUse { outcome: self.outcome, person: self.person, achieved_on: self.achieved_on }
    }

    const fn party(&self) -> Party {
        Party { outcome: self.outcome, holder: self.holder, person: self.person }
    }
}

/// The outcomes of which one may be paid, and the journey or person within which one of them is.
type SetOf = (usize, Uuid);

struct Settling<'a> {
    terms: &'a Terms<'a>,
    entitlements: &'a [Entitlement],
    lines: &'a [Line],
    /// The full price of each entitlement.
    prices: Vec<Option<Money>>,
    /// The entitlement of each claim that was submitted.
    of_claim: HashMap<ClaimId, usize>,
    /// The lines of each claim, in batch order.
    lines_of: HashMap<ClaimId, Vec<&'a Line>>,
    /// The outcomes of all lines of a set.
    outcomes_of: HashMap<SetOf, Vec<usize>>,
}

/// What submitted lines should be.
#[derive(Default)]
struct Targets<'a> {
    adjustments: Vec<Adjustment>,
    /// The lines of a set that have a payment, each with what it should be.
    of_set: HashMap<SetOf, Vec<(&'a Line, Money)>>,
    /// How many payments of an outcome a person has.
    of_person: HashMap<(usize, SubjectId), usize>,
}

impl<'a> Settling<'a> {
    fn new(terms: &'a Terms<'a>, entitlements: &'a [Entitlement], lines: &'a [Line]) -> Self {
        let mut lines_of: HashMap<ClaimId, Vec<&Line>> = HashMap::new();
        for line in lines {
            lines_of.entry(line.claim).or_default().push(line);
        }
        let submitted = entitlements.iter().enumerate().filter(|(_, of)| lines_of.contains_key(&of.claim));
        let of_claim = submitted.map(|(at, of)| (of.claim, at)).collect();
        let (prices, outcomes_of) = (Vec::new(), HashMap::new());
        let mut settling = Self { terms, entitlements, lines, prices, of_claim, lines_of, outcomes_of };
        settling.prices = settling.full_prices();
        for line in lines {
            settling.outcomes_of.entry(settling.set_of(line.party())).or_default().push(line.outcome);
        }
        settling
    }

    fn settled(&self) -> Settlement {
        let mut room = self.used();
        let used = room.used().clone();
        let mut targets = self.targets(&mut room);
        let mut claims: Vec<Settled> = (0..self.entitlements.len()).map(|at| self.alone(at)).collect();
        let mut open: Vec<usize> = (0..claims.len()).filter(|at| !claims[*at].status.is_fact()).collect();
        open.sort_by_key(|at| (self.entitlements[*at].achieved_on, self.entitlements[*at].claim));
        self.one_per_person(&mut claims, &open, &mut targets);
        self.one_per_set(&mut claims, &open, &targets);
        open.retain(|at| claims[*at].status == Status::Claimable);
        for at in open {
            let due = claims[at].amount.unwrap_or_default();
            let got = room.fits(self.entitlements[at].cap_use(), due);
            room.take(self.entitlements[at].cap_use(), got);
            room.lack(self.entitlements[at].cap_use(), due - got);
            if got.is_positive() || !due.is_positive() {
                claims[at].amount = Some(got);
            } else {
                claims[at].status = Status::Capped;
            }
        }
        Settlement { claims, adjustments: targets.adjustments, used, capped: room.into_lacking() }
    }

    /// What an entitlement is before it is compared with others: what became of its line, or what it is alone.
    fn alone(&self, at: usize) -> Settled {
        let of = &self.entitlements[at];
        let (status, amount) = match self.live_line(of.claim) {
            Some(line) => (line.state.status(), Some(line.current())),
            None => match self.lines_of.get(&of.claim).and_then(|lines| lines.last()) {
                Some(line) if line.is_reversed() => (Status::Reversed, Some(line.current())),
                Some(line) if self.is_tried_out(at) || line.current() != Money::ZERO => {
                    (Status::Rejected, Some(line.amount))
                }
                _ => (of.standing, self.prices[at]),
            },
        };
        Settled { status, amount, excluded_by: None }
    }

    /// Whether a claim was rejected as often as it may be tried.
    fn is_tried_out(&self, at: usize) -> bool {
        let of = &self.entitlements[at];
        let lines = self.lines_of.get(&of.claim).into_iter().flatten();
        let rejected = lines.filter(|line| line.state == LineState::Rejected).count();
        rejected >= self.terms.outcome(of.outcome).claim.attempts as usize
    }

    fn live_line(&self, claim: ClaimId) -> Option<&'a Line> {
        self.lines_of.get(&claim)?.iter().copied().find(|line| line.state.is_live())
    }

    /// The full price of each entitlement: the n-th claim of an outcome has the price of the tier that holds n.
    /// Submitted ones come first, then those that can be paid, each in their order.
    fn full_prices(&self) -> Vec<Option<Money>> {
        let mut prices: Vec<Option<Money>> = self.entitlements.iter().map(|of| of.price.amount()).collect();
        if !self.entitlements.iter().any(|of| matches!(of.price, Price::Tiers(_))) {
            return prices;
        }
        let live = self.lines.iter().enumerate().filter(|(_, line)| line.state.is_live());
        let submitted: BTreeMap<ClaimId, usize> = live.map(|(at, line)| (line.claim, at)).collect();
        let mut order: Vec<usize> = (0..self.entitlements.len()).collect();
        order.sort_by_key(|at| {
            let of = &self.entitlements[*at];
            let in_batches = submitted.get(&of.claim).copied().unwrap_or(usize::MAX);
            (in_batches, !is_payable(of.standing), of.achieved_on, of.claim)
        });
        let mut counted: BTreeMap<usize, u32> = BTreeMap::new();
        for at in order {
            let of = &self.entitlements[at];
            let nth = counted.entry(self.terms.code(of.outcome)).or_default();
            *nth += 1;
            prices[at] = of.price.of_nth(*nth);
        }
        prices
    }

    /// What the lines as they are use of each cap.
    fn used(&self) -> Room<'a, 'a> {
        let mut room = Room::new(self.terms);
        for line in self.lines {
            if line.state.is_live() {
                room.take(line.cap_use(), line.current());
            }
            room.keep(line.cap_use(), line.given_up());
        }
        room
    }

    /// What each submitted line should be: its price as the facts now read, less what it takes up, within the caps;
    /// nothing where it is rejected, where its entitlement is gone, or where an earlier line has it. A line uses what is
    /// due for it until something else is decided: what is left under a cap beside that goes to those that should have
    /// more, in batch order.
    fn targets(&self, room: &mut Room<'_, '_>) -> Targets<'a> {
        let mut targets = Targets::default();
        for line in self.lines {
            let uses = line.cap_use();
            if !line.state.is_live() {
                targets.propose(line, Money::ZERO, AdjustmentCause::Clawback);
                continue;
            }
            let (current, (wanted, cause)) = (line.current(), self.wanted(line, &targets));
            room.take(uses, -current);
            let got = wanted.min(room.fits(uses, wanted).max(current));
            room.take(uses, current.max(got));
            room.lack(uses, wanted - got);
            targets.keep(self, line, got);
            targets.propose(line, got, cause);
        }
        targets
    }

    /// What a live line would be without caps, beside the lines before it, and why it would be other than it is.
    fn wanted(&self, line: &Line, before: &Targets<'_>) -> (Money, AdjustmentCause) {
        let nothing = (Money::ZERO, AdjustmentCause::Clawback);
        let Some(at) = self.of_claim.get(&line.claim).copied() else { return nothing };
        match self.entitlements[at].standing {
            // Nothing is decided until it is known.
            Status::OnHold => return (line.current(), AdjustmentCause::Restated),
            Status::EvidenceMissing => return nothing,
            _ => {}
        }
        let party = self.entitlements[at].party();
        if self.person_key(party).is_some_and(|key| before.had(key) >= self.terms.times(party.outcome)) {
            return nothing;
        }
        let mut price = self.prices[at].unwrap_or_default();
        let set = self.set_of(party);
        let of_set = before.of_set.get(&set).into_iter().flatten();
        for (other, amount) in of_set.filter(|(other, _)| self.terms.exclude_each_other(party.outcome, other.outcome)) {
            if !self.terms.takes_up(party.outcome, other.outcome) {
                return nothing;
            }
            price = (price - *amount).max(Money::ZERO);
        }
        price = (price - line.taken_back).max(Money::ZERO);
        let mut of_lines = self.outcomes_of.get(&set).into_iter().flatten();
        let cause = if of_lines.any(|other| self.terms.takes_up(party.outcome, *other)) {
            AdjustmentCause::Conversion
        } else if price > line.current() && self.terms.caps.iter().any(|cap| self.terms.is_under(cap, party.outcome)) {
            AdjustmentCause::CapRelease
        } else {
            AdjustmentCause::Restated
        };
        (price, cause)
    }

    /// Whose a payment is among those of which one is made.
    fn set_of(&self, party: Party) -> SetOf {
        let holder = self.person_key(party).map_or(party.holder, |(_, person)| person.0);
        (self.terms.family(party.outcome), holder)
    }

    /// The outcome and the person who has it once, if it is paid once for each person.
    fn person_key(&self, party: Party) -> Option<(usize, SubjectId)> {
        let is_once = self.terms.is_once_per_person(party.outcome);
        party.person.filter(|_| is_once).map(|person| (self.terms.code(party.outcome), person))
    }

    /// Excludes what another journey of the same person has, or had first.
    fn one_per_person(&self, claims: &mut [Settled], open: &[usize], targets: &mut Targets<'_>) {
        for at in open.iter().copied() {
            let party = self.entitlements[at].party();
            let Some(key) = self.person_key(party) else { continue };
            if targets.had(key) >= self.terms.times(party.outcome) {
                claims[at].exclude(ExcludedBy::Person);
            } else if is_payable(claims[at].status) {
                *targets.of_person.entry(key).or_default() += 1;
            }
        }
    }

    /// Excludes all but one of the outcomes that exclude each other. Of what can be paid the best has it; what ranks
    /// below it is excluded, what ranks above it keeps its own status, for it is not lost yet.
    fn one_per_set(&self, claims: &mut [Settled], open: &[usize], targets: &Targets<'_>) {
        let not_excluded = open.iter().copied().filter(|at| claims[*at].status != Status::Excluded);
        let mut members: Vec<(SetOf, usize)> =
            not_excluded.map(|at| (self.set_of(self.entitlements[at].party()), at)).collect();
        members.sort_by_cached_key(|(set, at)| (*set, self.rank(*at)));
        for members in members.chunk_by(|(one, _), (other, _)| one == other) {
            let lines = targets.of_set.get(&members[0].0).map_or(&[][..], Vec::as_slice);
            let outcome = |at: usize| self.entitlements[at].outcome;
            let had_by = |at: usize| {
                let blocks = |other: &usize| {
                    self.terms.exclude_each_other(outcome(at), *other) && !self.terms.takes_up(outcome(at), *other)
                };
                lines.iter().map(|(line, _)| line.outcome).find(blocks)
            };
            let mut winners: Vec<usize> = Vec::new();
            for (_, at) in members.iter().copied() {
                let better = winners.iter().map(|winner| outcome(*winner));
                let mut better = better.filter(|winner| self.terms.exclude_each_other(outcome(at), *winner));
                if let Some(by) = had_by(at).or_else(|| better.next()) {
                    claims[at].exclude(ExcludedBy::Outcome(by));
                    continue;
                }
                if is_payable(claims[at].status) {
                    winners.push(at);
                }
                if let Some(price) = claims[at].amount {
                    let lower = lines.iter().filter(|(line, _)| self.terms.takes_up(outcome(at), line.outcome));
                    let paid: Money = lower.map(|(_, amount)| *amount).sum();
                    claims[at].amount = Some((price - paid).max(Money::ZERO));
                }
            }
        }
    }

    /// The least has it: what takes up most, else costs most, else was achieved first, else stands first.
    fn rank(&self, at: usize) -> (Reverse<usize>, Reverse<Money>, NaiveDate, usize) {
        let of = &self.entitlements[at];
        let price = self.prices[at].unwrap_or_default();
        (Reverse(self.terms.height(of.outcome)), Reverse(price), of.achieved_on, of.outcome)
    }
}

impl<'a> Targets<'a> {
    fn had(&self, key: (usize, SubjectId)) -> usize {
        self.of_person.get(&key).copied().unwrap_or(0)
    }

    fn keep(&mut self, settling: &Settling<'_>, line: &'a Line, amount: Money) {
        if !amount.is_positive() {
            return;
        }
        self.of_set.entry(settling.set_of(line.party())).or_default().push((line, amount));
        if let Some(key) = settling.person_key(line.party()) {
            *self.of_person.entry(key).or_default() += 1;
        }
    }

    fn propose(&mut self, line: &Line, target: Money, cause: AdjustmentCause) {
        let amount = target - line.current();
        if amount != Money::ZERO {
            self.adjustments.push(Adjustment { claim: line.claim, amount, cause });
        }
    }
}

impl Settled {
    const fn exclude(&mut self, by: ExcludedBy) {
        self.status = Status::Excluded;
        self.excluded_by = Some(by);
    }
}

/// Whether it has a payment coming: now, or when the time of waiting is over.
const fn is_payable(status: Status) -> bool {
    matches!(status, Status::Claimable | Status::Achieved)
}

#[cfg(test)]
mod tests;
