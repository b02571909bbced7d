//! Sends one webhook over HTTP and reads what the receiver answers.
//!
//! A receiver is not trusted: redirects are not followed, every wait has an end, and of an answer only the status and
//! `Retry-After` are read. No message from here holds the address, which may contain a secret.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use uuid::Uuid;

use super::addresses::{self, Door, Reach, Refused};
use super::keys::{SigningKey, signatures};
use super::retry::{Answer, retry_after};

/// The media type of one event in the JSON form of CloudEvents.
const CLOUD_EVENT: HeaderValue = HeaderValue::from_static("application/cloudevents+json");
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// The most time to open a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// The most bytes of an answer's body that are read, so that the connection can be used again.
const BODY_MAX: usize = 16 * 1024;
/// The idle connections kept for one host.
const IDLE: usize = 1;

/// What to send, and to where.
#[derive(Debug)]
pub(super) struct Webhook<'a> {
    /// The address.
    pub(super) url: &'a str,
    /// The keys that sign.
    pub(super) keys: &'a [SigningKey],
    /// The id of the event. It is the same each time the event is sent.
    pub(super) id: Uuid,
    /// The event as a CloudEvents object.
    pub(super) body: String,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// What the receiver answered, as far as it decides what follows.
    pub(super) answer: Answer,
    /// The status of its answer, if it gave one.
    pub(super) status: Option<u16>,
    /// Why the event was not taken. `None` if it was.
    pub(super) problem: Option<String>,
    /// The time from the start of the attempt to its end.
    pub(super) took: Duration,
}

/// The HTTP clients: one for each door, because each resolves names by its own rule.
#[derive(Debug)]
pub(super) struct Sender {
    public: Client,
    any: Client,
    not_public: Client,
    reach: Reach,
    patience: Duration,
}

impl Sender {
    /// A sender with this reach, which waits for an answer as long as this.
    pub(super) fn new(reach: Reach, patience: Duration) -> reqwest::Result<Self> {
        let client = |door: Door| {
            Client::builder()
                .dns_resolver(door)
                .no_proxy()
                .redirect(Policy::none())
                .connect_timeout(CONNECT_WITHIN)
                .timeout(patience)
                .pool_max_idle_per_host(IDLE)
                .user_agent(concat!("Throughline/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        let (public, any, not_public) = (client(Door::Public)?, client(Door::Any)?, client(Door::NotPublic)?);
        Ok(Self { public, any, not_public, reach, patience })
    }

    /// Sends a webhook. `now` is the time in its signature.
    pub(super) async fn send(&self, webhook: Webhook<'_>, now: DateTime<Utc>) -> Sent {
        let began = Instant::now();
        let (answer, status, problem) = match self.answer(webhook, now).await {
            Ok(response) => {
                let (answer, status) = (judged(&response, now), response.status());
                let problem = (answer != Answer::Taken).then(|| in_words(status));
                discard(response).await;
                (answer, Some(status.as_u16()), problem)
            }
            Err(problem) => (Answer::Failed { retry_after: None }, None, Some(problem)),
        };
        Sent { answer, status, problem, took: began.elapsed() }
    }

    async fn answer(&self, webhook: Webhook<'_>, now: DateTime<Utc>) -> Result<Response, String> {
        if webhook.keys.is_empty() {
            return Err("the subscription has no key, and nothing is sent unsigned: add a key".to_owned());
        }
        // What was allowed when the address was given may not be now.
        let url = addresses::read(webhook.url, self.reach).map_err(|refused| refused.to_string())?;
        let timestamp = now.timestamp();
        let signature = signatures(webhook.keys, (webhook.id, timestamp), &webhook.body);
        let header = |text: String| HeaderValue::try_from(text).expect("digits, base64 and UUIDs are ASCII");
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, CLOUD_EVENT),
            (ID, header(webhook.id.to_string())),
            (TIMESTAMP, header(timestamp.to_string())),
            (SIGNATURE, header(signature)),
        ]);
        let sent = self.client(&url).post(url).headers(headers).body(webhook.body).send().await;
        sent.map_err(|error| self.without_an_answer(&error))
    }

    fn client(&self, url: &Url) -> &Client {
        match Door::of(url, self.reach) {
            Some(Door::Any) => &self.any,
            Some(Door::NotPublic) => &self.not_public,
            Some(Door::Public) | None => &self.public,
        }
    }

    /// Why there is no answer, without the address.
    fn without_an_answer(&self, error: &reqwest::Error) -> String {
        let causes = std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source());
        if let Some(refused) = causes.into_iter().find_map(|cause| cause.downcast_ref::<Refused>()) {
            return refused.to_string();
        }
        if error.is_dns() {
            "the name of the host cannot be resolved: check the address".to_owned()
        } else if error.is_timeout() {
            format!("no answer within {} ms: answer first and work afterwards", self.patience.as_millis())
        } else if error.is_connect() {
            "no connection: check that the receiver runs and that its certificate is valid".to_owned()
        } else {
            "the connection ended before an answer".to_owned()
        }
    }
}

fn judged(response: &Response, now: DateTime<Utc>) -> Answer {
    let status = response.status();
    if status.is_success() {
        return Answer::Taken;
    }
    if status == StatusCode::GONE {
        return Answer::Gone;
    }
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    Answer::Failed { retry_after: header.and_then(|header| retry_after(header, now)) }
}

/// What a status means for the subscriber.
fn in_words(status: StatusCode) -> String {
    let remedy = match status {
        StatusCode::GONE => "it wants no more events",
        status if status.is_redirection() => "redirects are not followed, so change the address of the subscription",
        status if status.is_client_error() => "it refuses the event",
        _ => "it failed",
    };
    format!("the receiver answered {}: {remedy}", status.as_u16())
}

/// Reads the rest of an answer up to a small size, so that the connection can be used again.
async fn discard(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(part)) = response.chunk().await {
        read += part.len();
        if read > BODY_MAX {
            return;
        }
    }
}
