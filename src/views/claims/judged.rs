//! What the journeys of a contract have come to as of one day, each by itself: judged once, and again only where it
//! moves.
//!
//! Nothing here looks at another journey, at money or at a cap: what crosses journeys is settled when claims are read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::shares::share_out;
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

/// One outcome of one journey, cohort, site or area, at one time of those that it can be achieved, as the facts show it.
#[derive(Debug, PartialEq)]
pub struct Shown {
    /// The claim's id, which follows from what it is about, the outcome and the time that it is.
    pub claim: ClaimId,
    /// What it is about.
    pub about: ClaimAbout,
    /// The subject of its journey.
    pub subject: Option<SubjectId>,
    /// The service area of its journey, or that it is about.
    pub area: Option<Arc<str>>,
    /// The cohort of its journey, or that it is about.
    pub cohort: Option<Arc<str>>,
    /// The version of the rules that applies.
    pub rulebook: Arc<Rulebook>,
    /// The outcome, by its code.
    pub outcome: String,
    /// Which time it is, from 1.
    pub repeat: u32,
    /// The fact that it begins with, once there is one.
    pub begun: Option<Begun>,
    /// What the facts show.
    pub state: State,
    /// The events that it rests on.
    pub grounds: Vec<Ground>,
    /// What is counted, and out of how much, where it is about many journeys together.
    pub counted: Option<Counted>,
    /// The version by its place in the order of coming into force, and the outcome by its place in it.
    pub(super) place: (usize, usize),
}

/// What many journeys have come to together, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The covered days, or the units.
    pub counted: Decimal,
    /// The days that they are a share of; none for a volume.
    pub out_of: Option<Decimal>,
    /// The share, unrounded; none where there is nothing to take a share of.
    pub share: Option<Decimal>,
}

/// An event that a claim rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// Its id.
    pub event: EventId,
    /// Its type.
    pub event_type: EventType,
    /// When it was so, as the event says.
    pub occurred: Occurred,
}

impl Ground {
    pub(super) fn of(history: &History, event: EventId) -> Option<Self> {
        let recorded = history.event(event)?;
        Some(Self { event, event_type: recorded.event.event_type(), occurred: recorded.occurred })
    }
}

/// The journeys of a contract as these rules judge them as of a day.
#[derive(Debug)]
pub(super) struct JudgedAsOf {
    pub(super) as_of: NaiveDate,
    /// In the order in which they come into force.
    pub(super) rulebooks: Vec<Arc<Rulebook>>,
    /// Those that a later one with the same first day superseded: lines may have been frozen by them.
    pub(super) superseded: Vec<Arc<Rulebook>>,
    pub(super) journeys: BTreeMap<JourneyId, OfJourney>,
    /// What journeys add to outcomes over many, for each version; empty where there are no such outcomes.
    pub(super) many: Vec<Many>,
    /// The journeys that have moved since they were judged.
    moved: BTreeSet<JourneyId>,
    /// The day on which each claim of a journey that stands was submitted, where that chooses a version.
    submitted: BTreeMap<ClaimId, (NaiveDate, JourneyId)>,
    zone: Tz,
}

/// What one journey has come to.
#[derive(Debug)]
pub(super) struct OfJourney {
    pub(super) subject: Option<SubjectId>,
    pub(super) area: Option<Arc<str>>,
    pub(super) cohort: Option<Arc<str>>,
    pub(super) shown: Vec<Arc<Shown>>,
}

/// What one share of the journeys has come to.
type Share = (Vec<(JourneyId, OfJourney)>, Vec<Many>);

impl JudgedAsOf {
    /// Nothing yet: every journey is still to be judged.
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

    /// Whether it is as of this day, by the rules of this contract.
    pub(super) fn answers(&self, contract: &Contract, as_of: NaiveDate) -> bool {
        let hashes = |rulebooks: &[Arc<Rulebook>]| -> Vec<String> {
            rulebooks.iter().map(|rulebook| rulebook.hash().to_owned()).collect()
        };
        let (judging, superseded) = rulebooks(contract);
        self.as_of == as_of
            && self.zone == contract.zone().unwrap_or(DEPLOYMENT_ZONE)
            && (hashes(&self.rulebooks), hashes(&self.superseded)) == (hashes(&judging), hashes(&superseded))
    }

    /// The versions by which it is judged.
    pub(super) fn versions(&self) -> Versions<'_> {
        let judging = self.rulebooks.iter().map(AsRef::as_ref).collect();
        Versions::known(judging, self.superseded.iter().map(AsRef::as_ref).collect())
    }

    /// A journey is not what it was when it was judged.
    pub(super) fn moved(&mut self, journey: JourneyId) {
        self.moved.insert(journey);
    }

    /// Judges what has moved.
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

    /// Where the day of submission chooses the version, a claim that was submitted, or is not any more, is judged anew.
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

/// The versions of the rules: those that judge, in the order in which they come into force, and those superseded.
fn rulebooks(contract: &Contract) -> (Vec<Arc<Rulebook>>, Vec<Arc<Rulebook>>) {
    parted(contract.rulebooks().iter().map(|published| Arc::clone(&published.rulebook)))
}
