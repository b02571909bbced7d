//! Capacity: how many requests the service works on at once, so that what it accepts is answered in time and the rest
//! hears at once when to come back.
//!
//! The number follows what the machine can do. While every place is taken and answers become slow, there are too many
//! places; once answers are quick again and requests are still turned away, there are too few. It must never turn a
//! request away while places are free, but for a login that has most of them already.

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

/// The most requests at once, unless `serve --requests` says otherwise.
pub const REQUESTS: usize = 512;
/// The fewest places that slow answers leave: some requests wait for somebody else and use nothing meanwhile.
const PLACES_MIN: usize = 8;
/// An answer that takes longer is slow.
const SLOW: Duration = Duration::from_millis(500);
/// How long answers are looked at before the number of places changes.
const WINDOW: Duration = Duration::from_millis(100);
/// When to ask again after having been turned away.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The places of one service.
#[derive(Debug)]
pub struct Capacity {
    most: usize,
    books: Mutex<Books>,
}

/// Who has places, and how it goes.
#[derive(Debug)]
struct Books {
    /// How many places there are now.
    places: usize,
    taken: usize,
    /// By caller; of those who have any.
    of_logins: HashMap<CallerKey, usize>,
    turned_away: u64,
    window: Window,
}

/// What has happened since the number of places was last looked at.
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

/// There is no place for another request now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Taken {
    capacity: Arc<Capacity>,
    login: Mutex<Option<CallerKey>>,
    since: Instant,
}

/// How many requests there are, and how many were turned away so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// The requests that may be worked on at once now.
    pub places: usize,
    /// Those that are.
    pub taken: usize,
    /// Those that were turned away since the service began.
    pub turned_away: u64,
}

impl Default for Capacity {
    fn default() -> Self {
        Self::of(REQUESTS)
    }
}

impl Capacity {
    /// At most so many requests at once; at least one.
    pub fn of(most: usize) -> Self {
        let most = most.max(1);
        let window = Window::at(Instant::now());
        let books = Books { places: most, taken: 0, of_logins: HashMap::new(), turned_away: 0, window };
        Self { most, books: Mutex::new(books) }
    }

    /// Takes a place for a request, before it is known who sends it.
    pub fn enter(self: &Arc<Self>) -> Result<Taken, Full> {
        self.enter_at(Instant::now())
    }

    /// Takes a place for a request of somebody.
    pub fn enter_by(self: &Arc<Self>, who: &CallerKey) -> Result<Taken, Full> {
        let taken = self.enter()?;
        taken.by(who).map(|()| taken)
    }

    fn enter_at(self: &Arc<Self>, now: Instant) -> Result<Taken, Full> {
        let mut books = self.books();
        if books.taken >= books.places {
            books.turn_away();
            books.look(now, self.most);
            return Err(Full);
        }
        books.taken += 1;
        Ok(Taken { capacity: Arc::clone(self), login: Mutex::default(), since: now })
    }

    /// How it stands.
    pub fn load(&self) -> Load {
        let books = self.books();
        Load { places: books.places, taken: books.taken, turned_away: books.turned_away }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nobody panics while holding the books")
    }

    fn leave_at(&self, now: Instant, since: Instant, login: Option<CallerKey>) {
        let mut books = self.books();
        books.taken -= 1;
        if let Some(login) = login
            && let Some(has) = books.of_logins.get_mut(&login)
        {
            *has -= 1;
            if *has == 0 {
                books.of_logins.remove(&login);
            }
        }
        books.window.answered += 1;
        books.window.slow += usize::from(now.duration_since(since) > SLOW);
        books.look(now, self.most);
    }
}

impl Books {
    const fn turn_away(&mut self) {
        self.turned_away += 1;
        self.window.turned_away += 1;
    }

    /// Changes the number of places at the end of a window in which somebody was turned away: where nobody is, nobody waits
    /// for a place, and how long an answer takes is its own affair.
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
    /// Says whose request it is. No login has more than three quarters of the places, so that others find some.
    pub fn by(&self, who: &CallerKey) -> Result<(), Full> {
        let mut books = self.capacity.books();
        let share = (books.places * 3 / 4).max(1);
        let login = who.clone();
        let has = books.of_logins.entry(login.clone()).or_default();
        if *has >= share {
            books.turn_away();
            return Err(Full);
        }
        *has += 1;
        *self.login.lock().expect("nobody panics while holding it") = Some(login);
        Ok(())
    }
}

impl Full {
    /// What a request is answered that is turned away: as GraphQL where it asks in GraphQL.
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
        let detail = "the service has as much to do as it can: ask again after Retry-After";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).after(ASK_AGAIN)
    }
}

impl From<Full> for ServerError {
    fn from(_: Full) -> Self {
        let message = "the service has as much to do as it can: ask again when retryAfterMs has passed";
        let mut error = Code::Unavailable.refusal_for_now(message, ASK_AGAIN);
        error.extensions.get_or_insert_default().set("commandInDoubt", false);
        error
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let login = self.login.get_mut().expect("nobody panics while holding it").take();
        self.capacity.leave_at(Instant::now(), self.since, login);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::tests::key;

    #[test]
    fn there_are_so_many_places_and_one_that_is_given_back_is_free() {
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
        assert!(capacity.books().of_logins.len() == 1, "only those who have places are kept");
        assert!(entered("zo\u{e9}").is_ok());
        drop(other);
    }

    /// Answers a window's requests, each after so long, while others are turned away.
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
    fn slow_answers_leave_fewer_places_and_quick_ones_more_again() {
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
    fn slow_answers_change_nothing_while_nobody_is_turned_away() {
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
