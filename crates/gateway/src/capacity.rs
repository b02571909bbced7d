//! Capacity: the number of requests that the service handles at once. Accepted requests are answered in time, and
//! the response to any other says at once when to retry.
//!
//! The number of places adapts to the machine. If all places are taken and responses become slow, it is reduced; if
//! responses are quick and requests are still refused, it is increased. A request is never refused while places are
//! free, except for a login that already has most of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use async_graphql::ServerError;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::answer::Answer;
use super::{Problem, negotiation};
use crate::caller::CallerKey;
use crate::code::Code;

/// The most requests at once, unless `serve --requests` sets another number.
pub const REQUESTS: usize = 512;
/// The smallest number of places. Some requests only wait for others and use few resources.
const PLACES_MIN: usize = 8;
/// A response that takes longer counts as slow.
const SLOW: Duration = Duration::from_millis(500);
/// The period after which the number of places is adjusted.
const WINDOW: Duration = Duration::from_millis(100);
/// The delay before a refused request should be retried.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The places of one service.
#[derive(Debug)]
pub struct Capacity {
    most: usize,
    state: Mutex<State>,
}

/// The places taken and the recent measurements.
#[derive(Debug)]
struct State {
    /// The current number of places.
    places: usize,
    taken: usize,
    /// The places taken by each caller. Only callers with a place are kept.
    of_logins: HashMap<CallerKey, usize>,
    turned_away: u64,
    window: Window,
}

/// The measurements since the number of places was last adjusted.
#[derive(Debug)]
struct Window {
    began: Instant,
    answered: usize,
    slow: usize,
    turned_away: usize,
}

impl Window {
    const fn at(began: Instant) -> Self {
        Self { began, answered: 0, slow: 0, turned_away: 0 }
    }
}

/// No place is free for another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// A place, held until it is dropped.
#[derive(Debug)]
pub struct Taken {
    capacity: Arc<Capacity>,
    login: Mutex<Option<CallerKey>>,
    since: Instant,
}

/// The current load and the number of refused requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// The number of requests that may be handled at once now.
    pub places: usize,
    /// The number of requests being handled.
    pub taken: usize,
    /// The number of requests refused since the service started.
    pub turned_away: u64,
}

impl Default for Capacity {
    fn default() -> Self {
        Self::of(REQUESTS)
    }
}

impl Capacity {
    /// Creates this many places at most, and at least one.
    pub fn of(most: usize) -> Self {
        let most = most.max(1);
        let window = Window::at(Instant::now());
        let state = State { places: most, taken: 0, of_logins: HashMap::new(), turned_away: 0, window };
        Self { most, state: Mutex::new(state) }
    }

    /// Takes a place for a request before its caller is known.
    pub fn enter(self: &Arc<Self>) -> Result<Taken, Full> {
        self.enter_at(Instant::now())
    }

    /// Takes a place for a request of a caller.
    pub fn enter_by(self: &Arc<Self>, who: &CallerKey) -> Result<Taken, Full> {
        let taken = self.enter()?;
        taken.by(who).map(|()| taken)
    }

    fn enter_at(self: &Arc<Self>, now: Instant) -> Result<Taken, Full> {
        let mut state = self.state();
        if state.taken >= state.places {
            state.turn_away();
            state.look(now, self.most);
            return Err(Full);
        }
        state.taken += 1;
        Ok(Taken { capacity: Arc::clone(self), login: Mutex::default(), since: now })
    }

    /// The current load.
    pub fn load(&self) -> Load {
        let state = self.state();
        Load { places: state.places, taken: state.taken, turned_away: state.turned_away }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the lock")
    }

    fn leave_at(&self, now: Instant, since: Instant, login: Option<CallerKey>) {
        let mut state = self.state();
        state.taken -= 1;
        if let Some(login) = login
            && let Some(has) = state.of_logins.get_mut(&login)
        {
            *has -= 1;
            if *has == 0 {
                state.of_logins.remove(&login);
            }
        }
        state.window.answered += 1;
        state.window.slow += usize::from(now.duration_since(since) > SLOW);
        state.look(now, self.most);
    }
}

impl State {
    const fn turn_away(&mut self) {
        self.turned_away += 1;
        self.window.turned_away += 1;
    }

    /// Adjusts the number of places at the end of a window. It is reduced only if a request was refused in the window:
    /// otherwise no request waits for a place, and slow responses have other causes.
    fn look(&mut self, now: Instant, most: usize) {
        if now.duration_since(self.window.began) < WINDOW {
            return;
        }
        let window = std::mem::replace(&mut self.window, Window::at(now));
        let is_slow = window.slow * 10 > window.answered;
        if window.turned_away > 0 && window.answered > 0 {
            self.places = if is_slow { self.places * 3 / 4 } else { self.places + self.places.div_ceil(8) };
        } else if window.turned_away == 0 && !is_slow {
            self.places += self.places.div_ceil(8);
        }
        self.places = self.places.clamp(PLACES_MIN.min(most), most);
    }
}

impl Taken {
    /// Assigns the place to a caller. No login can have more than three quarters of the places, so that others find
    /// some.
    pub fn by(&self, who: &CallerKey) -> Result<(), Full> {
        let mut state = self.capacity.state();
        let share = (state.places * 3 / 4).max(1);
        let login = who.clone();
        let has = state.of_logins.entry(login.clone()).or_default();
        if *has >= share {
            state.turn_away();
            return Err(Full);
        }
        *has += 1;
        *self.login.lock().expect("no code panics while it holds the lock") = Some(login);
        Ok(())
    }
}

impl Full {
    /// The response to a refused request: GraphQL if the request is GraphQL.
    pub fn response(self, http: &Request) -> Response {
        let accepted = (http.method() == Method::POST).then(|| negotiation::negotiate(http.headers())).flatten();
        if let Some(media) = accepted.and_then(|accepted| accepted.single) {
            return Answer::refused(vec![self.into()]).into_response(media);
        }
        Problem::from(self).into_response()
    }
}

impl From<Full> for Problem {
    fn from(_: Full) -> Self {
        let detail = "the service is at capacity: try again after Retry-After";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).after(ASK_AGAIN)
    }
}

impl From<Full> for ServerError {
    fn from(_: Full) -> Self {
        let message = "the service is at capacity: try again after retryAfterMs";
        let mut error = Code::Unavailable.refusal_for_now(message, ASK_AGAIN);
        error.extensions.get_or_insert_default().set("commandInDoubt", false);
        error
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let login = self.login.get_mut().expect("no code panics while it holds the lock").take();
        self.capacity.leave_at(Instant::now(), self.since, login);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::tests::key;

    #[test]
    fn a_returned_place_is_free_again() {
        let capacity = Arc::new(Capacity::of(2));
        let first = capacity.enter().expect("free");
        let second = capacity.enter().expect("free");
        assert_eq!(capacity.enter().map(drop), Err(Full));
        drop(first);
        let third = capacity.enter().expect("free again");
        assert_eq!(capacity.load(), Load { places: 2, taken: 2, turned_away: 1 });
        drop((second, third));
        assert_eq!(capacity.load().taken, 0);
    }

    #[test]
    fn one_caller_leaves_places_for_others() {
        let capacity = Arc::new(Capacity::of(8));
        let entered = |who: &str| {
            let taken = capacity.enter().expect("free");
            taken.by(&key(who)).map(|()| taken)
        };
        let mine: Vec<Taken> = (0..6).map(|_| entered("zo\u{e9}").expect("within the share")).collect();
        assert_eq!(entered("zo\u{e9}").map(drop), Err(Full));
        let other = entered("ben").expect("others find places");
        drop(mine);
        assert!(capacity.state().of_logins.len() == 1, "only those who have places are kept");
        assert!(entered("zo\u{e9}").is_ok());
        drop(other);
    }

    /// Answers a window's requests, each after this delay, while others are refused.
    fn window(capacity: &Arc<Capacity>, now: &mut Instant, took: Duration) {
        *now += WINDOW * 10;
        let entered = *now;
        let taken: Vec<Taken> = std::iter::from_fn(|| capacity.enter_at(*now).ok()).collect();
        *now += took.max(WINDOW);
        for mut taken in taken {
            let login = taken.login.get_mut().expect("a login").take();
            capacity.leave_at(entered + took, taken.since, login);
            std::mem::forget(taken);
        }
    }

    #[test]
    fn slow_responses_reduce_the_places_and_quick_ones_restore_them() {
        let (capacity, mut now) = (Arc::new(Capacity::of(64)), Instant::now());
        for _ in 0..40 {
            window(&capacity, &mut now, SLOW * 2);
        }
        assert_eq!(capacity.load().places, PLACES_MIN);
        for _ in 0..40 {
            window(&capacity, &mut now, SLOW / 10);
        }
        assert_eq!(capacity.load().places, 64);
    }

    #[test]
    fn slow_responses_change_nothing_while_no_request_is_refused() {
        let (capacity, mut now) = (Arc::new(Capacity::of(64)), Instant::now());
        for _ in 0..40 {
            let taken = capacity.enter_at(now).expect("free");
            now += SLOW * 4;
            capacity.leave_at(now, taken.since, None);
            std::mem::forget(taken);
        }
        assert_eq!(capacity.load().places, 64);
    }
}
