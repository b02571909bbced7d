//! The naive way to build a view: read every journey's events from the public API, page by page, and fold them.
//!
//! It reads a sample spread over the log and gives the time for one journey. Nothing is written, which favours it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::client::{Connection, Request};
use super::generate::CONTRACT;
use super::over_http::{Server, token};
use crate::access::Role;
use crate::access::token::LocalKey;
use crate::deployment::Deployment;
use crate::http;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::History;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{Envelope, JourneyId, Position, StreamKind};
use throughline_gateway::Terms;

/// The most journeys that a round reads.
const SAMPLE: u64 = 200;
/// The clients' query for events, with the default page size.
const EVENTS: &str = include_str!("../../schema/operations/events.graphql");

/// A server over the log, and the journeys to read.
pub(super) struct Naive {
    server: Server,
    token: String,
    sample: Vec<JourneyId>,
    rulebook: Rulebook,
}

impl Naive {
    /// Serves a deployment, and chooses journeys.
    pub(super) async fn over(deployment: &Deployment, key: &Path, journeys: u64) -> Result<Self> {
        let key = Arc::new(LocalKey::read_or_make(key)?);
        let token = token(&key, Role::Auditor, "bench");
        let server = Server::of(http::router(deployment.app(), key, Terms::without_budget())).await?;
        let text = pack(CONTRACT).context("it ships")?.text;
        let rulebook = Rulebook::parse(text).ok().context("a pack is read")?;
        let (mut sample, most) = (Vec::new(), SAMPLE.min(journeys));
        let head = deployment.log.head().await?.position.0.unsigned_abs();
        for nth in 0..most {
            let after = Position(i64::try_from(head * nth / most)?);
            let page = deployment.log.page_of(after, Position(i64::MAX), 100).await?;
            let journey = page.iter().find(|event| event.stream.kind == StreamKind::Journey);
            sample.extend(journey.map(|event| JourneyId(event.stream.id)));
        }
        ensure!(!sample.is_empty(), "the log holds journeys");
        Ok(Self { server, token, sample, rulebook })
    }

    /// Stops the server.
    pub(super) async fn stop(self) {
        self.server.stop().await;
    }

    /// The average time for one journey of the sample.
    pub(super) async fn of_one(&self) -> Result<Duration> {
        let mut connection = Connection::to(self.server.address).await?;
        let (began, mut rows) = (Instant::now(), 0);
        for journey in &self.sample {
            rows += self.rows_of(&mut connection, *journey).await?;
        }
        ensure!(rows > 0, "journeys have rows");
        Ok(began.elapsed() / u32::try_from(self.sample.len())?)
    }

    /// Reads a journey's events and folds them. Returns the number of its rows.
    async fn rows_of(&self, connection: &mut Connection, journey: JourneyId) -> Result<usize> {
        let (mut events, mut after) = (Vec::new(), Value::Null);
        loop {
            let variables = json!({ "after": after, "filter": { "journey": journey.0 } });
            let request = Request::graphql(&self.token, EVENTS, &variables, "\"hasNextPage\"");
            let answer: Value = serde_json::from_slice(connection.ask(&request).await?)?;
            let page = &answer["data"]["events"];
            for node in page["nodes"].as_array().context("a page has nodes")? {
                let record = node["record"].as_str().context("an auditor reads records")?;
                events.push(Recorded::decode(&Envelope::from_record(record)?)?);
            }
            if page["pageInfo"]["hasNextPage"] != true {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        let history = History::of(events);
        Ok(throughline_projections::rows_of_journey(journey, CONTRACT, &history.facts(), &self.rulebook).iter().count())
    }
}
