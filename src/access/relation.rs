//! Relations: a caller's relation to a case now, and the cases that their rights cover.
//!
//! Pure. Who holds a case and who is in which team is read anew for every query and passed in. Nothing is kept between
//! requests.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use throughline_domain::fact::envelope::{JourneyId, WorkerId};

/// The relation of a caller to a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// They hold the case, in any role.
    Own,
    /// They share a team with a worker who holds it.
    Team,
    /// No keyworker holds it.
    Unassigned,
    /// It is another case of a contract in their scope.
    Contract,
    /// It is outside their access: for them it does not exist.
    Outside,
}

impl Relation {
    /// Every relation, nearest first.
    pub const ALL: [Self; 5] = [Self::Own, Self::Team, Self::Unassigned, Self::Contract, Self::Outside];

    /// The name of the relation.
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

/// The workers who hold a case now. A worker who has left the service holds no case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// The workers who hold it as keyworker.
    pub keyworkers: BTreeSet<WorkerId>,
    /// The workers who hold it in another role.
    pub others: BTreeSet<WorkerId>,
}

/// The workers with whom a keyworker shares cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Team {
    /// For a keyworker who was never in a team: everyone in a contract, so that a small service works without teams;
    /// nobody in these contracts, which have teams.
    EverybodyBut(BTreeSet<String>),
    /// These workers, from the keyworker's current teams. A keyworker who left their last team has none: leaving a team
    /// never widens access.
    Of(BTreeSet<WorkerId>),
}

/// The cases that a caller's rights cover, as read on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    on: NaiveDate,
    reach: Reach,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    /// Every case of a contract.
    Contract,
    /// Every case in these areas.
    Areas(BTreeSet<String>),
    /// By who holds a case. `covered` are the workers whom the caller covers.
    Held { own: BTreeSet<WorkerId>, covered: BTreeSet<WorkerId>, team: Team },
    /// None: no current worker has the login.
    Nobody,
}

/// The facts about a keyworker's login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownWorker {
    /// The current worker with the login, if there is one.
    pub own: BTreeSet<WorkerId>,
    /// Whether a worker with the login was ever in a team.
    pub teamed: bool,
    /// Everyone with whom they share a team now.
    pub colleagues: BTreeSet<WorkerId>,
    /// Everyone whom they cover now.
    pub covered: BTreeSet<WorkerId>,
    /// The contracts that have a team, by code.
    pub with_teams: BTreeSet<String>,
}

/// The parts of a case that rights depend on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The code of the contract.
    pub contract: &'a str,
    /// The service area.
    pub area: &'a str,
    /// The workers who hold it now.
    pub holders: &'a Holders,
}

/// The cases that a list may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cases {
    /// All cases of the contract.
    All,
    /// The cases in these service areas.
    Areas(BTreeSet<String>),
    /// The cases that one of these workers holds now, and unassigned cases.
    Held {
        /// The workers.
        by: BTreeSet<WorkerId>,
        /// Whether unassigned cases are included.
        unassigned: bool,
    },
    /// These cases.
    Among(BTreeSet<JourneyId>),
}

impl Standing {
    /// The access of a caller whose rights do not depend on who holds a case.
    pub const fn contract_wide(on: NaiveDate) -> Self {
        Self { on, reach: Reach::Contract }
    }

    /// The access of a caller limited to these service areas. Who holds a case there does not matter.
    pub const fn of_areas(on: NaiveDate, areas: BTreeSet<String>) -> Self {
        Self { on, reach: Reach::Areas(areas) }
    }

    /// The access of a keyworker. Without a current worker behind the login there is none.
    pub fn of_keyworker(on: NaiveDate, known: KnownWorker) -> Self {
        let KnownWorker { own, teamed, colleagues, covered, with_teams } = known;
        if own.is_empty() {
            return Self { on, reach: Reach::Nobody };
        }
        let team = if teamed { Team::Of(colleagues) } else { Team::EverybodyBut(with_teams) };
        Self { on, reach: Reach::Held { own, covered, team } }
    }

    /// The access of a keyworker when no view can say whether they work here: in a dry run, and in an import.
    pub const fn at_home(on: NaiveDate) -> Self {
        let team = Team::EverybodyBut(BTreeSet::new());
        Self { on, reach: Reach::Held { own: BTreeSet::new(), covered: BTreeSet::new(), team } }
    }

    /// The day on which it was read.
    pub const fn on(&self) -> NaiveDate {
        self.on
    }

    /// Whether it belongs to a keyworker without a current worker.
    pub fn is_nobodys(&self) -> bool {
        self.reach == Reach::Nobody
    }

    /// Whether it belongs to this worker.
    pub fn is_of(&self, worker: WorkerId) -> bool {
        matches!(&self.reach, Reach::Held { own, .. } if own.contains(&worker))
    }

    /// The relation to a case of a contract in their scope.
    pub fn relation(&self, case: Case<'_>) -> Relation {
        let Case { contract, area, holders } = case;
        let (own, covered, team) = match &self.reach {
            Reach::Contract => return Relation::Contract,
            Reach::Areas(areas) => return if areas.contains(area) { Relation::Contract } else { Relation::Outside },
            Reach::Nobody => return Relation::Outside,
            Reach::Held { own, covered, team } => (own, covered, team),
        };
        let mut all = holders.keyworkers.union(&holders.others);
        let is_team = |worker: &WorkerId| {
            covered.contains(worker)
                || match team {
                    Team::EverybodyBut(with_teams) => !with_teams.contains(contract),
                    Team::Of(colleagues) => colleagues.contains(worker),
                }
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

    /// The relation to a subject without a case.
    pub const fn to_newcomers(&self) -> Relation {
        match &self.reach {
            Reach::Contract | Reach::Areas(_) => Relation::Contract,
            Reach::Held { .. } => Relation::Unassigned,
            Reach::Nobody => Relation::Outside,
        }
    }

    /// The cases of a contract in scope that a list may show.
    pub fn cases(&self, contract: &str) -> Cases {
        let (own, covered, team) = match &self.reach {
            Reach::Contract => return Cases::All,
            Reach::Areas(areas) => return Cases::Areas(areas.clone()),
            Reach::Nobody => return Cases::Held { by: BTreeSet::new(), unassigned: false },
            Reach::Held { own, covered, team } => (own, covered, team),
        };
        let none = BTreeSet::new();
        let colleagues = match team {
            Team::EverybodyBut(with_teams) if !with_teams.contains(contract) => return Cases::All,
            Team::EverybodyBut(_) => &none,
            Team::Of(colleagues) => colleagues,
        };
        Cases::Held { by: own.iter().chain(covered).chain(colleagues).copied().collect(), unassigned: true }
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

    fn relation(standing: &Standing, holders: &Holders) -> Relation {
        standing.relation(Case { contract: "shps", area: "brent", holders })
    }

    #[test]
    fn a_case_is_own_in_whatever_role_the_worker_holds_it() {
        let ann = standing(KnownWorker { teamed: true, colleagues: [ANN, BOB].into(), ..ann() });
        assert_eq!(relation(&ann, &held(&[ANN], &[])), Relation::Own);
        assert_eq!(relation(&ann, &held(&[EVE], &[ANN])), Relation::Own);
        assert_eq!(relation(&ann, &held(&[BOB], &[])), Relation::Team);
        assert_eq!(relation(&ann, &held(&[EVE], &[BOB])), Relation::Team);
        assert_eq!(relation(&ann, &held(&[EVE], &[])), Relation::Contract);
        assert_eq!(relation(&ann, &held(&[], &[EVE])), Relation::Unassigned);
        assert_eq!(ann.cases("shps"), Cases::Held { by: [ANN, BOB].into(), unassigned: true });
    }

    #[test]
    fn a_keyworker_in_no_team_has_everyone_as_colleagues_as_long_as_the_contract_has_no_team() {
        let ann = standing(KnownWorker { with_teams: ["mhep".to_owned()].into(), ..ann() });
        assert_eq!(relation(&ann, &held(&[EVE], &[])), Relation::Team);
        assert_eq!(relation(&ann, &held(&[], &[])), Relation::Unassigned);
        assert_eq!(ann.cases("shps"), Cases::All);
        let elsewhere = |holders: &Holders| ann.relation(Case { contract: "mhep", area: "", holders });
        assert_eq!(elsewhere(&held(&[EVE], &[])), Relation::Contract);
        assert_eq!(elsewhere(&held(&[ANN], &[])), Relation::Own);
        assert_eq!(elsewhere(&held(&[], &[])), Relation::Unassigned);
        assert_eq!(ann.cases("mhep"), Cases::Held { by: [ANN].into(), unassigned: true });
    }

    #[test]
    fn a_cover_reaches_the_cases_of_the_absent_worker() {
        let ann = standing(KnownWorker { teamed: true, colleagues: [ANN].into(), covered: [EVE].into(), ..ann() });
        assert_eq!(relation(&ann, &held(&[EVE], &[])), Relation::Team);
        assert_eq!(relation(&ann, &held(&[BOB], &[])), Relation::Contract);
        assert_eq!(ann.cases("shps"), Cases::Held { by: [ANN, EVE].into(), unassigned: true });
    }

    #[test]
    fn leaving_a_team_or_the_service_never_widens_access() {
        let alone = standing(KnownWorker { teamed: true, ..ann() });
        assert_eq!(relation(&alone, &held(&[BOB], &[])), Relation::Contract);
        assert_eq!(relation(&alone, &held(&[ANN], &[])), Relation::Own);
        let gone = standing(KnownWorker { teamed: true, ..KnownWorker::default() });
        for holders in [held(&[], &[]), held(&[ANN], &[]), held(&[BOB], &[])] {
            assert_eq!(relation(&gone, &holders), Relation::Outside);
        }
        assert!(gone.is_nobodys());
        assert_eq!(gone.to_newcomers(), Relation::Outside);
        assert_eq!(gone.cases("shps"), Cases::Held { by: BTreeSet::new(), unassigned: false });
    }

    #[test]
    fn a_login_without_a_worker_reaches_nothing_even_without_teams() {
        let nobody = standing(KnownWorker::default());
        assert!(nobody.is_nobodys() && !standing(ann()).is_nobodys());
        for holders in [held(&[], &[]), held(&[EVE], &[])] {
            assert_eq!(relation(&nobody, &holders), Relation::Outside);
        }
    }

    #[test]
    fn areas_limit_access_to_a_case_that_anybody_holds() {
        let brent = Standing::of_areas(NaiveDate::default(), ["brent".to_owned()].into());
        let (nobody, eve) = (held(&[], &[]), held(&[EVE], &[]));
        for holders in [&nobody, &eve] {
            assert_eq!(relation(&brent, holders), Relation::Contract);
            assert_eq!(brent.relation(Case { contract: "shps", area: "ealing", holders }), Relation::Outside);
        }
        assert_eq!(brent.cases("shps"), Cases::Areas(["brent".to_owned()].into()));
    }

    #[test]
    fn a_list_shows_exactly_the_cases_that_the_relation_allows() {
        let standings = [
            Standing::contract_wide(NaiveDate::default()),
            Standing::at_home(NaiveDate::default()),
            standing(ann()),
            standing(KnownWorker { with_teams: ["shps".to_owned()].into(), ..ann() }),
            standing(KnownWorker { teamed: true, colleagues: [BOB].into(), ..ann() }),
            standing(KnownWorker { teamed: true, covered: [EVE].into(), ..ann() }),
            standing(KnownWorker::default()),
        ];
        let holders = [held(&[], &[]), held(&[], &[EVE]), held(&[ANN], &[]), held(&[EVE], &[BOB]), held(&[EVE], &[])];
        for standing in &standings {
            for holders in &holders {
                let listed = match standing.cases("shps") {
                    Cases::All => true,
                    Cases::Held { by, unassigned } => {
                        let mut all = holders.keyworkers.union(&holders.others);
                        all.any(|worker| by.contains(worker)) || unassigned && holders.keyworkers.is_empty()
                    }
                    Cases::Areas(_) | Cases::Among(_) => false,
                };
                let near = [Relation::Own, Relation::Team, Relation::Unassigned];
                let relation = relation(standing, holders);
                let is_let_in = near.contains(&relation) || standing.cases("shps") == Cases::All;
                assert_eq!(listed, is_let_in, "{standing:?} {holders:?}");
            }
        }
    }
}
