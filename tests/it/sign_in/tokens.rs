//! Tokens of an identity provider: which are accepted, and what happens while the provider rotates, is away, is slow or
//! sends too much.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::provider::{ALGORITHMS, AUDIENCE, Answers, CLAIMS, Provider, SigningKey, header};
use super::{accepted, who};
use crate::app::{SHPS, on_both_stores, with};
use crate::wait::until;

#[tokio::test]
async fn a_token_of_each_algorithm_gives_the_role_and_contracts_of_its_claims() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let server = app.router_trusting(&provider.trusted(CLAIMS));
        for (algorithm, id) in ALGORITHMS {
            let data = accepted(&server, &provider.token((algorithm, id))).await;
            assert_eq!(data["viewer"], json!({ "subject": "ann", "role": "manager" }), "{algorithm}");
            assert_eq!(data["contracts"], json!([{ "code": SHPS }]), "{algorithm}");
        }
        // The local key is accepted beside the issuers.
        accepted(&server, &app.token(&crate::app::manager())).await;
    })
    .await;
}

/// Tokens that must not be accepted, each with what is wrong with it.
fn bad_tokens(provider: &Provider) -> Vec<(&'static str, String)> {
    let now = throughline::clock::Clock::Machine.now().timestamp();
    let rsa = provider.key("rsa");
    let usual = header("RS256", "rsa");
    let good = provider.token(("RS256", "rsa"));
    let parts: Vec<&str> = good.split('.').collect();
    let claiming = |change: Value| {
        let mut claims = with(provider.claims(), change);
        claims.as_object_mut().expect("claims").retain(|_, value| !value.is_null());
        rsa.token(&usual, &claims)
    };
    let headed = |change: Value| {
        let mut header = with(usual.clone(), change);
        header.as_object_mut().expect("a header").retain(|_, value| !value.is_null());
        rsa.token(&header, &provider.claims())
    };
    let part =
        |value: &Value| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, value.to_string());
    let of_headers = |said: Value| format!("{}.{}.{}", part(&said), parts[1], parts[2]);
    let hmac = |secret: &[u8]| {
        let claims = provider.claims();
        let signed_with = jsonwebtoken::Header {
            typ: Some("at+jwt".to_owned()),
            kid: Some("rsa".to_owned()),
            ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256)
        };
        jsonwebtoken::encode(&signed_with, &claims, &jsonwebtoken::EncodingKey::from_secret(secret)).expect("a token")
    };
    let public = rsa.public("rsa").to_string();
    let stranger = SigningKey::ed();
    let embedded = with(header("EdDSA", "ed"), json!({ "jwk": stranger.public("ed") }));
    vec![
        ("nothing", String::new()),
        ("garbage", "garbage".to_owned()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.{}", parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("a signature cut short", good[..good.len() - 4].to_owned()),
        ("padding", format!("{good}=")),
        ("a space inside", good.replacen('.', " .", 1)),
        ("far too long", claiming(json!({ "note": "x".repeat(20_000) }))),
        ("alg none", of_headers(json!({ "alg": "none", "typ": "at+jwt", "kid": "rsa" }))),
        (
            "alg None without a signature",
            format!("{}.{}.", part(&json!({ "alg": "None", "typ": "at+jwt", "kid": "rsa" })), parts[1]),
        ),
        ("no alg", of_headers(json!({ "typ": "at+jwt", "kid": "rsa" }))),
        ("alg RS512", of_headers(json!({ "alg": "RS512", "typ": "at+jwt", "kid": "rsa" }))),
        ("alg rs256 in small letters", of_headers(json!({ "alg": "rs256", "typ": "at+jwt", "kid": "rsa" }))),
        ("alg renamed to PS256", of_headers(json!({ "alg": "PS256", "typ": "at+jwt", "kid": "rsa" }))),
        ("alg renamed to ES256", of_headers(json!({ "alg": "ES256", "typ": "at+jwt", "kid": "ec" }))),
        ("HS256 with the public key", hmac(public.as_bytes())),
        ("HS256 with nothing", hmac(b"")),
        ("an unknown key", headed(json!({ "kid": "rsa-2" }))),
        ("the id of another key", headed(json!({ "kid": "ed" }))),
        ("no id of a key", headed(json!({ "kid": null }))),
        ("an id that is a number", headed(json!({ "kid": 1 }))),
        ("a key in the header", stranger.token(&embedded, &provider.claims())),
        ("an address of keys", headed(json!({ "jku": format!("{}/keys", provider.url) }))),
        ("an address of certificates", headed(json!({ "x5u": "https://example.org/chain" }))),
        ("certificates in the header", headed(json!({ "x5c": ["MIIB"] }))),
        ("a critical extension", headed(json!({ "crit": ["exp"] }))),
        ("an unencoded payload", headed(json!({ "b64": false }))),
        ("compressed", headed(json!({ "zip": "DEF" }))),
        ("a token inside", headed(json!({ "cty": "JWT" }))),
        ("type JWT", headed(json!({ "typ": "JWT" }))),
        ("no type", headed(json!({ "typ": null }))),
        ("an identity token by its type", headed(json!({ "typ": "id+jwt" }))),
        ("signed by a stranger", SigningKey::another_rsa().token(&usual, &provider.claims())),
        ("other claims under the signature", {
            let promoted = with(provider.claims(), json!({ "groups": ["*"] }));
            format!("{}.{}.{}", parts[0], part(&promoted), parts[2])
        }),
        ("expired", claiming(json!({ "exp": now - 31 }))),
        ("never expires", claiming(json!({ "exp": null }))),
        ("expires in words", claiming(json!({ "exp": "tomorrow" }))),
        ("expires in the year 10000", claiming(json!({ "exp": 253_402_300_800_i64 }))),
        ("lives longer than a day", claiming(json!({ "exp": now + 86_400 + 120 }))),
        ("expires before it is issued", claiming(json!({ "iat": now, "exp": now - 1 }))),
        ("issued tomorrow", claiming(json!({ "iat": now + 86_400, "exp": now + 86_500 }))),
        ("issued at no time", claiming(json!({ "iat": null }))),
        ("not valid yet", claiming(json!({ "nbf": now + 120 }))),
        ("another issuer", claiming(json!({ "iss": "https://elsewhere.example.org" }))),
        ("the issuer with a slash", claiming(json!({ "iss": format!("{}/", provider.url) }))),
        ("the issuer in a list", claiming(json!({ "iss": [provider.url] }))),
        ("no issuer", claiming(json!({ "iss": null }))),
        ("the local issuer", claiming(json!({ "iss": "throughline", "aud": "throughline" }))),
        ("another audience", claiming(json!({ "aud": "account" }))),
        ("the audience in capitals", claiming(json!({ "aud": AUDIENCE.to_uppercase() }))),
        ("the audience as part of a word", claiming(json!({ "aud": format!("{AUDIENCE}-test") }))),
        ("other audiences", claiming(json!({ "aud": ["account", "portal"] }))),
        ("no audience", claiming(json!({ "aud": null }))),
        ("no login", claiming(json!({ "preferred_username": null }))),
        ("an empty login", claiming(json!({ "preferred_username": " " }))),
        ("a login that is a number", claiming(json!({ "preferred_username": 7 }))),
        ("an identity token", claiming(json!({ "nonce": "n-1", "at_hash": "x" }))),
        ("a refresh token", claiming(json!({ "typ": "Refresh" }))),
        ("bound to a key", claiming(json!({ "cnf": { "jkt": "x" } }))),
    ]
}

#[tokio::test]
async fn each_bad_token_is_refused_with_the_same_words() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let server = app.router_trusting(&provider.trusted(CLAIMS));
        accepted(&server, &provider.token(("RS256", "rsa"))).await;
        let bad = bad_tokens(&provider);
        assert!(bad.len() >= 40, "{} kinds", bad.len());
        let expected = who(&server, "garbage").await.body;
        for (what, token) in bad {
            let answer = who(&server, &token).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}: {}", answer.body);
            assert_eq!(answer.body, expected, "{what}");
            let challenge = "Bearer realm=\"throughline\", error=\"invalid_token\"";
            assert_eq!(answer.header("www-authenticate"), challenge, "{what}");
        }
        // A genuine token without a role is another matter, and says so.
        for change in [json!({ "realm_access": { "roles": ["admin"] } }), json!({ "groups": ["/other"] })] {
            let token = provider.key("ec").token(&header("ES256", "ec"), &with(provider.claims(), change));
            let answer = who(&server, &token).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_key_is_picked_up_and_a_withdrawn_one_is_refused_without_a_restart() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let server = app.router_trusting(&provider.trusted(CLAIMS));
        accepted(&server, &provider.token(("EdDSA", "ed"))).await;
        let next = SigningKey::ed();
        let signed_by_next = next.token(&header("EdDSA", "ed-2"), &provider.claims());
        assert_eq!(who(&server, &signed_by_next).await.status, StatusCode::UNAUTHORIZED);
        provider.answers(Answers::Keys(vec![next.public("ed-2")]));
        accepted(&server, &signed_by_next).await;
        assert_eq!(who(&server, &provider.token(("EdDSA", "ed"))).await.status, StatusCode::UNAUTHORIZED);
    })
    .await;
}

#[tokio::test]
async fn the_last_good_keys_remain_while_the_provider_fails() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let server = app.router_trusting(&provider.trusted(CLAIMS));
        let good = provider.token(("ES256", "ec"));
        accepted(&server, &good).await;
        let unknown = provider.key("ec").token(&header("ES256", "ec-2"), &provider.claims());
        for failing in [
            Answers::Status(StatusCode::INTERNAL_SERVER_ERROR),
            Answers::Status(StatusCode::FOUND),
            Answers::Nonsense,
            Answers::Endless,
            Answers::Keys(Vec::new()),
        ] {
            provider.answers(failing);
            let before = provider.fetched();
            assert_eq!(who(&server, &unknown).await.status, StatusCode::UNAUTHORIZED);
            assert!(provider.fetched() > before, "the provider was asked");
            accepted(&server, &good).await;
        }
        let mut keys = provider.public_keys();
        keys.push(provider.key("ec").public("ec-2"));
        provider.answers(Answers::Keys(keys));
        accepted(&server, &unknown).await;
    })
    .await;
}

#[tokio::test]
async fn a_slow_provider_keeps_nobody_waiting_whose_key_is_known() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let server = Arc::new(app.router_trusting(&provider.trusted(CLAIMS)));
        let good = provider.token(("ES256", "ec"));
        accepted(&server, &good).await;
        provider.answers(Answers::Never);
        let before = provider.fetched();
        let unknown = provider.key("ec").token(&header("ES256", "ec-2"), &provider.claims());
        let asked: Vec<_> = (0..40)
            .map(|_| {
                let (server, unknown) = (Arc::clone(&server), unknown.clone());
                tokio::spawn(async move { who(&server, &unknown).await.status })
            })
            .collect();
        until("the provider is asked", async || provider.fetched() > before).await;
        let began = Instant::now();
        for _ in 0..20 {
            accepted(&server, &good).await;
        }
        assert!(began.elapsed() < Duration::from_secs(4), "known keys took {:?}", began.elapsed());
        // Those beyond the few that may wait were refused at once.
        assert!(asked.iter().filter(|one| one.is_finished()).count() >= 20, "many wait");
        for one in asked {
            one.abort();
        }
    })
    .await;
}

#[tokio::test]
async fn unknown_keys_do_not_make_the_service_ask_again_and_again() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let patient = provider.trusted(CLAIMS).replace("keys_every_seconds = 0", "keys_every_seconds = 3600");
        let server = app.router_trusting(&patient);
        accepted(&server, &provider.token(("RS256", "rsa"))).await;
        for nth in 0..30 {
            let id = format!("unknown-{nth}");
            let token = provider.key("rsa").token(&header("RS256", &id), &provider.claims());
            assert_eq!(who(&server, &token).await.status, StatusCode::UNAUTHORIZED);
        }
        assert_eq!(provider.fetched(), 1);
    })
    .await;
}

#[tokio::test]
async fn two_issuers_keep_their_keys_and_logins_apart() {
    on_both_stores(async |app| {
        let (one, other) = (Provider::start().await, Provider::start().await);
        let file = one.trusted(CLAIMS) + &other.trusted(&format!("login_prefix = \"nhs/\"\n{CLAIMS}"));
        let server = app.router_trusting(&file);
        assert_eq!(accepted(&server, &one.token(("EdDSA", "ed"))).await["viewer"]["subject"], "ann");
        assert_eq!(accepted(&server, &other.token(("EdDSA", "ed"))).await["viewer"]["subject"], "nhs/ann");
        let borrowed = one.key("ed").token(&header("EdDSA", "ed"), &other.claims());
        assert_eq!(who(&server, &borrowed).await.status, StatusCode::UNAUTHORIZED);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_many_failed_sign_ins_waits_and_its_good_tokens_do_not() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let server = crate::subscriber::Server::of(app.router_trusting(&provider.trusted(CLAIMS))).await;
        let good = provider.token(("ES256", "ec"));
        let client = reqwest::Client::new();
        let url = format!("http://{}/graphql", server.address);
        let ask = async |token: &str| {
            let body = json!({ "query": super::VIEWER });
            client.post(&url).bearer_auth(token).json(&body).send().await.expect("an answer")
        };
        assert_eq!(ask(&good).await.status().as_u16(), 200);
        let mut refused = Vec::new();
        for nth in 0..70 {
            let answer = ask(&format!("garbage-{nth}")).await;
            let wait = answer.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse::<u64>().ok());
            refused.push((answer.status().as_u16(), wait));
        }
        assert!(refused[..60].iter().all(|answer| *answer == (401, None)), "{refused:?}");
        assert!(refused[60..].iter().all(|(status, wait)| *status == 429 && wait.is_some_and(|wait| wait <= 60)));
        assert_eq!(ask(&good).await.status().as_u16(), 200);
        let metrics = client.get(format!("http://{}/metrics", server.address)).send().await.expect("metrics");
        let metrics = metrics.text().await.expect("text");
        for line in ["throughline_sign_ins_failed_total 60", "throughline_sign_ins_unread_total 10"] {
            assert!(metrics.contains(line), "{line}\n{metrics}");
        }
        drop(client);
        server.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_named_proxy_each_of_its_clients_has_a_limit_of_its_own() {
    on_both_stores(async |app| {
        let provider = Provider::start().await;
        let proxy = std::net::Ipv4Addr::LOCALHOST.into();
        let router = app.router_behind(&provider.trusted(CLAIMS), &[proxy]);
        let server = crate::subscriber::Server::of(router).await;
        let client = reqwest::Client::new();
        let url = format!("http://{}/graphql", server.address);
        let ask = async |from: &str, token: &str| {
            let body = json!({ "query": super::VIEWER });
            let request = client.post(&url).bearer_auth(token).header("x-forwarded-for", from).json(&body);
            request.send().await.expect("an answer").status().as_u16()
        };
        for nth in 0..61 {
            // What a client writes itself stands before what the proxy adds.
            let from = format!("198.51.100.{nth}, 192.0.2.1");
            assert_eq!(ask(&from, &format!("garbage-{nth}")).await, if nth < 60 { 401 } else { 429 }, "{nth}");
        }
        let good = provider.token(("ES256", "ec"));
        assert_eq!(ask("192.0.2.1", &good).await, 429, "a new token waits where many failed");
        assert_eq!(ask("192.0.2.2", &good).await, 200);
        drop(client);
        server.end().await;
    })
    .await;
}
