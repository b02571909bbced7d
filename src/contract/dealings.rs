//! What the parties of a contract agreed, aimed at, said and decided, at some point of view.
//!
//! Pure. Every version of targets is kept beside the others. Figures are not computed here: what was measured is shown
//! as it was recorded, and what was settled stays settled.

use chrono::NaiveDate;

use crate::journey::event::{
    ActionAgreed, CommentaryRecorded, ContractOpened, DoubleFundingDismissed, Event, KpiAssessed, MeasureRecorded,
    NoticeIssued, Party, PeriodClosed, ReportSubmitted, TargetSeries, TargetsPublished,
};
use crate::journey::{Entry, Fact, History};
use crate::log::envelope::{EventId, Occurred};

/// A contract at some point of view: what the facts of its stream, folded in order, amount to.
#[derive(Debug, Clone, Default)]
pub struct Dealings {
    /// Its terms; none before it is open.
    pub terms: Option<Terms>,
    /// Every version of every profile of targets, in order.
    pub targets: Vec<Targets>,
    /// Everything that was said for reports, in order.
    pub commentary: Vec<Entry<CommentaryRecorded>>,
    /// Everything that was measured of the contract, in order.
    pub measures: Vec<Entry<MeasureRecorded>>,
    /// The periods whose figures are settled, in order.
    pub closed: Vec<Entry<PeriodClosed>>,
    /// The reports that were handed in, in order.
    pub reports: Vec<Entry<ReportSubmitted>>,
    /// How well indicators were met, in order; of one indicator and period the last one stands.
    pub assessments: Vec<Entry<KpiAssessed>>,
    /// The notices that were given, in order.
    pub notices: Vec<Entry<NoticeIssued>>,
    /// What the parties agreed to do, in order.
    pub actions: Vec<Action>,
    /// What seemed to be paid for twice and is not, in order.
    pub dismissals: Vec<Entry<DoubleFundingDismissed>>,
}

/// What binds the parties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What people call it.
    pub name: String,
    /// Who is bound by it.
    pub parties: Vec<Party>,
    /// The first day of the contract.
    pub starts_on: NaiveDate,
    /// The last day of the contract, if it has one.
    pub ends_on: Option<NaiveDate>,
    /// The first day on which it no longer held, and why, if it was ended.
    pub ended: Option<(Occurred, String)>,
}

/// A version of the targets of one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// The event that published it.
    pub event_id: EventId,
    /// When it was published.
    pub published: Occurred,
    /// The profile.
    pub profile: String,
    /// Which version of the profile it is, from 1 in the order of publication.
    pub version: usize,
    /// The series, one for each measure and area.
    pub series: Vec<TargetSeries>,
}

/// Something that the parties agreed to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The event that recorded it first.
    pub event_id: EventId,
    /// What it is.
    pub details: ActionAgreed,
    /// When it was agreed.
    pub agreed: Occurred,
    /// When it was done, if it was.
    pub completed: Option<Occurred>,
}

impl Dealings {
    /// The contract at the end of this day. It is called and bound as it was opened on any day before, too.
    pub fn as_of(history: &History, day: NaiveDate) -> Self {
        let mut facts = history.facts();
        facts.retain(|fact| fact.occurred.earliest() <= day || matches!(fact.event, Event::ContractOpened(_)));
        Self::fold(&facts)
    }

    /// Folds facts that stand in order.
    pub fn fold(facts: &[Fact<'_>]) -> Self {
        let mut dealings = Self::default();
        let opened = facts.iter().find_map(|fact| match fact.event {
            Event::ContractOpened(opened) => Some(opened),
            _ => None,
        });
        dealings.terms = opened.map(Terms::of);
        for fact in facts {
            dealings.apply(fact);
        }
        dealings
    }

    /// Takes the next fact; one that has no ground changes nothing.
    fn apply(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::ContractVaried(_) | Event::ContractEnded(_) => {
                if let Some(terms) = &mut self.terms {
                    terms.change(fact);
                }
            }
            Event::TargetsPublished(published) => self.publish(fact, published),
            Event::CommentaryRecorded(said) => self.commentary.push(Entry::of(fact, said)),
            Event::MeasureRecorded(measured) => self.measures.push(Entry::of(fact, measured)),
            Event::PeriodClosed(closed) => self.closed.push(Entry::of(fact, closed)),
            Event::ReportSubmitted(submitted) => self.reports.push(Entry::of(fact, submitted)),
            Event::KpiAssessed(assessed) => self.assessments.push(Entry::of(fact, assessed)),
            Event::NoticeIssued(notice) => self.notices.push(Entry::of(fact, notice)),
            Event::ActionAgreed(action) => self.actions.push(Action {
                event_id: fact.original.event_id,
                details: action.clone(),
                agreed: fact.occurred,
                completed: None,
            }),
            Event::ActionCompleted(done) => {
                let open = |one: &&mut Action| one.details.action == done.action && one.completed.is_none();
                if let Some(action) = self.actions.iter_mut().find(open) {
                    action.completed = Some(fact.occurred);
                }
            }
            Event::DoubleFundingDismissed(dismissed) => self.dismissals.push(Entry::of(fact, dismissed)),
            _ => {}
        }
    }

    fn publish(&mut self, fact: &Fact<'_>, published: &TargetsPublished) {
        let before = self.targets.iter().filter(|targets| targets.profile == published.profile).count();
        self.targets.push(Targets {
            event_id: fact.original.event_id,
            published: fact.occurred,
            profile: published.profile.clone(),
            version: before + 1,
            series: published.series.clone(),
        });
    }

    /// The version of each profile that is in force: the one published last.
    pub fn targets_in_force(&self) -> impl Iterator<Item = &Targets> {
        let is_last =
            |at: usize, targets: &Targets| !self.targets[at + 1..].iter().any(|later| later.profile == targets.profile);
        self.targets.iter().enumerate().filter(move |(at, targets)| is_last(*at, targets)).map(|(_, targets)| targets)
    }
}

impl Terms {
    fn of(opened: &ContractOpened) -> Self {
        Self {
            name: opened.name.clone(),
            parties: opened.parties.clone(),
            starts_on: opened.starts_on,
            ends_on: opened.ends_on,
            ended: None,
        }
    }

    fn change(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::ContractVaried(varied) => {
                if let Some(name) = &varied.name {
                    self.name.clone_from(name);
                }
                if let Some(parties) = &varied.parties {
                    self.parties.clone_from(parties);
                }
                self.ends_on = varied.ends_on.or(self.ends_on);
            }
            Event::ContractEnded(ended) => {
                self.ended.get_or_insert_with(|| (fact.occurred, ended.reason.clone()));
            }
            _ => {}
        }
    }
}
