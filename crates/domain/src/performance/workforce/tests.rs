//! Tests of the workforce: absence, joining and leaving, vacant posts with and without cover, and who is counted.

use uuid::Uuid;

use super::super::fraction::tests::fraction;
use super::*;
use crate::world::day;

const ANN: WorkerId = WorkerId(Uuid::from_u128(1));
const BOB: WorkerId = WorkerId(Uuid::from_u128(2));
const NORTH: TeamId = TeamId(Uuid::from_u128(11));
const SOUTH: TeamId = TeamId(Uuid::from_u128(12));

fn days(from: &str, to: &str) -> DayRange {
    DayRange::new(day(from), day(to)).expect("in order")
}

fn lasting<T>(from: &str, to: &str, of: T) -> Lasting<T> {
    Lasting { days: days(from, to), of }
}

/// The ten days from 1 February on.
fn ten_days() -> DayRange {
    days("2018-02-01", "2018-02-11")
}

/// A full-time worker from a day to another, with four cases for a full-time post.
fn worker(from: &str, to: &str) -> WorkerDays {
    WorkerDays {
        here: Some(days(from, to)),
        wte: vec![lasting(from, to, fraction("1"))],
        capacity: vec![lasting("2017-01-01", "2020-01-01", fraction("4"))],
        ..WorkerDays::default()
    }
}

fn staff(workers: impl IntoIterator<Item = (WorkerId, WorkerDays)>) -> Staff {
    Staff { workers: workers.into_iter().collect(), teams: BTreeMap::new() }
}

fn with_team(mut staff: Staff, id: TeamId, team: TeamDays) -> Staff {
    staff.teams.insert(id, TeamDays { is_counted: true, ..team });
    staff
}

/// The number for the whole contract over the ten days.
fn whole(staff: &Staff, of: Workforce) -> Option<Fraction> {
    staff.figure(of, ten_days(), |_| true).expect("in range").value()
}

#[test]
fn a_worker_who_is_absent_half_the_days_has_half_the_slots() {
    let mut ann = worker("2017-01-01", "2020-01-01");
    ann.absent = vec![lasting("2018-01-20", "2018-02-06", ())];
    let staff = staff([(ANN, ann)]);
    assert_eq!(whole(&staff, Workforce::Slots), Some(fraction("2")));
    assert_eq!(whole(&staff, Workforce::SlotsInPost), Some(fraction("4")));
    assert_eq!(whole(&staff, Workforce::WteWeeks), Some(fraction("10/7")), "absence does not lower WTE");
    assert_eq!(whole(&staff, Workforce::AbsenceDays), Some(fraction("5")), "1 to 5 February");
}

#[test]
fn absences_at_the_same_time_count_once() {
    let mut ann = worker("2017-01-01", "2020-01-01");
    ann.absent = vec![lasting("2018-02-01", "2018-02-04", ()), lasting("2018-02-03", "2018-02-06", ())];
    let staff = staff([(ANN, ann)]);
    assert_eq!(whole(&staff, Workforce::AbsenceDays), Some(fraction("5")));
    assert_eq!(whole(&staff, Workforce::Slots), Some(fraction("2")));
}

#[test]
fn who_joins_or_leaves_within_the_days_has_slots_for_the_days_in_post() {
    let staff = staff([(ANN, worker("2018-02-06", "2020-01-01")), (BOB, worker("2017-01-01", "2018-02-03"))]);
    assert_eq!(whole(&staff, Workforce::Slots), Some(fraction("2.8")), "five days and two days of ten");
    let of_bob = staff.figure(Workforce::Slots, ten_days(), |about| about == About::Worker(BOB)).expect("in range");
    assert_eq!(of_bob.value(), Some(fraction("0.8")));
}

#[test]
fn a_part_time_worker_has_a_part_of_the_slots() {
    let mut ann = worker("2017-01-01", "2020-01-01");
    ann.wte =
        vec![lasting("2017-01-01", "2018-02-06", fraction("1")), lasting("2018-02-06", "2020-01-01", fraction("0.5"))];
    assert_eq!(whole(&staff([(ANN, ann)]), Workforce::Slots), Some(fraction("3")));
}

#[test]
fn a_worker_without_a_number_of_their_own_has_the_highest_of_their_teams_while_they_are_in_them() {
    let of_team = |cases: &str| TeamDays {
        capacity: vec![lasting("2017-01-01", "2020-01-01", fraction(cases))],
        ..TeamDays::default()
    };
    let mut ann = worker("2017-01-01", "2020-01-01");
    ann.capacity = Vec::new();
    ann.teams = vec![lasting("2018-01-01", "2018-02-06", NORTH), lasting("2018-02-03", "2018-02-06", SOUTH)];
    let mut staff = with_team(with_team(staff([(ANN, ann)]), NORTH, of_team("5")), SOUTH, of_team("6"));
    assert_eq!(whole(&staff, Workforce::Slots), Some(fraction("2.8")), "(2 × 5 + 3 × 6) ÷ 10");
    let own = vec![lasting("2017-01-01", "2020-01-01", fraction("3"))];
    staff.workers.get_mut(&ANN).expect("Ann").capacity = own;
    assert_eq!(
        whole(&staff, Workforce::Slots),
        Some(fraction("3")),
        "their own number comes first, also if it is lower"
    );
}

#[test]
fn nothing_set_is_no_data_and_not_nothing() {
    let mut ann = worker("2017-01-01", "2020-01-01");
    ann.capacity = Vec::new();
    let staff = staff([(ANN, ann)]);
    assert_eq!(whole(&staff, Workforce::Slots), None);
    assert_eq!(whole(&staff, Workforce::Vacancies), None, "there are no teams");
    assert_eq!(whole(&staff, Workforce::VoidDays), None);
    assert_eq!(whole(&staff, Workforce::CoverDays), None);
    assert_eq!(whole(&staff, Workforce::AbsenceDays), Some(Fraction::ZERO), "a worker is here and never absent");
    let staff = with_team(staff, NORTH, TeamDays::default());
    assert_eq!(whole(&staff, Workforce::Vacancies), Some(Fraction::ZERO));
    assert_eq!(whole(&staff, Workforce::CoverDays), Some(Fraction::ZERO));
}

/// Ann left on 3 February and her half-time post is vacant from that day to 9 February.
fn after_ann(covers: Vec<Lasting<WorkerId>>) -> Staff {
    let team =
        TeamDays { vacant: vec![lasting("2018-02-03", "2018-02-09", fraction("0.5"))], covers, ..TeamDays::default() };
    with_team(
        staff([(ANN, worker("2017-01-01", "2018-02-03")), (BOB, worker("2017-01-01", "2020-01-01"))]),
        NORTH,
        team,
    )
}

#[test]
fn a_vacant_post_without_cover_is_void_for_each_of_its_days() {
    let staff = after_ann(Vec::new());
    assert_eq!(whole(&staff, Workforce::VoidDays), Some(fraction("6")));
    assert_eq!(whole(&staff, Workforce::Vacancies), Some(fraction("0.6")), "one post on 6 days of 10");
    assert_eq!(whole(&staff, Workforce::VacantWte), Some(fraction("0.3")));
}

#[test]
fn only_a_cover_for_a_worker_who_has_left_fills_a_vacant_post() {
    // The cover begins before Ann leaves: on those days no post is vacant.
    let staff = after_ann(vec![lasting("2018-02-01", "2018-02-06", ANN)]);
    assert_eq!(whole(&staff, Workforce::VoidDays), Some(fraction("3")), "6, 7 and 8 February");
    assert_eq!(whole(&staff, Workforce::CoverDays), Some(fraction("5")));
    let of_bob = after_ann(vec![lasting("2018-02-01", "2018-02-06", BOB)]);
    assert_eq!(whole(&of_bob, Workforce::VoidDays), Some(fraction("6")), "Bob will be back");
    let by_two = after_ann(vec![lasting("2018-02-03", "2018-02-06", ANN), lasting("2018-02-05", "2018-02-09", ANN)]);
    assert_eq!(whole(&by_two, Workforce::VoidDays), Some(Fraction::ZERO));
    assert_eq!(whole(&by_two, Workforce::CoverDays), Some(fraction("6")), "a day with two covers counts once");
}

#[test]
fn a_cover_never_fills_more_posts_than_are_vacant() {
    let mut staff = after_ann(vec![lasting("2018-02-03", "2018-02-09", ANN), lasting("2018-02-03", "2018-02-09", BOB)]);
    staff.workers.insert(BOB, worker("2017-01-01", "2018-02-02"));
    assert_eq!(whole(&staff, Workforce::VoidDays), Some(Fraction::ZERO));
    let team = staff.teams.get_mut(&NORTH).expect("a team");
    team.vacant.push(lasting("2018-02-01", "2018-02-09", fraction("1")));
    assert_eq!(whole(&staff, Workforce::VoidDays), Some(fraction("2")), "1 and 2 February, before the covers");
}

#[test]
fn a_measure_is_about_those_who_have_something_on_these_days() {
    let staff = after_ann(vec![lasting("2018-02-03", "2018-02-09", ANN)]);
    assert_eq!(staff.about(Workforce::Slots, ten_days()), [About::Worker(ANN), About::Worker(BOB)]);
    assert_eq!(staff.about(Workforce::VoidDays, ten_days()), [About::Team(NORTH)]);
    assert_eq!(staff.about(Workforce::CoverDays, ten_days()), [About::Covered(NORTH, ANN)]);
    assert_eq!(staff.about(Workforce::CoverDays, days("2018-02-09", "2018-03-01")), []);
    assert_eq!(staff.about(Workforce::AbsenceDays, ten_days()), []);
    assert_eq!(staff.about(Workforce::Slots, days("2018-02-03", "2018-03-01")), [About::Worker(BOB)]);
}

#[test]
fn the_mean_score_is_that_of_one_instrument_over_these_days() {
    let mut ann = worker("2017-01-01", "2020-01-01");
    let score = |on: &str, instrument: &str, score: &str| {
        let next = day(on).succ_opt().expect("a day").to_string();
        lasting(on, &next, Score { instrument: instrument.to_owned(), score: fraction(score) })
    };
    ann.scores = vec![
        score("2018-01-31", "adherence", "0.1"),
        score("2018-02-01", "adherence", "0.6"),
        score("2018-02-10", "adherence", "0.7"),
        score("2018-02-05", "supervision", "5"),
    ];
    let staff = staff([(ANN, ann)]);
    let mean = |instrument: &str| staff.mean_score(instrument, ten_days(), |_| true).expect("in range").value();
    assert_eq!(mean("adherence"), Some(fraction("0.65")));
    assert_eq!(mean("supervision"), Some(fraction("5")));
    assert_eq!(mean("other"), None);
    assert_eq!(staff.scored("adherence", ten_days()), [About::Worker(ANN)]);
}
