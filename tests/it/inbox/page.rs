//! The part of docs/integrate.md about the referral inbox, run step by step: each answer is as the page says.

use axum::http::Request;
use serde_json::{Value, json};

use super::{http, partner};
use crate::app::{manager, on_both_stores_with_keys};

const PAGE: &str = include_str!("../../../docs/integrate.md");

/// The blocks of the page: what each is, and its content.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let (_, part) = PAGE.split_once("\n# Referral inbox\n").expect("the page has the part");
    let block = |text: &'static str| text.split_once('\n').expect("a block has lines");
    part.split("```").skip(1).step_by(2).map(block).collect()
}

/// Whether an answer has all that the page shows of it.
fn has(answer: &Value, shown: &Value) -> bool {
    match (answer, shown) {
        (Value::Object(answer), Value::Object(shown)) => {
            shown.iter().all(|(key, shown)| answer.get(key).is_some_and(|value| has(value, shown)))
        }
        (answer, shown) => answer == shown,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_the_page_is_answered_as_it_says() {
    let blocks = blocks();
    assert_eq!(blocks.len(), 10);
    on_both_stores_with_keys(async |app| {
        for pair in blocks.chunks(2) {
            let ((what, asked), (status, shown)) = (pair[0], pair[1]);
            let (status, answer) = match what.split_once(' ').expect("a block says what it is") {
                ("graphql", _) => (status, app.ask(&manager(), asked, json!({})).await),
                (_, line) => {
                    let (method, path) = line.split_once(' ').expect("a method and a path");
                    let request = Request::builder().method(method).uri(path);
                    let answer = http(app, &partner(), request, asked.to_owned()).await;
                    assert_eq!(format!("json {}", answer.status.as_u16()), status, "{line}: {}", answer.body);
                    (status, answer.json())
                }
            };
            let shown: Value = serde_json::from_str(shown).expect("the page shows JSON");
            assert!(has(&answer, &shown), "{what}, {status}:\n{answer:#}\nis not\n{shown:#}");
        }
    })
    .await;
}
