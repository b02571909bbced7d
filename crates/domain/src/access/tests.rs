//! Given these facts about access, when a command records another, then these events or this refusal.

use super::*;
use crate::fact::envelope::StreamId;
use crate::fact::event::{ApiKeyRevoked, EventType, RoleRevoked, SessionsRevoked};
use crate::fact::role::Role;
use crate::world::{World, day, fact_of, retracted, service};

const ISSUER: &str = "https://login.example.org";
const GRANT: GrantId = GrantId(Uuid::from_u128(0xa1));
const OTHER_GRANT: GrantId = GrantId(Uuid::from_u128(0xa2));
const KEY: ApiKeyId = ApiKeyId(Uuid::from_u128(0xb1));
const NEXT_KEY: ApiKeyId = ApiKeyId(Uuid::from_u128(0xb2));

fn granted() -> RoleGranted {
    RoleGranted {
        grant: GRANT,
        login: "Kw-09".to_owned(),
        issuer: None,
        role: Role::Manager,
        contracts: vec!["shps".to_owned()],
        areas: Vec::new(),
        until: None,
    }
}

fn revoked(grant: GrantId) -> RoleRevoked {
    RoleRevoked { grant, reason: "moved to another post".to_owned() }
}

fn digest(of: char) -> String {
    of.to_string().repeat(64)
}

fn issued() -> ApiKeyIssued {
    ApiKeyIssued {
        key: KEY,
        label: "nightly-feed".to_owned(),
        digest: digest('a'),
        contracts: vec!["shps".to_owned()],
        areas: Vec::new(),
        expires_on: day("2018-08-01"),
        replaces: None,
        replaced_until: None,
    }
}

fn successor() -> ApiKeyIssued {
    let replaced_until = Some(day("2018-02-10"));
    ApiKeyIssued { key: NEXT_KEY, digest: digest('b'), replaces: Some(KEY), replaced_until, ..issued() }
}

fn noted(fact: impl Into<Event>) -> crate::command::Command {
    fact_of(StreamId::deployment(), "2018-02-01", fact)
}

fn access(world: &World) -> Access {
    Access::of(world.history(StreamId::deployment()))
}

#[test]
fn a_granted_role_belongs_to_the_login_in_any_spelling_until_it_is_revoked() {
    let world = service().and(&noted(granted()));
    let now = access(&world);
    let grant = now.grant_of("KW-09", ISSUER, day("2018-02-01")).expect("a grant");
    assert_eq!((grant.details.role, grant.granted.by.as_str()), (Role::Manager, "ann"));
    assert_eq!(now.grant_of("kw-10", ISSUER, day("2018-02-01")), None);
    let world = world.and(&noted(revoked(GRANT)));
    assert_eq!(access(&world).grant_of("kw-09", ISSUER, day("2018-02-01")), None);
    world.when(noted(revoked(GRANT))).refused(Code::GrantAlreadyRevoked);
    world.when(noted(revoked(OTHER_GRANT))).refused(Code::GrantNotFound);
    world.when(noted(granted())).refused(Code::GrantExists);
    let again = RoleGranted { grant: OTHER_GRANT, ..granted() };
    assert!(access(&world.and(&noted(again))).grant_of("kw-09", ISSUER, day("2018-02-01")).is_some());
}

#[test]
fn a_role_ends_on_its_day_and_a_revocation_takes_effect_whatever_its_date() {
    let world = service().and(&noted(RoleGranted { until: Some(day("2018-02-10")), ..granted() }));
    assert!(access(&world).grant_of("kw-09", ISSUER, day("2018-02-09")).is_some());
    assert!(access(&world).grant_of("kw-09", ISSUER, day("2018-02-10")).is_none());
    let world = world.and(&fact_of(StreamId::deployment(), "2018-02-20", revoked(GRANT)));
    assert!(access(&world).grant_of("kw-09", ISSUER, day("2018-02-02")).is_none());
}

#[test]
fn a_login_has_one_role_for_each_issuer_and_the_one_for_this_issuer_comes_first() {
    let world = service().and(&noted(granted()));
    let second = RoleGranted { grant: OTHER_GRANT, role: Role::Auditor, login: "KW-09".to_owned(), ..granted() };
    let refusal = world.when(noted(second.clone())).refused(Code::RoleAlreadyGranted);
    assert_eq!(refusal.facts[0].event_type, EventType::RoleGranted);
    let world = world.and(&noted(RoleGranted { issuer: Some(ISSUER.to_owned()), ..second }));
    let role = |issuer: &str| access(&world).grant_of("kw-09", issuer, day("2018-02-01")).expect("a role").details.role;
    assert_eq!((role(ISSUER), role("https://other.example.org")), (Role::Auditor, Role::Manager));
}

#[test]
fn nobody_grants_a_role_to_themselves() {
    let own = RoleGranted { login: "ANN".to_owned(), ..granted() };
    assert_eq!(service().when(noted(own.clone())).refused(Code::OwnRole).path, Some("login".into()));
    service().says("bob").when(noted(own)).accepted();
}

#[test]
fn a_grant_names_open_contracts_once_and_areas_only_where_they_can_limit() {
    let contracts = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    let refused = |fact: RoleGranted, code| service().when(noted(fact)).refused(code);
    let unknown = RoleGranted { contracts: contracts(&["shps", "kmc"]), ..granted() };
    assert_eq!(refused(unknown, Code::ContractNotFound).path, Some("contracts.1".into()));
    refused(RoleGranted { contracts: contracts(&[]), ..granted() }, Code::MissingValue);
    refused(RoleGranted { contracts: contracts(&["shps", "shps"]), ..granted() }, Code::InvalidValue);
    refused(RoleGranted { contracts: contracts(&["*", "shps"]), ..granted() }, Code::InvalidValue);
    let areas = contracts(&["brent"]);
    refused(RoleGranted { contracts: contracts(&["*"]), areas: areas.clone(), ..granted() }, Code::InvalidValue);
    let keyworker = RoleGranted { role: Role::Keyworker, areas: areas.clone(), ..granted() };
    refused(keyworker, Code::InvalidValue);
    refused(RoleGranted { until: Some(day("2018-02-01")), ..granted() }, Code::InvalidValue);
    refused(RoleGranted { issuer: Some("login".to_owned()), ..granted() }, Code::InvalidValue);
    refused(RoleGranted { login: " ".to_owned(), ..granted() }, Code::MissingValue);
    service().when(noted(RoleGranted { areas, ..granted() })).accepted();
    service().when(noted(RoleGranted { contracts: contracts(&["*"]), ..granted() })).accepted();
}

#[test]
fn a_key_is_found_by_its_digest_until_it_expires_or_is_revoked() {
    let world = service().and(&noted(issued()));
    let found = |world: &World, on: &str| access(world).key_of(&digest('a'), day(on)).map(|key| key.details.key);
    assert_eq!(found(&world, "2018-07-31"), Some(KEY));
    assert_eq!(found(&world, "2018-08-01"), None);
    assert_eq!(access(&world).key_of(&digest('c'), day("2018-02-01")), None);
    world.when(noted(ApiKeyIssued { key: NEXT_KEY, ..issued() })).refused(Code::LabelTaken);
    world.when(noted(issued())).refused(Code::ApiKeyExists);
    let gone = || ApiKeyRevoked { key: KEY, reason: "seen in a ticket".to_owned() };
    let world = world.and(&noted(gone()));
    assert_eq!(found(&world, "2018-02-01"), None);
    world.when(noted(gone())).refused(Code::ApiKeyAlreadyRevoked);
    world.when(noted(ApiKeyIssued { key: NEXT_KEY, ..issued() })).accepted();
}

#[test]
fn a_rotated_key_and_its_successor_are_both_accepted_for_a_while() {
    let world = service().and(&noted(issued())).and(&noted(successor()));
    let found = |of: char, on: &str| access(&world).key_of(&digest(of), day(on)).map(|key| key.details.key);
    assert_eq!((found('a', "2018-02-09"), found('b', "2018-02-09")), (Some(KEY), Some(NEXT_KEY)));
    assert_eq!((found('a', "2018-02-10"), found('b', "2018-02-10")), (None, Some(NEXT_KEY)));
    let third = ApiKeyIssued { key: ApiKeyId(Uuid::from_u128(0xb3)), digest: digest('c'), ..successor() };
    world.when(noted(third)).refused(Code::ApiKeyNotFound);
    let renamed = ApiKeyIssued { label: "other".to_owned(), ..successor() };
    service().and(&noted(issued())).when(noted(renamed)).refused(Code::ApiKeyNotFound);
}

#[test]
fn a_rotated_key_can_be_revoked_and_so_can_its_successor() {
    let world = service().and(&noted(issued())).and(&noted(successor()));
    let gone = |key| noted(ApiKeyRevoked { key, reason: "seen in a ticket".to_owned() });
    let world = world.and(&gone(KEY));
    let found =
        |world: &World, of: char| access(world).key_of(&digest(of), day("2018-02-01")).map(|key| key.details.key);
    assert_eq!((found(&world, 'a'), found(&world, 'b')), (None, Some(NEXT_KEY)));
    let again = ApiKeyIssued { key: ApiKeyId(Uuid::from_u128(0xb3)), digest: digest('c'), ..successor() };
    world.when(noted(again)).refused(Code::ApiKeyNotFound);
    let world = world.and(&gone(NEXT_KEY));
    assert_eq!((found(&world, 'a'), found(&world, 'b')), (None, None));
}

#[test]
fn a_key_expires_within_two_years_and_only_its_digest_is_recorded() {
    let refused = |fact: ApiKeyIssued| service().when(noted(fact)).refused(Code::InvalidValue);
    refused(ApiKeyIssued { expires_on: day("2018-02-01"), ..issued() });
    refused(ApiKeyIssued { expires_on: day("2020-02-03"), ..issued() });
    refused(ApiKeyIssued { digest: "tl_secret".to_owned(), ..issued() });
    refused(ApiKeyIssued { replaced_until: None, ..successor() });
    service().when(noted(ApiKeyIssued { expires_on: day("2020-02-02"), ..issued() })).accepted();
}

#[test]
fn ended_sessions_are_those_that_began_before_the_instant() {
    let before: DateTime<Utc> = "2018-02-01T12:00:00Z".parse().expect("an instant");
    let ended = |issued_before| SessionsRevoked {
        login: "kw-09".to_owned(),
        issued_before,
        reason: "the telephone was lost".to_owned(),
    };
    let world = service().and(&noted(ended(before)));
    let world = world.and(&noted(ended(before - chrono::TimeDelta::hours(1))));
    let now = access(&world);
    assert!(now.is_ended("KW-09", before - chrono::TimeDelta::seconds(1)));
    assert!(!now.is_ended("kw-09", before) && !now.is_ended("kw-10", DateTime::UNIX_EPOCH));
}

#[test]
fn rights_are_never_corrected_or_retracted() {
    let world = service().and(&noted(granted()));
    world.when(retracted(StreamId::deployment(), &[world.last()])).refused(Code::NotCorrectable);
    service().when(noted(revoked(GRANT))).refused(Code::GrantNotFound);
}
