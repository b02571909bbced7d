//! The results of a contract's journeys at an as-of date, each journey by itself: evaluated once, and again only after
//! a change.
//!
//! Nothing here depends on another journey, on money or on a cap. Rules across journeys are settled when claims are
//! read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::parallel::share_out;
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use throughline_domain::contract::batch::ledger::Ledger;
use throughline_domain::contract::outcome::aggregate::Many;
use throughline_domain::contract::outcome::versions::{Judged, Sight, Versions, parted};
use throughline_domain::contract::outcome::{Begun, Case, State, claim_id};
use throughline_domain::contract::rulebook::AppliesBy;
use throughline_domain::contract::rulebook::outcome::AchievedBy;
use throughline_domain::contract::{Contract, Rulebook};
use throughline_domain::fact::History;
use throughline_domain::fact::envelope::{ClaimId, EventId, JourneyId, Occurred, SubjectId};
use throughline_domain::fact::event::{ClaimAbout, EventType};

/// One outcome of one journey, cohort, site or area, for one of the times that it can be achieved, as evaluated from
/// the facts.
#[derive(Debug, PartialEq)]
pub struct Shown {
    /// The claim's id, derived from its subject matter, the outcome and the number of the repeat.
    pub claim: ClaimId,
    /// What the claim is about.
    pub about: ClaimAbout,
    /// The subject of its journey.
    pub subject: Option<SubjectId>,
    /// The service area of its journey, or the area that it is about.
    pub area: Option<Arc<str>>,
    /// The cohort of its journey, or the cohort that it is about.
    pub cohort: Option<Arc<str>>,
    /// The version of the rulebook that applies.
    pub rulebook: Arc<Rulebook>,
    /// The outcome, by its code.
    pub outcome: String,
    /// The number of the repeat, from 1.
    pub repeat: u32,
    /// The fact with which the outcome starts, if there is one.
    pub begun: Option<Begun>,
    /// The state according to the facts.
    pub state: State,
    /// The events that it depends on.
    pub grounds: Vec<Ground>,
    /// The count and its base, for an outcome over several cases.
    pub counted: Option<Counted>,
    /// The index of the version, in the order of coming into force, and the index of the outcome in it.
    pub(super) place: (usize, usize),
}

/// The combined count of an outcome over several cases, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The covered days, or the units.
    pub counted: Decimal,
    /// The days of which they are a share. `None` for a volume.
    pub out_of: Option<Decimal>,
    /// The share, unrounded. `None` if there are no days to take a share of.
    pub share: Option<Decimal>,
}

/// An event that a claim depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// Its id.
    pub event: EventId,
    /// Its type.
    pub event_type: EventType,
    /// The date of the fact, as in the event.
    pub occurred: Occurred,
}

impl Ground {
    pub(super) fn of(history: &History, event: EventId) -> Option<Self> {
        let recorded = history.event(event)?;
        Some(Self { event, event_type: recorded.event.event_type(), occurred: recorded.occurred })
    }
}

/// The journeys of a contract, evaluated under these rules at an as-of date.
#[derive(Debug)]
pub(super) struct JudgedAsOf {
    pub(super) as_of: NaiveDate,
    /// The versions in the order in which they come into force.
    pub(super) rulebooks: Vec<Arc<Rulebook>>,
    /// The versions that a later one with the same first day superseded. Submitted lines may depend on them.
    pub(super) superseded: Vec<Arc<Rulebook>>,
    pub(super) journeys: BTreeMap<JourneyId, OfJourney>,
    /// The contributions of journeys to outcomes over several cases, for each version. Empty if there are no such
    /// outcomes.
    pub(super) many: Vec<Many>,
    /// The journeys that have changed since they were evaluated.
    moved: BTreeSet<JourneyId>,
    /// The date on which each current claim of a journey was submitted, if the submission date chooses the version.
    submitted: BTreeMap<ClaimId, (NaiveDate, JourneyId)>,
    zone: Tz,
}

/// The results of one journey.
#[derive(Debug)]
pub(super) struct OfJourney {
    pub(super) subject: Option<SubjectId>,
    pub(super) area: Option<Arc<str>>,
    pub(super) cohort: Option<Arc<str>>,
    pub(super) shown: Vec<Arc<Shown>>,
}

/// The results of a share of the journeys.
type Share = (Vec<(JourneyId, OfJourney)>, Vec<Many>);

impl JudgedAsOf {
    /// An empty state: every journey must still be evaluated.
    pub(super) fn new(contract: &Contract, as_of: NaiveDate, journeys: &BTreeMap<JourneyId, History>) -> Self {
        let (rulebooks, superseded) = rulebooks(contract);
        let is_over_many = |rulebook: &Arc<Rulebook>| {
            rulebook.outcomes.iter().any(|outcome| matches!(outcome.achieved_by, AchievedBy::Many(_)))
        };
        let versions = if rulebooks.iter().any(is_over_many) { rulebooks.len() } else { 0 };
        Self {
            as_of,
            rulebooks,
            superseded,
            journeys: BTreeMap::new(),
            many: (0..versions).map(|_| Many::default()).collect(),
            moved: journeys.keys().copied().collect(),
            submitted: BTreeMap::new(),
            zone: contract.zone().unwrap_or(DEPLOYMENT_ZONE),
        }
    }

    /// Whether it is for this day and the rules of this contract.
    pub(super) fn answers(&self, contract: &Contract, as_of: NaiveDate) -> bool {
        let hashes = |rulebooks: &[Arc<Rulebook>]| -> Vec<String> {
            rulebooks.iter().map(|rulebook| rulebook.hash().to_owned()).collect()
        };
        let (judging, superseded) = rulebooks(contract);
        self.as_of == as_of
            && self.zone == contract.zone().unwrap_or(DEPLOYMENT_ZONE)
            && (hashes(&self.rulebooks), hashes(&self.superseded)) == (hashes(&judging), hashes(&superseded))
    }

    /// The versions that it evaluates.
    pub(super) fn versions(&self) -> Versions<'_> {
        let judging = self.rulebooks.iter().map(AsRef::as_ref).collect();
        Versions::known(judging, self.superseded.iter().map(AsRef::as_ref).collect())
    }

    /// Marks a journey as changed since it was evaluated.
    pub(super) fn moved(&mut self, journey: JourneyId) {
        self.moved.insert(journey);
    }

    /// Evaluates the journeys that have changed.
    pub(super) fn bring_up(&mut self, journeys: &BTreeMap<JourneyId, History>, ledger: &Ledger<'_>) {
        self.take_submissions(ledger);
        let moved = std::mem::take(&mut self.moved);
        for journey in &moved {
            self.many.iter_mut().for_each(|many| many.remove(*journey));
        }
        let moved: Vec<(JourneyId, &History)> =
            moved.into_iter().filter_map(|journey| Some((journey, journeys.get(&journey)?))).collect();
        let versions = self.versions();
        for (journeys, many) in share_out(moved, |share| self.judge(&versions, &share)) {
            self.journeys.extend(journeys);
            self.many.iter_mut().zip(many).for_each(|(all, of_share)| all.merge(of_share));
        }
    }

    /// If the submission date chooses the version, claims that were newly submitted or withdrawn are evaluated again.
    fn take_submissions(&mut self, ledger: &Ledger<'_>) {
        if !self.rulebooks.iter().any(|rulebook| rulebook.applies_by == AppliesBy::Submitted) {
            return;
        }
        let standing = ledger.lines().iter().filter(|line| line.line.is_live());
        let of_journeys = standing.filter_map(|line| match line.line.frozen.about {
            ClaimAbout::Journey(journey) => Some((line.line.frozen.claim, (line.line.submitted.earliest(), journey))),
            ClaimAbout::Many(_) => None,
        });
        let before = std::mem::replace(&mut self.submitted, of_journeys.collect());
        for (one, other) in [(&before, &self.submitted), (&self.submitted, &before)] {
            let otherwise = one.iter().filter(|(claim, of)| other.get(claim) != Some(*of));
            self.moved.extend(otherwise.map(|(_, (_, journey))| *journey));
        }
    }

    fn judge(&self, versions: &Versions<'_>, share: &[(JourneyId, &History)]) -> Share {
        let mut many: Vec<Many> = self.many.iter().map(|_| Many::default()).collect();
        let judged = share.iter().map(|(journey, history)| {
            let case = Case::of(&history.facts_as_of(self.as_of));
            for (many, rulebook) in many.iter_mut().zip(&self.rulebooks) {
                many.add(*journey, &case, rulebook);
            }
            let sight = Sight {
                as_of: self.as_of,
                submitted_on: &|claim| self.submitted.get(&claim).map(|(on, _)| *on),
                recorded_on: &|event| history.event(event).map(|recorded| civil_day(recorded.recorded_at, self.zone)),
            };
            let judged = versions.judge(*journey, &case, sight);
            let (area, cohort) = (case.area.map(Arc::from), case.cohort.map(Arc::from));
            let mut of = OfJourney { subject: case.subject, area, cohort, shown: Vec::new() };
            let shown = judged.into_iter().map(|judged| Arc::new(self.shown((*journey, history), &of, judged)));
            of.shown = shown.collect();
            (*journey, of)
        });
        (judged.collect(), many)
    }

    fn shown(&self, (journey, history): (JourneyId, &History), own: &OfJourney, of: Judged) -> Shown {
        let rulebook = Arc::clone(&self.rulebooks[of.version]);
        let evaluation = of.evaluation;
        let outcome = rulebook.outcomes[evaluation.outcome].code.clone();
        let grounds = match &evaluation.state {
            State::Reached(achievement) => {
                achievement.events.iter().filter_map(|event| Ground::of(history, *event)).collect()
            }
            State::Maturing { .. } | State::NotStarted { .. } => {
                evaluation.begun.and_then(|begun| Ground::of(history, begun.event)).into_iter().collect()
            }
        };
        Shown {
            claim: claim_id(journey, &outcome, evaluation.repeat),
            about: ClaimAbout::Journey(journey),
            subject: own.subject,
            area: own.area.clone(),
            cohort: own.cohort.clone(),
            place: (of.version, evaluation.outcome),
            rulebook,
            outcome,
            repeat: evaluation.repeat,
            begun: evaluation.begun,
            state: evaluation.state,
            grounds,
            counted: None,
        }
    }
}

/// The versions of the rulebook: those in force, in the order in which they come into force, and those superseded.
fn rulebooks(contract: &Contract) -> (Vec<Arc<Rulebook>>, Vec<Arc<Rulebook>>) {
    parted(contract.rulebooks().iter().map(|published| Arc::clone(&published.rulebook)))
}
