//! Keeping up: the one task of a process that brings the live view up to the log, follows the pointer when another
//! process moves it, and has a new view built when a further rulebook was published.
//!
//! It holds no lock between two steps, and nothing that fails ends it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::time::MissedTickBehavior;

use super::generation::{Found, Generation};
use super::project::Projector;
use super::rebuild::Options;
use super::soundness::{Depth, is_of_the_view};
use super::{ViewError, Views, pointer};
use crate::store::is_corrupt;
use crate::telemetry::repeated::Repeated;

static DOES_NOT_FOLLOW: Repeated = Repeated::of("the live view does not follow the log");
static NOT_RULED: Repeated = Repeated::of("no view is built with the new rulebook yet");
static NOT_SWEPT: Repeated = Repeated::warning("earlier views could not be removed yet");

/// How often a node looks for what another node has appended or switched.
const POLL: Duration = Duration::from_millis(100);
/// How long it waits after something failed before it tries again.
const AFTER_A_FAULT: Duration = Duration::from_secs(1);
/// How long it waits before it tries again what another process stands in the way of.
const IN_THE_WAY: Duration = Duration::from_secs(3);

/// What has been put off.
#[derive(Default)]
struct Later {
    /// Generations that somebody held are looked at again then.
    sweep: Option<Instant>,
    /// A further rulebook is built into a view then, unless somebody does.
    rebuild: Option<Instant>,
}

impl Later {
    fn is_due(at: Option<Instant>) -> bool {
        at.is_some_and(|at| at <= Instant::now())
    }
}

impl Views {
    /// Keeps the live view up to the log for as long as it is polled, and sees whether it does.
    pub async fn keep_up(self) {
        tokio::join!(self.follow_on(), self.look_on(), self.look_over());
    }

    /// Looks at every page of the live view once, which takes longer than a start may where the view is large, and has
    /// another built if it is damaged.
    async fn look_over(&self) {
        let live = self.live();
        match live.must_be_sound(Depth::Pages).await {
            Ok(()) => {}
            Err(error) if is_of_the_view(&error) => self.replace_damaged(live, &error).await,
            Err(error) => tracing::warn!(error = ?error, "the live view could not be looked at"),
        }
    }

    /// Has a view built in place of a damaged one, which answers until then, and is not gone back to.
    async fn replace_damaged(&self, damaged: Arc<Generation>, error: &ViewError) {
        if damaged.is_condemned() {
            return;
        }
        damaged.condemn();
        tracing::error!(generation = damaged.number, error = ?error, "the live view is damaged; another is built");
        while Arc::ptr_eq(&self.live(), &damaged) {
            match self.right_to_build().await {
                Ok(right) => return self.start_rebuild(right, Options::default()),
                Err(ViewError::Building) => {}
                Err(error) => tracing::warn!(error = ?error, "no view is built in place of the damaged one yet"),
            }
            tokio::time::sleep(IN_THE_WAY).await;
        }
    }

    /// Sees now and then whether the live view follows the log, so that whoever asks hears of it at once. It waits for
    /// nothing that following waits for.
    async fn look_on(&self) {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_still = false;
        loop {
            poll.tick().await;
            let head = *self.shared.log.newest().borrow();
            let is_still = self.stands_still(head).is_some();
            let position = *self.live().position().borrow();
            match (was_still, is_still) {
                (false, true) => tracing::error!(%position, %head, "the live view stands still while the log goes on"),
                (true, false) => tracing::info!(%position, %head, "the live view moves again"),
                _ => {}
            }
            was_still = is_still;
        }
    }

    async fn follow_on(&self) {
        let mut later = Later { sweep: Some(Instant::now()), rebuild: Some(Instant::now()) };
        loop {
            // A fault of this program must not end this task in silence.
            let ended = AssertUnwindSafe(self.follow(&mut later)).catch_unwind().await;
            if let Ok(error @ ViewError::Store(fault)) = &ended
                && is_corrupt(fault)
            {
                self.replace_damaged(self.live(), error).await;
            }
            let error = ended.map_or_else(|_| "it panicked".to_owned(), |error| format!("{error:?}"));
            DOES_NOT_FOLLOW.met(&format_args!("{error}"));
            tokio::time::sleep(AFTER_A_FAULT).await;
        }
    }

    /// Follows the log and the pointer until something fails.
    async fn follow(&self, later: &mut Later) -> ViewError {
        loop {
            let error = match Projector::new(self.shared.log.clone(), self.live()).await {
                Ok(projector) => self.follow_with(projector, later).await,
                Err(error) => Err(error),
            };
            if let Err(error) = error {
                return error;
            }
        }
    }

    /// Follows with one projector until another generation is live.
    async fn follow_with(&self, mut projector: Projector, later: &mut Later) -> Result<(), ViewError> {
        let mut newest = self.shared.log.newest();
        let mut live = self.shared.live.subscribe();
        let retries = self.shared.retries.load(Ordering::Relaxed);
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.is_live(&projector) && retries == self.shared.retries.load(Ordering::Relaxed) {
            newest.mark_unchanged();
            while projector.step().await? {}
            self.rule(&projector, later).await;
            // Until there are events that the live view has not. The log is asked now and then, for another node may
            // have appended them.
            loop {
                tokio::select! {
                    _ = newest.changed() => break,
                    _ = live.changed() => break,
                    () = self.shared.log.store().let_go() => later.sweep = Some(Instant::now()),
                    _ = poll.tick() => {
                        let pointer = pointer::read(self.shared.log.store()).await?;
                        self.shared.log.announce(pointer.head);
                        if pointer.live != self.live().number {
                            self.adopt().await?;
                        }
                        self.tidy(later).await;
                        // Where another is live this one is let go of, though nothing is appended.
                        if !self.is_live(&projector) || pointer.head > *projector.generation().position().borrow() {
                            break;
                        }
                        self.rule(&projector, later).await;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a projector keeps up the very view that answers here. A number does not say so: a view that was gone back
    /// to is opened anew, and whoever waits for it hears nothing of what is announced to the one opened before.
    fn is_live(&self, projector: &Projector) -> bool {
        Arc::ptr_eq(&self.live(), projector.generation())
    }

    /// Takes in the generation that another process has made the live one, once it is as far as the one that was live
    /// here. One that this build cannot keep up is left alone: the one that was live goes on, and this server says that
    /// it is not ready.
    pub(super) async fn adopt(&self) -> Result<(), ViewError> {
        let _switching = self.shared.switching.lock().await;
        let pointer = pointer::read(self.shared.log.store()).await?;
        let old = self.live();
        if pointer.live == old.number {
            return Ok(());
        }
        let log = &self.shared.log;
        match Generation::open(log.store(), log.store().place(), pointer.live).await? {
            Found::Ours(new) => {
                let mut projector = Projector::new(log.clone(), Arc::new(new)).await?;
                while projector.step().await? || *projector.generation().position().borrow() < *old.position().borrow()
                {
                }
                crate::store::prepare(&projector.generation().reader, &super::statements()).await?;
                tracing::info!(generation = pointer.live, "following another view, which is live now");
                self.goes_live(Arc::clone(projector.generation()));
            }
            Found::Foreign(_) => {
                if !self.shared.is_foreign.swap(true, Ordering::Relaxed) {
                    tracing::warn!(generation = pointer.live, "the live view is of another version of this program");
                }
            }
            // It was replaced before it could be opened: the next look finds the next.
            Found::Nothing => {}
        }
        Ok(())
    }

    /// Has a view built with the rulebooks that the live one leaves out, unless somebody has gone back from them.
    async fn rule(&self, projector: &Projector, later: &mut Later) {
        let Some(newest) = projector.newest_rulebook_left_out() else { return };
        if !Later::is_due(later.rebuild) || !self.is_current() {
            return;
        }
        later.rebuild = Some(Instant::now() + IN_THE_WAY);
        let started = async {
            if newest > pointer::read(self.shared.log.store()).await?.rulebooks_seen {
                tracing::info!(position = %newest, "a further rulebook was published; a view is built with it");
                self.start_rebuild(self.right_to_build().await?, Options::default());
            }
            Ok(())
        };
        match started.await {
            Ok(()) | Err(ViewError::Building) => {}
            Err(error) => NOT_RULED.met(&error),
        }
    }

    /// Removes generations that nobody needs any more.
    async fn tidy(&self, later: &mut Later) {
        if Later::is_due(later.sweep) {
            later.sweep = match self.sweep().await {
                Ok(true) => None,
                Ok(false) => Some(Instant::now() + IN_THE_WAY),
                Err(error) => {
                    NOT_SWEPT.met(&error);
                    Some(Instant::now() + IN_THE_WAY)
                }
            };
        }
    }
}
