//! The year of one area: the cases that reach each milestone in each month, so that the months have the counts of the
//! board.

use chrono::NaiveDate;

use super::areas::{Area, Size, Worker};
use super::course::Course;
use super::days::{MONTHS, after, month, working, working_days};
use super::dice::Dice;
use super::documented;

/// Every case of an area, in the order of the referrals.
pub(super) fn courses(area: &Area, team: &[Worker], size: Size, dice: &Dice) -> Vec<Course> {
    let mut courses: Vec<Course> = (0..MONTHS).flat_map(|at| referrals(area, at, size, dice)).collect();
    courses.sort_by_key(|course| course.received_on);
    for at in 0..MONTHS {
        let [_, plans, homes] = area.counts(at, size);
        for (course, on) in chosen(&mut courses, area, at, plans, &PLAN, dice) {
            course.plan(on, dice);
        }
        for (course, on) in chosen(&mut courses, area, at, homes, &HOME, dice) {
            course.secure(on, dice);
        }
    }
    for course in &mut courses {
        course.finish(dice);
        course.staff(team, dice);
    }
    courses
}

/// The referrals of a month, without the documented one, which is generated separately.
fn referrals(area: &Area, at: usize, size: Size, dice: &Dice) -> Vec<Course> {
    let (first, last) = month(at);
    let days = working_days(first, last);
    let [received, ..] = area.counts(at, size);
    let elsewhere = documented::referrals(area, first);
    (0..received.saturating_sub(elsewhere)).map(|_| Course::received(*dice.pick(&days), dice)).collect()
}

/// A step of the funnel: the cases that may take it, from which day, and when they would.
struct Step {
    ready_on: fn(&Course) -> Option<NaiveDate>,
    due_on: fn(&Course) -> NaiveDate,
    /// The number of a month's steps that are generated elsewhere.
    elsewhere: fn(area: &Area, month: NaiveDate) -> u32,
}

const PLAN: Step = Step {
    ready_on: |course| course.accepted_on().filter(|_| course.plan_on.is_none()).map(|on| after(on, 1)),
    due_on: |course| course.plan_due,
    elsewhere: documented::plans,
};

const HOME: Step = Step {
    ready_on: |course| course.plan_on.filter(|_| course.home.is_none()).map(|on| after(on, 2)),
    due_on: |course| course.home_due,
    elsewhere: |_, _| 0,
};

/// The cases that take a step in a month, each with its day: first those due in it, then those that waited, the latest
/// first, then those that would be due later.
fn chosen<'a>(
    courses: &'a mut [Course],
    area: &Area,
    at: usize,
    count: u32,
    step: &Step,
    dice: &Dice,
) -> Vec<(&'a mut Course, NaiveDate)> {
    let (first, last) = month(at);
    let mut ready: Vec<(&mut Course, Vec<NaiveDate>)> = courses
        .iter_mut()
        .filter_map(|course| {
            let from = (step.ready_on)(course)?;
            Some((course, working_days(from.max(first), last)))
        })
        .filter(|(_, days)| !days.is_empty())
        .collect();
    dice.shuffle(&mut ready);
    ready.sort_by_key(|(course, _)| {
        let due = working((step.due_on)(course));
        if due < first { (1, (first - due).num_days()) } else { (i32::from(due > last) * 2, 0) }
    });
    let count = count.saturating_sub((step.elsewhere)(area, first));
    ready.truncate(usize::try_from(count).expect("a count of cases"));
    let dated = |(course, days): (&'a mut Course, Vec<NaiveDate>)| {
        let due = working((step.due_on)(course));
        let on = if days.contains(&due) { due } else { *dice.pick(&days) };
        (course, on)
    };
    ready.into_iter().map(dated).collect()
}
