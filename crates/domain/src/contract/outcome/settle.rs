//! Settles claims together: groups, one payment per person, conversions and caps, with the lines that were already
//! submitted (docs/domain.md).
//!
//! Pure, and fast enough to run whenever claims are read. It never changes a line: if a line should be higher or lower,
//! it proposes an adjustment or a withdrawal. A proposal frees no money.

mod caps;
mod line;
mod places;
mod targets;
mod terms;

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate};
use uuid::Uuid;

use super::Status;
use super::price::Price;
use crate::fact::envelope::{ClaimId, SubjectId};
use crate::fact::event::AdjustmentKind;
use crate::fact::money::Money;
use caps::CapUse;
pub use caps::Pot;
pub use line::{Line, LineState};
pub use terms::Terms;

/// The entitlement of an achieved outcome, before it is settled with others.
#[derive(Debug, Clone)]
pub struct Entitlement {
    /// The claim.
    pub claim: ClaimId,
    /// The case that it is about, or the cohort, site or area.
    pub holder: Uuid,
    /// The person behind linked records.
    pub person: Option<SubjectId>,
    /// The number of the outcome in the terms.
    pub outcome: usize,
    /// The day on which it was achieved.
    pub achieved_on: NaiveDate,
    /// The price.
    pub price: Price,
    /// Its status without regard to other claims.
    pub standing: Status,
    /// Its status without regard to other claims and without the claim window, which only limits the first submission.
    pub in_time: Status,
}

/// The result of settling claims together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settlement {
    /// The result of each entitlement, in the given order.
    pub claims: Vec<Settled>,
    /// The proposed amounts to pay beyond, or take back from, decided lines.
    pub adjustments: Vec<Adjustment>,
    /// The proposed withdrawals: lines that are not decided and for which nothing is due any more.
    pub withdrawals: Vec<Withdrawal>,
    /// The amount of each cap that submitted lines use, by the index of the cap in the rulebook and its pot.
    pub used: BTreeMap<(usize, Pot), Money>,
    /// The amount that lines and claims lack because of each cap.
    pub capped: BTreeMap<(usize, Pot), Money>,
}

/// The result of an entitlement, settled with all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The status.
    pub status: Status,
    /// The amount due, or that would be due with another status.
    pub amount: Option<Money>,
    /// The reason for the exclusion, if the claim is excluded.
    pub excluded_by: Option<ExcludedBy>,
    /// For an excluded or capped claim: the claim whose proposed adjustment or withdrawal would make way for it.
    pub waits_for: Option<ClaimId>,
}

/// Why a claim is excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExcludedBy {
    /// Another outcome of the group has the payment, by its number in the terms.
    Outcome(usize),
    /// The same outcome of the same person has the payment.
    Person,
}

/// A proposal to pay more or less than a line says. Nothing is paid or taken back without a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// The claim of the line.
    pub claim: ClaimId,
    /// The amount to pay in addition. A negative amount is to be taken back.
    pub amount: Money,
    /// The kind of adjustment.
    pub cause: AdjustmentCause,
    /// The reason.
    pub reason: Reason,
}

/// A proposal to withdraw a line that is not decided, because nothing is due for it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// The claim of the line.
    pub claim: ClaimId,
    /// The submitted amount, with its adjustments.
    pub amount: Money,
    /// The reason.
    pub reason: Reason,
}

/// Why a line should be higher or lower, in terms that users know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It was rejected after it was paid.
    Rejected,
    /// The facts no longer show the outcome.
    NotAchieved,
    /// The evidence for it no longer counts.
    EvidenceMissing,
    /// Another claim of its group or person has the payment.
    PaidElsewhere,
    /// The lower outcome that it converts from is paid differently from before.
    Conversion,
    /// A cap has room again.
    RoomUnderCap,
    /// An amount that was taken back is due again, because the outcome is achieved again.
    AchievedAgain,
    /// Earlier lines leave it less of a cap: two records were linked as one person, or the cap is lower than before.
    BeyondCap,
    /// Its price changed with the facts or rules.
    PriceChanged,
}

/// Why a line should be higher or lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdjustmentCause {
    /// The entitlement is gone, another line has it, or the line was rejected after it was paid.
    Clawback,
    /// The lower outcome that it converts from is paid differently from before.
    Conversion,
    /// The cap has room again.
    CapRelease,
    /// Its price changed with the facts or rules, or an amount that was taken back is due again.
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

/// The outcome, holder and person of a claim.
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

/// A set of outcomes of which only one may be paid, and the case or person that this applies to.
type SetOf = (usize, Uuid);

struct Settling<'a> {
    terms: &'a Terms<'a>,
    entitlements: &'a [Entitlement],
    lines: &'a [Line],
    /// The entitlement of each submitted claim.
    of_claim: HashMap<ClaimId, usize>,
    /// The lines of each claim, in batch order.
    lines_of: HashMap<ClaimId, Vec<&'a Line>>,
    /// All lines of a set.
    lines_in: HashMap<SetOf, Vec<&'a Line>>,
}

impl<'a> Settling<'a> {
    fn new(terms: &'a Terms<'a>, entitlements: &'a [Entitlement], lines: &'a [Line]) -> Self {
        let mut lines_of: HashMap<ClaimId, Vec<&Line>> = HashMap::new();
        for line in lines {
            lines_of.entry(line.claim).or_default().push(line);
        }
        let submitted = entitlements.iter().enumerate().filter(|(_, of)| lines_of.contains_key(&of.claim));
        let of_claim = submitted.map(|(at, of)| (of.claim, at)).collect();
        let mut settling = Self { terms, entitlements, lines, of_claim, lines_of, lines_in: HashMap::new() };
        for line in lines {
            settling.lines_in.entry(settling.set_of(line.party())).or_default().push(line);
        }
        settling
    }

    fn settled(&self) -> Settlement {
        let mut room = self.used();
        let used = room.used().clone();
        let (prices, volumes) = self.prices_of_lines();
        let targets = self.targets(&prices, &mut room);
        let (claims, room) = self.places(&targets, &volumes, &room);
        Settlement {
            claims,
            adjustments: targets.adjustments,
            withdrawals: targets.withdrawals,
            used,
            capped: room.into_lacking(),
        }
    }

    /// The result of an entitlement before it is compared with others: the state of its line, or its own status.
    fn alone(&self, at: usize) -> Settled {
        let of = &self.entitlements[at];
        let lines = self.lines_of.get(&of.claim).map_or(&[][..], Vec::as_slice);
        let (status, amount) = match (self.live_line(of.claim), lines.last()) {
            (Some(line), _) => (line.state.status(), Some(line.current())),
            (None, Some(line)) if line.is_reversed() => (Status::Reversed, Some(line.current())),
            (None, Some(line)) if self.has_no_attempts_left(at) || line.current() != Money::ZERO => {
                (Status::Rejected, Some(line.amount))
            }
            (None, Some(_)) => (self.again(of, lines), None),
            (None, None) => (of.standing, None),
        };
        Settled { status, amount, excluded_by: None, waits_for: None }
    }

    /// The status of a claim that was submitted in time and may be submitted again. A rejected claim has a time limit
    /// in its rulebook.
    fn again(&self, of: &Entitlement, lines: &[&Line]) -> Status {
        let within = self.terms.outcome(of.outcome).claim.resubmit_within_days;
        let rejected_on = lines.iter().filter_map(|line| line.rejected_on).max();
        let last = within.zip(rejected_on).map(|(days, on)| on.checked_add_days(Days::new(days.into())));
        let is_late = last.flatten().is_some_and(|last| self.terms.as_of > last);
        if is_late && of.in_time != Status::OnHold { Status::Expired } else { of.in_time }
    }

    /// Whether a claim was rejected on all of its attempts.
    fn has_no_attempts_left(&self, at: usize) -> bool {
        let of = &self.entitlements[at];
        let lines = self.lines_of.get(&of.claim).into_iter().flatten();
        let rejected = lines.filter(|line| line.state == LineState::Rejected).count();
        rejected >= self.terms.outcome(of.outcome).claim.attempts as usize
    }

    fn live_line(&self, claim: ClaimId) -> Option<&'a Line> {
        self.lines_of.get(&claim)?.iter().copied().find(|line| line.state.is_live())
    }

    /// The full price of each line in force, by the index of its entitlement, and the number of lines of each outcome.
    /// The n-th claim of an outcome has the price of the tier that includes n. Lines that still have money are counted
    /// first.
    fn prices_of_lines(&self) -> (Vec<Option<Money>>, Volumes) {
        let mut prices: Vec<Option<Money>> = self.entitlements.iter().map(|of| of.price.amount()).collect();
        let mut volumes = Volumes::default();
        for line in self.in_order().into_iter().filter(|line| line.stands() || line.held().is_positive()) {
            let code = self.terms.code(line.outcome);
            let of = self.of_claim.get(&line.claim).copied().filter(|_| line.stands());
            if let Some(at) = of {
                prices[at] = volumes.next_price(code, &self.entitlements[at].price);
            }
            if of.is_some_and(|at| prices[at].is_some()) || line.held().is_positive() {
                volumes.count(code);
            }
        }
        (prices, volumes)
    }

    /// The set that a payment belongs to: of a person if any outcome of the set is paid once per person, or else of a
    /// case. `are_rivals` says which claims of a set exclude each other.
    fn set_of(&self, party: Party) -> SetOf {
        let family = self.terms.family(party.outcome);
        let of_person = party.person.filter(|_| self.terms.is_family_of_persons(family));
        (family, of_person.map_or(party.holder, |person| person.0))
    }

    /// Whether two claims of a set are for the same payment: they are of one case, or of one person and both are paid
    /// once per person.
    fn is_one_payment(&self, one: Party, other: Party) -> bool {
        let is_once = |of: Party| self.once_of_person(of).is_some();
        one.holder == other.holder || is_once(one) && is_once(other)
    }

    /// Whether only one of two claims of a set can be paid.
    fn are_rivals(&self, one: Party, other: Party) -> bool {
        self.terms.exclude_each_other(one.outcome, other.outcome) && self.is_one_payment(one, other)
    }

    /// Whether a claim converts from another claim of its set, so that it pays the difference.
    fn takes_up(&self, one: Party, lower: Party) -> bool {
        self.terms.takes_up(one.outcome, lower.outcome) && self.is_one_payment(one, lower)
    }

    /// The outcome code, which is the same in every version, and the person.
    fn of_person(&self, party: Party) -> Option<(usize, SubjectId)> {
        party.person.map(|person| (self.terms.code(party.outcome), person))
    }

    /// The same, if the rulebook that judges the claim pays the outcome once per person.
    fn once_of_person(&self, party: Party) -> Option<(usize, SubjectId)> {
        self.of_person(party).filter(|_| self.terms.is_once_per_person(party.outcome))
    }
}

/// The number of claims of each outcome that use up tiers. Claims without a price, and claims that the caps leave
/// nothing, are not counted.
#[derive(Debug, Clone, Default)]
struct Volumes(HashMap<usize, u32>);

impl Volumes {
    /// The price of the next claim of an outcome.
    fn next_price(&self, code: usize, price: &Price) -> Option<Money> {
        price.of_nth(self.0.get(&code).copied().unwrap_or(0) + 1)
    }

    fn count(&mut self, code: usize) {
        *self.0.entry(code).or_default() += 1;
    }
}

/// Whether it will be paid: now, or after the waiting period.
const fn is_payable(status: Status) -> bool {
    matches!(status, Status::Claimable | Status::Achieved)
}

#[cfg(test)]
mod tests;
