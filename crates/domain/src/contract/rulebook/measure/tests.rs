//! Tests of the list of measures: which there are, each once, and by which formula.

use std::collections::BTreeSet;

use super::super::Rulebook;
use super::super::packs::{pack, packs};
use super::*;

fn of_pack(code: &str) -> Rulebook {
    let pack = pack(code).expect("a pack");
    Rulebook::parse(pack.text).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn the_measures_of_shps_are_those_of_its_reports() {
    let rulebook = of_pack("shps");
    for code in [
        "referral",
        "php_complete",
        "housing_secured",
        "housing_sustained",
        "achieved:housing_sustained",
        "achieved:php_complete",
        "exits",
        "exits:lost_contact",
        "contacts",
        "face_to_face:home_visit",
        "starts:accommodation",
        "caseload",
        "wte",
    ] {
        assert!(measure(&rulebook, code).is_some(), "{code}");
    }
    assert_eq!(measure(&rulebook, "stages"), None);
    assert_eq!(measure(&rulebook, "exits:unheard_of"), None);
}

#[test]
fn each_code_is_there_once_for_every_pack() {
    for pack in packs() {
        let measures = measures(&of_pack(pack.code));
        let codes: BTreeSet<&str> = measures.iter().map(|measure| measure.code.as_str()).collect();
        assert_eq!(codes.len(), measures.len(), "{}", pack.code);
        assert!(measures.iter().all(|measure| measure.prose.ends_with('.') && !measure.prose.contains("{}")));
        assert!(measures.iter().all(|measure| !measure.title.is_empty()));
    }
}

#[test]
fn every_ratio_is_made_of_measures_that_are_no_ratios() {
    for pack in packs() {
        let measures = measures(&of_pack(pack.code));
        for measure in &measures {
            let Formula::Ratio { of, over, .. } = &measure.formula else { continue };
            for part in [of, over] {
                let found = measures.iter().find(|other| other.code == *part);
                let is_plain = found.is_some_and(|found| !matches!(found.formula, Formula::Ratio { .. }));
                assert!(is_plain, "{}: {part}", measure.code);
            }
        }
    }
}

#[test]
fn a_stage_comes_before_an_outcome_of_the_same_code() {
    let rulebook = of_pack("shps");
    let formula = |code: &str| measure(&rulebook, code).map(|measure| measure.formula);
    assert_eq!(formula("php_complete"), Some(Formula::Count(Facts::one(FactKind::Stages, "php_complete"))));
    assert_eq!(formula("achieved:php_complete"), Some(Formula::Count(Facts::one(FactKind::Achieved, "php_complete"))));
}

#[test]
fn a_standard_is_the_share_of_what_was_due() {
    let share = measure(&of_pack("mhep"), "first_contact").expect("a measure");
    assert_eq!(share.formula.to_string(), "in_time:first_contact ÷ due:first_contact");
    assert_eq!(share.unit, Unit::Percent);
}

#[test]
fn the_word_of_a_kind_names_it() {
    let words: BTreeSet<&str> = FactKind::ALL.into_iter().map(FactKind::as_str).collect();
    assert_eq!(words.len(), FactKind::ALL.len());
    for kind in FactKind::ALL {
        assert_eq!(FactKind::named(kind.as_str()), Some(kind));
    }
    assert_eq!(FactKind::named("caseload"), None);
}

#[test]
fn a_kind_that_needs_a_code_has_no_measure_of_all_its_facts() {
    let rulebook = of_pack("shps");
    for kind in FactKind::ALL {
        let is_alone = measure(&rulebook, kind.as_str()).is_some();
        assert_eq!(is_alone, !kind.needs_code() && kind != FactKind::Recorded, "{}", kind.as_str());
    }
}

#[test]
fn a_number_of_facts_has_the_unit_that_all_its_kinds_have() {
    let unit = |kinds: &[FactKind]| Formula::Count(Facts { kinds: kinds.to_vec(), codes: Vec::new() }).unit();
    assert_eq!(unit(&[FactKind::FaceToFace, FactKind::Remote]), Unit::Contacts);
    assert_eq!(unit(&[FactKind::Declined]), Unit::Cases);
    assert_eq!(unit(&[FactKind::Disengaged]), Unit::Facts, "a case may disengage for several reasons");
    assert_eq!(unit(&[FactKind::Declined, FactKind::Withdrawn]), Unit::Facts);
    assert_eq!(unit(&[FactKind::Declined, FactKind::Starts]), Unit::Facts);
    assert_eq!(unit(&[FactKind::Recorded]), Unit::Facts);
}

#[test]
fn only_facts_that_a_case_has_once_count_cases() {
    let counts = |kind: FactKind| Formula::Count(Facts::all(kind)).counts_cases();
    assert!(counts(FactKind::Exits));
    assert!(!counts(FactKind::Starts));
    assert!(!Formula::Caseload.counts_cases());
}

#[test]
fn work_is_a_measure_of_every_contract_and_no_rulebook_takes_its_code() {
    for pack in packs() {
        let rulebook = of_pack(pack.code);
        for work in Work::ALL {
            let found = measure(&rulebook, work.as_str()).unwrap_or_else(|| panic!("{}: {work:?}", pack.code));
            assert_eq!(found.formula, Formula::Work(work));
            assert!(is_of_every_contract(work.as_str()));
        }
    }
}

#[test]
fn each_stage_but_the_first_is_a_share_of_the_one_before() {
    let rulebook = of_pack("shps");
    assert_eq!(measure(&rulebook, "conversion:referral"), None);
    for (code, basis) in
        [("conversion:housing_secured", Basis::Cohort), ("conversion_in_period:housing_secured", Basis::Period)]
    {
        let found = measure(&rulebook, code).expect("a measure");
        let (of, over) = ("housing_secured".to_owned(), "php_complete".to_owned());
        assert_eq!(found.formula, Formula::Ratio { of, over, basis, percent: true });
        assert_eq!((found.title.as_str(), found.unit), ("Housing Secured over PHP complete", Unit::Percent));
    }
}

#[test]
fn amounts_of_money_are_those_of_the_codes_that_the_rulebook_lists() {
    let unit = |pack: &str, code: &str| {
        let found = measure(&of_pack(pack), code).unwrap_or_else(|| panic!("no {code}"));
        let Unit::Money(currency) = found.unit else { return format!("{} {}", found.unit.as_str(), found.places) };
        format!("{} {}", currency.as_str(), found.places)
    };
    assert_eq!(unit("stoke-psychology", "contract:spend"), "GBP 2");
    assert_eq!(unit("stoke-psychology", "spend"), "GBP 2", "also what is recorded for a case");
    assert_eq!(unit("stoke-psychology", "contract:complaints"), "amount 0");
    assert_eq!(unit("stoke-psychology", "spend_of_forecast"), "percent 0", "a share of money is no money");
    assert!(unit("ealing-better-lives", "placement_spend_a_day").starts_with("GBP "), "money for each day");
    assert_eq!(unit("sehatmandi", "anc_visits"), "amount 0");
}
