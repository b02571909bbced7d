//! Relations: what somebody is to a journey at this moment, and whose cases their rights reach.
//!
//! Pure. Who holds a case and who works with whom is read anew for every question and handed in here; nothing is
//! remembered from one request to the next.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::log::envelope::{JourneyId, WorkerId};

/// What somebody is to a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// They hold the case, in whatever role.
    Own,
    /// They share a team with somebody who holds it.
    Team,
    /// No keyworker holds it.
    Unassigned,
    /// It is elsewhere in a contract of theirs.
    Contract,
    /// It is outside: to them it does not exist.
    Outside,
}

impl Relation {
    /// Every relation, nearest first.
    pub const ALL: [Self; 5] = [Self::Own, Self::Team, Self::Unassigned, Self::Contract, Self::Outside];

    /// The relation in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Team => "team",
            Self::Unassigned => "unassigned",
            Self::Contract => "contract",
            Self::Outside => "outside",
        }
    }
}

/// Who holds a journey now. Whoever has left the service holds nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// Whoever holds it as keyworker.
    pub keyworkers: BTreeSet<WorkerId>,
    /// Whoever holds it in another role.
    pub others: BTreeSet<WorkerId>,
}

/// With whom a keyworker shares the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Team {
    /// Whoever never was in a team: everybody in the contract, so that a small service works without teams.
    Everybody,
    /// These, of the teams that they are in now. Whoever left their last team has nobody: to leave never widens what
    /// one sees.
    Of(BTreeSet<WorkerId>),
}

/// Whose cases somebody's rights reach, as read on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    on: NaiveDate,
    reach: Reach,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    Contract,
    Held { own: BTreeSet<WorkerId>, team: Team },
    Nothing,
}

/// What is known of a keyworker's login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownWorker {
    /// The worker behind it, where there is one who is here.
    pub own: BTreeSet<WorkerId>,
    /// Whether a worker whose login it was is not here: they have left, or are still to come.
    pub left: bool,
    /// Whether a worker whose login it is was ever in a team.
    pub teamed: bool,
    /// Everybody with whom they share a team now.
    pub colleagues: BTreeSet<WorkerId>,
}

/// The journeys that a list may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cases {
    /// All of the contract's.
    All,
    /// Those that one of these workers holds now, and those that no keyworker holds.
    Held {
        /// Held by whom.
        by: BTreeSet<WorkerId>,
        /// Whether those without a keyworker are among them.
        unassigned: bool,
    },
    /// These.
    Among(BTreeSet<JourneyId>),
}

impl Standing {
    /// The standing of somebody whose rights do not depend on who holds a case.
    pub const fn contract_wide(on: NaiveDate) -> Self {
        Self { on, reach: Reach::Contract }
    }

    /// The standing of a keyworker. Who has left the service has none.
    pub fn of_keyworker(on: NaiveDate, known: KnownWorker) -> Self {
        let KnownWorker { own, left, teamed, colleagues } = known;
        let reach = match (left && own.is_empty(), teamed) {
            (true, _) => Reach::Nothing,
            (false, true) => Reach::Held { own, team: Team::Of(colleagues) },
            (false, false) => Reach::Held { own, team: Team::Everybody },
        };
        Self { on, reach }
    }

    /// The day on which it was read.
    pub const fn on(&self) -> NaiveDate {
        self.on
    }

    /// What they are to a journey of a contract in their scope that these hold.
    pub fn relation(&self, holders: &Holders) -> Relation {
        let (own, team) = match &self.reach {
            Reach::Contract => return Relation::Contract,
            Reach::Nothing => return Relation::Outside,
            Reach::Held { own, team } => (own, team),
        };
        let mut all = holders.keyworkers.union(&holders.others);
        let is_team = |worker: &WorkerId| match team {
            Team::Everybody => true,
            Team::Of(colleagues) => colleagues.contains(worker),
        };
        if all.clone().any(|worker| own.contains(worker)) {
            Relation::Own
        } else if all.any(is_team) {
            Relation::Team
        } else if holders.keyworkers.is_empty() {
            Relation::Unassigned
        } else {
            Relation::Contract
        }
    }

    /// The journeys of a contract in scope that a list may show them.
    pub fn cases(&self) -> Cases {
        match &self.reach {
            Reach::Contract | Reach::Held { team: Team::Everybody, .. } => Cases::All,
            Reach::Held { own, team: Team::Of(colleagues) } => {
                Cases::Held { by: own.union(colleagues).copied().collect(), unassigned: true }
            }
            Reach::Nothing => Cases::Held { by: BTreeSet::new(), unassigned: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const fn worker(n: u128) -> WorkerId {
        WorkerId(Uuid::from_u128(n))
    }

    const ANN: WorkerId = worker(1);
    const BOB: WorkerId = worker(2);
    const EVE: WorkerId = worker(3);

    fn standing(known: KnownWorker) -> Standing {
        Standing::of_keyworker(NaiveDate::default(), known)
    }

    fn ann() -> KnownWorker {
        KnownWorker { own: [ANN].into(), ..KnownWorker::default() }
    }

    fn held(keyworkers: &[WorkerId], others: &[WorkerId]) -> Holders {
        Holders { keyworkers: keyworkers.iter().copied().collect(), others: others.iter().copied().collect() }
    }

    #[test]
    fn a_case_is_ones_own_in_whatever_role_one_holds_it() {
        let ann = standing(KnownWorker { teamed: true, colleagues: [ANN, BOB].into(), ..ann() });
        assert_eq!(ann.relation(&held(&[ANN], &[])), Relation::Own);
        assert_eq!(ann.relation(&held(&[EVE], &[ANN])), Relation::Own);
        assert_eq!(ann.relation(&held(&[BOB], &[])), Relation::Team);
        assert_eq!(ann.relation(&held(&[EVE], &[BOB])), Relation::Team);
        assert_eq!(ann.relation(&held(&[EVE], &[])), Relation::Contract);
        assert_eq!(ann.relation(&held(&[], &[EVE])), Relation::Unassigned);
        assert_eq!(ann.cases(), Cases::Held { by: [ANN, BOB].into(), unassigned: true });
    }

    #[test]
    fn whoever_never_was_in_a_team_has_everybody_as_colleagues() {
        let ann = standing(ann());
        assert_eq!(ann.relation(&held(&[EVE], &[])), Relation::Team);
        assert_eq!(ann.relation(&held(&[], &[])), Relation::Unassigned);
        assert_eq!(ann.cases(), Cases::All);
        let nobody = standing(KnownWorker::default());
        assert_eq!(nobody.relation(&held(&[EVE], &[])), Relation::Team);
    }

    #[test]
    fn to_leave_a_team_or_the_service_never_widens_what_one_sees() {
        let alone = standing(KnownWorker { teamed: true, ..ann() });
        assert_eq!(alone.relation(&held(&[BOB], &[])), Relation::Contract);
        assert_eq!(alone.relation(&held(&[ANN], &[])), Relation::Own);
        let gone = standing(KnownWorker { left: true, ..KnownWorker::default() });
        for holders in [held(&[], &[]), held(&[ANN], &[]), held(&[BOB], &[])] {
            assert_eq!(gone.relation(&holders), Relation::Outside);
        }
        assert_eq!(gone.cases(), Cases::Held { by: BTreeSet::new(), unassigned: false });
        let back = standing(KnownWorker { left: true, own: [EVE].into(), ..KnownWorker::default() });
        assert_eq!(back.relation(&held(&[EVE], &[])), Relation::Own);
    }

    #[test]
    fn what_a_list_shows_is_what_a_relation_lets_in() {
        let standings = [
            Standing::contract_wide(NaiveDate::default()),
            standing(ann()),
            standing(KnownWorker { teamed: true, colleagues: [BOB].into(), ..ann() }),
            standing(KnownWorker { left: true, ..KnownWorker::default() }),
        ];
        let holders = [held(&[], &[]), held(&[], &[EVE]), held(&[ANN], &[]), held(&[EVE], &[BOB]), held(&[EVE], &[])];
        for standing in &standings {
            for holders in &holders {
                let listed = match standing.cases() {
                    Cases::All => true,
                    Cases::Held { by, unassigned } => {
                        let mut all = holders.keyworkers.union(&holders.others);
                        all.any(|worker| by.contains(worker)) || unassigned && holders.keyworkers.is_empty()
                    }
                    Cases::Among(_) => false,
                };
                let near = [Relation::Own, Relation::Team, Relation::Unassigned];
                let relation = standing.relation(holders);
                let is_let_in = near.contains(&relation) || standing.cases() == Cases::All;
                assert_eq!(listed, is_let_in, "{standing:?} {holders:?}");
            }
        }
    }
}
