//! What is due when claims are taken together: groups, one payment per person, conversions and caps, beside the lines
//! that were submitted already (domain.md, "Caps and conversion, exactly").
//!
//! Pure, and cheap enough to be run whenever claims are read. It never moves a line: where one should be more or less
//! than it is, an adjustment or a withdrawal is proposed. What is only proposed frees nothing.

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
    /// What it amounts to alone if the claim window does not count: it binds the first submission.
    pub in_time: Status,
}

/// What claims amount to together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settlement {
    /// What became of each entitlement, in the order in which they were given.
    pub claims: Vec<Settled>,
    /// What should be paid beyond, or taken back from, lines that were decided.
    pub adjustments: Vec<Adjustment>,
    /// What should be withdrawn: nobody has decided it, and nothing is due for it any more.
    pub withdrawals: Vec<Withdrawal>,
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
    /// The claim with a proposed adjustment or withdrawal that would make way for it, where it is excluded or capped.
    pub waits_for: Option<ClaimId>,
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
    /// As what.
    pub cause: AdjustmentCause,
    /// Why.
    pub reason: Reason,
}

/// A proposal to withdraw a line that nobody has decided, because nothing is due for it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// The claim whose line it is.
    pub claim: ClaimId,
    /// What it was submitted for, with its adjustments.
    pub amount: Money,
    /// Why.
    pub reason: Reason,
}

/// Why a line should be more or less than it is, in the words of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It was rejected after it was paid.
    Rejected,
    /// The facts do not show the outcome any more.
    NotAchieved,
    /// The evidence that showed it does not count any more.
    EvidenceMissing,
    /// Another claim of its group or person has the payment.
    PaidElsewhere,
    /// The lower outcome that it takes up is paid otherwise than it was.
    Conversion,
    /// There is room under a cap again.
    RoomUnderCap,
    /// What was taken back is due again: the facts show the outcome anew.
    AchievedAgain,
    /// Lines before it leave it less under a cap: two people are one, or the cap is lower than it was.
    BeyondCap,
    /// Its price has changed, as the facts or rules now read.
    PriceChanged,
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
    /// Its price has changed, as the facts or rules now read, or what was taken back is due again.
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

/// The outcomes of which one may be paid, and the journey or person within which one of them is.
type SetOf = (usize, Uuid);

struct Settling<'a> {
    terms: &'a Terms<'a>,
    entitlements: &'a [Entitlement],
    lines: &'a [Line],
    /// The entitlement of each claim that was submitted.
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

    /// What an entitlement is before it is compared with others: what became of its line, or what it is alone.
    fn alone(&self, at: usize) -> Settled {
        let of = &self.entitlements[at];
        let lines = self.lines_of.get(&of.claim).map_or(&[][..], Vec::as_slice);
        let (status, amount) = match (self.live_line(of.claim), lines.last()) {
            (Some(line), _) => (line.state.status(), Some(line.current())),
            (None, Some(line)) if line.is_reversed() => (Status::Reversed, Some(line.current())),
            (None, Some(line)) if self.is_tried_out(at) || line.current() != Money::ZERO => {
                (Status::Rejected, Some(line.amount))
            }
            (None, Some(_)) => (self.again(of, lines), None),
            (None, None) => (of.standing, None),
        };
        Settled { status, amount, excluded_by: None, waits_for: None }
    }

    /// What a claim is that was submitted in time and may go again: a rejected one within the time that its rulebook
    /// gives for that.
    fn again(&self, of: &Entitlement, lines: &[&Line]) -> Status {
        let within = self.terms.outcome(of.outcome).claim.resubmit_within_days;
        let rejected_on = lines.iter().filter_map(|line| line.rejected_on).max();
        let last = within.zip(rejected_on).map(|(days, on)| on.checked_add_days(Days::new(days.into())));
        let is_late = last.flatten().is_some_and(|last| self.terms.as_of > last);
        if is_late && of.in_time != Status::OnHold { Status::Expired } else { of.in_time }
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

    /// The full price of each line that stands, by the place of its entitlement, and how many of each outcome the lines
    /// are: the n-th claim of an outcome has the price of the tier that holds n, and those that still have money come
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

    /// Whose a payment is among those of which one is made: of a person where any of those outcomes is paid once for each
    /// person, else of a journey. Within a set, `are_rivals` says which of them exclude each other.
    fn set_of(&self, party: Party) -> SetOf {
        let family = self.terms.family(party.outcome);
        let of_person = party.person.filter(|_| self.terms.is_family_of_persons(family));
        (family, of_person.map_or(party.holder, |person| person.0))
    }

    /// Whether what two claims of a set are paid for is one thing: that of one journey, or of one person where both are
    /// paid once for each person.
    fn is_one_payment(&self, one: Party, other: Party) -> bool {
        let is_once = |of: Party| self.once_of_person(of).is_some();
        one.holder == other.holder || is_once(one) && is_once(other)
    }

    /// Whether one of two claims of a set is paid and not both.
    fn are_rivals(&self, one: Party, other: Party) -> bool {
        self.terms.exclude_each_other(one.outcome, other.outcome) && self.is_one_payment(one, other)
    }

    /// Whether a claim takes up another one of its set: it pays the difference.
    fn takes_up(&self, one: Party, lower: Party) -> bool {
        self.terms.takes_up(one.outcome, lower.outcome) && self.is_one_payment(one, lower)
    }

    /// The outcome, the same in every version, and the person.
    fn of_person(&self, party: Party) -> Option<(usize, SubjectId)> {
        party.person.map(|person| (self.terms.code(party.outcome), person))
    }

    /// The same, where the rules that judge the claim pay the outcome once for each person.
    fn once_of_person(&self, party: Party) -> Option<(usize, SubjectId)> {
        self.of_person(party).filter(|_| self.terms.is_once_per_person(party.outcome))
    }
}

/// How many claims of each outcome have a place in its tiers. What has no price, and what the caps leave nothing, has
/// none.
#[derive(Debug, Clone, Default)]
struct Volumes(HashMap<usize, u32>);

impl Volumes {
    /// What the next claim of an outcome would cost.
    fn next_price(&self, code: usize, price: &Price) -> Option<Money> {
        price.of_nth(self.0.get(&code).copied().unwrap_or(0) + 1)
    }

    fn count(&mut self, code: usize) {
        *self.0.entry(code).or_default() += 1;
    }
}

/// Whether it has a payment coming: now, or when the time of waiting is over.
const fn is_payable(status: Status) -> bool {
    matches!(status, Status::Claimable | Status::Achieved)
}

#[cfg(test)]
mod tests;
