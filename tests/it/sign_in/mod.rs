//! Sign-in from outside: tokens of identity providers, roles that the deployment grants, keys of machines, and the limits
//! on what fails, on both stores.

mod access;
mod live;
mod provider;
mod tokens;

use axum::Router;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

const VIEWER: &str = "{ viewer { subject role } contracts { code } }";

/// Asks a server who a token is.
async fn who(server: &Router, token: &str) -> Answer {
    TestApp::ask_of_with(server, token, VIEWER, json!({})).await
}

/// The same for a token that must be accepted.
async fn accepted(server: &Router, token: &str) -> Value {
    let answer = who(server, token).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
    answer.json()["data"].clone()
}
