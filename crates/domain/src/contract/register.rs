//! The terms, targets, reports and decisions of a contract at a point in time.
//!
//! Pure. All versions of targets are kept. Figures are not computed here: measures are shown as recorded, and settled
//! figures do not change.

use chrono::NaiveDate;

use crate::fact::Entry;
use crate::fact::Fact;
use crate::fact::History;
use crate::fact::event::{
    ActionAgreed, ActionCompleted, CommentaryRecorded, ContractEnded, ContractOpened, ContractVaried,
    DoubleFundingDismissed, Event, KpiAssessed, MeasureRecorded, NoticeIssued, Party, PeriodClosed, ReportSubmitted,
    TargetsPublished,
};

/// A contract at a point in time: the fold of the facts of its stream.
#[derive(Debug, Clone, Default)]
pub struct ContractRecord {
    /// The terms. None before the contract is open.
    pub terms: Option<Terms>,
    /// All versions of all target profiles, in order.
    pub targets: Vec<Targets>,
    /// All commentary for reports, in order.
    pub commentary: Vec<Entry<CommentaryRecorded>>,
    /// All measures of the contract, in order.
    pub measures: Vec<Entry<MeasureRecorded>>,
    /// The closed periods, in order.
    pub closed: Vec<Entry<PeriodClosed>>,
    /// The submitted reports, in order.
    pub reports: Vec<Entry<ReportSubmitted>>,
    /// The assessments of indicators, in order. For one indicator and period the last one applies.
    pub assessments: Vec<Entry<KpiAssessed>>,
    /// The notices, in order.
    pub notices: Vec<Entry<NoticeIssued>>,
    /// The agreed actions, in order.
    pub actions: Vec<Action>,
    /// The dismissed findings of double funding, in order.
    pub dismissals: Vec<Entry<DoubleFundingDismissed>>,
}

/// The terms of a contract.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The opening.
    pub opened: Entry<ContractOpened>,
    /// The variations, in order.
    pub variations: Vec<Entry<ContractVaried>>,
    /// The end of the contract, with its reason, if it ended. Its date is the first day on which the contract no longer
    /// applied.
    pub ended: Option<Entry<ContractEnded>>,
}

/// A version of the targets of one profile.
#[derive(Debug, Clone)]
pub struct Targets {
    /// The targets, and the date of their publication.
    pub published: Entry<TargetsPublished>,
    /// The version of the profile, from 1 in the order of publication.
    pub version: usize,
}

/// An agreed action.
#[derive(Debug, Clone)]
pub struct Action {
    /// The action, and the date on which it was agreed.
    pub agreed: Entry<ActionAgreed>,
    /// The completion, if it was completed.
    pub completed: Option<Entry<ActionCompleted>>,
}

impl ContractRecord {
    /// The contract at the end of this day. The terms of the opening also apply to earlier days.
    pub fn as_of(history: &History, day: NaiveDate) -> Self {
        let mut facts = history.facts();
        facts.retain(|fact| fact.occurred.earliest() <= day || matches!(fact.event, Event::ContractOpened(_)));
        Self::fold(&facts)
    }

    /// Folds facts in order.
    pub fn fold(facts: &[Fact<'_>]) -> Self {
        let mut contract_record = Self { terms: facts.iter().find_map(Terms::of), ..Self::default() };
        for fact in facts {
            contract_record.apply(fact);
        }
        contract_record
    }

    /// Applies the next fact. An invalid fact changes nothing.
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
            Event::ActionAgreed(action) => {
                self.actions.push(Action { agreed: Entry::of(fact, action), completed: None });
            }
            Event::ActionCompleted(done) => {
                let open = |one: &&mut Action| one.agreed.details.action == done.action && one.completed.is_none();
                if let Some(action) = self.actions.iter_mut().find(open) {
                    action.completed = Some(Entry::of(fact, done));
                }
            }
            Event::DoubleFundingDismissed(dismissed) => self.dismissals.push(Entry::of(fact, dismissed)),
            _ => {}
        }
    }

    fn publish(&mut self, fact: &Fact<'_>, published: &TargetsPublished) {
        let version = self.targets.iter().filter(|before| before.profile() == published.profile).count() + 1;
        self.targets.push(Targets { published: Entry::of(fact, published), version });
    }

    /// The version in force of each profile: the one published last.
    pub fn targets_in_force(&self) -> impl Iterator<Item = &Targets> {
        let later = |at: usize| self.targets.iter().skip(at + 1);
        let is_last = move |(at, one): &(usize, &Targets)| !later(*at).any(|other| other.profile() == one.profile());
        self.targets.iter().enumerate().filter(is_last).map(|(_, targets)| targets)
    }
}

impl Targets {
    /// The profile.
    pub fn profile(&self) -> &str {
        &self.published.details.profile
    }
}

impl Terms {
    fn of(fact: &Fact<'_>) -> Option<Self> {
        let Event::ContractOpened(opened) = fact.event else { return None };
        Some(Self { opened: Entry::of(fact, opened), variations: Vec::new(), ended: None })
    }

    fn change(&mut self, fact: &Fact<'_>) {
        match fact.event {
            Event::ContractVaried(varied) => self.variations.push(Entry::of(fact, varied)),
            Event::ContractEnded(ended) => {
                self.ended.get_or_insert_with(|| Entry::of(fact, ended));
            }
            _ => {}
        }
    }

    /// The value of the latest variation that gives one.
    fn varied<'a, T>(&'a self, said: impl Fn(&'a ContractVaried) -> Option<T>) -> Option<T> {
        self.variations.iter().rev().find_map(|varied| said(&varied.details))
    }

    /// The name of the contract.
    pub fn name(&self) -> &str {
        self.varied(|varied| varied.name.as_deref()).unwrap_or(&self.opened.details.name)
    }

    /// The parties.
    pub fn parties(&self) -> &[Party] {
        self.varied(|varied| varied.parties.as_deref()).unwrap_or(&self.opened.details.parties)
    }

    /// The first day of the contract.
    pub fn starts_on(&self) -> NaiveDate {
        self.opened.details.starts_on
    }

    /// The last day of the contract, if it has one.
    pub fn ends_on(&self) -> Option<NaiveDate> {
        self.varied(|varied| varied.ends_on).or(self.opened.details.ends_on)
    }
}
