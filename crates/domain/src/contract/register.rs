//! What the parties of a contract agreed, aimed at, said and decided, at some point of view.
//!
//! Pure. Every version of targets is kept beside the others. Figures are not computed here: what was measured is shown
//! as it was recorded, and what was settled stays settled.

use chrono::NaiveDate;

use crate::fact::Entry;
use crate::fact::Fact;
use crate::fact::History;
use crate::fact::event::{
    ActionAgreed, ActionCompleted, CommentaryRecorded, ContractEnded, ContractOpened, ContractVaried,
    DoubleFundingDismissed, Event, KpiAssessed, MeasureRecorded, NoticeIssued, Party, PeriodClosed, ReportSubmitted,
    TargetsPublished,
};

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
#[derive(Debug, Clone)]
pub struct Terms {
    /// The terms with which it was opened.
    pub opened: Entry<ContractOpened>,
    /// What was agreed since, in order.
    pub variations: Vec<Entry<ContractVaried>>,
    /// The first day on which it no longer held, and why, if it was ended.
    pub ended: Option<Entry<ContractEnded>>,
}

/// A version of the targets of one profile.
#[derive(Debug, Clone)]
pub struct Targets {
    /// The targets, and when they were published.
    pub published: Entry<TargetsPublished>,
    /// Which version of the profile it is, from 1 in the order of publication.
    pub version: usize,
}

/// Something that the parties agreed to do.
#[derive(Debug, Clone)]
pub struct Action {
    /// What, and when it was agreed.
    pub agreed: Entry<ActionAgreed>,
    /// When it was done, if it was.
    pub completed: Option<Entry<ActionCompleted>>,
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
        let mut dealings = Self { terms: facts.iter().find_map(Terms::of), ..Self::default() };
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

    /// The version of each profile that is in force: the one published last.
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

    /// What a variation says that was agreed last, if any says it.
    fn varied<'a, T>(&'a self, said: impl Fn(&'a ContractVaried) -> Option<T>) -> Option<T> {
        self.variations.iter().rev().find_map(|varied| said(&varied.details))
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        self.varied(|varied| varied.name.as_deref()).unwrap_or(&self.opened.details.name)
    }

    /// Who is bound by it.
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
