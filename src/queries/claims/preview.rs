//! A preview of a further version of the rules: the claims of a contract with and without it, over the same facts.
//!
//! Nothing is stored. After publication, the same versions evaluate the same facts, so the result is as previewed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;

use super::answer::{Claim, Claims, Excluded};
use super::facts::Facts;
use super::judged::Ground;
use super::{ClaimsQuery, FactsByContract};
use crate::access::InScope;
use crate::log::{Log, LogError};
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::outcome::decisive_facts::{Changes, Under};
use throughline_domain::contract::outcome::{Case, State, Status};
use throughline_domain::contract::rulebook::canonical;
use throughline_domain::contract::rulebook::explain;
use throughline_domain::contract::rulebook::outcome::key::OutcomeKey;
use throughline_domain::fact::envelope::{ClaimId, JourneyId};
use throughline_domain::fact::event::ClaimAbout;
use throughline_domain::fact::money::Money;

/// The claims of a contract before and after, and the changes.
#[derive(Debug)]
pub struct Preview {
    /// The claims under the current rules.
    pub before: Arc<Claims>,
    /// The claims under the draft.
    pub after: Arc<Claims>,
    /// The claims that change, by id.
    pub moves: Vec<Move>,
    /// The number of claims that do not change.
    pub unchanged: usize,
    /// The references of the journeys whose claims change.
    pub references: HashMap<JourneyId, String>,
}

/// The changes for one outcome or by one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Total {
    /// The outcome's code, or the rule's key.
    pub of: String,
    /// The number of claims with an amount in the draft only.
    pub gained: usize,
    /// The number of claims with an amount in the current rules only.
    pub lost: usize,
    /// The number of other claims that change.
    pub changed: usize,
    /// The change in their total amount.
    pub delta: Money,
}

/// A claim that changes.
#[derive(Debug, Clone)]
pub struct Move {
    /// The claim.
    pub claim: ClaimId,
    /// The kind of change.
    pub how: Moved,
    /// The change in its amount, including the proposals for its line.
    pub delta: Money,
    /// The rules that change it, each with the facts that decide. At least one.
    pub causes: Vec<Cause>,
}

/// A claim that differs between two answers, for any reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// The claim.
    pub claim: ClaimId,
    /// The kind of difference.
    pub how: Moved,
    /// The difference in its amount, including the proposals for its line.
    pub delta: Money,
}

/// A rule that changes a claim, and the facts that decide.
#[derive(Debug, Clone)]
pub struct Cause {
    /// The key of its outcome or of the rulebook, as written in rulebooks.
    pub rule: &'static str,
    /// The current rule in a sentence. `None` if there is none.
    pub before: Option<Arc<str>>,
    /// The rule in the draft in a sentence. If it is equal to `before`, this claim changes because another one does.
    pub after: Option<Arc<str>>,
    /// The events that decide. Empty if the rule alone decides, or if the required fact was never recorded.
    pub grounds: Vec<Ground>,
}

/// The kind of change of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It has an amount only afterwards.
    Gained,
    /// It has an amount only before.
    Lost,
    /// Its amount, date or status is different.
    Changed,
}

/// The claims that differ between two answers, by id, and the number of claims that do not.
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

/// The keys of a claim's outcome that differ between the versions that evaluate it in two answers.
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
    /// The name of the kind of change.
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

    /// A claim that changes: as in the draft, else its present state.
    fn claim(&self, claim: ClaimId) -> Option<&Claim> {
        self.after.get(claim).or_else(|| self.before.get(claim))
    }

    fn journey(&self, claim: ClaimId) -> Option<JourneyId> {
        self.claim(claim)?.about.journey()
    }

    /// The outcome of a claim that changes, by code.
    pub fn outcome(&self, claim: ClaimId) -> &str {
        self.claim(claim).map_or("", |claim| &claim.outcome)
    }

    /// The reference of the journey of a claim that changes. `None` if the claim is about several cases.
    pub fn reference(&self, claim: ClaimId) -> Option<&str> {
        self.references.get(&self.journey(claim)?).map(String::as_str)
    }

    /// A pseudonym for the case of a claim that changes. It is derived from the journey's id and cannot be reversed.
    /// `None` if the claim is about several cases.
    pub fn case(&self, claim: ClaimId) -> Option<String> {
        let journey = self.journey(claim)?;
        let digest = canonical::sha256_hex(&format!("case {journey} of a preview"));
        Some(format!("C-{}", digest[..10].to_uppercase()))
    }

    /// The changes for each outcome, in the order of their codes.
    pub fn by_outcome(&self) -> Vec<Total> {
        self.totals(|of| vec![self.outcome(of.claim)])
    }

    /// The changes by each rule, in the order of their keys. A claim that several rules change is counted under each.
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

    /// The number of claims with this kind of change.
    pub fn count(&self, how: Moved) -> usize {
        self.moves.iter().filter(|of| of.how == how).count()
    }
}

/// A name for a journey: the first case number that it was received with, else the last digits of its id.
fn reference(journey: JourneyId, facts: &Facts) -> Option<String> {
    let referral = facts.journeys.get(&journey)?.journey().referral?;
    Some(throughline_projections::journey::reference(journey, &referral.details))
}

impl Claims {
    /// The amount of a claim, including the proposals for its line. `None` if it has no amount.
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

/// The causes of changes between two versions of the rules.
struct Causes<'a> {
    as_of: NaiveDate,
    facts: &'a Facts,
    /// The caps in force, in a sentence.
    caps: [Option<Arc<str>>; 2],
    /// Whether the caps differ.
    caps_differ: bool,
    /// The changed keys of an outcome, by the hashes of the two versions and the outcome's code.
    outcomes: HashMap<(&'a str, &'a str, &'a str), Changed<'a>>,
}

/// The changed keys of an outcome, with their sentences.
struct Changed<'a> {
    changes: Changes<'a>,
    sentences: HashMap<OutcomeKey, [Option<Arc<str>>; 2]>,
}

impl<'a> Causes<'a> {
    fn between(before: &'a Claims, after: &'a Claims, facts: &'a Facts) -> Self {
        let as_of = before.asked.as_of;
        let [was, is] = [before, after].map(|claims| claims.contract.rulebook_in_force(as_of));
        let caps = [was, is].map(|of| of.and_then(|of| explain::of_caps(of)).map(Arc::from));
        let caps_differ = was.map(|of| &of.caps) != is.map(|of| &of.caps);
        Self { as_of, facts, caps, caps_differ, outcomes: HashMap::new() }
    }

    /// The rules that change a claim: first those that evaluate its journey, else those that settle it with other
    /// claims.
    fn of(&mut self, was: Option<&'a Claim>, is: Option<&'a Claim>) -> Vec<Cause> {
        let sides = was.and_then(under).zip(is.and_then(under));
        let (Some(was), Some(is), Some((old, new))) = (was, is, sides) else {
            let title = |claim: Option<&Claim>| claim.and_then(under).map(|of| Arc::from(of.outcome.title.as_str()));
            return vec![Cause { rule: "outcome", before: title(was), after: title(is), grounds: Vec::new() }];
        };
        let versions = (old.rulebook.hash(), new.rulebook.hash(), old.outcome.code.as_str());
        let changed = self.outcomes.entry(versions).or_insert_with(|| Changed::between(old, new));
        let mut causes = changed.judged(self.facts, (was, is), self.as_of);
        if causes.is_empty() || is_settled_differently(was, is) {
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
        let sentences = changes.keys().map(|key| (key, [was, is].map(|of| sentence(of, key)))).collect();
        Self { changes, sentences }
    }

    fn cause(&self, key: OutcomeKey, grounds: Vec<Ground>) -> Cause {
        let [before, after] = self.sentences.get(&key).cloned().unwrap_or_default();
        Cause { rule: key.as_str(), before, after, grounds }
    }

    /// The rules that change the result of the journey by itself.
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

/// The key by which another claim changes this one, although the key itself has not changed. `None` if the caps are the
/// cause.
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
    explain::of_key(of.rulebook, of.outcome, key).map(Arc::from)
}

/// The claim's outcome in the version that evaluates it.
fn under(claim: &Claim) -> Option<Under<'_>> {
    let outcome = claim.rulebook.outcome(&claim.outcome)?;
    Some(Under { rulebook: &claim.rulebook, outcome })
}

/// Whether the settlement with other claims differs: what excludes the claim, or how much of its price is left.
fn is_settled_differently(was: &Claim, is: &Claim) -> bool {
    was.excluded_by != is.excluded_by || is_capped(was, is) || lacks(was) != lacks(is)
}

/// Whether the claim's amount is less than its price.
fn lacks(claim: &Claim) -> bool {
    let State::Reached(achievement) = &claim.state else { return false };
    achievement.price.amount().zip(claim.amount).is_some_and(|(price, amount)| amount < price)
}

fn is_capped(was: &Claim, is: &Claim) -> bool {
    let converts =
        |claim: &Claim| claim.rulebook.outcome(&claim.outcome).is_some_and(|outcome| outcome.convert_from.is_some());
    [was, is].into_iter().any(|claim| claim.status == Status::Capped || lacks(claim) && !converts(claim))
}

/// The claims of a contract that a draft of the rules would change. `None` if the contract is not open.
pub async fn preview(
    generation: &Generation,
    log: &Log,
    scope: InScope<'_>,
    asked: ClaimsQuery,
    draft: Rulebook,
) -> Result<Option<Preview>, LogError> {
    let position = *generation.position().borrow();
    let Some(contract) = generation.contract_state(scope) else { return Ok(None) };
    let mut facts = generation.cached::<FactsByContract>().facts(scope.contract()).lock_owned().await;
    facts.catch_up(log, scope.contract(), position).await?;
    super::judged(move || {
        let before = facts.claims(&contract, asked.clone());
        let with_draft = Arc::new(contract.with_draft(Arc::new(draft)));
        Preview::of(before, Arc::new(facts.claims_by(&with_draft, &asked)), &facts)
    })
    .await
    .map(Some)
}
