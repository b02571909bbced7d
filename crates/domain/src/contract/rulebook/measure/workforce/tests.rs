//! Tests of the list of measures of the workforce.

use super::super::super::packs::packs;
use super::super::measure;
use super::*;
use crate::contract::rulebook::Rulebook;

#[test]
fn every_contract_has_them_and_none_can_take_their_codes() {
    for pack in packs() {
        let rulebook = Rulebook::parse(pack.text).expect("a pack is a rulebook");
        for own in of_workforce(&rulebook.caseload) {
            assert_eq!(measure(&rulebook, &own.code).as_ref(), Some(&own), "{}", pack.code);
            assert!(has(&own.code), "{}", own.code);
        }
    }
    assert!(!has("php_complete"));
}

#[test]
fn only_a_contract_that_says_how_often_has_a_share_of_cases_seen() {
    let pack = packs().iter().find(|pack| pack.code == "kmc").expect("a pack");
    let without = Rulebook::parse(pack.text).expect("a rulebook");
    assert_eq!(measure(&without, "seen_as_required"), None);
    let with = Rulebook::parse(&format!("{}\n[caseload]\nseen_every_days = 28\n", pack.text)).expect("a rulebook");
    let share = measure(&with, "seen_as_required").expect("a measure");
    assert_eq!((share.formula.to_string().as_str(), share.unit), ("seen_in_time ÷ caseload", Unit::Percent));
    let seen = measure(&with, "seen_in_time").expect("a measure");
    assert_eq!(seen.formula, Formula::Workforce(Workforce::Seen { within_days: 28 }));
    assert_eq!(with.sections_that_differ(&without), ["caseload"]);
}

#[test]
fn what_was_recorded_for_cases_under_the_same_code_does_not_change_a_ratio() {
    let pack = packs().iter().find(|pack| pack.code == "kmc").expect("a pack");
    let text = pack.text.replace("measure_codes = [", "measure_codes = [\"slots\", ");
    let rulebook = Rulebook::parse(&text).expect("a rulebook");
    let slots = measure(&rulebook, "slots").expect("a measure");
    assert_eq!(slots.formula, Formula::Workforce(Workforce::Slots));
    assert!(measure(&rulebook, "contract:slots").is_some());
}
