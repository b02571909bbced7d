//! The follower: the one task of a process that applies new events of the log to the live view, follows the pointer
//! when another process moves it, and starts a rebuild when a further rulebook was published.
//!
//! It holds no lock between two steps, and no error ends it.

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

/// How often a node checks for events appended or views switched by another node.
const POLL: Duration = Duration::from_millis(100);
/// The wait after an error before the next attempt.
const AFTER_A_FAULT: Duration = Duration::from_secs(1);
/// The wait before the next attempt when another process is in the way.
const IN_THE_WAY: Duration = Duration::from_secs(3);

/// Postponed work.
#[derive(Default)]
struct Later {
    /// When to check again for unused generations that were in use.
    sweep: Option<Instant>,
    /// When to start a rebuild for a further rulebook, unless another process does.
    rebuild: Option<Instant>,
}

impl Later {
    fn is_due(at: Option<Instant>) -> bool {
        at.is_some_and(|at| at <= Instant::now())
    }
}

impl Views {
    /// Keeps the live view up to date while it is polled, and monitors whether it moves.
    pub async fn keep_up(self) {
        tokio::join!(self.keep_following(), self.watch_standstill(), self.check_all_pages());
    }

    /// Checks every page of the live view once, and starts a rebuild if it is damaged. For a large view this takes too
    /// long to do at the start.
    async fn check_all_pages(&self) {
        let live = self.live();
        match live.must_be_sound(Depth::Pages).await {
            Ok(()) => {}
            Err(error) if is_of_the_view(&error) => self.replace_damaged(live, &error).await,
            Err(error) => tracing::warn!(error = ?error, "the live view could not be checked"),
        }
    }

    /// Starts a rebuild to replace a damaged view. The damaged view answers until then and is never rolled back to.
    async fn replace_damaged(&self, damaged: Arc<Generation>, error: &ViewError) {
        if damaged.is_condemned() {
            return;
        }
        damaged.condemn();
        tracing::error!(generation = damaged.number, error = ?error, "the live view is damaged; another view is built");
        while Arc::ptr_eq(&self.live(), &damaged) {
            match self.right_to_build().await {
                Ok(right) => return self.start_rebuild(right, Options::default()),
                Err(ViewError::Building) => {}
                Err(error) => tracing::warn!(error = ?error, "no view has replaced the damaged one yet"),
            }
            tokio::time::sleep(IN_THE_WAY).await;
        }
    }

    /// Checks regularly whether the live view follows the log, so that the answer is ready when it is asked for. It
    /// does not wait for anything that the follower waits for.
    async fn watch_standstill(&self) {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_still = false;
        loop {
            poll.tick().await;
            let head = *self.shared.log.newest().borrow();
            let is_still = self.stands_still(head).is_some();
            let position = *self.live().position().borrow();
            match (was_still, is_still) {
                (false, true) => tracing::error!(%position, %head, "the live view does not move while the log grows"),
                (true, false) => tracing::info!(%position, %head, "the live view moves again"),
                _ => {}
            }
            was_still = is_still;
        }
    }

    async fn keep_following(&self) {
        let mut later = Later { sweep: Some(Instant::now()), rebuild: Some(Instant::now()) };
        loop {
            // A fault of this program must not end this task silently.
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

    /// Follows the log and the pointer until an error.
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
            // Until the log has events that the live view has not applied. The log is polled, because another node may
            // have appended them.
            loop {
                tokio::select! {
                    _ = newest.changed() => break,
                    _ = live.changed() => break,
                    () = self.shared.log.store().lease_ended() => later.sweep = Some(Instant::now()),
                    _ = poll.tick() => {
                        let pointer = pointer::read(self.shared.log.store()).await?;
                        self.shared.log.announce(pointer.head);
                        if pointer.live != self.live().number {
                            self.adopt().await?;
                        }
                        self.delete_unused(later).await;
                        // If another view is live, leave this one, even if nothing is appended.
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

    /// Whether a projector updates the very generation that answers here. Comparing numbers is not enough: a rollback
    /// opens a generation again, and its readers do not see the positions announced to the one opened earlier.
    fn is_live(&self, projector: &Projector) -> bool {
        Arc::ptr_eq(&self.live(), projector.generation())
    }

    /// Takes over the generation that another process has made live, once it has reached the position of the one that
    /// was live here. If this build cannot update it, the old one stays, and this server reports that it is not ready.
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
                super::prepare(projector.generation(), self.shared.questions).await?;
                tracing::info!(generation = pointer.live, "following another view, which is now live");
                self.goes_live(Arc::clone(projector.generation()));
            }
            Found::Foreign(_) => {
                if !self.shared.is_foreign.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        generation = pointer.live,
                        "the live view belongs to another version of this program"
                    );
                }
            }
            // It was replaced before it could be opened. The next check finds its successor.
            Found::Nothing => {}
        }
        Ok(())
    }

    /// Starts a rebuild with the rulebooks that the live view does not apply, unless the view was rolled back from
    /// them.
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

    /// Deletes generations that are no longer needed.
    async fn delete_unused(&self, later: &mut Later) {
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
