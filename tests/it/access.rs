//! Who may do and see what: roles, contracts in scope and tokens, over the API, on both stores.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use throughline::access::Role;
use throughline::clock::Clock;

use crate::app::{
    Answer, MST, SHPS, TODAY, TestApp, administrator, call, keyworker, manager, new_id, on_both_stores, other_manager,
    test_caller, text, with,
};

/// The roles in the order of the columns below.
const ROLES: [(Role, char); 6] = [
    (Role::Keyworker, 'K'),
    (Role::Manager, 'M'),
    (Role::Commissioner, 'C'),
    (Role::Auditor, 'A'),
    (Role::Integrator, 'I'),
    (Role::Administrator, 'D'),
];

/// What each question is and who may ask it.
const QUESTIONS: [(&str, &str); 20] = [
    ("{ viewer { subject role worker { id } } }", "KMCAID"),
    ("{ log { position recordedAt } }", "KMCAID"),
    ("{ contracts { id code name parties { name } startsOn endsOn } }", "KMCAID"),
    ("{ contract(code: \"shps\") { view { position } rulebook { version } } }", "KMCAID"),
    ("{ contract(code: \"shps\") { caseload { totalCount } } }", "KMCAI"),
    ("{ contract(code: \"shps\") { caseloadByKeyworker { journeys } } }", "KMCAD"),
    ("{ contract(code: \"shps\") { contactRecency { total } } }", "KMCAD"),
    ("{ contract(code: \"shps\") { referralToPlan { total } } }", "KMCAD"),
    ("{ contract(code: \"shps\") { performance { declined { total } } } }", "KMCAD"),
    ("{ contract(code: \"shps\") { exits { total } } }", "KMCAD"),
    ("{ contract(code: \"shps\") { workers { nodes { id } } } }", "KMCAD"),
    ("{ journey(id: \"JOURNEY\") { id } }", "KMCAI"),
    ("{ events { nodes { id } } }", "MAI"),
    ("{ node(id: \"JOURNEY\") { id } }", "KMCAID"),
    ("{ nodes(ids: [\"JOURNEY\"]) { id } }", "KMCAID"),
    ("mutation { registerSubject(input: { commandId: \"ID\" }) { replayed } }", "KMI"),
    ("mutation { addWorker(input: { commandId: \"ID\", label: \"KW-99\" }) { replayed } }", "MID"),
    (
        "mutation { openContract(input: { commandId: \"ID\", code: \"x\", name: \"x\", startsOn: \"2018-01-01\", \
         rulebook: \"\" }) { replayed } }",
        "D",
    ),
    (
        "mutation { publishRulebook(input: { commandId: \"ID\", contract: \"shps\", rulebook: \"\" }) { replayed } }",
        "D",
    ),
    (
        "mutation { receiveReferral(input: { commandId: \"ID\", contract: \"shps\", area: \"brent\" }) { replayed } }",
        "KMI",
    ),
];

/// Every mutation about a journey with the rest of its input.
pub(crate) fn about_a_journey() -> [(&'static str, Value); 35] {
    let some = "0190c3d2-7c1a-7000-8000-000000000001";
    [
        ("acceptReferral", json!({})),
        ("declineReferral", json!({ "reason": "not_eligible" })),
        ("withdrawReferral", json!({ "reason": "moved_away" })),
        ("assessEligibility", json!({ "result": "ELIGIBLE" })),
        ("assignWorker", json!({ "worker": some })),
        ("releaseWorker", json!({ "worker": some })),
        ("bookAppointment", json!({ "scheduledOn": "2018-03-09", "channel": "phone" })),
        ("moveAppointment", json!({ "appointment": some, "scheduledOn": "2018-03-09" })),
        ("cancelAppointment", json!({ "appointment": some })),
        ("logContact", json!({ "channel": "phone" })),
        ("startEngagement", json!({ "basis": "first_session" })),
        ("agreePlan", json!({ "kind": "php" })),
        ("reviewPlan", json!({ "kind": "php" })),
        ("closePlan", json!({ "kind": "php" })),
        ("setTask", json!({ "kind": "benefit_application", "dueOn": "2018-03-09" })),
        ("completeTask", json!({ "task": some })),
        ("cancelTask", json!({ "task": some })),
        ("scoreAssessment", json!({ "instrument": "sdq", "score": "17" })),
        ("startSpell", json!({ "domain": "accommodation" })),
        ("changeSpell", json!({ "spell": some, "hoursPerWeek": "20" })),
        ("endSpell", json!({ "spell": some })),
        ("recordMeasure", json!({ "code": "school_attendance", "value": "92.5" })),
        ("recordAchievement", json!({ "code": "qualification" })),
        ("raiseRisk", json!({ "kind": "homelessness" })),
        ("clearRisk", json!({ "risk": some })),
        ("attachEvidence", json!({ "kind": "payslip", "datedOn": "2018-02-20" })),
        ("withdrawEvidence", json!({ "evidence": some })),
        ("verifyEvidence", json!({ "evidence": some })),
        ("rejectEvidence", json!({ "evidence": some, "defect": "remarks_on_form" })),
        ("disengage", json!({ "reason": "no_contact" })),
        ("closeJourney", json!({ "reason": "housed" })),
        ("reopenJourney", json!({ "reason": "came back" })),
        ("transferJourney", json!({ "reason": "moved_away", "destination": "shps-west" })),
        ("correctFact", json!({ "target": some, "replacement": { "plan": { "kind": "php" } }, "reason": "a slip" })),
        ("retractFact", json!({ "targets": [some], "reason": "a slip" })),
    ]
}

fn is_forbidden(answer: &Answer) -> bool {
    let codes = answer.codes();
    assert!(codes.iter().all(|code| code == "FORBIDDEN"), "{}", answer.body);
    !codes.is_empty()
}

#[tokio::test]
async fn each_role_asks_what_is_its_own_and_is_refused_the_rest() {
    on_both_stores(async |app| {
        app.add_worker("somebody").await;
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        for (role, letter) in ROLES {
            let who = test_caller(role, "somebody", &[SHPS]);
            for (document, allowed) in QUESTIONS {
                let document = document.replace("JOURNEY", &journey).replace("ID", &new_id());
                let answer = app.answer(&who, &document, json!({})).await;
                assert_eq!(is_forbidden(&answer), !allowed.contains(letter), "{role}: {document}\n{}", answer.body);
            }
            for (mutation, input) in about_a_journey() {
                let answer = app.told(&who, mutation, with(json!({ "journey": journey }), input)).await;
                assert_eq!(is_forbidden(&answer), !"KMI".contains(letter), "{role}: {mutation}\n{}", answer.body);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_refused_field_leaves_the_others_of_a_question_alone() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        let document = "query($id: UUID!) { viewer { role } journey(id: $id) { id } }";
        let answer = app.answer(&administrator(), document, json!({ "id": journey })).await;
        assert_eq!(answer.status.as_u16(), 294);
        assert_eq!(answer.codes(), ["FORBIDDEN"]);
        assert_eq!(answer.json()["data"], json!({ "viewer": { "role": "administrator" }, "journey": null }));
        let message = answer.json()["errors"][0]["message"].clone();
        assert_eq!(message, "the role administrator may not read cases: use a token with another role");
    })
    .await;
}

#[tokio::test]
async fn an_administrator_sees_no_journey_by_any_way() {
    on_both_stores(async |app| {
        let journey = app.receive_referral("2018-02-01", "BR-1").await;
        let document = "query($id: UUID!) { journey(id: $id) { subject { id } timeline { event { id } } } }";
        let read = app.ask(&manager(), document, json!({ "id": journey })).await["journey"].clone();
        let ids = json!([journey, read["subject"]["id"], read["timeline"][0]["event"]["id"]]);
        let document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        let data = app.ask(&administrator(), document, json!({ "ids": ids })).await;
        assert_eq!(data["nodes"], json!([null, null, null]));
        let payload = app.told(&administrator(), "logContact", call(&journey, TODAY)).await;
        assert_eq!(payload.codes(), ["FORBIDDEN"]);
        assert!(!payload.body.contains(&journey));
    })
    .await;
}

/// The ids of a journey of the other contract: its own, its subject's and its first event's.
async fn ids_elsewhere(app: &TestApp) -> [String; 3] {
    let journey = app.journey_elsewhere().await;
    let document = "query($id: UUID!) { journey(id: $id) { subject { id } timeline { event { id } } } }";
    let read = app.ask(&other_manager(), document, json!({ "id": journey })).await["journey"].clone();
    [journey, text(&read["subject"]["id"]), text(&read["timeline"][0]["event"]["id"])]
}

#[tokio::test]
async fn an_id_of_another_contract_is_answered_like_one_that_does_not_exist() {
    on_both_stores(async |app| {
        let [journey, subject, event] = ids_elsewhere(app).await;
        let worker = app.add_worker("kw-09").await;
        let input = json!({ "journey": journey, "worker": worker, "occurredOn": "2018-02-03" });
        app.done(&other_manager(), "assignWorker", input).await;
        let unknown = new_id();
        let same = async |document: &str, of: &str| {
            let there = app.answer(&manager(), document, json!({ "id": of })).await;
            let nowhere = app.answer(&manager(), document, json!({ "id": unknown })).await;
            let told_apart = (there.body.replace(of, "ID"), nowhere.body.replace(&unknown, "ID"));
            assert_eq!(told_apart.0, told_apart.1, "{document}");
            assert_eq!(there.status, nowhere.status, "{document}");
        };
        for of in [&journey, &subject, &event, &worker] {
            same("query($id: ID!) { node(id: $id) { id __typename } }", of).await;
            same("query($id: ID!) { nodes(ids: [$id, $id]) { id } }", of).await;
        }
        for of in [&journey, &subject, &worker] {
            same("query($id: UUID!) { events(filter: { stream: $id }) { nodes { id } pageInfo { hasNextPage } } }", of)
                .await;
        }
        same("query($id: UUID!) { journey(id: $id) { id version daysSinceContact timeline { stands } } }", &journey)
            .await;
        same("query($id: UUID!) { journey(id: $id, at: { position: 3 }) { id } }", &journey).await;
        same("query($id: UUID!) { contract(code: \"shps\") { caseload(keyworker: $id) { totalCount } } }", &worker)
            .await;
        for (mutation, rest) in about_a_journey() {
            for expected in [json!({}), json!({ "expectedVersion": 0 }), json!({ "expectedVersion": 2 })] {
                let input = |of: &str| with(with(json!({ "journey": of }), rest.clone()), expected.clone());
                let there = app.told(&manager(), mutation, input(&journey)).await;
                let nowhere = app.told(&manager(), mutation, input(&unknown)).await;
                assert_eq!(there.body.replace(&journey, "ID"), nowhere.body.replace(&unknown, "ID"), "{mutation}");
                assert!(there.body.contains("JOURNEY_NOT_FOUND"), "{mutation}: {}", there.body);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_contract_out_of_scope_is_answered_like_one_that_does_not_exist() {
    on_both_stores(async |app| {
        let document = "query($code: String!) { contract(code: $code) { id name caseload { totalCount } } }";
        let out_of_scope = app.answer(&manager(), document, json!({ "code": MST })).await;
        let unknown = app.answer(&manager(), document, json!({ "code": "nothing" })).await;
        assert_eq!(out_of_scope.json()["data"], json!({ "contract": null }));
        assert_eq!((out_of_scope.status, &out_of_scope.body), (unknown.status, &unknown.body));

        for mutation in ["receiveReferral", "publishRulebook"] {
            let who = if mutation == "receiveReferral" {
                manager()
            } else {
                test_caller(Role::Administrator, "administrator", &[SHPS])
            };
            let input = |code: &str| match mutation {
                "receiveReferral" => json!({ "contract": code, "area": "mid" }),
                _ => json!({ "contract": code, "rulebook": "" }),
            };
            let there = app.told(&who, mutation, input(MST)).await;
            assert_eq!(there.body, app.told(&who, mutation, input("nothing")).await.body);
            assert!(there.body.contains("CONTRACT_NOT_FOUND"), "{}", there.body);
        }
        let filtered = "query($code: String!) { events(filter: { contract: $code }) { nodes { id } pageInfo { \
                        endCursor } } }";
        let there = app.answer(&manager(), filtered, json!({ "code": MST })).await;
        assert_eq!(there.body, app.answer(&manager(), filtered, json!({ "code": "nothing" })).await.body);
    })
    .await;
}

#[tokio::test]
async fn only_contracts_in_scope_are_listed() {
    on_both_stores(async |app| {
        for (contracts, listed) in [
            (&[SHPS][..], json!([{ "code": SHPS }])),
            (&[MST], json!([{ "code": MST }])),
            (&[MST, SHPS], json!([{ "code": MST }, { "code": SHPS }])),
            (&["nothing"], json!([])),
            (&[], json!([{ "code": MST }, { "code": SHPS }])),
        ] {
            let who = test_caller(Role::Auditor, "auditor", contracts);
            let data = app.ask(&who, "{ contracts { code } }", json!({})).await;
            assert_eq!(data["contracts"], listed, "{contracts:?}");
        }
    })
    .await;
}

/// A forger's tools: the claims of a good token, and ways to sign them.
struct Forger {
    key: Vec<u8>,
    public: Vec<u8>,
    now: i64,
}

impl Forger {
    fn of(app: &TestApp) -> Self {
        let pem = app.key_pem();
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let key = STANDARD.decode(body).expect("the key in base 64");
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key).expect("an Ed25519 key");
        Self { public: pair.public_key().as_ref().to_vec(), key, now: Clock::Machine.now().timestamp() }
    }

    fn claims(&self) -> Value {
        json!({
            "iss": "throughline", "aud": "throughline", "sub": "kw-07", "role": "keyworker", "contracts": ["shps"],
            "iat": self.now, "exp": self.now + 300, "jti": new_id(),
        })
    }

    fn signed(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_ed_der(&self.key)).expect("a token")
    }

    /// The claims of a good token but for these; a null takes one away.
    fn but(&self, changed: Value) -> String {
        let mut claims = with(self.claims(), changed);
        claims.as_object_mut().expect("claims").retain(|_, value| !value.is_null());
        self.signed(&header(Algorithm::EdDSA), &claims)
    }
}

fn header(algorithm: Algorithm) -> Header {
    Header { typ: Some("at+jwt".to_owned()), ..Header::new(algorithm) }
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A header that names an extension which must be understood.
fn critical() -> Header {
    Header { crit: Some(vec!["exp".to_owned()]), ..header(Algorithm::EdDSA) }
}

/// Tokens that must not be accepted, each with what is wrong with it.
fn bad_tokens(forger: &Forger) -> Vec<(&'static str, String)> {
    let good = forger.but(json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let other = Ed25519KeyPair::generate().expect("another key");
    let other = other.to_pkcs8v1().expect("another key").as_ref().to_vec();
    let with_secret = |secret: &[u8]| {
        let key = EncodingKey::from_secret(secret);
        jsonwebtoken::encode(&header(Algorithm::HS256), &forger.claims(), &key).expect("a token")
    };
    let unsigned = |algorithm: &str| {
        format!("{}.{}.", encoded(&json!({ "alg": algorithm, "typ": "at+jwt" })), encoded(&forger.claims()))
    };
    let renamed = |algorithm: &str| {
        format!("{}.{}.{}", encoded(&json!({ "alg": algorithm, "typ": "at+jwt" })), parts[1], parts[2])
    };
    let promoted = encoded(&with(forger.claims(), json!({ "role": "administrator" })));
    let typed = |typ: Option<&str>| {
        let header = Header { typ: typ.map(str::to_owned), ..header(Algorithm::EdDSA) };
        forger.signed(&header, &forger.claims())
    };
    let mut others_key = header(Algorithm::EdDSA);
    others_key.jku = Some("https://example.org/keys".to_owned());
    let others = jsonwebtoken::encode(&others_key, &forger.claims(), &EncodingKey::from_ed_der(&other));
    let plain = jsonwebtoken::encode(&header(Algorithm::EdDSA), &forger.claims(), &EncodingKey::from_ed_der(&other));
    vec![
        ("expired", forger.but(json!({ "exp": forger.now - 1 }))),
        ("expires this second", forger.but(json!({ "exp": forger.now }))),
        ("lives longer than a day", forger.but(json!({ "exp": forger.now + 86_400 + 60 }))),
        ("issued tomorrow", forger.but(json!({ "iat": forger.now + 86_400, "exp": forger.now + 90_000 }))),
        ("issued at no time", forger.but(json!({ "iat": null }))),
        ("a critical extension that nobody knows", forger.signed(&critical(), &forger.claims())),
        ("never expires", forger.but(json!({ "exp": null }))),
        ("expires in words", forger.but(json!({ "exp": "tomorrow" }))),
        ("not yet valid", forger.but(json!({ "nbf": forger.now + 200 }))),
        ("another issuer", forger.but(json!({ "iss": "elsewhere" }))),
        ("no issuer", forger.but(json!({ "iss": null }))),
        ("another audience", forger.but(json!({ "aud": "elsewhere" }))),
        ("no audience", forger.but(json!({ "aud": null }))),
        ("nobody", forger.but(json!({ "sub": "" }))),
        ("no subject", forger.but(json!({ "sub": null }))),
        ("no role", forger.but(json!({ "role": null }))),
        ("an unknown role", forger.but(json!({ "role": "owner" }))),
        ("a role in capitals", forger.but(json!({ "role": "Manager" }))),
        ("no contracts claim", forger.but(json!({ "contracts": null }))),
        ("contracts as one text", forger.but(json!({ "contracts": "shps" }))),
        ("type JWT", typed(Some("JWT"))),
        ("no type", typed(None)),
        ("signed by another key", plain.expect("a token")),
        ("signed by another key that it names", others.expect("a token")),
        ("HS256 with the public key", with_secret(&forger.public)),
        ("HS256 with the public key in base 64", with_secret(STANDARD.encode(&forger.public).as_bytes())),
        ("HS256 with nothing", with_secret(b"")),
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("EdDSA without a signature", unsigned("EdDSA")),
        ("alg renamed to RS256", renamed("RS256")),
        ("alg renamed to ES256", renamed("ES256")),
        ("another payload under the signature", format!("{}.{promoted}.{}", parts[0], parts[2])),
        ("a signature cut short", good[..good.len() - 2].to_owned()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.{}", parts[2])),
        ("garbage", "garbage".to_owned()),
        ("nothing", String::new()),
        ("very long", "a".repeat(8_000)),
    ]
}

fn assert_unauthenticated(what: &str, answer: &Answer, challenge: &str) {
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}: {}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert_eq!(answer.header("www-authenticate"), challenge, "{what}");
    assert_eq!(answer.json()["status"], 401, "{what}");
}

#[tokio::test]
async fn only_an_intact_token_of_our_own_key_that_has_not_expired_gives_access() {
    on_both_stores(async |app| {
        let forger = Forger::of(app);
        let good = app.ask_with(&forger.but(json!({})), "{ viewer { subject role } }", json!({})).await;
        assert_eq!(good.json()["data"]["viewer"], json!({ "subject": "kw-07", "role": "keyworker" }));
        for (what, token) in bad_tokens(&forger) {
            let answer = app.ask_with(&token, "{ viewer { subject } }", json!({})).await;
            let challenge = "Bearer realm=\"throughline\", error=\"invalid_token\"";
            assert_unauthenticated(what, &answer, challenge);
            assert!(token.len() < 20 || !answer.body.contains(&token), "{what}: the answer repeats the token");
        }
        let body = || axum::body::Body::from(json!({ "query": "{ viewer { subject } }" }).to_string());
        for scheme in [None, Some("Basic a3ctMDc6"), Some("Bearer"), Some(forger.but(json!({})).as_str())] {
            let mut request = axum::http::Request::post("/graphql").header("content-type", "application/json");
            if let Some(scheme) = scheme {
                request = request.header("authorization", scheme);
            }
            let answer = app.send(request.body(body()).expect("a request")).await;
            assert_unauthenticated(scheme.unwrap_or("no token"), &answer, "Bearer realm=\"throughline\"");
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_for_no_contract_sees_none_and_one_for_two_sees_both() {
    on_both_stores(async |app| {
        let forger = Forger::of(app);
        let document = "{ contracts { code } events(first: 200) { nodes { contract } } }";
        let manager = |contracts: Value| forger.but(json!({ "role": "manager", "contracts": contracts }));
        let none = app.ask_with(&manager(json!([])), document, json!({})).await.json();
        assert_eq!(none["data"], json!({ "contracts": [], "events": { "nodes": [] } }));
        let two = app.ask_with(&manager(json!([SHPS, MST])), document, json!({})).await.json();
        assert_eq!(two["data"]["contracts"], json!([{ "code": MST }, { "code": SHPS }]));
        let every = app.ask_with(&manager(json!(["*"])), document, json!({})).await.json();
        assert_eq!(every["data"], two["data"]);
        app.add_worker("kw-07").await;
        let keyworker = app.answer(&keyworker("kw-07"), "{ contracts { code } }", json!({})).await.json();
        assert_eq!(keyworker["data"]["contracts"], json!([{ "code": SHPS }]));
    })
    .await;
}
