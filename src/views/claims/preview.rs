//! What a further version of the rules would move: the claims of a contract with and without it, over the same facts.
//!
//! Nothing is stored. Published, the same facts are judged by the same versions: the switch gives what was foreseen.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::answer::{Claim, Claims};
use super::{Asked, Generation};
use crate::access::InScope;
use crate::contract::Rulebook;
use crate::contract::money::Money;
use crate::contract::outcome::Status;
use crate::contract::rulebook::outcome::{AchievedBy, Outcome};
use crate::log::envelope::ClaimId;
use crate::log::{Log, LogError};

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
    /// The keys of its outcome, or of the whole rulebook, that read otherwise.
    pub rules: Vec<&'static str>,
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

impl Preview {
    /// What moves from one to the other.
    pub fn of(before: Arc<Claims>, after: Arc<Claims>) -> Self {
        let ids = |claims: &Claims| claims.claims.iter().map(|claim| claim.claim).collect::<BTreeSet<_>>();
        let (mut moves, mut unchanged) = (Vec::new(), 0);
        for id in &ids(&before) | &ids(&after) {
            let (was, is) = (before.get(id), after.get(id));
            let (had, has) = (before.worth(id), after.worth(id));
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
            let delta = has.unwrap_or_default() - had.unwrap_or_default();
            moves.push(Move { claim: id, how, delta, rules: was.or(is).map_or_else(Vec::new, |_| rules(was, is)) });
        }
        Self { before, after, moves, unchanged }
    }

    /// How many claims move so.
    pub fn count(&self, how: Moved) -> usize {
        self.moves.iter().filter(|of| of.how == how).count()
    }
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

/// What reads otherwise of the version that judges a claim.
fn rules(was: Option<&Claim>, is: Option<&Claim>) -> Vec<&'static str> {
    let outcome = |of: Option<&'_ Claim>| of.and_then(|of| of.rulebook.outcome(&of.outcome).cloned());
    let mut rules = match (outcome(was), outcome(is)) {
        (Some(was), Some(is)) => differing(&was, &is),
        (None, None) => Vec::new(),
        _ => vec!["outcome"],
    };
    if let (Some(was), Some(is)) = (was, is) {
        let others = [
            (was.rulebook.caps != is.rulebook.caps, "cap"),
            (was.rulebook.calendar != is.rulebook.calendar, "calendar"),
            (was.rulebook.effective_from != is.rulebook.effective_from, "effective_from"),
        ];
        rules.extend(others.into_iter().filter(|(differs, _)| *differs).map(|(_, key)| key));
    }
    rules
}

fn differing(was: &Outcome, is: &Outcome) -> Vec<&'static str> {
    let mut keys = vec![
        (was.claim != is.claim, "claim"),
        (was.once_per != is.once_per, "once_per"),
        (was.group != is.group, "group"),
        (was.convert_from != is.convert_from, "convert"),
        (was.tariffs != is.tariffs, "tariff"),
    ];
    match (&was.achieved_by, &is.achieved_by) {
        (AchievedBy::Journey(was), AchievedBy::Journey(is)) => keys.extend([
            (was.trigger != is.trigger, "trigger"),
            (was.sustain != is.sustain, "sustain"),
            (was.hours != is.hours, "hours"),
            (was.evidence != is.evidence, "evidence"),
            (was.hold_on_risk != is.hold_on_risk, "hold_on_risk"),
            (was.only_if != is.only_if, "only_if"),
            (was.repeats != is.repeats, "repeats"),
        ]),
        (was, is) => keys.push((was != is, "scope")),
    }
    keys.into_iter().filter(|(differs, _)| *differs).map(|(_, key)| key).collect()
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
            Preview::of(before, Arc::new(facts.claims_by(&with_draft, &asked)))
        })
        .await
        .map(Some)
    }
}
