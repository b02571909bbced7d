//! Rights from the deployment itself: granted roles, ended sessions and keys of machines.

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};
use throughline::access::{Principal, Role};

use super::provider::{Provider, header};
use super::{accepted, who};
use crate::app::{SHPS, TestApp, administrator, manager, new_id, on_both_stores, refusals, test_caller, text, with};
use crate::subscriber::{Server, Subscriber};

const GRANT: &str = "mutation($input: GrantRoleInput!) { grantRole(input: $input) { \
     grant { grant login role contracts areas inForce grantedBy revokedBy } replayed \
     problems { code severity path } events { type stream { kind } } } }";
const REVOKE: &str = "mutation($input: RevokeRoleInput!) { revokeRole(input: $input) { \
     grant { inForce revokedBy } problems { code severity } } }";
const END: &str = "mutation($input: RevokeSessionsInput!) { revokeSessions(input: $input) { \
     login problems { code severity path } } }";
const ISSUE: &str = "mutation($input: IssueApiKeyInput!) { issueApiKey(input: $input) { secret replayed \
     apiKey { key label contracts expiresOn inForce lastUsedAt } events { id } problems { code severity path } } }";
const ROTATE: &str = "mutation($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { secret \
     apiKey { key label contracts } problems { code severity path } } }";
const REVOKE_KEY: &str = "mutation($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { secret \
     apiKey { inForce revokedBy } problems { code severity path } } }";

/// Sends a mutation with this input; answers with its payload.
async fn send(app: &TestApp, document: &str, input: Value) -> Value {
    let input = with(json!({ "commandId": new_id() }), input);
    let data = app.ask(&administrator(), document, json!({ "input": input })).await;
    data.as_object().expect("data").values().next().expect("one mutation").clone()
}

/// The same, which must be accepted.
async fn done(app: &TestApp, document: &str, input: Value) -> Value {
    let payload = send(app, document, input).await;
    assert_eq!(refusals(&payload), Vec::<String>::new(), "{payload:#}");
    payload
}

fn ann_as(role: &str) -> Value {
    json!({ "login": "ANN", "role": role, "contracts": [SHPS] })
}

/// A server that trusts a provider for who people are, and this deployment for what they may do.
fn by_grants(app: &TestApp, provider: &Provider) -> Router {
    app.router_trusting(&provider.trusted("grants = \"deployment\"\nclaims.login = \"preferred_username\""))
}

#[tokio::test]
async fn a_granted_role_counts_on_the_next_request_and_one_taken_away_is_gone_on_the_next() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let server = by_grants(app, &provider);
        let token = provider.token(("RS256", "rsa"));
        let nobody = who(&server, &token).await;
        assert_eq!(nobody.status, StatusCode::FORBIDDEN, "{}", nobody.body);
        assert!(nobody.body.contains("no role here"), "{}", nobody.body);

        let granted = done(app, GRANT, ann_as("AUDITOR")).await;
        assert_eq!(granted["grant"]["grantedBy"], "administrator");
        assert_eq!(granted["events"][0], json!({ "type": "RoleGranted", "stream": { "kind": "DEPLOYMENT" } }));
        let data = accepted(&server, &token).await;
        assert_eq!(data["viewer"], json!({ "subject": "ann", "role": "auditor" }));
        assert_eq!(data["contracts"], json!([{ "code": SHPS }]));

        let grant = &granted["grant"]["grant"];
        let revoked = done(app, REVOKE, json!({ "grant": grant, "reason": "left" })).await;
        assert_eq!(revoked["grant"], json!({ "inForce": false, "revokedBy": "administrator" }));
        assert_eq!(who(&server, &token).await.status, StatusCode::FORBIDDEN);

        done(app, GRANT, with(ann_as("MANAGER"), json!({ "until": "2018-03-03" }))).await;
        assert_eq!(accepted(&server, &token).await["viewer"]["role"], "manager");
        app.it_is("2018-03-02T23:59:00Z");
        accepted(&server, &token).await;
        app.it_is("2018-03-03T00:00:01Z");
        assert_eq!(who(&server, &token).await.status, StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test]
async fn a_grant_comes_before_claims_and_claims_count_where_there_is_none() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let file = provider.trusted(&format!("grants = \"both\"\n{}", super::provider::CLAIMS));
        let server = app.router_trusting(&file);
        let token = provider.token(("EdDSA", "ed"));
        assert_eq!(accepted(&server, &token).await["viewer"]["role"], "manager");
        let granted = done(app, GRANT, ann_as("AUDITOR")).await;
        assert_eq!(accepted(&server, &token).await["viewer"]["role"], "auditor");
        done(app, REVOKE, json!({ "grant": granted["grant"]["grant"], "reason": "by mistake" })).await;
        assert_eq!(accepted(&server, &token).await["viewer"]["role"], "manager");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_socket_is_closed_when_the_role_is_taken_away() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let server = Server::of(by_grants(app, &provider)).await;
        let granted = done(app, GRANT, ann_as("AUDITOR")).await;
        let mut peer = Subscriber::at(&server.address, &provider.token(("EdDSA", "ed"))).await;
        peer.begin("1", "subscription { eventRecorded { position } }", json!({})).await;
        done(app, REVOKE, json!({ "grant": granted["grant"]["grant"], "reason": "left" })).await;
        let (code, reason) = peer.closed().await;
        assert_eq!((code, reason.as_str()), (4401, "Unauthorized: your rights have changed, connect again"));
        server.end().await;
    })
    .await;
}

#[tokio::test]
async fn tokens_issued_before_the_sessions_were_ended_are_refused() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let server = app.router_trusting(&provider.trusted(super::provider::CLAIMS));
        let (token, local) = (provider.token(("EdDSA", "ed")), app.token(&manager()));
        accepted(&server, &token).await;
        accepted(&server, &local).await;
        let ahead =
            send(app, END, json!({ "login": "ann", "issuedBefore": "2999-01-01T00:00:00Z", "reason": "x" })).await;
        assert_eq!(
            ahead["problems"][0],
            json!({ "code": "INVALID_VALUE", "severity": "ERROR", "path": ["issuedBefore"] })
        );
        let ended = done(app, END, json!({ "login": "Ann", "reason": "the telephone was lost" })).await;
        assert_eq!(ended["login"], "Ann");
        assert_eq!(who(&server, &token).await.status, StatusCode::UNAUTHORIZED);
        accepted(&server, &local).await;
        let now = throughline::clock::Clock::Machine.now().timestamp();
        let later = with(provider.claims(), json!({ "iat": now + 5 }));
        accepted(&server, &provider.key("ed").token(&header("EdDSA", "ed"), &later)).await;
        done(app, END, json!({ "login": "manager", "reason": "moved" })).await;
        assert_eq!(who(&server, &local).await.status, StatusCode::UNAUTHORIZED);
    })
    .await;
}

#[tokio::test]
async fn a_machine_signs_in_with_its_key_until_it_expires_or_is_revoked() {
    on_both_stores(async |app| {
        let server = app.router();
        let command = new_id();
        let input = json!({
            "commandId": command, "label": "nightly-feed", "contracts": [SHPS], "expiresOn": "2018-06-01",
        });
        let issued = done(app, ISSUE, input.clone()).await;
        let secret = text(&issued["secret"]);
        assert!(secret.starts_with("tl_") && secret.len() == 46, "{secret}");
        let data = accepted(&server, &secret).await;
        assert_eq!(data["viewer"], json!({ "subject": "nightly-feed", "role": "integrator" }));
        assert_eq!(data["contracts"], json!([{ "code": SHPS }]));
        // It is shown once, and stands in no event.
        let again = done(app, ISSUE, input).await;
        assert_eq!((&again["secret"], &again["replayed"]), (&Value::Null, &json!(true)));
        let auditor = test_caller(Role::Auditor, "auditor", &[]);
        let events = app.ask(&auditor, "{ events(first: 200) { nodes { type payload } } }", json!({})).await;
        assert!(events.to_string().contains("ApiKeyIssued") && !events.to_string().contains(&secret));

        let listed = "{ apiKeys { totalCount nodes { label inForce lastUsedAt } } }";
        crate::wait::until("the use is noted", async || {
            app.ask(&administrator(), listed, json!({})).await["apiKeys"]["nodes"][0]["lastUsedAt"].is_string()
        })
        .await;
        for wrong in [secret[..45].to_owned(), format!("{secret}x"), "tl_".to_owned(), format!("tl_{}", "A".repeat(43))]
        {
            assert_eq!(who(&server, &wrong).await.status, StatusCode::UNAUTHORIZED, "{wrong}");
        }
        app.it_is("2018-05-31T22:59:00Z");
        accepted(&server, &secret).await;
        app.it_is("2018-05-31T23:00:01Z");
        assert_eq!(who(&server, &secret).await.status, StatusCode::UNAUTHORIZED, "midnight in London");
    })
    .await;
}

#[tokio::test]
async fn a_rotated_key_and_the_new_one_are_both_accepted_for_a_week() {
    on_both_stores(async |app| {
        let server = app.router();
        let input = json!({ "label": "nightly-feed", "contracts": [SHPS], "expiresOn": "2018-06-01" });
        let issued = done(app, ISSUE, input).await;
        let key = &issued["apiKey"]["key"];
        let rotated = done(app, ROTATE, json!({ "key": key, "expiresOn": "2019-01-01" })).await;
        let (old, new) = (text(&issued["secret"]), text(&rotated["secret"]));
        assert_eq!(
            (&rotated["apiKey"]["label"], &rotated["apiKey"]["contracts"]),
            (&json!("nightly-feed"), &json!([SHPS]))
        );
        accepted(&server, &old).await;
        accepted(&server, &new).await;
        app.it_is("2018-03-08T09:00:00Z");
        assert_eq!(who(&server, &old).await.status, StatusCode::UNAUTHORIZED);
        accepted(&server, &new).await;
        let gone = json!({ "key": rotated["apiKey"]["key"], "reason": "seen in a ticket" });
        let revoked = done(app, REVOKE_KEY, gone).await;
        assert_eq!(revoked["apiKey"], json!({ "inForce": false, "revokedBy": "administrator" }));
        assert_eq!(who(&server, &new).await.status, StatusCode::UNAUTHORIZED);
        let unknown = send(app, ROTATE, json!({ "key": new_id(), "expiresOn": "2018-06-01" })).await;
        assert_eq!(refusals(&unknown), ["API_KEY_NOT_FOUND"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_socket_of_a_key_is_closed_when_the_key_is_to_end_sooner() {
    on_both_stores(async |app| {
        let server = Server::of(app.router()).await;
        let input = json!({ "label": "nightly-feed", "contracts": [SHPS], "expiresOn": "2018-06-01" });
        let issued = done(app, ISSUE, input).await;
        let mut peer = Subscriber::at(&server.address, &text(&issued["secret"])).await;
        peer.begin("1", "subscription { eventRecorded { position } }", json!({})).await;
        let sooner = json!({ "key": issued["apiKey"]["key"], "expiresOn": "2019-01-01", "oldUntil": "2018-03-02" });
        done(app, ROTATE, sooner).await;
        assert_eq!(peer.closed().await.0, 4401);
        server.end().await;
    })
    .await;
}

#[tokio::test]
async fn only_an_administrator_of_the_whole_deployment_manages_access() {
    on_both_stores(async |app| {
        let some = test_caller(Role::Administrator, "admin-2", &[SHPS]);
        let roles = Role::ALL.into_iter().filter(|role| *role != Role::Administrator);
        let others: Vec<Principal> = roles.map(|role| test_caller(role, "someone", &[])).chain([some]).collect();
        app.add_worker("someone").await;
        for who in others {
            let input = with(json!({ "commandId": new_id() }), ann_as("MANAGER"));
            for (document, variables) in [
                (GRANT, json!({ "input": input })),
                ("{ grants { nodes { login } } }", json!({})),
                ("{ apiKeys { nodes { label } } }", json!({})),
            ] {
                let answer = app.answer(&who, document, variables).await;
                assert_eq!(answer.codes(), ["FORBIDDEN"], "{who:?} {}", answer.body);
            }
        }
        let own = send(app, GRANT, with(ann_as("MANAGER"), json!({ "login": "Administrator" }))).await;
        assert_eq!(refusals(&own), ["OWN_ROLE"]);
        done(app, GRANT, ann_as("MANAGER")).await;
        assert_eq!(refusals(&send(app, GRANT, ann_as("AUDITOR")).await), ["ROLE_ALREADY_GRANTED"]);
        let unknown = send(app, GRANT, json!({ "login": "bob", "role": "MANAGER", "contracts": [SHPS, "x"] })).await;
        assert_eq!(unknown["problems"][0]["path"], json!(["contracts", "1"]));
    })
    .await;
}

#[tokio::test]
async fn grants_are_listed_page_by_page_with_who_granted_them() {
    on_both_stores(async |app| {
        for login in ["ann", "bob", "cat"] {
            done(app, GRANT, with(ann_as("MANAGER"), json!({ "login": login }))).await;
        }
        let document = "query($after: String) { grants(first: 2, after: $after) { totalCount \
             nodes { login role grantedBy inForce } pageInfo { hasNextPage endCursor } } }";
        let first = app.ask(&administrator(), document, json!({})).await["grants"].clone();
        assert_eq!((&first["totalCount"], &first["pageInfo"]["hasNextPage"]), (&json!(3), &json!(true)));
        let row =
            |login: &str| json!({ "login": login, "role": "MANAGER", "grantedBy": "administrator", "inForce": true });
        assert_eq!(first["nodes"], json!([row("ann"), row("bob")]));
        let after = json!({ "after": first["pageInfo"]["endCursor"] });
        let second = app.ask(&administrator(), document, after.clone()).await["grants"].clone();
        assert_eq!(second["nodes"], json!([row("cat")]));
        let document = "query($after: String) { apiKeys(after: $after) { totalCount } }";
        let foreign = app.answer(&administrator(), document, after).await;
        assert_eq!(foreign.codes(), ["BAD_USER_INPUT"]);
    })
    .await;
}

#[tokio::test]
async fn who_may_use_the_deployment_is_seen_only_by_those_who_audit_all_of_it() {
    on_both_stores(async |app| {
        done(app, GRANT, ann_as("MANAGER")).await;
        let document = "{ events(first: 200, filter: { types: [\"RoleGranted\"] }) { nodes { type } } }";
        for (role, contracts, seen) in [
            (Role::Auditor, &[][..], 1),
            (Role::Auditor, &[SHPS], 0),
            (Role::Manager, &[], 0),
            (Role::Manager, &[SHPS], 0),
            (Role::Integrator, &[], 0),
        ] {
            let data = app.ask(&test_caller(role, "someone", contracts), document, json!({})).await;
            let nodes = data["events"]["nodes"].as_array().expect("events").len();
            assert_eq!(nodes, seen, "{role} {contracts:?}");
        }
    })
    .await;
}
