//! Runs the year of every pack through the pure decisions and folds.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, OnceLock};

use super::super::{Demo, SEED};
use super::Ledger;
use crate::clock::{Chance, Clock};
use crate::deployment::Deployment;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::contract::rulebook::packs::packs;
use throughline_domain::fact::envelope::{Envelope, Position};
use throughline_domain::fact::event::{Event, EventType};

/// The year of a pack that ships.
fn year(code: &str, seed: u64) -> Demo {
    Demo::of(code, seed).unwrap_or_else(|| panic!("the pack {code} has no year"))
}

/// The packs whose year follows from a table.
fn codes() -> impl Iterator<Item = &'static str> {
    packs().iter().map(|pack| pack.code).filter(|code| *code != super::CONTRACT)
}

/// The years of these packs with the seed of the demo, each with its log.
fn played() -> &'static [(Demo, Ledger)] {
    static PLAYED: OnceLock<Vec<(Demo, Ledger)>> = OnceLock::new();
    let play = |code| {
        let demo = year(code, SEED);
        let ledger = Ledger::played(&demo.story);
        (demo, ledger)
    };
    PLAYED.get_or_init(|| codes().map(play).collect())
}

#[test]
fn every_pack_that_ships_has_a_year_and_no_other_has() {
    for pack in packs() {
        assert_eq!(year(pack.code, SEED).contract, pack.code);
    }
    for unknown in ["", "SHPS", "mhep-tower-hamlets"] {
        assert!(Demo::of(unknown, SEED).is_none(), "{unknown:?}");
    }
}

#[test]
fn every_stage_of_every_pack_is_reached() {
    for (demo, ledger) in played() {
        let code = demo.contract;
        let mut stages: BTreeMap<String, u32> = BTreeMap::new();
        for ((_, stage, _), count) in ledger.counts(code) {
            *stages.entry(stage).or_default() += count;
        }
        let rulebook = ledger.contracts[code].newest_rulebook().expect("a rulebook");
        for stage in &rulebook.stages {
            let reached = stages.get(&stage.code).copied().unwrap_or(0);
            assert!(reached >= 5, "{reached} cases of {code} reach {}", stage.code);
        }
        let cases = ledger.journeys().count();
        assert!((50..=200).contains(&cases), "{cases} cases of {code}");
    }
}

#[test]
fn no_seed_of_a_pack_leads_to_a_refusal() {
    for (code, seed) in codes().zip([1, 2, 3, 4, 1, 6, 7, 8, 9]) {
        let ledger = Ledger::played(&year(code, seed).story);
        assert!(ledger.journeys().count() >= 50, "{code} with the seed {seed}");
    }
}

#[test]
fn the_commands_of_a_pack_are_in_the_order_of_recording_and_each_has_its_own_id() {
    for (demo, _) in played() {
        let (code, items) = (demo.contract, demo.story.items());
        let ids: HashSet<_> = items.iter().map(|item| item.command_id).collect();
        assert_eq!(ids.len(), items.len(), "{code}");
        assert!(items.is_sorted_by_key(|item| item.recorded_at), "{code}");
        assert!(items.iter().all(|item| item.recorded_at < demo.continues_at), "{code}");
        assert_eq!(year(code, SEED).story, demo.story, "{code}");
        assert_ne!(year(code, SEED + 1).story, demo.story, "{code}");
    }
}

#[test]
fn the_case_to_look_at_is_on_the_caseload() {
    for (demo, ledger) in played() {
        let (_, history) = ledger.journeys().find(|(id, _)| *id == demo.case.1).expect("the case is in the story");
        assert!(history.journey().is_on_caseload(), "{}", demo.contract);
    }
}

/// The facts that the year of every pack has, and those of the packs whose tables name them.
#[test]
fn a_year_has_late_records_corrections_staff_targets_and_commentary() {
    use EventType::{
        AbsenceRecorded, AchievementRecorded, ActionCompleted, AssessmentScored, CapacitySet, CommentaryRecorded,
        EvidenceAttached, EvidenceRejected, FactCorrected, FactRetracted, MeasureRecorded, ReportSubmitted, SpellEnded,
        TargetsPublished, TaskDone, VacancyFilled, WorkerLeft, WteSet,
    };
    let mut everywhere = BTreeSet::new();
    for (demo, ledger) in played() {
        let code = demo.contract;
        let types: BTreeSet<EventType> = ledger.events.iter().map(|event| event.event.event_type()).collect();
        let needed = [FactCorrected, TargetsPublished, CommentaryRecorded, WteSet, AbsenceRecorded, WorkerLeft];
        for of in needed.into_iter().chain([CapacitySet, VacancyFilled]) {
            assert!(types.contains(&of), "{code} has no {}", of.as_str());
        }
        everywhere.extend(types);
        let late = ledger.events.iter().filter(|event| {
            let days = (event.recorded_at.date_naive() - event.occurred.earliest()).num_days();
            matches!(event.event, Event::ContactLogged(_)) && days >= 5
        });
        let late = late.count();
        assert!(late >= 5, "{late} late contacts in {code}");
    }
    let tables = [AchievementRecorded, AssessmentScored, MeasureRecorded, EvidenceAttached, EvidenceRejected];
    for of in tables.into_iter().chain([FactRetracted, ReportSubmitted, SpellEnded, TaskDone, ActionCompleted]) {
        assert!(everywhere.contains(&of), "no pack has {}", of.as_str());
    }
}

#[test]
fn a_year_uses_the_channels_and_areas_of_its_rulebook() {
    for (demo, ledger) in played() {
        let rulebook = ledger.contracts[demo.contract].newest_rulebook().expect("a rulebook");
        let (mut channels, mut areas) = (BTreeSet::new(), BTreeSet::new());
        for event in &ledger.events {
            match &event.event {
                Event::ContactLogged(logged) => drop(channels.insert(logged.channel.clone())),
                Event::ReferralReceived(referral) => drop(areas.insert(referral.area.clone())),
                _ => {}
            }
        }
        let listed = |list: CodeList| -> BTreeSet<String> {
            let codes = rulebook.codes.listed(list).into_iter().flatten();
            codes.filter(|code| Some(*code) != rulebook.default_area.as_ref()).cloned().collect()
        };
        assert_eq!(channels, listed(CodeList::ContactChannels), "{}", demo.contract);
        assert_eq!(areas, listed(CodeList::Areas), "{}", demo.contract);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_makes_the_same_bytes_of_cases_and_claims() {
    let demo = year("mhep", SEED);
    let [one, other] = [records(&demo).await, records(&demo).await];
    assert!(one.iter().any(|event| event.event_type == "PaymentReceived"), "a batch is paid");
    assert!(one.iter().map(Envelope::to_record).eq(other.iter().map(Envelope::to_record)));
}

/// Records a year in a log of its own, and reads all its events.
async fn records(demo: &Demo) -> Vec<Envelope> {
    let held = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite:{}", held.path().join("log.db").display());
    let (clock, chance) = (Arc::new(Clock::standing_at(demo.continues_at)), Arc::new(Chance::seeded(SEED)));
    let deployment = Deployment::open(&url, clock, chance).await.expect("the deployment opens");
    let played = demo.play(&deployment.app(), |_| {}).await.expect("the year is recorded");
    let mut events: Vec<Envelope> = Vec::new();
    while events.last().is_none_or(|event| event.position < played.position) {
        let after = events.last().map_or(Position::default(), |event| event.position);
        events.extend(deployment.log.page(after, played.position).await.expect("the log is read"));
    }
    deployment.close().await;
    events
}
