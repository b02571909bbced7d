//! The workforce over some days: slots, absence, vacant posts, cover, and scores under supervision.
//!
//! Pure. Everything lasts over days `[from, to)`, and nothing depends on today. Which workers and teams belong to a
//! contract is decided by who passes them in.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::figure::Figure;
use super::fraction::{Fraction, OutOfRange};
use super::measure::Workforce;
use crate::fact::envelope::{TeamId, WorkerId};

/// Days `[from, to)`, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    from: NaiveDate,
    to: NaiveDate,
}

impl DayRange {
    /// The days from one to before another. None if there are none.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// The days from a first to a last one. None if they are in reverse order.
    pub fn to_last(first: NaiveDate, last: NaiveDate) -> Option<Self> {
        Self::new(first, last.succ_opt()?)
    }

    /// The days that are in both.
    pub fn within(self, other: Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }

    /// The days before a day, and those from it on.
    pub fn split(self, day: NaiveDate) -> (Option<Self>, Option<Self>) {
        (Self::new(self.from, self.to.min(day)), Self::new(self.from.max(day), self.to))
    }

    /// The number of days.
    pub fn length(self) -> u64 {
        u64::try_from((self.to - self.from).num_days()).expect("a range ends after it begins")
    }

    fn holds(self, day: NaiveDate) -> bool {
        self.from <= day && day < self.to
    }

    /// The parts of these days in which nothing changes, given the ranges over which something lasts.
    fn parts(self, ranges: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let edges = ranges.into_iter().flat_map(|range| [range.from, range.to]);
        let mut edges: BTreeSet<NaiveDate> = edges.filter(|edge| self.holds(*edge)).collect();
        edges.extend([self.from, self.to]);
        let edges: Vec<NaiveDate> = edges.into_iter().collect();
        edges.windows(2).filter_map(|edge| Self::new(edge[0], edge[1])).collect()
    }
}

/// Something that lasts over some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasting<T> {
    /// The days.
    pub days: DayRange,
    /// What lasts.
    pub of: T,
}

/// What is in force on a day.
fn on<T>(lasting: &[Lasting<T>], day: NaiveDate) -> impl Iterator<Item = &T> {
    lasting.iter().filter(move |one| one.days.holds(day)).map(|one| &one.of)
}

fn ranges<T>(lasting: &[Lasting<T>]) -> impl Iterator<Item = DayRange> {
    lasting.iter().map(|one| one.days)
}

/// Whether something lasts on one of these days.
fn touch<T>(lasting: &[Lasting<T>], days: DayRange) -> bool {
    ranges(lasting).any(|range| range.within(days).is_some())
}

/// What is known of one worker.
#[derive(Debug, Clone, Default)]
pub struct WorkerDays {
    /// The days on which they work here. None if they have none.
    pub here: Option<DayRange>,
    /// Their full-time equivalents.
    pub wte: Vec<Lasting<Fraction>>,
    /// The cases that they may hold for each full-time equivalent, if it was set for them.
    pub capacity: Vec<Lasting<Fraction>>,
    /// The days on which they are absent.
    pub absent: Vec<Lasting<()>>,
    /// The teams that they are in.
    pub teams: Vec<Lasting<TeamId>>,
    /// Their scores under supervision, each on its day.
    pub scores: Vec<Lasting<Score>>,
}

/// A score under supervision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// The code of the instrument.
    pub instrument: String,
    /// The score.
    pub score: Fraction,
}

/// What is known of one team.
#[derive(Debug, Clone, Default)]
pub struct TeamDays {
    /// The cases that a full-time member may hold, if no number was set for the member.
    pub capacity: Vec<Lasting<Fraction>>,
    /// The vacant posts, each with its full-time equivalent.
    pub vacant: Vec<Lasting<Fraction>>,
    /// The covers, each with the worker who is covered.
    pub covers: Vec<Lasting<WorkerId>>,
    /// Whether the posts and covers of the team count. If not, only its capacity does, for members from elsewhere.
    pub is_counted: bool,
}

/// The workers and teams of a contract.
#[derive(Debug, Clone, Default)]
pub struct Staff {
    /// The workers.
    pub workers: BTreeMap<WorkerId, WorkerDays>,
    /// The teams.
    pub teams: BTreeMap<TeamId, TeamDays>,
}

/// Whom a number is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A worker.
    Worker(WorkerId),
    /// A team.
    Team(TeamId),
    /// A worker who is covered in a team.
    Covered(TeamId, WorkerId),
}

/// Whether an absence takes the slots of a worker away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    Lowers,
    Ignored,
}

impl Staff {
    /// Whom a measure says something about, over some days.
    pub fn about(&self, of: Workforce, days: DayRange) -> Vec<About> {
        let workers = |has: &dyn Fn(&WorkerDays) -> bool| -> Vec<About> {
            self.workers.iter().filter(|(_, worker)| has(worker)).map(|(id, _)| About::Worker(*id)).collect()
        };
        match of {
            Workforce::Slots | Workforce::SlotsInPost | Workforce::WteWeeks => {
                workers(&|worker| touch(&worker.wte, days))
            }
            Workforce::AbsenceDays => workers(&|worker| touch(&worker.absent, days)),
            Workforce::Vacancies | Workforce::VacantWte | Workforce::VoidDays => {
                let teams = self.counted().filter(|(_, team)| touch(&team.vacant, days));
                teams.map(|(id, _)| About::Team(id)).collect()
            }
            Workforce::CoverDays => {
                let covers = self.counted().flat_map(|(id, team)| team.covers.iter().map(move |cover| (id, cover)));
                let covers = covers.filter(|(_, cover)| cover.days.within(days).is_some());
                let about: BTreeSet<About> = covers.map(|(team, cover)| About::Covered(team, cover.of)).collect();
                about.into_iter().collect()
            }
            Workforce::MeanCaseload | Workforce::Seen { .. } => Vec::new(),
        }
    }

    /// Whom scores with an instrument are about, over some days.
    pub fn scored(&self, instrument: &str, days: DayRange) -> Vec<About> {
        let is_scored = |worker: &WorkerDays| {
            worker.scores.iter().any(|score| score.of.instrument == instrument && score.days.within(days).is_some())
        };
        self.workers.iter().filter(|(_, worker)| is_scored(worker)).map(|(id, _)| About::Worker(*id)).collect()
    }

    /// A number about those of a group over some days. What is about cases is not counted here.
    pub fn figure(&self, of: Workforce, days: DayRange, is_in: impl Fn(About) -> bool) -> Result<Figure, OutOfRange> {
        let found = match of {
            Workforce::Slots => self.mean_slots(Absence::Lowers, days, is_in)?,
            Workforce::SlotsInPost => self.mean_slots(Absence::Ignored, days, is_in)?,
            Workforce::WteWeeks => self.weeks(days, is_in)?,
            Workforce::AbsenceDays => self.absence_days(days, is_in),
            Workforce::Vacancies => self.vacant(days, is_in, |_| Fraction::from(1))?,
            Workforce::VacantWte => self.vacant(days, is_in, |wte| wte)?,
            Workforce::VoidDays => self.void_days(days, is_in),
            Workforce::CoverDays => self.cover_days(days, is_in),
            Workforce::MeanCaseload | Workforce::Seen { .. } => return Ok(Figure::not_applicable()),
        };
        Ok(found.map_or(Figure::no_data(), Figure::amount))
    }

    /// The mean of the scores with an instrument over some days. No data if there are none.
    pub fn mean_score(
        &self,
        instrument: &str,
        days: DayRange,
        is_in: impl Fn(About) -> bool,
    ) -> Result<Figure, OutOfRange> {
        let scores = self.workers_of(is_in).flat_map(|worker| &worker.scores);
        let counted = scores.filter(|one| one.of.instrument == instrument && one.days.within(days).is_some());
        let scores: Vec<Fraction> = counted.map(|one| one.of.score).collect();
        if scores.is_empty() {
            return Ok(Figure::no_data());
        }
        let number = u64::try_from(scores.len()).expect("a number of scores");
        Figure::quotient(Fraction::sum(scores)?, number.into())
    }

    fn counted(&self) -> impl Iterator<Item = (TeamId, &TeamDays)> {
        self.teams.iter().filter(|(_, team)| team.is_counted).map(|(id, team)| (*id, team))
    }

    fn workers_of(&self, is_in: impl Fn(About) -> bool) -> impl Iterator<Item = &WorkerDays> {
        self.workers.iter().filter(move |(id, _)| is_in(About::Worker(**id))).map(|(_, worker)| worker)
    }

    /// The cases that a worker may hold for each full-time equivalent on a day: the number set for them, or else the
    /// highest of their teams.
    fn capacity(&self, worker: &WorkerDays, day: NaiveDate) -> Option<Fraction> {
        let of_teams = || on(&worker.teams, day).filter_map(|team| on(&self.teams.get(team)?.capacity, day).max());
        on(&worker.capacity, day).next().or_else(|| of_teams().max()).copied()
    }

    /// The slots of a worker, summed over some days. None if they are not known on any of them.
    fn slot_days(&self, worker: &WorkerDays, absence: Absence, days: DayRange) -> Result<Option<Fraction>, OutOfRange> {
        let teams = worker.teams.iter().filter_map(|team| self.teams.get(&team.of));
        let capacities = teams.flat_map(|team| ranges(&team.capacity));
        let own = ranges(&worker.wte).chain(ranges(&worker.capacity)).chain(ranges(&worker.absent));
        let mut total = None;
        for part in days.parts(own.chain(ranges(&worker.teams)).chain(capacities)) {
            let (wte, capacity) = (on(&worker.wte, part.from).next(), self.capacity(worker, part.from));
            let (Some(wte), Some(capacity)) = (wte, capacity) else { continue };
            let is_away = absence == Absence::Lowers && on(&worker.absent, part.from).next().is_some();
            let slots = if is_away { Fraction::ZERO } else { wte.times(capacity)?.times(part.length().into())? };
            total = Some(total.unwrap_or(Fraction::ZERO).plus(slots)?);
        }
        Ok(total)
    }

    fn mean_slots(
        &self,
        absence: Absence,
        days: DayRange,
        is_in: impl Fn(About) -> bool,
    ) -> Result<Option<Fraction>, OutOfRange> {
        let known = self.workers_of(is_in).map(|worker| self.slot_days(worker, absence, days));
        let known: Vec<Fraction> = known.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        if known.is_empty() { Ok(None) } else { Fraction::sum(known)?.over(days.length().into()) }
    }

    fn weeks(&self, days: DayRange, is_in: impl Fn(About) -> bool) -> Result<Option<Fraction>, OutOfRange> {
        let lasting = self.workers_of(is_in).flat_map(|worker| &worker.wte);
        let clipped = lasting.filter_map(|wte| Some((wte.of, wte.days.within(days)?)));
        let known: Vec<Fraction> =
            clipped.map(|(wte, days)| wte.times(days.length().into())).collect::<Result<_, _>>()?;
        if known.is_empty() { Ok(None) } else { Fraction::sum(known)?.over(7.into()) }
    }

    fn absence_days(&self, days: DayRange, is_in: impl Fn(About) -> bool) -> Option<Fraction> {
        let here = self.workers_of(is_in).filter_map(|worker| Some((worker, worker.here?.within(days)?)));
        let counted: Vec<u64> = here.map(|(worker, days)| days_covered(ranges(&worker.absent), days)).collect();
        (!counted.is_empty()).then(|| counted.into_iter().sum::<u64>().into())
    }

    /// The vacant posts of teams, each by its weight, as the mean over some days.
    fn vacant(
        &self,
        days: DayRange,
        is_in: impl Fn(About) -> bool,
        weight: impl Fn(Fraction) -> Fraction,
    ) -> Result<Option<Fraction>, OutOfRange> {
        let teams: Vec<&TeamDays> =
            self.counted().filter(|(id, _)| is_in(About::Team(*id))).map(|(_, team)| team).collect();
        if teams.is_empty() {
            return Ok(None);
        }
        let posts = teams.into_iter().flat_map(|team| &team.vacant);
        let clipped = posts.filter_map(|post| Some((weight(post.of), post.days.within(days)?)));
        let known: Vec<Fraction> =
            clipped.map(|(weight, days)| weight.times(days.length().into())).collect::<Result<_, _>>()?;
        Fraction::sum(known)?.over(days.length().into())
    }

    /// The days on which posts of teams are vacant and not covered, for each post.
    fn void_days(&self, days: DayRange, is_in: impl Fn(About) -> bool) -> Option<Fraction> {
        let teams = self.counted().filter(|(id, _)| is_in(About::Team(*id)));
        let counted: Vec<u64> = teams.map(|(_, team)| self.void_days_of(team, days)).collect();
        (!counted.is_empty()).then(|| counted.into_iter().sum::<u64>().into())
    }

    fn void_days_of(&self, team: &TeamDays, days: DayRange) -> u64 {
        // A cover of a worker who has left fills a vacant post; one of a worker who will be back does not.
        let after_leaving = |cover: &Lasting<WorkerId>| {
            let here = self.workers.get(&cover.of)?.here?;
            let (_, after) = cover.days.split(here.to);
            Some(Lasting { days: after?, of: cover.of })
        };
        let covers: Vec<Lasting<WorkerId>> = team.covers.iter().filter_map(after_leaving).collect();
        let parts = days.parts(ranges(&team.vacant).chain(ranges(&covers)));
        let void = parts.into_iter().map(|part| {
            let covered: BTreeSet<&WorkerId> = on(&covers, part.from).collect();
            let open = on(&team.vacant, part.from).count().saturating_sub(covered.len());
            part.length() * u64::try_from(open).expect("a number of posts")
        });
        void.sum()
    }

    /// The days on which workers are covered, for each of them.
    fn cover_days(&self, days: DayRange, is_in: impl Fn(About) -> bool) -> Option<Fraction> {
        let mut covered: BTreeMap<WorkerId, Vec<DayRange>> = BTreeMap::new();
        for (id, team) in self.counted() {
            for cover in team.covers.iter().filter(|cover| is_in(About::Covered(id, cover.of))) {
                covered.entry(cover.of).or_default().push(cover.days);
            }
        }
        let total: u64 = covered.into_values().map(|covers| days_covered(covers, days)).sum();
        self.counted().next().map(|_| total.into())
    }
}

/// The number of days that are in at least one of some ranges.
fn days_covered(ranges: impl IntoIterator<Item = DayRange>, days: DayRange) -> u64 {
    let ranges: Vec<DayRange> = ranges.into_iter().filter_map(|range| range.within(days)).collect();
    let parts = days.parts(ranges.iter().copied()).into_iter();
    parts.filter(|part| ranges.iter().any(|range| range.holds(part.from))).map(DayRange::length).sum()
}

#[cfg(test)]
mod tests;
