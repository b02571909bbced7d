//! Claims as clients read them: what has become of each, what it comes to, and why.
//!
//! Nothing here judges a claim; lists of them stand in `list`.

mod list;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;
use rust_decimal::RoundingStrategy;

pub use list::{ClaimConnection, ClaimEdge};
pub(in crate::graphql) use list::{ClaimFilter, page};

use super::at::Known;
use super::batch::{Batch, BatchLine};
use super::context::{self, Asked as _, OrFault as _};
use super::event::OccurredOn;
use super::funding::{self, DoubleFunding};
use super::journey::evidence::{Evidence, EvidenceForClaim};
use super::journey::work::DayPeriod;
use super::journey::{self, Journey, Story};
use super::money::Money;
use super::permission::ClaimPermissions;
use super::scalars::{Date, Decimal};
use crate::access::relation::Cases;
use crate::views::claims::{self, Asked, Claims, Excluded, Ground, Purpose};
use throughline_domain::contract::calendar::WorkingDays;
use throughline_domain::contract::outcome::proof::{Proof, dated_within, proofs};
use throughline_domain::contract::outcome::{self, Achievement, Case, Hold, State, Status};
use throughline_domain::contract::rulebook::outcome::{AchievedBy, HoursBasis as Basis, JourneyTerms};
use throughline_domain::fact::envelope::{self, ClaimId, JourneyId};
use throughline_domain::fact::event::{ClaimAbout, EventType, Period};
use throughline_gateway::Code;

/// What has become of a claim, in the order in which the first that applies is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum ClaimStatus {
    /// It was paid and taken back.
    Reversed,
    /// It was paid.
    Paid,
    /// It was accepted.
    Accepted,
    /// It was rejected, and may not be tried again.
    Rejected,
    /// The commissioner asks about it.
    Queried,
    /// It was submitted.
    Submitted,
    /// Another outcome of its group, the same outcome of the same person, or a higher level has it.
    Excluded,
    /// The time in which it could be claimed is over.
    Expired,
    /// Something must be known or cleared first.
    OnHold,
    /// Evidence is missing.
    EvidenceMissing,
    /// It is achieved; the time of waiting is not over, there is no price, or the day is still to come.
    Achieved,
    /// No money is left under a cap.
    Capped,
    /// It can be claimed.
    Claimable,
    /// It will be achieved if what holds now goes on.
    Maturing,
    /// It has not begun, or cannot come about as things stand.
    NotStarted,
}

/// On which hours a week an outcome is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Basis")]
pub enum HoursBasis {
    /// The mean over the covered days.
    Average,
    /// Those of the first covered day.
    AtStart,
    /// Those of the last covered day.
    AtEnd,
    /// Those of every covered day.
    EveryWeek,
}

/// One outcome of one journey, cohort, site or area, at one time of those that it can be achieved.
#[derive(Clone)]
pub struct Claim {
    told: Arc<Claims>,
    of: claims::Claim,
    story: Option<Arc<Story>>,
}

/// The cohort, site or area that a claim is about, and the period.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClaimScope {
    /// The cohort or area by its code, the site by its id; empty for journeys without a cohort.
    of: String,
    /// The period.
    period: DayPeriod,
}

/// What many journeys have come to together, so far.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClaimCount {
    /// The covered days, each of a person once, or the units of a volume.
    counted: Decimal,
    /// The days of all people that they are a share of; none for a volume.
    out_of: Option<Decimal>,
    /// The share, to six decimals; none where there is nothing to take a share of.
    share: Option<Decimal>,
}

impl From<claims::Counted> for ClaimCount {
    fn from(of: claims::Counted) -> Self {
        let to_six = |share: rust_decimal::Decimal| {
            Decimal(share.round_dp_with_strategy(6, RoundingStrategy::MidpointAwayFromZero).normalize())
        };
        Self { counted: Decimal(of.counted.normalize()), out_of: of.out_of.map(Decimal), share: of.share.map(to_six) }
    }
}

impl ClaimScope {
    pub(super) fn over(of: &str, period: Period) -> Self {
        Self { of: of.to_owned(), period: period.into() }
    }
}

/// What is left until a claim can be paid.
#[derive(Debug, Clone, SimpleObject)]
pub struct UntilPayable {
    /// Why it cannot be claimed yet: `hours_unknown`, `risk_open`, `date_imprecise`, `claim_window`,
    /// `out_of_range`, `bank_holidays_unknown`, `other_clients` (the outcome counts for clients of whom this is none, by what
    /// its `only_if` asks), the code of the outcome that has the payment, or `person`.
    reason: Option<String>,
    /// The claim that it waits for, by its id: a proposed adjustment or withdrawal of that one would make way. Until it is
    /// raised nothing is free.
    waits_for: Option<ID>,
    /// The kinds of evidence that lack, alternatives and others in one list: `evidence` tells them apart.
    missing: Vec<String>,
    /// The evidence that lacks; while the claim matures, the evidence that will be needed. None where nothing is asked or
    /// nothing lacks.
    evidence: Option<EvidenceNeeded>,
    /// The day on which it is achieved if what holds now goes on.
    earliest_on: Option<Date>,
    /// The civil days until then.
    days_left: Option<i64>,
    /// The covered days until now, where days are asked: breaks and pauses are left out.
    days_counted: Option<u32>,
    /// The covered days that it will rest on, on the day on which it is achieved: of 13 weeks, 91.
    days_needed: Option<u32>,
    /// The first day that is counted.
    counted_from: Option<Date>,
    /// The first day on which it can be claimed, once it is achieved; none where the bank holidays until then are not
    /// known.
    claimable_from: Option<Date>,
    /// The last day on which it can be claimed, if there is one.
    claimable_until: Option<Date>,
}

/// The evidence that a claim needs. Each piece must name in `supports` the spell, or the event of the plan, engagement,
/// measure or achievement, that it shows.
#[derive(Debug, Clone, SimpleObject)]
pub struct EvidenceNeeded {
    /// Kinds of which one is enough; empty where no alternatives are asked, or one of them is there.
    any_of: Vec<String>,
    /// Kinds of which every one is needed.
    all_of: Vec<String>,
    /// Whether each piece must be verified.
    verified: bool,
    /// The first day on which a piece may be dated; none: any day.
    dated_from: Option<Date>,
    /// The last day on which a piece may be dated; none: any day.
    dated_until: Option<Date>,
}

/// Why a claim is what it is.
#[derive(Debug, Clone, SimpleObject)]
pub struct Derivation {
    /// The rules by which it is judged.
    rulebook: JudgedBy,
    /// The fact that it begins with. Where several spells cover the first day counted, the one that started first.
    trigger: Option<ClaimGround>,
    /// The first day that is counted.
    counted_from: Option<Date>,
    /// The events that it rests on: what it begins with, and what shows it.
    events: Vec<ClaimGround>,
    /// Those of them that are evidence.
    evidence: Vec<ClaimGround>,
    /// The covered days that were used, where days are asked.
    days_counted: Option<u32>,
    /// The uncovered stretches among them.
    gaps: Vec<UncoveredDays>,
    /// On which hours a week it is judged, where hours are asked.
    hours_basis: Option<HoursBasis>,
    /// The hours a week that were compared, to two decimals; none where they are unknown.
    hours: Option<Decimal>,
    /// SHA-256 of the bank holidays by which the wait in working days is counted, in lower-case hexadecimal; none where
    /// there is no such wait. It is part of the derivation that a batch line freezes.
    bank_holidays: Option<&'static str>,
}

/// The version of the rules that judges a claim.
#[derive(Debug, Clone, SimpleObject)]
pub struct JudgedBy {
    /// What the parties call it.
    version: String,
    /// SHA-256 of its canonical content, in lower-case hexadecimal.
    hash: String,
}

/// An event that a claim rests on.
#[derive(Debug, Clone, SimpleObject)]
pub struct ClaimGround {
    /// Its id.
    id: ID,
    /// Its type.
    #[graphql(name = "type")]
    event_type: &'static str,
    /// When it was so, as the event says.
    occurred: OccurredOn,
}

/// A stretch of days without a spell.
#[derive(Debug, Clone, SimpleObject)]
pub struct UncoveredDays {
    /// The first day without one.
    from: Date,
    /// The first day with one again, or the day on which the outcome was achieved.
    to: Date,
    /// Whether its days count.
    counted: bool,
}

impl From<&Ground> for ClaimGround {
    fn from(ground: &Ground) -> Self {
        let Ground { event, event_type, occurred } = *ground;
        Self { id: ID(event.to_string()), event_type: event_type.as_str(), occurred: occurred.into() }
    }
}

/// One outcome of one journey, cohort, site or area, at one time of those that it can be achieved.
#[Object]
impl Claim {
    /// Its id, which follows from what it is about, the outcome and the time that it is.
    pub async fn id(&self) -> ID {
        ID(self.of.claim.to_string())
    }

    /// What has become of it.
    async fn status(&self) -> ClaimStatus {
        self.of.status.into()
    }

    /// The outcome, by its code in the rulebook.
    async fn outcome(&self) -> &str {
        self.of_outcome()
    }

    /// What people call the outcome.
    async fn title(&self) -> &str {
        self.outcome_title()
    }

    /// Which time it is that the outcome is achieved, from 1.
    async fn repeat(&self) -> u32 {
        self.nth_time()
    }

    /// The id of the journey that it is about; none where it is about many together.
    async fn journey_id(&self) -> Option<ID> {
        self.of_journey_id()
    }

    /// The journey that it is about; none where it is about many together, and in a preview.
    async fn journey(&self) -> Option<Journey> {
        self.of_journey_now()
    }

    /// The cohort, site or area that it is about, where it is about many journeys together.
    async fn scope(&self) -> Option<ClaimScope> {
        self.over_many()
    }

    /// What they have come to together so far, where it is about many journeys together.
    async fn counted(&self) -> Option<ClaimCount> {
        self.of.counted.map(Into::into)
    }

    /// What is due for it, or would be but for its status; none where it is not achieved or has no price.
    async fn amount(&self) -> Option<Money> {
        self.due()
    }

    /// The day on which it was achieved.
    async fn achieved_on(&self) -> Option<Date> {
        self.was_achieved_on()
    }

    /// The day on which it is achieved if what holds now goes on.
    async fn earliest_on(&self) -> Option<Date> {
        self.foreseen_on()
    }

    /// The first day on which it can be claimed, once it is achieved; none where the bank holidays until then are not
    /// known.
    async fn claimable_from(&self) -> Option<Date> {
        self.achievement().and_then(|of| of.claimable_from.as_ref().ok().copied()).map(Date)
    }

    /// The last day on which it can be claimed, once it is achieved; none where there is no end.
    async fn claimable_until(&self) -> Option<Date> {
        self.achievement().and_then(|of| of.claimable_until).map(Date)
    }

    /// Every piece of evidence of its journey: whether it counts for this claim, and why not; empty where it is about many
    /// journeys together, and in a preview.
    async fn evidence(&self) -> Vec<EvidenceForClaim> {
        let (Some(journey), Some(story)) = (self.of_journey_now(), &self.story) else { return Vec::new() };
        let facts = story.history().facts_as_of(self.told.asked.as_of);
        let proofs = self.proofs(&Case::of(&facts));
        let of = |piece: Evidence| {
            let proof = proofs.iter().find(|proof| proof.evidence == piece.own)?;
            Some(EvidenceForClaim::of(self, &piece, &proof.why_not))
        };
        journey.all_evidence().into_iter().filter_map(of).collect()
    }

    /// What is left until it can be paid; none where it can be claimed or was submitted.
    async fn until_payable(&self) -> Option<UntilPayable> {
        self.left_until_payable()
    }

    /// Why it is what it is: the rules, the events, the days, the hours and the evidence.
    async fn derivation(&self) -> Derivation {
        self.derived()
    }

    /// Its lines in every batch, oldest first: each as it was frozen, with what was decided of it.
    async fn history(&self) -> Vec<BatchLine> {
        let lines = self.told.lines_of(self.of.claim).into_iter();
        lines.map(|line| BatchLine::of(line, (&self.told, &self.of.rulebook.currency), self.story.clone())).collect()
    }

    /// Claims of the same person in other contracts, under outcomes of the same class, whose counted days overlap with
    /// those of this one, unless that was looked at and dismissed; of the contracts that you may see.
    async fn double_funding(&self, ctx: &Context<'_>) -> Result<Vec<DoubleFunding>> {
        funding::of(ctx, &self.told, &self.of).await
    }

    /// What you may do with it.
    async fn viewer_can(&self) -> ClaimPermissions {
        let line = self.of.batch.and_then(|batch| {
            let (_, batch) = self.told.batches.iter().find(|(known, _)| *known == batch)?;
            batch.line(self.of.claim).cloned()
        });
        ClaimPermissions { claim: self.of.clone(), line }
    }

    /// The batch with the line that stands, else with its last one; none where it was never submitted.
    async fn batch(&self) -> Option<Batch> {
        Batch::among(&self.told, self.of.batch?)
    }
}

impl Claim {
    fn of_journey_now(&self) -> Option<Journey> {
        let id = self.of.about.journey()?;
        let story = Arc::clone(self.story.as_ref()?);
        Some(Journey::of(id, Arc::clone(&self.told.contract), self.told.asked.as_of, story))
    }

    /// Whether it is of this outcome.
    pub(super) fn is_of(&self, outcome: &str) -> bool {
        self.of.outcome == outcome
    }

    /// Every piece of evidence of its journey, as this claim sees it.
    pub(super) fn proofs(&self, case: &Case<'_>) -> Vec<Proof> {
        let Some(outcome) = self.of.rulebook.outcome(&self.of.outcome) else { return Vec::new() };
        proofs(case, (&self.of.rulebook, outcome), self.of.repeat, self.told.asked.as_of)
    }

    /// The evidence that lacks, or that will be needed while it matures.
    fn evidence_needed(&self) -> Option<EvidenceNeeded> {
        let asked = self.terms()?.evidence.as_ref()?;
        let (any_of, all_of, on) = match (&self.of.state, self.of.status) {
            (State::Maturing { earliest_on, .. }, _) => (asked.any_of.clone(), asked.all_of.clone(), *earliest_on),
            (State::Reached(of), Status::EvidenceMissing) => {
                let lacks = |kind: &&String| of.missing.contains(kind);
                let all_of = asked.all_of.iter().filter(lacks).cloned().collect();
                // Of alternatives none is there where every one of them lacks.
                let any_of =
                    if asked.any_of.iter().all(|kind| lacks(&kind)) { asked.any_of.clone() } else { Vec::new() };
                (any_of, all_of, of.achieved_on)
            }
            _ => return None,
        };
        let (from, to) = dated_within(asked, on);
        Some(EvidenceNeeded {
            any_of,
            all_of,
            verified: asked.verified,
            dated_from: from.map(Date),
            dated_until: to.map(Date),
        })
    }

    fn achievement(&self) -> Option<&Achievement> {
        match &self.of.state {
            State::Reached(achievement) => Some(achievement),
            State::Maturing { .. } | State::NotStarted { .. } => None,
        }
    }

    fn terms(&self) -> Option<&JourneyTerms> {
        match &self.of.rulebook.outcome(&self.of.outcome)?.achieved_by {
            AchievedBy::Journey(terms) => Some(terms),
            AchievedBy::Many(_) => None,
        }
    }

    fn left(&self) -> UntilPayable {
        let earliest = earliest_on(&self.of.state);
        let covered = if let State::Maturing { covered, .. } = self.of.state { covered } else { None };
        let achievement = self.achievement();
        let is_waited_for = self.of.status == Status::Achieved;
        let from = achievement.and_then(|of| of.claimable_from.as_ref().ok().copied());
        UntilPayable {
            reason: self.reason(),
            waits_for: self.of.waits_for.map(|claim| ID(claim.to_string())),
            missing: achievement.map_or_else(Vec::new, |of| of.missing.clone()),
            evidence: self.evidence_needed(),
            earliest_on: earliest.map(Date),
            days_left: earliest.map(|day| (day - self.told.asked.as_of).num_days()),
            days_counted: covered.map(|covered| covered.so_far),
            days_needed: covered.map(|covered| covered.in_all),
            counted_from: self.of.begun.map(|begun| Date(begun.counted_from)),
            claimable_from: from.filter(|_| is_waited_for).map(Date),
            claimable_until: achievement.and_then(|of| of.claimable_until).map(Date),
        }
    }

    fn reason(&self) -> Option<String> {
        let text = match (self.of.status, self.achievement()) {
            (Status::Expired, _) => "claim_window",
            (Status::OnHold, Some(of)) => of.hold.map(Hold::as_str)?,
            (Status::Achieved, Some(of)) if of.claimable_from.is_err() => "bank_holidays_unknown",
            (Status::Excluded, _) => match self.of.excluded_by.as_ref()? {
                Excluded::Outcome(code) => code,
                Excluded::Person => "person",
            },
            _ if matches!(self.of.state, State::NotStarted { is_for_others: true }) => "other_clients",
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// Why it is what it is.
    pub(super) fn derived(&self) -> Derivation {
        let achievement = self.achievement();
        let begun = self.of.begun;
        let is_evidence = |ground: &&Ground| ground.event_type == EventType::EvidenceAttached;
        let gap = |gap: &outcome::Gap| UncoveredDays { from: Date(gap.from), to: Date(gap.to), counted: gap.counted };
        Derivation {
            rulebook: JudgedBy { version: self.of.rulebook.version.clone(), hash: self.of.rulebook.hash().to_owned() },
            trigger: begun.and_then(|begun| self.of.grounds.iter().find(|of| of.event == begun.event)).map(Into::into),
            counted_from: begun.map(|begun| Date(begun.counted_from)),
            events: self.of.grounds.iter().map(Into::into).collect(),
            evidence: self.of.grounds.iter().filter(is_evidence).map(Into::into).collect(),
            days_counted: achievement.and_then(|of| of.days_counted),
            gaps: achievement.map_or_else(Vec::new, |of| of.gaps.iter().map(gap).collect()),
            hours_basis: self.terms().and_then(|terms| terms.hours.as_ref()).map(|hours| hours.basis.into()),
            hours: achievement.and_then(|of| of.hours).map(two_decimals),
            bank_holidays: self.of.rulebook.bank_holidays_of(&self.of.outcome).map(WorkingDays::hash),
        }
    }

    /// Its id.
    pub(super) fn own_id(&self) -> ID {
        ID(self.of.claim.to_string())
    }

    /// The outcome, by its code.
    pub(super) fn of_outcome(&self) -> &str {
        &self.of.outcome
    }

    /// What people call the outcome.
    pub(super) fn outcome_title(&self) -> &str {
        let outcome = self.of.rulebook.outcome(&self.of.outcome);
        outcome.map_or(&self.of.outcome, |outcome| &outcome.title)
    }

    /// Which time it is that the outcome is achieved, from 1.
    pub(super) fn nth_time(&self) -> u32 {
        self.of.repeat
    }

    /// The cohort, site or area that it is about, where it is about many journeys together.
    pub(super) fn over_many(&self) -> Option<ClaimScope> {
        match &self.of.about {
            ClaimAbout::Journey(_) => None,
            ClaimAbout::Many(many) => {
                let period = Period { first: many.first, last: many.last };
                Some(ClaimScope::over(&many.of, period))
            }
        }
    }

    /// What is due for it, or would be but for its status.
    pub(super) fn due(&self) -> Option<Money> {
        self.of.amount.map(|amount| Money::of(amount, &self.of.rulebook.currency))
    }

    /// The day on which it was achieved.
    pub(super) fn was_achieved_on(&self) -> Option<Date> {
        self.of.achieved_on().map(Date)
    }

    /// The day on which it is achieved if what holds now goes on.
    pub(super) fn foreseen_on(&self) -> Option<Date> {
        earliest_on(&self.of.state).map(Date)
    }

    /// The id of the journey that it is about.
    pub(super) fn of_journey_id(&self) -> Option<ID> {
        self.of.about.journey().map(|id| ID(id.to_string()))
    }

    /// What is left until it can be paid; none where it can be claimed or was submitted.
    pub(super) fn left_until_payable(&self) -> Option<UntilPayable> {
        (!self.of.status.is_fact() && self.of.status != Status::Claimable).then(|| self.left())
    }

    /// What has become of it.
    pub(super) fn stands(&self) -> ClaimStatus {
        self.of.status.into()
    }

    /// The claim of this id, without its journey.
    pub(super) fn among(told: &Arc<Claims>, claim: ClaimId) -> Option<Self> {
        Self::with_journey(told, claim, None)
    }

    /// The claim of this id, with the story of its journey if it is about one that the caller may read.
    pub(super) fn with_journey(told: &Arc<Claims>, claim: ClaimId, story: Option<Arc<Story>>) -> Option<Self> {
        Some(Self { told: Arc::clone(told), of: told.get(claim)?.clone(), story })
    }

    /// The claim of this id as it stands today in one of the contracts that the caller may see; none where it is about a
    /// journey that they may not read.
    pub(super) async fn today(ctx: &Context<'_>, claim: ClaimId) -> Result<Option<Self>> {
        let generation = &ctx.caller().generation;
        for row in generation.contracts(&ctx.caller().principal.scope).await.or_fault()? {
            let Some(contract) = ctx.in_scope(&row.code).and_then(|scope| generation.told(scope)) else { continue };
            let today = ctx.today(&contract);
            let asked = Asked { as_of: today, today, purpose: Purpose::Look };
            let known = *generation.position().borrow();
            let Some(told) = as_known(ctx, &row.code, known, asked).await? else { continue };
            let Some(of) = told.get(claim) else { continue };
            let Some(journey) = of.about.journey() else {
                let sees_all = context::standing(ctx).await?.cases(&row.code) == Cases::All;
                return Ok(Self::among(&told, claim).filter(|_| sees_all));
            };
            let story = journey::stories(ctx, std::iter::once(journey), Known(told.position)).await?.remove(&journey);
            return Ok(story.and_then(|story| Self::with_journey(&told, claim, Some(story))));
        }
        Ok(None)
    }

    /// The claims of a journey.
    pub(super) fn of_journey(told: &Arc<Claims>, journey: JourneyId, story: &Arc<Story>) -> Vec<Self> {
        let claims = told.of_journey(journey).iter();
        claims.map(|of| Self { told: Arc::clone(told), of: of.clone(), story: Some(Arc::clone(story)) }).collect()
    }
}

fn two_decimals(mut hours: rust_decimal::Decimal) -> Decimal {
    hours.rescale(2);
    Decimal(hours)
}

const fn earliest_on(state: &State) -> Option<NaiveDate> {
    match state {
        State::Maturing { earliest_on, .. } => Some(*earliest_on),
        State::Reached(_) | State::NotStarted { .. } => None,
    }
}

/// The claims of a contract as known at a position, in the scope of the caller.
pub(super) async fn as_known(
    ctx: &Context<'_>,
    code: &str,
    known: envelope::Position,
    asked: Asked,
) -> Result<Option<Arc<Claims>>> {
    let scope = ctx.in_scope(code).ok_or_else(|| Code::Forbidden.error("this contract is not in your scope"))?;
    let (log, generation) = (&ctx.parts().log, &ctx.caller().generation);
    let live = *generation.position().borrow();
    let told = generation.claims_at(log, scope, asked, known.min(live)).await.or_fault()?;
    of_caller(ctx, told).await
}

/// What of a contract's claims and batches the caller may know of, where their token is for some areas alone.
pub(super) async fn of_caller(ctx: &Context<'_>, told: Option<Arc<Claims>>) -> Result<Option<Arc<Claims>>> {
    let (caller, Some(told)) = (ctx.caller(), told) else { return Ok(None) };
    let Some(areas) = caller.principal.scope.areas() else { return Ok(Some(told)) };
    let journeys: Vec<JourneyId> = told.journeys().into_iter().collect();
    let known = caller.generation.areas_of(&journeys).await.or_fault()?;
    let theirs = known.into_iter().filter(|(_, area)| areas.contains(area)).map(|(journey, _)| journey).collect();
    Ok(Some(Arc::new(told.within(&theirs))))
}

/// Those of these journeys of a contract that the caller may read; none where that is every case there is, and what is
/// over many besides.
pub(super) async fn readable(
    ctx: &Context<'_>,
    code: &str,
    journeys: impl Iterator<Item = JourneyId>,
) -> Result<Option<BTreeSet<JourneyId>>> {
    if context::standing(ctx).await?.cases(code) == Cases::All {
        return Ok(None);
    }
    let named: BTreeSet<JourneyId> = journeys.collect();
    let named: Vec<(JourneyId, &str)> = named.into_iter().map(|journey| (journey, code)).collect();
    context::readable(ctx, &named).await.map(Some)
}
