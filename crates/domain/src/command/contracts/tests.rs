//! Given these rulebooks, when a contract is opened or a version published, then these events or this refusal.

use std::collections::BTreeSet;

use super::*;
use crate::command::{self, Command, Given};
use crate::fact::changed::ChangedStreams;
use crate::fact::event::Party;
use crate::fact::refusal::RefusalCode as Code;
use crate::world::{RULES, TODAY, day, open_contract, when};

fn fact() -> ContractOpened {
    ContractOpened {
        code: "shps".to_owned(),
        name: "Single Homelessness Prevention Service".to_owned(),
        parties: vec![Party { name: "London Borough of Brent".to_owned(), role: Some("commissioner".to_owned()) }],
        starts_on: day("2017-03-01"),
        ends_on: None,
    }
}

fn opening(fact: ContractOpened, rulebook: &str) -> Command {
    Command::OpenContract(OpenContract { when: when("2017-03-01").into(), fact, rulebook: rulebook.to_owned() })
}

fn publishing(rulebook: &str) -> Command {
    let (contract, occurred) = ("shps".to_owned(), when("2018-02-01"));
    Command::PublishRulebook(PublishRulebook { contract, when: occurred.into(), rulebook: rulebook.to_owned() })
}

/// The rulebook from February 2018 on.
fn second() -> String {
    RULES.replace("\"2017-03\"", "\"2018-02\"").replace("effective_from = 2017-03-01", "effective_from = 2018-02-01")
}

/// Decides a command about this contract.
fn decide(contract: &Contract, command: &Command, today: NaiveDate) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let accepted = BTreeSet::new();
    let given = Given {
        today,
        contract,
        sender: "ann",
        history: &|_| None,
        accepted: &accepted,
        changed: &ChangedStreams::default(),
    };
    command::decide(contract.history(), command, &given)
}

#[track_caller]
fn refused(contract: &Contract, command: &Command) -> Vec<(Code, Option<String>)> {
    let refusals = decide(contract, command, day(TODAY)).expect_err("a refusal");
    refusals.into_iter().map(|refusal| (refusal.code, refusal.path.map(|path| path.to_string()))).collect()
}

#[track_caller]
fn refused_as(contract: &Contract, command: &Command) -> Code {
    let refusals = refused(contract, command);
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals[0].0
}

#[test]
fn a_contract_opens_with_its_first_rulebook() {
    let events = decide(&Contract::default(), &opening(fact(), RULES), day(TODAY)).expect("accepted");
    let [opened, published] = events.as_slice() else { panic!("two events: {events:?}") };
    assert_eq!(opened.event, fact().into());
    assert_eq!(opened.stream, StreamId::contract("shps"));
    assert_eq!((opened.stream, opened.contract.as_deref()), (published.stream, Some("shps")));
    let Event::RulebookPublished(rulebook) = &published.event else { panic!("a rulebook") };
    assert_eq!(rulebook.content, RULES);
    assert_eq!(rulebook.hash, Rulebook::parse(RULES).expect("a rulebook").hash());
}

#[test]
fn without_a_date_a_contract_opens_and_a_rulebook_is_published_on_the_day_of_the_decision() {
    let open = OpenContract { when: When::TODAY, fact: fact(), rulebook: RULES.to_owned() };
    let publish = PublishRulebook { contract: "shps".to_owned(), when: When::TODAY, rulebook: second() };
    let dates = |contract: &Contract, command: Command| -> Vec<Occurred> {
        let events = decide(contract, &command, day("2018-02-20")).expect("accepted");
        events.iter().map(|event| event.occurred).collect()
    };
    assert_eq!(dates(&Contract::default(), Command::OpenContract(open)), [when("2018-02-20"), when("2018-02-20")]);
    assert_eq!(dates(&open_contract(&[RULES]), Command::PublishRulebook(publish)), [when("2018-02-20")]);
}

#[test]
fn a_contract_is_opened_in_the_time_zone_of_its_first_rulebook() {
    let zone = |rulebook: &str| opening(fact(), rulebook).zone_of_new_contract();
    assert_eq!(zone(&RULES.replace("Europe/London", "Asia/Kabul")), Some(chrono_tz::Asia::Kabul));
    assert_eq!(zone("no rulebook"), None);
    assert_eq!(zone(&format!("{RULES}#{}", " ".repeat(RULEBOOK_MAX))), None);
    assert_eq!(publishing(RULES).zone_of_new_contract(), None, "the contract has a zone");
}

#[test]
fn a_code_is_opened_once() {
    assert_eq!(refused_as(&open_contract(&[RULES]), &opening(fact(), RULES)), Code::ContractExists);
}

#[test]
fn a_contract_has_a_code_for_urls_names_and_dates_in_order() {
    let odd = ContractOpened {
        code: "S H".to_owned(),
        name: "\u{202e}".to_owned(),
        parties: vec![Party { name: " ".to_owned(), role: None }],
        starts_on: day("2017-03-01"),
        ends_on: Some(day("2017-02-28")),
    };
    let expected = [
        (Code::InvalidValue, "code"),
        (Code::InvalidValue, "name"),
        (Code::MissingValue, "parties.0.name"),
        (Code::InvalidValue, "ends_on"),
    ];
    let expected = expected.map(|(code, path)| (code, Some(path.to_owned())));
    assert_eq!(refused(&Contract::default(), &opening(odd, RULES)), expected);
    let crowd = ContractOpened { parties: vec![fact().parties[0].clone(); 51], ..fact() };
    assert_eq!(refused_as(&Contract::default(), &opening(crowd, RULES)), Code::InputTooLong);
}

#[test]
fn a_rulebook_with_faults_is_refused_with_each_of_them() {
    let faulty = RULES.replace("retroactive = false", "retroactive = 1").replace("[codes]\n", "[codes]\nmoods = []\n");
    let refusals = decide(&Contract::default(), &opening(fact(), &faulty), day(TODAY)).expect_err("refused");
    assert_eq!(refusals.len(), 2, "{refusals:#?}");
    assert!(refusals.iter().all(|refusal| refusal.code == Code::InvalidRulebook));
    assert_eq!(refusals[0].rule.as_deref(), Some("retroactive"));
    assert!(refusals[0].message.starts_with("line 7"), "{}", refusals[0].message);
    let huge = format!("{RULES}#{}", " ".repeat(RULEBOOK_MAX));
    assert_eq!(refused_as(&Contract::default(), &opening(fact(), &huge)), Code::InputTooLong);
    let (occurred, rulebook) = (when("2018-03-01"), RULES.to_owned());
    let command = Command::OpenContract(OpenContract { when: occurred.into(), fact: fact(), rulebook });
    assert_eq!(refused_as(&Contract::default(), &command), Code::DatedInFuture);
}

#[test]
fn a_rulebook_is_published_for_the_contract_that_it_names() {
    let other = RULES.replace("contract = \"shps\"", "contract = \"mst-essex\"");
    assert_eq!(refused_as(&Contract::default(), &opening(fact(), &other)), Code::RulebookOfOtherContract);
    let command = publishing(&other);
    assert_eq!(refused_as(&open_contract(&[RULES]), &command), Code::RulebookOfOtherContract);
}

#[test]
fn a_further_version_is_published_in_a_contract_that_is_open() {
    let contract = open_contract(&[RULES]);
    let events = decide(&contract, &publishing(&second()), day(TODAY)).expect("accepted");
    assert!(matches!(events.as_slice(), [NewEvent { event: Event::RulebookPublished(_), .. }]));
    let unopened = publishing(&second());
    assert_eq!(refused_as(&Contract::default(), &unopened), Code::ContractNotFound);
}

#[test]
fn a_version_repeats_neither_content_nor_name_and_keeps_the_zone() {
    let contract = open_contract(&[RULES]);
    let code = |text: &str| refused_as(&contract, &publishing(text));
    assert_eq!(code(&format!("# a comment changes nothing\n{RULES}")), Code::RulebookAlreadyPublished);
    assert_eq!(code(&second().replace("\"2018-02\"", "\"2017-03\"")), Code::RulebookVersionTaken);
    assert_eq!(code(&second().replace("Europe/London", "Asia/Kabul")), Code::RulebookZoneChanged);
}

#[test]
fn a_version_with_the_first_day_of_another_supersedes_it_and_both_are_kept() {
    let again = RULES.replace("\"2017-03\"", "\"again\"");
    let contract = open_contract(&[RULES]);
    decide(&contract, &publishing(&again), day(TODAY)).expect("it may have the same first day");
    let both = open_contract(&[RULES, &again]);
    let versions = |contract: &Contract| -> Vec<String> {
        contract.rulebooks().iter().map(|published| published.rulebook.version.clone()).collect()
    };
    assert_eq!(versions(&both), ["2017-03", "again"], "both are kept");
    for on in ["2010-01-01", "2017-03-01", "2018-01-01"] {
        assert_eq!(both.rulebook_in_force(day(on)).expect("rules").version, "again", "{on}");
    }
    let superseding = |at: usize| both.superseding(&both.rulebooks()[at]).map(|later| later.rulebook.version.as_str());
    assert_eq!((superseding(0), superseding(1)), (Some("again"), None));
}

#[test]
fn the_rulebook_in_force_is_the_latest_that_has_started_or_else_the_earliest() {
    let second = second();
    let contract = open_contract(&[&second, RULES]);
    let in_force = |on: &str| contract.rulebook_in_force(day(on)).map(|rulebook| rulebook.version.clone());
    assert_eq!(in_force("2018-02-01").as_deref(), Some("2018-02"));
    assert_eq!(in_force("2018-01-31").as_deref(), Some("2017-03"));
    assert_eq!(in_force("2010-01-01").as_deref(), Some("2017-03"));
    assert_eq!(contract.zone(), Some(chrono_tz::Europe::London));
    assert_eq!(open_contract(&[]).rulebook_in_force(day("2018-01-31")), None);
}

#[test]
fn a_rulebook_of_a_later_build_stops_the_reading() {
    let events = [crate::world::recorded(
        1,
        when("2017-03-01"),
        RulebookPublished { content: "rulebook = 2".to_owned(), hash: "abc".to_owned() }.into(),
    )];
    let fault = Contract::of(&events).expect_err("unreadable");
    assert!(fault.to_string().contains("rulebook abc at position 1 cannot be read"), "{fault}");
    assert!(!fault.errors.is_empty());
}
