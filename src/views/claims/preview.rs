//! What a further version of the rules would move: the claims of a contract with and without it, over the same facts.
//!
//! Nothing is stored. Published, the same facts are judged by the same versions: the switch gives what was foreseen.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;

use super::answer::{Claim, Claims, Excluded};
use super::facts::Facts;
use super::judged::Ground;
use super::{Asked, Generation};
use crate::access::InScope;
use crate::log::{Log, LogError};
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::outcome::decisive_facts::{Changes, Under};
use throughline_domain::contract::outcome::{Case, State, Status};
use throughline_domain::contract::rulebook::canonical;
use throughline_domain::contract::rulebook::outcome::key::OutcomeKey;
use throughline_domain::contract::rulebook::sentences;
use throughline_domain::fact::envelope::{ClaimId, JourneyId};
use throughline_domain::fact::event::ClaimAbout;
use throughline_domain::fact::money::Money;

/// The claims of a contract before and after, and what moves between.
#[derive(Debug)]
pub struct Preview {
    /// As they are.
    pub before: Arc<Claims>,
    /// As they would be.
    pub after: Arc<Claims>,
    /// The claims that move, by their ids.
    pub moves: Vec<Move>,
    /// How many stay as they are.
    pub unchanged: usize,
    /// What people call the journeys of the claims that move.
    pub references: HashMap<JourneyId, String>,
}

/// What of an outcome, or by a rule, would move.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Total {
    /// The outcome by its code, or the rule by its key.
    pub of: String,
    /// How many claims there would be money for that there is not now.
    pub gained: usize,
    /// How many claims there would be no money for that there is now.
    pub lost: usize,
    /// How many would be otherwise and are neither.
    pub changed: usize,
    /// What there would be for them together beyond what there is.
    pub delta: Money,
}

/// A claim that would move.
#[derive(Debug, Clone)]
pub struct Move {
    /// Which.
    pub claim: ClaimId,
    /// How.
    pub how: Moved,
    /// What it would come to beyond what it comes to now, with what would be proposed for its line.
    pub delta: Money,
    /// The rules that move it, each with the facts on which it turns; at least one.
    pub causes: Vec<Cause>,
}

/// A claim that is otherwise in another answer, whatever made it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// Which.
    pub claim: ClaimId,
    /// How.
    pub how: Moved,
    /// What it comes to there beyond what it comes to here, with what is proposed for its line.
    pub delta: Money,
}

/// A rule that moves a claim, and the facts on which it turns.
#[derive(Debug, Clone)]
pub struct Cause {
    /// The key of its outcome, or of the rulebook, as rulebooks spell it.
    pub rule: &'static str,
    /// What it says now, in a sentence; none where it says nothing.
    pub before: Option<Arc<str>>,
    /// What it would say. Where that is the same, it moves the claim because another one moves.
    pub after: Option<Arc<str>>,
    /// The events on which it turns; none where the rule alone decides, or what it asks for was never stated.
    pub grounds: Vec<Ground>,
}

/// How a claim moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// There is money for it that there was not.
    Gained,
    /// There is no money for it that there was.
    Lost,
    /// Its amount, its day or what has become of it is another.
    Changed,
}

/// The claims that move from one answer to another, by their ids, and how many stay as they are.
pub fn shifts(before: &Claims, after: &Claims) -> (Vec<Shift>, usize) {
    let ids = |claims: &Claims| claims.claims.iter().map(|claim| claim.claim).collect::<BTreeSet<_>>();
    let (mut shifts, mut unchanged) = (Vec::new(), 0);
    for claim in &ids(before) | &ids(after) {
        let (was, is) = (before.get(claim), after.get(claim));
        let (had, has) = (before.worth(claim), after.worth(claim));
        let seen = |claim: Option<&Claim>| claim.map(|of| (of.status, of.amount, of.achieved_on()));
        let how = match (had, has) {
            (None, Some(_)) => Moved::Gained,
            (Some(_), None) => Moved::Lost,
            _ if had != has || seen(was) != seen(is) => Moved::Changed,
            _ => {
                unchanged += 1;
                continue;
            }
        };
        shifts.push(Shift { claim, how, delta: has.unwrap_or_default() - had.unwrap_or_default() });
    }
    (shifts, unchanged)
}

/// The keys of a claim's outcome that read otherwise in the version that judges it in another answer.
pub fn rules_that_differ(was: Option<&Claim>, is: Option<&Claim>) -> Vec<&'static str> {
    match (was.and_then(under), is.and_then(under)) {
        (Some(old), Some(new)) if old.rulebook.hash() == new.rulebook.hash() => Vec::new(),
        (Some(old), Some(new)) => {
            let caps = (old.rulebook.caps != new.rulebook.caps).then_some("cap");
            Changes::between(old, new).keys().map(OutcomeKey::as_str).chain(caps).collect()
        }
        (None, None) => Vec::new(),
        _ => vec!["outcome"],
    }
}

impl Moved {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gained => "gained",
            Self::Lost => "lost",
            Self::Changed => "changed",
        }
    }
}

impl Preview {
    fn of(before: Arc<Claims>, after: Arc<Claims>, facts: &Facts) -> Self {
        let (shifts, unchanged) = shifts(&before, &after);
        let mut causes = Causes::between(&before, &after, facts);
        let with_causes = |of: Shift| {
            let causes = causes.of(before.get(of.claim), after.get(of.claim));
            Move { claim: of.claim, how: of.how, delta: of.delta, causes }
        };
        let moves: Vec<Move> = shifts.into_iter().map(with_causes).collect();
        let mut preview = Self { before, after, moves, unchanged, references: HashMap::new() };
        let journeys = preview.moves.iter().filter_map(|of| preview.journey(of.claim));
        preview.references = journeys.filter_map(|journey| Some((journey, reference(journey, facts)?))).collect();
        preview
    }

    /// A claim that moves, as it would be, else as it is.
    fn claim(&self, claim: ClaimId) -> Option<&Claim> {
        self.after.get(claim).or_else(|| self.before.get(claim))
    }

    fn journey(&self, claim: ClaimId) -> Option<JourneyId> {
        self.claim(claim)?.about.journey()
    }

    /// The outcome of a claim that moves, by its code.
    pub fn outcome(&self, claim: ClaimId) -> &str {
        self.claim(claim).map_or("", |claim| &claim.outcome)
    }

    /// What people call the journey of a claim that moves; none where it is about many together.
    pub fn reference(&self, claim: ClaimId) -> Option<&str> {
        self.references.get(&self.journey(claim)?).map(String::as_str)
    }

    /// A pseudonym of the case of a claim that moves: it follows from the journey's id and leads back to none; none where
    /// the claim is about many journeys together.
    pub fn case(&self, claim: ClaimId) -> Option<String> {
        let journey = self.journey(claim)?;
        let digest = canonical::sha256_hex(&format!("case {journey} of a preview"));
        Some(format!("C-{}", digest[..10].to_uppercase()))
    }

    /// What would move of each outcome, in the order of their codes.
    pub fn by_outcome(&self) -> Vec<Total> {
        self.totals(|of| vec![self.outcome(of.claim)])
    }

    /// What would move by each rule, in the order of their keys: a claim that several rules move is counted under each.
    pub fn by_rule(&self) -> Vec<Total> {
        self.totals(|of| of.causes.iter().map(|cause| cause.rule).collect::<BTreeSet<_>>().into_iter().collect())
    }

    fn totals<'p>(&'p self, under: impl Fn(&'p Move) -> Vec<&'p str>) -> Vec<Total> {
        let mut totals: BTreeMap<&str, Total> = BTreeMap::new();
        for of in &self.moves {
            for key in under(of) {
                let total = totals.entry(key).or_insert_with(|| Total { of: key.to_owned(), ..Total::default() });
                match of.how {
                    Moved::Gained => total.gained += 1,
                    Moved::Lost => total.lost += 1,
                    Moved::Changed => total.changed += 1,
                }
                total.delta = total.delta + of.delta;
            }
        }
        totals.into_values().collect()
    }

    /// How many claims move so.
    pub fn count(&self, how: Moved) -> usize {
        self.moves.iter().filter(|of| of.how == how).count()
    }
}

/// What people call a journey: the first case number it came with, else the last digits of its id.
fn reference(journey: JourneyId, facts: &Facts) -> Option<String> {
    let referral = facts.journeys.get(&journey)?.journey().referral?;
    Some(throughline_projections::journey::reference(journey, &referral.details))
}

impl Claims {
    /// What there is for a claim, with what is proposed for its line; none where there is no money for it.
    fn worth(&self, claim: ClaimId) -> Option<Money> {
        let claim = self.get(claim)?;
        let proposed: Money = self.proposed.iter().filter(|of| of.claim == claim.claim).map(|of| of.amount).sum();
        let worth = match claim.status {
            Status::Paid | Status::Accepted | Status::Queried | Status::Submitted => claim.amount? + proposed,
            Status::Claimable | Status::Achieved => claim.amount?,
            _ => return None,
        };
        worth.is_positive().then_some(worth)
    }
}

/// What moves claims between two versions of the rules.
struct Causes<'a> {
    as_of: NaiveDate,
    facts: &'a Facts,
    /// What the caps in force say.
    caps: [Option<Arc<str>>; 2],
    /// Whether they say otherwise.
    caps_differ: bool,
    /// What reads otherwise of an outcome, by the hashes of the two versions and its code.
    outcomes: HashMap<(&'a str, &'a str, &'a str), Changed<'a>>,
}

/// What reads otherwise of an outcome, and in which words.
struct Changed<'a> {
    changes: Changes<'a>,
    told: HashMap<OutcomeKey, [Option<Arc<str>>; 2]>,
}

impl<'a> Causes<'a> {
    fn between(before: &'a Claims, after: &'a Claims, facts: &'a Facts) -> Self {
        let as_of = before.asked.as_of;
        let [was, is] = [before, after].map(|claims| claims.contract.rulebook_in_force(as_of));
        let caps = [was, is].map(|of| of.and_then(|of| sentences::of_caps(of)).map(Arc::from));
        let caps_differ = was.map(|of| &of.caps) != is.map(|of| &of.caps);
        Self { as_of, facts, caps, caps_differ, outcomes: HashMap::new() }
    }

    /// The rules that move a claim: first those by which its journey is judged, else those by which it is settled
    /// beside others.
    fn of(&mut self, was: Option<&'a Claim>, is: Option<&'a Claim>) -> Vec<Cause> {
        let sides = was.and_then(under).zip(is.and_then(under));
        let (Some(was), Some(is), Some((old, new))) = (was, is, sides) else {
            let title = |claim: Option<&Claim>| claim.and_then(under).map(|of| Arc::from(of.outcome.title.as_str()));
            return vec![Cause { rule: "outcome", before: title(was), after: title(is), grounds: Vec::new() }];
        };
        let versions = (old.rulebook.hash(), new.rulebook.hash(), old.outcome.code.as_str());
        let changed = self.outcomes.entry(versions).or_insert_with(|| Changed::between(old, new));
        let mut causes = changed.judged(self.facts, (was, is), self.as_of);
        if causes.is_empty() || is_settled_otherwise(was, is) {
            let settled = changed.changes.keys().filter(|key| !key.is_judged_alone());
            causes.extend(settled.map(|key| changed.cause(key, Vec::new())));
            if self.caps_differ && (causes.is_empty() || is_capped(was, is)) {
                causes.push(capped(&self.caps));
            }
        }
        if causes.is_empty() {
            causes.push(match beside_others(was, is, new) {
                Some(key) => Cause {
                    rule: key.as_str(),
                    before: sentence(old, key),
                    after: sentence(new, key),
                    grounds: Vec::new(),
                },
                None => capped(&self.caps),
            });
        }
        causes
    }
}

impl<'a> Changed<'a> {
    fn between(was: Under<'a>, is: Under<'a>) -> Self {
        let changes = Changes::between(was, is);
        let told = changes.keys().map(|key| (key, [was, is].map(|of| sentence(of, key)))).collect();
        Self { changes, told }
    }

    fn cause(&self, key: OutcomeKey, grounds: Vec<Ground>) -> Cause {
        let [before, after] = self.told.get(&key).cloned().unwrap_or_default();
        Cause { rule: key.as_str(), before, after, grounds }
    }

    /// The rules that move what a journey shows by itself.
    fn judged(&self, facts: &Facts, (was, is): (&Claim, &Claim), as_of: NaiveDate) -> Vec<Cause> {
        let ClaimAbout::Journey(journey) = &is.about else {
            let judged = self.changes.keys().filter(|key| key.is_judged_alone());
            return judged.map(|key| self.cause(key, Vec::new())).collect();
        };
        let Some(history) = facts.journeys.get(journey) else { return Vec::new() };
        let case = Case::of(&history.facts_as_of(as_of));
        let turns = self.changes.moving(&case, was.repeat, as_of);
        let ground = |events: Vec<_>| events.into_iter().filter_map(|event| Ground::of(history, event)).collect();
        turns.into_iter().map(|turn| self.cause(turn.key, ground(turn.events))).collect()
    }
}

/// The key by which another claim moves this one, though it reads as it did; none where that is the caps.
fn beside_others(was: &Claim, is: &Claim, new: Under<'_>) -> Option<OutcomeKey> {
    match was.excluded_by.as_ref().or(is.excluded_by.as_ref()) {
        Some(Excluded::Person) => Some(OutcomeKey::OncePer),
        Some(Excluded::Outcome(_)) if new.outcome.group.is_some() => Some(OutcomeKey::Group),
        Some(Excluded::Outcome(_)) => Some(OutcomeKey::Convert),
        None if is_capped(was, is) => None,
        None if new.outcome.convert_from.is_some() => Some(OutcomeKey::Convert),
        None => Some(OutcomeKey::Tariff),
    }
}

fn capped([before, after]: &[Option<Arc<str>>; 2]) -> Cause {
    Cause { rule: "cap", before: before.clone(), after: after.clone(), grounds: Vec::new() }
}

fn sentence(of: Under<'_>, key: OutcomeKey) -> Option<Arc<str>> {
    sentences::of_key(of.rulebook, of.outcome, key).map(Arc::from)
}

/// The outcome of a claim as the version that judges it has it.
fn under(claim: &Claim) -> Option<Under<'_>> {
    let outcome = claim.rulebook.outcome(&claim.outcome)?;
    Some(Under { rulebook: &claim.rulebook, outcome })
}

/// Whether what becomes of a claim beside others is otherwise: who has it instead, or what of its price is left.
fn is_settled_otherwise(was: &Claim, is: &Claim) -> bool {
    was.excluded_by != is.excluded_by || is_capped(was, is) || lacks(was) != lacks(is)
}

/// Whether a claim has less than its price.
fn lacks(claim: &Claim) -> bool {
    let State::Reached(achievement) = &claim.state else { return false };
    achievement.price.amount().zip(claim.amount).is_some_and(|(price, amount)| amount < price)
}

fn is_capped(was: &Claim, is: &Claim) -> bool {
    let converts =
        |claim: &Claim| claim.rulebook.outcome(&claim.outcome).is_some_and(|outcome| outcome.convert_from.is_some());
    [was, is].into_iter().any(|claim| claim.status == Status::Capped || lacks(claim) && !converts(claim))
}

impl Generation {
    /// What a draft of the rules would move among the claims of a contract; none where the contract is not open.
    pub async fn preview(
        &self,
        log: &Log,
        scope: InScope<'_>,
        asked: Asked,
        draft: Rulebook,
    ) -> Result<Option<Preview>, LogError> {
        let position = *self.position().borrow();
        let Some(contract) = self.told(scope) else { return Ok(None) };
        let mut facts = self.claims.facts(scope.contract()).lock_owned().await;
        facts.catch_up(log, scope.contract(), position).await?;
        super::judged(move || {
            let before = facts.claims(&contract, asked.clone());
            let with_draft = Arc::new(contract.with_draft(Arc::new(draft)));
            Preview::of(before, Arc::new(facts.claims_by(&with_draft, &asked)), &facts)
        })
        .await
        .map(Some)
    }
}
