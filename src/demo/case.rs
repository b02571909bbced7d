//! Generates the commands of a whole case from its course: contacts, plan, homes and exit, including late and wrong
//! records.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use uuid::Uuid;

use super::contacts::{Contact, Kind, contacts, logged};
use super::course::{Course, Home};
use super::days::{EVENING, LAST, MORNING, Moment, before, day, working, working_after};
use super::dice::Dice;
use super::story::NAMES;
use super::telling::{Case, Mistake, Office, Telling, later, promptly};
use throughline_domain::fact::envelope::{Occurred, Precision, SpellId};
use throughline_domain::fact::event::{
    Attribute, ContactLogged, Disengaged, JourneyClosed, PlanAgreed, SpellEnded, SpellStarted,
};

/// Generates the commands of a case.
pub(super) fn tell(office: &Office<'_>, case: Case, course: &Course, dice: &Dice) -> Telling {
    let at = Moment::at(course.received_on, dice.from(MORNING..=16));
    let mut telling = Telling::receive(office, case, course.received_on, at, dice);
    telling.answer(office, course, dice);
    telling.assign(office, course, dice);
    let contacts = contacts(course, office.team, dice);
    for contact in &contacts {
        log(&mut telling, office, course, contact, dice);
    }
    plan(&mut telling, office, course, dice);
    homes(&mut telling, office, course, dice);
    slips(&mut telling, office, course, dice);
    exit(&mut telling, office, course, &contacts, dice);
    telling
}

/// Logs a contact. Some are recorded late, some twice, some with errors.
fn log(telling: &mut Telling, office: &Office<'_>, course: &Course, contact: &Contact, dice: &Dice) {
    let by = contact.by.map_or_else(|| office.manager(), |at| office.worker(at));
    let at = written_up(contact, dice);
    let right = (contact.occurred(), contact.logged.clone());
    match dice.from(1..=1_000) {
        1..=7 => {
            telling.state(&by, at, right.0, right.1.clone());
            if let Some(then) = later(at, dice) {
                let twice = telling.state(&by, at, right.0, right.1);
                telling.retract(&by, then, vec![twice], "logged twice");
            }
        }
        8..=15 => {
            let on = before(contact.on, dice.from(1..=6)).max(course.received_on);
            let wrong = Occurred::on(on).at(contact.local_time);
            let wrong = (if wrong == right.0 { Occurred::on(before(on, 1)) } else { wrong }, right.1.clone());
            telling.mend(&by, at, Mistake { wrong, right, reason: "logged on the wrong day" }, dice);
        }
        16..=20 if contact.by.is_some() => {
            let worker = contact.by.map(|at| &office.team[at]);
            let kind = if right.1.is_made() { Kind::Missed } else { Kind::Meeting };
            let wrong = (right.0, logged(kind, contact.on, worker, dice));
            telling.mend(&by, at, Mistake { wrong, right, reason: "attendance mixed up with another case" }, dice);
        }
        _ => {
            telling.state(&by, at, right.0, right.1);
        }
    }
}

/// When a contact was recorded: mostly on the same day, sometimes weeks later. Some contacts of early February 2018
/// were recorded at the end of that month.
fn written_up(contact: &Contact, dice: &Dice) -> Moment {
    let same_day = Moment::at(contact.on, dice.from(contact.hour + 1..=EVENING));
    let found = contact.on >= day(2018, 2, 1) && contact.on <= day(2018, 2, 13) && dice.permille(120);
    let morning = |days| Moment::at(working_after(contact.on, days), dice.from(MORNING..=13));
    let at = match dice.from(1..=100) {
        _ if found => Moment::at(working(day(2018, 2, dice.from(20..=27))), dice.from(MORNING..=17)),
        1..=70 => same_day,
        71..=91 => morning(1),
        92..=97 => morning(dice.from(2..=9)),
        _ => morning(dice.from(10..=30)),
    };
    if at <= Moment::END { at } else { same_day }
}

fn plan(telling: &mut Telling, office: &Office<'_>, course: &Course, dice: &Dice) {
    let Some(on) = course.plan_on else { return };
    let by = office.holder(course, on);
    let at = promptly(on, 16, dice);
    let php = || PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None };
    let wrong = before(on, dice.from(1..=8)).max(course.received_on);
    if wrong < on && dice.permille(25) {
        let (wrong, right) = ((Occurred::on(wrong), php()), (Occurred::on(on), php()));
        let reason = "dated by the first draft, agreed later";
        telling.mend(&by, at, Mistake { wrong, right, reason }, dice);
    } else {
        telling.state(&by, at, Occurred::on(on), php());
    }
}

/// The id of a place, by its number in the case, so that each spell has its own id.
fn spell(telling: &Telling, number: u32) -> SpellId {
    SpellId(Uuid::new_v5(&NAMES, format!("spell {number} of {}", telling.reference()).as_bytes()))
}

fn home_of(spell: SpellId, secured_as: &str, dice: &Dice) -> SpellStarted {
    let tenure = dice.weighted(&[(58, "private_rented"), (24, "social_rented"), (18, "supported")]);
    accommodation(spell, [("secured_as", secured_as), ("tenure", tenure)], dice)
}

fn accommodation<const N: usize>(spell: SpellId, attributes: [(&str, &str); N], dice: &Dice) -> SpellStarted {
    let attributes = attributes.map(|(name, value)| (name.to_owned(), Attribute::Text(value.to_owned())));
    SpellStarted {
        spell,
        domain: "accommodation".to_owned(),
        employer_ref: Some(format!("LL-{:04}", dice.from(1..=420))),
        hours_per_week: None,
        attributes: BTreeMap::from(attributes),
        note: None,
    }
}

/// Where the client lived: for some a temporary place, then the home that was kept or found, and what followed.
fn homes(telling: &mut Telling, office: &Office<'_>, course: &Course, dice: &Dice) {
    let Some(accepted_on) = course.accepted_on() else { return };
    if dice.permille(80) {
        temporary(telling, office, course, working_after(accepted_on, dice.from(0..=6)), dice);
    }
    let Some(Home { from, secured_as, end }) = course.home else { return };
    let (first, by) = (spell(telling, 1), office.holder(course, from));
    let at = promptly(from, 15, dice);
    let fact = home_of(first, secured_as, dice);
    if dice.permille(20) {
        let other = if secured_as == "kept" { "new" } else { "kept" };
        let mut wrong = fact.clone();
        wrong.attributes.insert("secured_as".to_owned(), Attribute::Text(other.to_owned()));
        let (wrong, right) = ((Occurred::on(from), wrong), (Occurred::on(from), fact));
        telling.mend(&by, at, Mistake { wrong, right, reason: "kept and new home mixed up" }, dice);
    } else {
        telling.state(&by, at, Occurred::on(from), fact);
    }
    let Some((to, reason, next)) = end else { return };
    let heard = Moment::at(working_after(to, dice.from(0..=20)), dice.from(MORNING..=17)).max(at);
    // For some homes only the month of their end is known.
    let vague = to.month() != from.month() && dice.permille(80);
    let ended = Occurred::within(to, if vague { Precision::Month } else { Precision::Day });
    let fact = SpellEnded { spell: first, reason: Some(reason.to_owned()), note: None };
    telling.state(&office.manager(), heard, ended, fact);
    if let Some(next) = next {
        let (at, fact) = (promptly(working(next).min(LAST), 15, dice), home_of(spell(telling, 2), "new", dice));
        telling.state(&office.manager(), at, Occurred::on(next), fact);
    }
}

/// A temporary place, which does not count as a home secured.
fn temporary(telling: &mut Telling, office: &Office<'_>, course: &Course, from: NaiveDate, dice: &Dice) {
    let to = course.home.map(|home| home.from).or(course.exit.map(|exit| exit.on));
    if from > LAST || to.is_some_and(|to| to < from) {
        return;
    }
    let place = spell(telling, 3);
    let fact = accommodation(place, [("secured_as", "temporary")], dice);
    let at = promptly(from, 12, dice);
    telling.state(&office.holder(course, from), at, Occurred::on(from), fact);
    if let Some(to) = to {
        let fact = SpellEnded { spell: place, reason: Some("moved on".to_owned()), note: None };
        let at = promptly(to, 15, dice).max(at);
        telling.state(&office.holder(course, to), at, Occurred::on(to), fact);
    }
}

/// Facts recorded in the wrong case and retracted: a plan, a home, a close.
fn slips(telling: &mut Telling, office: &Office<'_>, course: &Course, dice: &Dice) {
    let Some(accepted_on) = course.accepted_on() else { return };
    let on = working_after(accepted_on, dice.from(5..=40));
    if on >= course.worked_until() {
        return;
    }
    let (by, at) = (office.holder(course, on), promptly(on, 15, dice));
    let on = Occurred::on(on);
    let reason = "recorded in the wrong case";
    if course.plan_on.is_none() && dice.permille(40) {
        let Some(then) = later(at, dice) else { return };
        let fact = PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None };
        let said = telling.state(&by, at, on, fact);
        telling.retract(&office.manager(), then, vec![said], reason);
    } else if course.home.is_none() && dice.permille(15) {
        let Some(then) = later(at, dice) else { return };
        let fact = home_of(spell(telling, 4), "new", dice);
        let said = telling.state(&by, at, on, fact);
        telling.retract(&office.manager(), then, vec![said], reason);
    } else if dice.permille(6) {
        // Retracted on the same day, before any later fact.
        let (written, noticed) = (Moment::at(on.earliest(), 12), Moment::at(on.earliest(), EVENING));
        let said = telling.state(&by, written, on, closed("duplicate_referral"));
        telling.retract(&office.manager(), noticed, vec![said], reason);
    }
}

fn closed(reason: &str) -> JourneyClosed {
    JourneyClosed { reason: reason.to_owned(), destination: None }
}

/// The end of a case. A client who could no longer be reached is first marked as disengaged.
fn exit(telling: &mut Telling, office: &Office<'_>, course: &Course, contacts: &[Contact], dice: &Dice) {
    if let Some(from) = course.silent_from {
        let on = working_after(from, 14);
        if on < course.worked_until() {
            let seen = |contact: &&Contact| contact.on < on && is_with_client(&contact.logged);
            let last_seen_on = contacts.iter().rev().find(seen).map(|contact| contact.on);
            let mark = Disengaged { reason: "no_contact".to_owned(), last_seen_on };
            let by = office.holder(course, on);
            telling.state(&by, promptly(on, 15, dice), Occurred::on(on), mark);
        }
    }
    let Some(exit) = course.exit else { return };
    let by = office.holder(course, exit.on);
    let at = promptly(exit.on, 16, dice);
    let reason = match exit.reason {
        reason @ ("declined_support" | "moved_away" | "in_custody" | "in_hospital") => Some(reason),
        _ => None,
    };
    if let Some(reason) = reason.filter(|_| dice.permille(600)) {
        let on = working(before(exit.on, dice.from(4..=12)));
        let mark = Disengaged { reason: reason.to_owned(), last_seen_on: None };
        if course.accepted_on().is_some_and(|accepted_on| accepted_on <= on) {
            telling.state(&by, promptly(on, 15, dice), Occurred::on(on), mark);
        }
    }
    let mut fact = closed(exit.reason);
    if exit.reason == "moved_away" {
        fact.destination = Some("another borough".to_owned());
    }
    telling.state(&by, at, Occurred::on(exit.on), fact);
}

fn is_with_client(contact: &ContactLogged) -> bool {
    contact.is_made() && contact.with == throughline_domain::fact::event::ContactWith::Client
}
