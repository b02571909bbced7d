//! Writers that do not give up: each sends a contact again under its id until it is acknowledged, and holds the service
//! to what it said of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use throughline_domain::fact::envelope::JourneyId;
use tokio::task::JoinSet;

use super::{Node, PATIENCE, until};
use crate::client::{self, Client};
use crate::crash::Ledger;
use crate::field::Field;

/// How long a writer waits before it sends again what was not acknowledged.
const AGAIN: Duration = Duration::from_millis(50);

/// What the writers of one node have heard.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) acknowledged: AtomicU64,
    /// Not acknowledged: certainly not recorded, or in doubt.
    pub(super) not_recorded: AtomicU64,
    pub(super) in_doubt: AtomicU64,
    /// Connections that broke off.
    pub(super) broken: AtomicU64,
    /// The longest that an answer took, in milliseconds.
    pub(super) slowest: AtomicU64,
}

impl Heard {
    /// Waits until somebody is acknowledged from now on.
    pub(super) async fn goes_on(&self) {
        let before = self.acknowledged.load(Ordering::Relaxed);
        until("writes go on", async || self.acknowledged.load(Ordering::Relaxed) > before + 3).await;
    }

    /// What it comes to, in words.
    pub(super) fn told(&self) -> String {
        let [acknowledged, not_recorded, in_doubt, broken, slowest] =
            [&self.acknowledged, &self.not_recorded, &self.in_doubt, &self.broken, &self.slowest]
                .map(|number| number.load(Ordering::Relaxed));
        format!(
            "{acknowledged} acknowledged, {not_recorded} told that nothing was recorded, {in_doubt} in doubt, {broken} \
             broken off, slowest {slowest} ms"
        )
    }
}

/// What all writers share.
pub(super) struct Writers {
    field: Arc<Field>,
    journeys: Arc<[JourneyId]>,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

struct Writer {
    field: Arc<Field>,
    journeys: Arc<[JourneyId]>,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    heard: Arc<Heard>,
    address: String,
    token: String,
}

impl Writers {
    /// Nobody yet.
    pub(super) fn new(field: impl Into<Arc<Field>>, journeys: Vec<JourneyId>, ledger: &Path) -> Self {
        Self {
            field: field.into(),
            journeys: journeys.into(),
            ledger: Arc::new(Ledger::at(ledger)),
            stop: Arc::default(),
            tasks: JoinSet::new(),
        }
    }

    /// A number below another.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.field.below(end)
    }

    /// So many write to a node from now on.
    pub(super) fn write_to(&mut self, node: &Node, count: usize) -> Arc<Heard> {
        let heard = Arc::new(Heard::default());
        for _ in 0..count {
            let writer = Writer {
                field: Arc::clone(&self.field),
                journeys: Arc::clone(&self.journeys),
                ledger: Arc::clone(&self.ledger),
                stop: Arc::clone(&self.stop),
                heard: Arc::clone(&heard),
                address: node.address.clone(),
                token: node.token.clone(),
            };
            self.tasks.spawn(writer.write());
        }
        heard
    }

    /// Everybody stops; fails if one was told what is not so.
    pub(super) async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a writer was told the truth");
        }
    }
}

impl Writer {
    async fn write(self) {
        let mut client = None;
        while !self.is_over() {
            let (command, at) = (self.field.id(), self.field.below(self.journeys.len() as u64));
            let journey = self.journeys[usize::try_from(at).expect("few journeys")];
            let request = client::log_contact(&self.token, journey, command);
            let mut may_be_in = false;
            loop {
                match self.asked(&mut client, &request).await {
                    Ok(answer) if !answer["data"]["logContact"]["position"].is_null() => {
                        let is_replayed = answer["data"]["logContact"]["replayed"] == true;
                        assert!(
                            may_be_in || !is_replayed,
                            "{command} was certainly not recorded, and it was: {answer}"
                        );
                        self.ledger.acknowledged(command);
                        self.heard.acknowledged.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    Ok(answer) => {
                        let why = &answer["errors"][0]["extensions"];
                        assert_eq!(why["code"], "UNAVAILABLE", "{answer}");
                        let is_in_doubt = why["commandInDoubt"].as_bool().expect("it says whether it is in doubt");
                        may_be_in |= is_in_doubt;
                        let count = if is_in_doubt { &self.heard.in_doubt } else { &self.heard.not_recorded };
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(_) => {
                        (client, may_be_in) = (None, true);
                        self.heard.broken.fetch_add(1, Ordering::Relaxed);
                    }
                }
                if self.is_over() {
                    return;
                }
                // As a client waits before it sends the same again.
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    async fn asked(&self, client: &mut Option<Client>, request: &[u8]) -> std::io::Result<Value> {
        let began = Instant::now();
        let asking = async {
            let client = match client {
                Some(client) => client,
                None => client.insert(Client::to(&self.address).await?),
            };
            client.send(request).await?;
            Ok(client.answer().await?.1)
        };
        let answer = tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|late| Err(late.into()));
        let took = u64::try_from(began.elapsed().as_millis()).expect("not that long");
        self.heard.slowest.fetch_max(took, Ordering::Relaxed);
        answer
    }
}
