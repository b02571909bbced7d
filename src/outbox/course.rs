//! The course of one subscription: event after event, one attempt at a time.
//!
//! The next event is sent only after the one before it was taken. The cursor is stored with each attempt, so that a
//! process which ends in the middle repeats one delivery at most. What is sent is decided anew for each part of the log,
//! by the rights that an integrator of the contract has at that moment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use uuid::Uuid;

use super::retry::{self, Failures, GIVES_UP_AFTER, Next};
use super::sender::{Sender, Sent, Webhook};
use super::subscription::{Attempt, Delivery, State, Subscription};
use super::{Fault, Outbox};
use crate::clock::Chance;
use crate::export::ndjson::Zones;
use crate::queries::event_visibility;
use crate::record::{DEPLOYMENT_ZONE, civil_day};
use crate::telemetry::repeated::Repeated;
use throughline_domain::fact::envelope::{Envelope, Position};

static STUCK: Repeated = Repeated::of("webhooks of a subscription cannot be read or stored");

/// The number of events read at once. They are sent one by one, so there is no need for many.
const PAGE: i64 = 100;
/// The wait after a failure of the store.
const AFTER_A_FAULT: Duration = Duration::from_secs(5);
/// The longest wait for an event until the subscription is read again.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// What one subscription's task holds.
pub(super) struct Course {
    pub(super) outbox: Outbox,
    pub(super) sender: Arc<Sender>,
    /// The places of all subscriptions for attempts at the same time.
    pub(super) places: Arc<Semaphore>,
    pub(super) id: Uuid,
}

/// Events that come next, read for one state of the subscription.
#[derive(Debug, Default)]
struct Ahead {
    version: i64,
    run: i64,
    events: VecDeque<Envelope>,
    /// The position up to which the log was searched.
    searched: Position,
}

impl Course {
    /// Sends until the subscription is no longer active.
    pub(super) async fn run(self) {
        while let Err(fault) = self.send_all().await {
            STUCK.met(&fault);
            tokio::time::sleep(AFTER_A_FAULT).await;
        }
    }

    async fn send_all(&self) -> Result<(), Fault> {
        let shared = &self.outbox.shared;
        let mut changed = shared.changed.subscribe();
        let mut zones = Zones::load(&shared.log, shared.log.head().await?.position).await?;
        let mut ahead = Ahead::default();
        loop {
            changed.mark_unchanged();
            let found = shared.tables.find(self.id).await?;
            let Some(of) = found.filter(|of| of.state == State::Active) else { return Ok(()) };
            if let Some(due) = of.next_attempt.filter(|due| *due > shared.clock.now()) {
                tokio::select! {
                    () = shared.clock.reached(due) => {}
                    _ = changed.changed() => {}
                }
                continue;
            }
            if ahead.events.is_empty() || (ahead.version, ahead.run) != (of.version, of.run) {
                ahead = self.ahead(&of).await?;
            }
            let Some(event) = ahead.events.pop_front() else {
                if ahead.searched > of.position {
                    shared.tables.pass(&of.cursor(), ahead.searched).await?;
                }
                tokio::select! {
                    _ = shared.views.passed(ahead.searched.max(of.position).next(), LOOK_AGAIN) => {}
                    _ = changed.changed() => {}
                }
                continue;
            };
            if !self.attempt(&of, &event, zones.line(&event)?).await? {
                ahead.events.clear();
            }
        }
    }

    /// The next events that the subscriber may see, as far as the live view has applied the log.
    async fn ahead(&self, of: &Subscription) -> Result<Ahead, Fault> {
        let shared = &self.outbox.shared;
        let live = shared.views.live();
        let upto = *live.position().borrow();
        let today = civil_day(shared.clock.now(), DEPLOYMENT_ZONE);
        let (reader, lanes) = (of.reader(), of.lanes());
        let mut ahead = Ahead { version: of.version, run: of.run, searched: of.position, events: VecDeque::new() };
        while ahead.searched < upto && ahead.events.is_empty() {
            let page = shared.log.page_among(&lanes, ahead.searched, upto, PAGE).await?;
            // A page that is not full is the last one.
            let is_full = i64::try_from(page.len()).is_ok_and(|read| read >= PAGE);
            ahead.searched = page.last().map(|last| last.position).filter(|_| is_full).unwrap_or(upto);
            let visible = event_visibility::filter(&live, &reader, today, &page).await?;
            ahead.events = page.into_iter().filter(|event| of.wants(event) && visible(event)).collect();
        }
        Ok(ahead)
    }

    /// Sends one event once, and stores what became of it. Returns whether the next event is next.
    async fn attempt(&self, of: &Subscription, event: &Envelope, body: String) -> Result<bool, Fault> {
        let shared = &self.outbox.shared;
        let place = self.places.acquire().await.expect("the places are never closed");
        // Read only now: a place may come late, and a key that was removed meanwhile signs nothing.
        let keys = shared.tables.keys(of.id).await?;
        let sent_at = shared.clock.now();
        let webhook = Webhook { url: &of.url, keys: &keys, id: event.event_id.0, body };
        let sent = self.sender.send(webhook, shared.clock.time_for_others()).await;
        drop(place);
        let failures = Failures { attempts: of.attempts + 1, since: of.failing_since.unwrap_or(sent_at) };
        let chance = u16::from_be_bytes(Chance::System.bytes());
        let next = retry::next(&sent.answer, failures, shared.clock.now(), chance);
        shared.count(next);
        let reason = reason(next, &sent);
        let delivery = Delivery {
            // The table numbers it.
            number: 0,
            position: event.position,
            event: event.event_id,
            event_type: event.event_type.clone(),
            attempt: failures.attempts,
            sent_at,
            is_delivered: next == Next::GoOn,
            status: sent.status,
            problem: sent.problem,
            took_ms: i64::try_from(sent.took.as_millis()).unwrap_or(i64::MAX),
            next_attempt: if let Next::Again(at) = next { Some(at) } else { None },
            is_dead: reason.is_some(),
        };
        let attempt = Attempt {
            delivery: &delivery,
            position: if delivery.is_delivered { event.position } else { of.position },
            state: if delivery.is_dead { State::Disabled } else { State::Active },
            reason: reason.as_deref(),
        };
        let is_stored = shared.tables.record(&of.cursor(), &attempt).await?;
        if let Some(reason) = &reason {
            tracing::warn!(subscription = %of.id, contract = of.contract, reason, "webhooks were stopped");
        }
        Ok(is_stored && delivery.is_delivered)
    }
}

/// Why a subscription is stopped; none if it is not.
fn reason(next: Next, sent: &Sent) -> Option<String> {
    let problem = sent.problem.as_deref().unwrap_or_default();
    match next {
        Next::GoOn | Next::Again(_) => None,
        Next::Stop => Some(problem.to_owned()),
        Next::GiveUp => Some(format!("one event was tried for {} hours; {problem}", GIVES_UP_AFTER.num_hours())),
    }
}
