//! Judges each outcome of one case alone: every reading of its dates, and every repeat.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy};
use uuid::Uuid;

use super::days::{Found, Run, runs, starts};
use super::facts::{self, Client, Day, Evidence, Journey, Said, date, number};
use crate::contract::calendar::BankHolidays;
use crate::contract::outcome::{Hold, Status};
use crate::contract::rulebook::outcome::{AchievedBy, Digest, EvidenceTerms, JourneyTerms, Outcome, Tariff, Trigger};
use crate::contract::rulebook::{Calendar, Rulebook};
use crate::fact::envelope::EventId;
use crate::fact::event::Event;

/// The facts of a case that outcomes use.
pub(super) struct Case {
    pub(super) said: Vec<Said>,
    pub(super) client: Client,
    pub(super) as_of: Day,
}

/// One repeat of an outcome, alone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alone {
    /// The index of the outcome in the rulebook.
    pub(super) outcome: usize,
    pub(super) repeat: u32,
    pub(super) is: Is,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Is {
    NotStarted,
    /// The fact that starts it, its day, and the day on which it will be achieved.
    Maturing((EventId, Day), Day),
    Reached(Box<Reached>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reached {
    pub(super) on: Day,
    /// The fact that starts it, its day, and the first counted day.
    pub(super) begun: (EventId, Day, Day),
    pub(super) days: Option<u32>,
    pub(super) gaps: Vec<(Day, Day)>,
    pub(super) hours: Option<Decimal>,
    pub(super) hold: Option<Hold>,
    pub(super) missing: Vec<String>,
    /// The price for each number of claims. Empty if no tariff matches.
    pub(super) tiers: Vec<(Option<u32>, Decimal)>,
    pub(super) status: Status,
    /// Whether it uses a date known only by its month or year.
    pub(super) is_vague: bool,
}

/// One repeat of an outcome in one reading of the dates.
#[derive(Debug, Clone, PartialEq)]
enum Time {
    Never,
    /// With the fact that starts it, and its day.
    Later(Run, (EventId, Day)),
    Now(Now),
}

#[derive(Debug, Clone, PartialEq)]
struct Now {
    /// The day, moved by cleared risks.
    on: Day,
    run: Run,
    mark: Option<EventId>,
    hold: Option<Hold>,
    /// The spells and events that evidence can support.
    grounds: Vec<Uuid>,
    began: (EventId, Day),
}

impl Case {
    pub(super) fn of(said: &[Said], as_of: Day) -> Self {
        let said = facts::by(said, as_of);
        Self { client: facts::client(&said), said, as_of }
    }

    /// Every outcome of a rulebook for single cases, in file order.
    pub(super) fn judged(&self, rulebook: &Rulebook) -> Vec<Alone> {
        let mut all = Vec::new();
        for (at, outcome) in rulebook.outcomes.iter().enumerate() {
            let AchievedBy::Journey(terms) = &outcome.achieved_by else { continue };
            let mut any = false;
            for (repeat, is) in (1..).zip(self.times(rulebook, outcome, terms)) {
                any |= is != Is::NotStarted;
                if is != Is::NotStarted {
                    all.push(Alone { outcome: at, repeat, is });
                }
            }
            if !any {
                all.push(Alone { outcome: at, repeat: 1, is: Is::NotStarted });
            }
        }
        all
    }

    fn times(&self, rulebook: &Rulebook, outcome: &Outcome, terms: &JourneyTerms) -> Vec<Is> {
        let counts = terms.only_if.as_ref().is_none_or(|condition| self.client.meets(condition));
        if !counts || self.client.received.is_none() {
            return vec![Is::NotStarted];
        }
        let read: Vec<Vec<Time>> =
            self.readings(terms).iter().map(|reading| self.read(rulebook, terms, reading)).collect();
        let times = (0..terms.repeats as usize).map(|time| Self::over_all(&read, time));
        times.map(|time| self.is(rulebook, (outcome, terms), time, read.len() > 1)).collect()
    }

    /// All readings of the imprecise dates that the outcome uses.
    fn readings(&self, terms: &JourneyTerms) -> Vec<Journey> {
        let vague: Vec<&Said> =
            self.said.iter().filter(|said| said.occurred.earliest() != said.occurred.latest()).collect();
        let vague: Vec<&Said> = vague.into_iter().filter(|said| self.is_looked_at(said, terms)).collect();
        let mut readings = vec![BTreeMap::new()];
        for said in vague {
            let mut more = Vec::new();
            for reading in &readings {
                for day in number(said.occurred.earliest())..=number(said.occurred.latest()) {
                    let mut reading: BTreeMap<EventId, Day> = reading.clone();
                    reading.insert(said.id, day);
                    more.push(reading);
                }
            }
            readings = more;
        }
        let plain: BTreeMap<EventId, Day> =
            self.said.iter().map(|said| (said.id, number(said.occurred.earliest()))).collect();
        // A fact with a later date in a reading is not known yet.
        let journey = |reading: BTreeMap<EventId, Day>| {
            let day_of = |id: EventId| reading.get(&id).or(plain.get(&id)).copied().expect("a fact has a day");
            let said: Vec<Said> = self.said.iter().filter(|said| day_of(said.id) <= self.as_of).cloned().collect();
            facts::journey(&said, &day_of)
        };
        readings.into_iter().map(journey).collect()
    }

    fn is_looked_at(&self, said: &Said, terms: &JourneyTerms) -> bool {
        let spell_fits = |spell: Uuid| {
            self.said.iter().any(|said| match &said.event {
                Event::SpellStarted(of) => of.spell.0 == spell && terms.trigger.spell_domains().contains(&of.domain),
                _ => false,
            })
        };
        let risk_fits = |risk: Uuid| {
            self.said.iter().any(|said| match &said.event {
                Event::RiskRaised(of) => of.risk.0 == risk && terms.hold_on_risk.contains(&of.kind),
                _ => false,
            })
        };
        match &said.event {
            Event::SpellStarted(of) => spell_fits(of.spell.0),
            Event::SpellChanged(of) => spell_fits(of.spell.0),
            Event::SpellEnded(of) => spell_fits(of.spell.0),
            Event::RiskRaised(of) => risk_fits(of.risk.0),
            Event::RiskCleared(of) => risk_fits(of.risk.0),
            event => facts::Mark { day: 0, id: said.id, event: event.clone() }.fits(&terms.trigger),
        }
    }

    /// Each repeat of an outcome, in one reading.
    fn read(&self, rulebook: &Rulebook, terms: &JourneyTerms, journey: &Journey) -> Vec<Time> {
        let pauses = pauses(terms, &rulebook.calendar);
        let mut times = Vec::new();
        if matches!(terms.trigger, Trigger::Spell { .. }) {
            let mut after = Day::MIN;
            let mut taken = Vec::new();
            for _ in 0..terms.repeats {
                let found = if terms.sustain.is_some() {
                    runs(&journey.spells, terms, &pauses, (after, self.as_of))
                } else {
                    starts(&journey.spells, terms, &taken, self.as_of)
                };
                let time = self.of_spells(terms, journey, found);
                let Time::Now(now) = &time else {
                    times.push(time);
                    break;
                };
                // If it is unknown whether a repeat is achieved, the next one cannot start.
                let is_over = now.hold == Some(Hold::HoursUnknown);
                // A risk moves the date of the claim, not the run.
                after = now.run.on;
                taken.push(now.run.began);
                times.push(time);
                if is_over {
                    break;
                }
            }
        } else {
            for mark in journey.marks.iter().filter(|mark| mark.fits(&terms.trigger)).take(terms.repeats as usize) {
                times.push(self.of_mark(terms, journey, mark));
            }
        }
        times.resize(terms.repeats as usize, Time::Never);
        times
    }

    fn of_mark(&self, terms: &JourneyTerms, journey: &Journey, mark: &facts::Mark) -> Time {
        if mark.day > self.as_of {
            return Time::Never;
        }
        let (on, open) = self.moved(terms, journey, mark.day);
        let run = Run {
            first: mark.day,
            on,
            days: None,
            gaps: Vec::new(),
            hours: None,
            unknown: false,
            spells: Vec::new(),
            began: 0,
        };
        let hold = open.then_some(Hold::RiskOpen);
        let said = self.said.iter().find(|said| said.id == mark.id).expect("it was said");
        let began = (mark.id, number(said.occurred.earliest()));
        Time::Now(Now { on, run, mark: Some(mark.id), hold, grounds: vec![mark.id.0], began })
    }

    fn of_spells(&self, terms: &JourneyTerms, journey: &Journey, found: Found) -> Time {
        let by_now = |run: &Run| run.on <= self.as_of;
        let (fit, unknown) = (found.fit, found.unknown);
        let now = fit.clone().filter(by_now).or_else(|| unknown.clone().filter(by_now));
        // A date known only by its month counts as its first day.
        let stands = |event: EventId| {
            let said = self.said.iter().find(|said| said.id == event).expect("it was said");
            (event, number(said.occurred.earliest()))
        };
        let began = |run: &Run| stands(journey.spells[run.began].events[0]);
        let Some(run) = now else {
            return fit.or(unknown).map_or(Time::Never, |run| Time::Later(run.clone(), began(&run)));
        };
        let (on, open) = self.moved(terms, journey, run.on);
        let hold = if run.unknown {
            Some(Hold::HoursUnknown)
        } else if open {
            Some(Hold::RiskOpen)
        } else {
            None
        };
        let of_run = run.spells.iter().map(|at| &journey.spells[*at]);
        let grounds = of_run.flat_map(|spell| spell.events.iter().map(|event| event.0).chain([spell.id])).collect();
        let began = began(&run);
        Time::Now(Now { on, run, mark: None, hold, grounds, began })
    }

    /// The day to which cleared risks move a day, and whether a risk is open.
    fn moved(&self, terms: &JourneyTerms, journey: &Journey, on: Day) -> (Day, bool) {
        let risks: Vec<_> = journey.risks.iter().filter(|risk| terms.hold_on_risk.contains(&risk.kind)).collect();
        let cleared = |risk: &facts::Risk| risk.cleared.filter(|cleared| *cleared <= self.as_of);
        let mut moved = on;
        loop {
            let before = risks.iter().filter(|risk| risk.raised < moved);
            let later = before.filter_map(|risk| cleared(risk)).filter(|cleared| *cleared > moved).max();
            match later {
                Some(cleared) => moved = cleared,
                None => break,
            }
        }
        (moved, risks.iter().any(|risk| risk.raised < moved && cleared(risk).is_none()))
    }

    /// One repeat over all readings: achieved if it is achieved in each, on the latest day. Otherwise on hold.
    fn over_all(read: &[Vec<Time>], time: usize) -> Time {
        let times: Vec<&Time> = read.iter().map(|times| &times[time]).collect();
        let now: Vec<&Now> =
            times.iter().filter_map(|time| if let Time::Now(now) = time { Some(now) } else { None }).collect();
        let later =
            times.iter().filter_map(|time| if let Time::Later(run, began) = time { Some((run, began)) } else { None });
        let Some(latest) = now.iter().rev().max_by_key(|now| now.on) else {
            let latest = later.max_by_key(|(run, _)| run.on);
            return latest.map_or(Time::Never, |(run, began)| Time::Later(run.clone(), *began));
        };
        let held = now.iter().find(|now| now.hold.is_some());
        let mut latest = (*latest).clone();
        if let Some(held) = held
            && now.len() == times.len()
        {
            latest.hold = held.hold;
        } else if now.len() < times.len() {
            latest.hold = Some(Hold::DateImprecise);
        }
        Time::Now(latest)
    }

    fn is(&self, rulebook: &Rulebook, (outcome, terms): (&Outcome, &JourneyTerms), time: Time, is_vague: bool) -> Is {
        let now = match time {
            Time::Never => return Is::NotStarted,
            Time::Later(run, began) => return Is::Maturing(began, run.on),
            Time::Now(now) => now,
        };
        let missing = terms.evidence.as_ref().map_or_else(Vec::new, |asked| self.missing(asked, &now));
        let achieved_on = date(now.on);
        let tiers = price(&outcome.tariffs, achieved_on, &self.client);
        let working_days = BankHolidays::known().division(&rulebook.calendar.working_days).expect("a division");
        let waits_until = working_days.nth_after(achieved_on, outcome.claim.after_working_days).expect("a known year");
        let over = outcome.claim.within_days.is_some_and(|days| self.as_of > now.on + Day::from(days));
        let status = if now.hold.is_some() {
            Status::OnHold
        } else if over {
            Status::Expired
        } else if !missing.is_empty() {
            Status::EvidenceMissing
        } else if tiers.is_empty() || self.as_of < number(waits_until) {
            Status::Achieved
        } else {
            Status::Claimable
        };
        Is::Reached(Box::new(Reached {
            on: now.on,
            begun: (now.began.0, now.began.1, now.run.first),
            days: now.run.days,
            gaps: now.run.gaps,
            hours: now.run.hours,
            hold: now.hold,
            missing,
            tiers,
            status,
            is_vague,
        }))
    }

    fn missing(&self, asked: &EvidenceTerms, now: &Now) -> Vec<String> {
        let counts = |piece: &&Evidence| {
            piece.is_good
                && (piece.is_verified || !asked.verified)
                && (piece.has_digest || asked.digest == Digest::Optional)
                && asked.dated_before_days.is_none_or(|days| piece.dated >= now.on - Day::from(days))
                && asked.dated_after_days.is_none_or(|days| piece.dated <= now.on + Day::from(days))
                && piece.supports.iter().any(|ground| now.grounds.contains(ground))
        };
        let there: Vec<&String> = self.client.evidence.iter().filter(counts).map(|piece| &piece.kind).collect();
        let mut missing: Vec<String> = Vec::new();
        if !asked.any_of.is_empty() && !asked.any_of.iter().any(|kind| there.contains(&kind)) {
            missing.extend(asked.any_of.iter().cloned());
        }
        missing.extend(asked.all_of.iter().filter(|kind| !there.contains(kind)).cloned());
        missing.sort();
        missing.dedup();
        missing
    }
}

fn pauses(terms: &JourneyTerms, calendar: &Calendar) -> Vec<(Day, Day)> {
    let named = terms.sustain.as_ref().and_then(|sustain| sustain.pause.as_ref());
    let of_name = calendar.pauses.iter().filter(|pause| Some(&pause.name) == named);
    of_name.flat_map(|pause| &pause.ranges).map(|days| (number(days.first), number(days.last))).collect()
}

/// The prices of the tariff that matches best. Several if they are tiers of volume.
fn price(tariffs: &[Tariff], on: NaiveDate, client: &Client) -> Vec<(Option<u32>, Decimal)> {
    let fits = |tariff: &&Tariff| {
        tariff.from.is_none_or(|from| from <= on)
            && tariff.to.is_none_or(|to| on <= to)
            && (tariff.area.is_none() || tariff.area == client.area)
            && (tariff.cohort.is_none() || tariff.cohort == client.cohort)
    };
    let rank = |tariff: &Tariff| {
        let named = u8::from(tariff.area.is_some()) + u8::from(tariff.cohort.is_some());
        (named, tariff.cohort.is_some(), tariff.from)
    };
    let best = tariffs.iter().filter(fits).map(rank).max();
    let mut tiers: Vec<(Option<u32>, Decimal)> = Vec::new();
    for tariff in tariffs.iter().filter(fits).filter(|tariff| Some(rank(tariff)) == best) {
        let amount = tariff.amount * tariff.multiplier;
        tiers.push((tariff.up_to, amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)));
    }
    // A tier without an end comes last.
    tiers.sort_by_key(|(up_to, _)| up_to.unwrap_or(u32::MAX));
    tiers
}
