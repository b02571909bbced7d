//! Checks the values of each fact of a subject, worker or team.
//!
//! Pure. It never reads another fact. No personal data passes: a purpose is a code, and a worker or team has a label.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{CODE_MAX, Validator};
use crate::fact::envelope::Occurred;
use crate::fact::event::{AbsenceRecorded, CoverStarted, Event, Quantity, TeamSet};
use crate::fact::path::Place;
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::people::reveal::MINUTES_MAX;

/// The most members of a team.
const MEMBERS_MAX: usize = 500;
/// The highest whole-time equivalent of one worker or one vacant post.
const WTE_MAX: i64 = 2;
/// The most cases that one full-time worker holds.
const CASES_MAX: i64 = 1_000;

impl Validator {
    /// Checks the values of a fact of a subject, worker or team.
    pub(crate) fn of_people(&mut self, occurred: Occurred, fact: &Event) {
        match fact {
            Event::SubjectsLinked(link) => self.reason(&link.reason),
            Event::SubjectsUnlinked(link) => self.reason(&link.reason),
            Event::DuplicateDismissed(dismissal) => self.reason(&dismissal.reason),
            Event::ConsentGiven(given) => drop(self.plain("purpose", &given.purpose, CODE_MAX)),
            Event::ConsentWithdrawn(withdrawn) => drop(self.plain("purpose", &withdrawn.purpose, CODE_MAX)),
            Event::LegalHoldPlaced(placed) => self.reason(&placed.reason),
            Event::IdentityRevealed(revealed) => {
                self.reason(&revealed.reason);
                self.contract_code("contract", &revealed.contract);
                if !(1..=MINUTES_MAX).contains(&revealed.minutes) {
                    let message = format!("a reveal lasts from 1 to {MINUTES_MAX} minutes: use a number in this range");
                    self.invalid("minutes", message);
                }
            }
            Event::LegalHoldLifted(lifted) => self.reason(&lifted.reason),
            Event::WorkerJoined(joined) => self.worker(&joined.label, joined.login.as_deref()),
            Event::WteSet(set) => self.within("wte", set.wte, WTE_MAX),
            Event::CapacitySet(set) => self.within("cases_per_wte", set.cases_per_wte, CASES_MAX),
            Event::AbsenceRecorded(absence) => self.absence(occurred, absence),
            Event::TeamSet(set) => self.team(set),
            Event::VacancyOpened(opened) => {
                self.plain("role", &opened.role, CODE_MAX);
                self.within("wte", opened.wte, WTE_MAX);
                if opened.wte.0.is_zero() {
                    self.invalid(
                        "wte",
                        format!("a vacant post has a whole-time equivalent above 0: use up to {WTE_MAX}"),
                    );
                }
            }
            Event::CoverStarted(cover) => {
                self.cover(cover);
                self.until(occurred, cover.until);
            }
            _ => {}
        }
    }

    /// Checks a number from 0 to a maximum.
    fn within(&mut self, path: impl Place, quantity: Quantity, most: i64) {
        if quantity.0 < Decimal::ZERO || quantity.0 > most.into() {
            self.invalid(path, format!("{quantity} is out of range: use 0 to {most}"));
        } else {
            self.quantity(path, quantity);
        }
    }

    fn absence(&mut self, occurred: Occurred, absence: &AbsenceRecorded) {
        self.plain("kind", &absence.kind, CODE_MAX);
        let Some(back_on) = absence.back_on else { return };
        self.date(back_on, "back_on");
        if back_on <= occurred.earliest() {
            self.invalid("back_on", "the first day back must be after the first day away: correct one of them");
        }
    }

    fn team(&mut self, set: &TeamSet) {
        self.plain("label", &set.label, CODE_MAX);
        self.at_most("members", set.members.len(), MEMBERS_MAX);
        let mut named = BTreeSet::new();
        for (index, member) in set.members.iter().take(MEMBERS_MAX).enumerate() {
            if !named.insert(member) {
                self.invalid(&format!("members.{index}"), "this worker appears twice: name each worker once");
            }
        }
    }

    fn cover(&mut self, cover: &CoverStarted) {
        if cover.absent == cover.by {
            let message = "a worker cannot cover for themselves: choose another worker";
            self.refuse(Refusal::new(RefusalCode::CoverOfOneself, message).at("by"));
        }
    }
}
