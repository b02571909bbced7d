//! Checks whether the facts of a contract can be true together.
//!
//! Pure. Rulebooks and targets are superseded and are always valid. Whether settled figures are right is not checked
//! here.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use uuid::Uuid;

use super::ContractRecord;
use crate::fact::History;
use crate::fact::Recorded;
use crate::fact::consistency::Violation;
use crate::fact::consistency::{DatedFact, judged, shown};
use crate::fact::envelope::{JourneyId, NoticeId, Occurred};
use crate::fact::event::{DoubleFundingDismissed, Event, EventType, Period};
use crate::fact::refusal::{DependentFact, Refusal, RefusalCode as Code};
use crate::people::open_close::{Pairs, Part, Words};

const ACTIONS: Words = Words {
    field: "action",
    begins: "was agreed",
    ends: "was done",
    exists: Code::ActionExists,
    not_found: Code::ActionNotFound,
    over: Code::ActionAlreadyCompleted,
    is_final: false,
};

fn action(event: &Event) -> Option<(Uuid, Part)> {
    match event {
        Event::ActionAgreed(agreed) => Some((agreed.action.0, Part::Begins)),
        Event::ActionCompleted(completed) => Some((completed.action.0, Part::Ends)),
        _ => None,
    }
}

/// The facts that other facts of a contract depend on.
struct Ground<'a> {
    opened: Option<DatedFact<'a>>,
    ended: Option<DatedFact<'a>>,
    notices: HashMap<NoticeId, DatedFact<'a>>,
    actions: Pairs<'a>,
    periods: Vec<(Period, DatedFact<'a>)>,
    dismissed: HashMap<(&'a str, [JourneyId; 2]), DatedFact<'a>>,
}

/// The invalid facts of a contract's stream, in order.
pub(crate) fn judge(facts: &[DatedFact<'_>]) -> Vec<Violation> {
    let ground = Ground::of(facts);
    judged(facts, |fact| ground.refusal(fact))
}

impl<'a> Ground<'a> {
    fn of(facts: &[DatedFact<'a>]) -> Self {
        let first = |is: fn(&Event) -> bool| {
            facts.iter().filter(|fact| is(fact.event)).min_by_key(|fact| fact.latest_version).copied()
        };
        let mut ground = Self {
            opened: first(|event| matches!(event, Event::ContractOpened(_))),
            ended: first(|event| matches!(event, Event::ContractEnded(_))),
            notices: HashMap::new(),
            actions: Pairs::of(facts, action, ACTIONS),
            periods: Vec::new(),
            dismissed: HashMap::new(),
        };
        for fact in facts {
            let kept = match fact.event {
                Event::PeriodClosed(closed) => {
                    ground.periods.push((closed.period, *fact));
                    continue;
                }
                Event::NoticeIssued(issued) => ground.notices.entry(issued.notice).or_insert(*fact),
                Event::DoubleFundingDismissed(one) => ground.dismissed.entry(pair(one)).or_insert(*fact),
                _ => continue,
            };
            *kept = kept.in_order_recorded(*fact).0;
        }
        ground
    }

    /// Why this fact cannot be true with the others, if it cannot.
    fn refusal(&self, fact: &DatedFact<'a>) -> Option<Refusal> {
        let Some(opened) = &self.opened else { return Some(Refusal::contract_not_found()) };
        match fact.event {
            Event::ContractOpened(_) => (opened.id != fact.id).then(contract_exists),
            Event::ContractVaried(varied) => self.after_the_end(fact).or_else(|| {
                let Event::ContractOpened(terms) = opened.event else { return None };
                varied.ends_on.filter(|ends_on| *ends_on < terms.starts_on)?;
                Some(ends_before_start(opened).at("ends_on"))
            }),
            Event::ContractEnded(_) => {
                let Event::ContractOpened(terms) = opened.event else { return None };
                if let Some(ended) = self.ended.filter(|ended| ended.id != fact.id) {
                    return Some(contract_ended(&ended));
                }
                let is_before = fact.occurred.latest() < terms.starts_on;
                is_before.then(|| ends_before_start(opened).at("occurred_on"))
            }
            Event::PeriodClosed(closed) => self.closed_before(fact, closed.period),
            Event::NoticeIssued(issued) => {
                let before = self.notices.get(&issued.notice).filter(|before| before.id != fact.id);
                before.map(notice_exists)
            }
            Event::ActionAgreed(agreed) => self
                .actions
                .refusal(fact)
                .or_else(|| agreed.notice.and_then(|notice| self.without_notice(fact, notice))),
            Event::ActionCompleted(_) => self.actions.refusal(fact),
            Event::DoubleFundingDismissed(one) => {
                let before = self.dismissed.get(&pair(one)).filter(|before| before.id != fact.id);
                before.map(already_dismissed)
            }
            _ => None,
        }
    }

    /// A period is closed only once, and must not overlap the edge of another closed period. Of two that overlap, the
    /// one closed first is kept. A longer period that includes a whole closed one, such as a quarter and its months, is
    /// allowed.
    fn closed_before(&self, fact: &DatedFact<'a>, own: Period) -> Option<Refusal> {
        let holds = |period: &Period| own != *period && own.first <= period.first && period.last <= own.last;
        let overlaps = |period: &Period| period.first <= own.last && own.first <= period.last && !holds(period);
        let earlier = self
            .periods
            .iter()
            .filter(|(period, before)| overlaps(period) && before.latest_version < fact.latest_version);
        earlier.min_by_key(|(_, before)| before.latest_version).map(|(period, before)| already_closed(before, *period))
    }

    /// A contract cannot be varied after its end.
    fn after_the_end(&self, fact: &DatedFact<'a>) -> Option<Refusal> {
        self.ended.filter(|ended| is_over(fact.occurred, ended.occurred)).map(|ended| contract_ended(&ended))
    }

    /// An action answers a notice dated up to the day of the action.
    fn without_notice(&self, fact: &DatedFact<'a>, notice: NoticeId) -> Option<Refusal> {
        let given = self.notices.get(&notice).is_some_and(|given| !fact.is_before(given));
        (!given).then(|| {
            let message =
                "there is no notice with this id by that day: leave it out, or name one of the allowed notices";
            Refusal::new(Code::NoticeNotFound, message)
                .at("notice")
                .allowing(self.notices.keys().collect::<BTreeSet<_>>())
        })
    }
}

/// The two cases of a dismissal in a fixed order, and the class of outcomes.
fn pair(dismissed: &DoubleFundingDismissed) -> (&str, [JourneyId; 2]) {
    let (one, other) = (dismissed.journey, dismissed.other);
    (&dismissed.class, [one.min(other), one.max(other)])
}

/// Whether a fact is certainly on or after the day the contract ended.
fn is_over(occurred: Occurred, ended: Occurred) -> bool {
    occurred.earliest() >= ended.latest()
}

fn notice_exists(before: &DatedFact<'_>) -> Refusal {
    let message = format!("a notice with this id was given on {}: use a new id", before.day());
    Refusal::new(Code::NoticeExists, message).at("notice").naming([before.fact()])
}

/// The refusal where a contract is opened twice.
pub(crate) fn contract_exists() -> Refusal {
    let message = "a contract with this code is already open: publish a new rulebook version, or use another code";
    Refusal::new(Code::ContractExists, message).at("code")
}

fn ends_before_start(opened: &DatedFact<'_>) -> Refusal {
    let message = "the contract would end before it starts: use a later day, or correct its opening first";
    Refusal::new(Code::EndedBeforeStart, message).naming([opened.fact()])
}

fn contract_ended(ended: &DatedFact<'_>) -> Refusal {
    no_longer_holds(ended.occurred).naming([ended.fact()])
}

fn no_longer_holds(ended: Occurred) -> Refusal {
    let message = format!("the contract ended on {}: use an earlier day, or correct that end", shown(ended));
    Refusal::new(Code::ContractEnded, message)
        .at("occurred_on")
        .by("a contract ends on the first day on which it no longer applies")
}

/// The refusal where something would start in a contract that has ended by this day.
pub(super) fn over_by(ended: Occurred, occurred: Occurred) -> Option<Refusal> {
    is_over(occurred, ended).then(|| no_longer_holds(ended))
}

/// The warning where a referral is dated before the contract starts. People who are already in care or on the books
/// when a contract starts were often referred before.
pub(super) fn not_begun_by(starts_on: NaiveDate, occurred: Occurred) -> Option<Refusal> {
    let message = format!("the contract starts on {starts_on}: check the date of the referral, or accept this warning");
    let refusal = Refusal::new(Code::ContractNotStarted, message)
        .at("occurred_on")
        .by("a referral is dated on or after the start of its contract");
    (occurred.latest() < starts_on).then(|| refusal.as_warning())
}

/// The warning where a fact is dated in a period that the parties have closed.
pub(super) fn in_closed_period(history: &History, dates: &[Occurred]) -> Option<Refusal> {
    let is_closing = |recorded: &Recorded| matches!(recorded.event, Event::PeriodClosed(_));
    if !history.events().iter().any(is_closing) {
        return None;
    }
    let closed = ContractRecord::fold(&history.facts()).closed;
    let lies_in =
        |occurred: &Occurred, Period { first, last }: Period| occurred.earliest() <= last && first <= occurred.latest();
    let (occurred, entry) = dates
        .iter()
        .find_map(|occurred| Some((occurred, closed.iter().find(|entry| lies_in(occurred, entry.details.period))?)))?;
    let Period { first, last } = entry.details.period;
    let message = format!(
        "{} {} in the period {first} to {last}, which was closed on {}: check the date, or accept this warning",
        shown(*occurred),
        if first <= occurred.earliest() && occurred.latest() <= last { "is" } else { "may be" },
        shown(entry.occurred)
    );
    let closing =
        DependentFact { event_id: entry.event_id, event_type: EventType::PeriodClosed, occurred: entry.occurred };
    Some(Refusal::new(Code::PeriodClosed, message).at("occurred_on").naming([closing]).as_warning())
}

fn already_closed(closed: &DatedFact<'_>, Period { first, last }: Period) -> Refusal {
    let message =
        format!("the period {first} to {last} was closed on {}: close only days that are still open", closed.day());
    Refusal::new(Code::PeriodAlreadyClosed, message).at("period").naming([closed.fact()])
}

fn already_dismissed(before: &DatedFact<'_>) -> Refusal {
    let message = format!("this double funding was already dismissed on {}: there is nothing to do", before.day());
    Refusal::new(Code::AlreadyDismissed, message).at("other").naming([before.fact()])
}

#[cfg(test)]
mod tests;
