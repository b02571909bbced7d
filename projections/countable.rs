//! Countable facts: every fact of a case that a measure may count, by kind, code and day.
//!
//! [`FactKind`] says what each kind counts. A row counts at the end of the days `[counts_from, counts_to)`. Most rows
//! count from the day of their fact on. Those of obligations are dated on the due day, and end when the obligation gets
//! another state or another keyworker: an obligation that was cancelled before it was due has no row from that day on.
//!
//! An exit is the first close or transfer, even if the case was reopened since, so that the number of a past month
//! never falls. A disengagement alone is not an exit: the case stays on the caseload until it is closed.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::obligation::{self, State, Stretch};
use super::stage::{ReachedStage, month_of};
use super::{CaseFacts, FOREVER, Row, Rows, Value, last_contact, table};
use throughline_domain::contract::outcome::first_achieved;
use throughline_domain::fact::Fact;
use throughline_domain::fact::envelope::{Occurred, WorkerId};
use throughline_domain::fact::event::{Attendance, ContactLogged, Quantity};
use throughline_domain::journey::TaskOver;
use throughline_domain::performance::measure::FactKind;

table!("countable", key 5, [
    "journey": Uuid, "day": Date, "kind": Text, "code": Text, "nth": Int, "contract": Text, "area": Text,
    "cohort": Text, "referrer": Text, "keyworker": Uuid, "worker": Uuid, "latest": Date, "month": Date,
    "counts_from": Date, "counts_to": Date, "quantity": Int, "ahead": Int,
]);

/// The kinds whose rows are only read by day, and never counted in advance: their days may lie ahead, those of an
/// outcome because its spell is taken to continue.
pub const DATED_ONLY: [FactKind; 3] = [FactKind::Achieved, FactKind::Due, FactKind::InTime];

/// The kinds of contacts that were made, and that the rulebook counts.
pub const CONTACTS: [FactKind; 2] = [FactKind::FaceToFace, FactKind::Remote];

/// The rows that are also counted in advance. A stage that lies ahead of every fact of its case is not: it is reached
/// only if a spell continues, and questions read it by its day.
pub(super) fn counted(rows: &Rows) -> impl Iterator<Item = Row<'_>> {
    rows.of(&TABLE).filter(|row| {
        let kind = row.cell("kind");
        let is_dated_only =
            matches!(kind, Value::Text(kind) if DATED_ONLY.iter().any(|dated| dated.as_str() == kind.as_str()));
        !is_dated_only && *row.cell("ahead") == Value::Int(0)
    })
}

/// A fact that a measure may count.
struct Countable<'a> {
    kind: FactKind,
    code: &'a str,
    day: NaiveDate,
    /// The last day on which it may have occurred: its day, unless only the month or the year is known.
    latest: NaiveDate,
    /// The first day at whose end it counts.
    from: NaiveDate,
    /// The first day at whose end it no longer counts.
    to: NaiveDate,
    /// The keyworker who held the case on its day. For an obligation: who owns it.
    keyworker: Option<WorkerId>,
    /// The worker of a contact.
    worker: Option<WorkerId>,
    /// What was recorded, in millionths.
    quantity: Option<i64>,
    /// Whether its day is later than every fact of the case.
    is_ahead: bool,
}

/// The countable facts of a case as they are gathered.
struct Gathered<'a> {
    case: CaseFacts<'a>,
    facts: Vec<Countable<'a>>,
}

impl<'a> Gathered<'a> {
    /// Adds a fact that counts from its day on.
    fn add(&mut self, kind: FactKind, code: &'a str, occurred: Occurred) -> &mut Countable<'a> {
        let day = occurred.earliest();
        let (from, keyworker) = (self.case.counts_from(occurred), self.case.journey.keyworker_on(day));
        let (latest, to) = (occurred.latest(), FOREVER);
        let (worker, quantity, is_ahead) = (None, None, false);
        self.facts.push(Countable { kind, code, day, latest, from, to, keyworker, worker, quantity, is_ahead });
        self.facts.last_mut().expect("it was just added")
    }

    /// The stages that the case reached, and the first time that it achieved each outcome.
    fn progress(&mut self, facts: &[Fact<'_>], stages: &[ReachedStage<'a>]) {
        let newest = facts.iter().map(|fact| fact.occurred.earliest()).max();
        for stage in stages {
            let is_ahead = newest.is_some_and(|newest| newest < stage.occurred.earliest());
            self.add(FactKind::Stages, stage.code, stage.occurred).is_ahead = is_ahead;
        }
        let rulebook = self.case.rulebook;
        for outcome in &rulebook.outcomes {
            if let Some(day) = first_achieved(facts, rulebook, &outcome.code) {
                self.add(FactKind::Achieved, &outcome.code, Occurred::on(day));
            }
        }
    }

    /// The decline or withdrawal of the referral, the first exit, and the first disengagement for each reason.
    fn leaving(&mut self) {
        let journey = self.case.journey;
        if let Some(declined) = &journey.declined {
            self.add(FactKind::Declined, &declined.details.reason, declined.occurred);
        }
        if let Some(withdrawn) = &journey.withdrawn {
            self.add(FactKind::Withdrawn, "", withdrawn.occurred);
        }
        if let Some(close) = journey.closes.first() {
            self.add(FactKind::Exits, &close.reason, close.occurred);
        }
        let mut first: BTreeMap<&'a str, Occurred> = BTreeMap::new();
        for mark in &journey.disengagements {
            let on = first.entry(&mark.details.reason).or_insert(mark.occurred);
            if mark.occurred.earliest() < on.earliest() {
                *on = mark.occurred;
            }
        }
        for (reason, occurred) in first {
            self.add(FactKind::Disengaged, reason, occurred);
        }
    }

    /// The contacts that count, the appointments that were missed, and the sessions.
    fn contacts(&mut self) {
        let CaseFacts { journey, rulebook, .. } = self.case;
        for contact in &journey.contacts {
            let details = &contact.details;
            let mut add = |kind: FactKind, code: &'a str| {
                self.add(kind, code, contact.occurred).worker = details.worker;
            };
            if last_contact::counts(contact, &rulebook.recency) {
                let way = if details.is_face_to_face() { FactKind::FaceToFace } else { FactKind::Remote };
                add(way, &details.channel);
            }
            if details.attendance == Attendance::DidNotAttend {
                add(FactKind::Missed, &details.channel);
            }
            if is_session(details) {
                let code = if details.group { "group" } else { "single" };
                add(FactKind::SessionsOffered, code);
                if details.attendance == Attendance::Attended {
                    add(FactKind::SessionsAttended, code);
                }
            }
        }
    }

    /// The plans, spells, tasks, risks and achievements.
    fn work(&mut self) {
        let journey = self.case.journey;
        for plan in &journey.plans {
            self.add(FactKind::Plans, &plan.kind, plan.occurred);
            for review in &plan.reviews {
                self.add(FactKind::Reviews, &plan.kind, review.occurred);
            }
        }
        for spell in &journey.spells {
            self.add(FactKind::Starts, &spell.details.domain, spell.started);
            if let Some(end) = &spell.ended {
                self.add(FactKind::Ends, &spell.details.domain, end.occurred);
            }
        }
        for task in &journey.tasks {
            self.add(FactKind::TasksSet, &task.details.kind, task.set);
            if let Some(TaskOver::Done(done)) = &task.over {
                self.add(FactKind::TasksDone, &task.details.kind, done.occurred);
            }
        }
        for risk in &journey.risks {
            self.add(FactKind::Risks, &risk.details.kind, risk.raised);
        }
        for achievement in &journey.achievements {
            self.add(FactKind::Achievements, &achievement.details.code, achievement.occurred);
        }
    }

    /// The values that were recorded, and the scores.
    fn values(&mut self) {
        let journey = self.case.journey;
        for measure in &journey.measures {
            let value = millionths(measure.details.value);
            self.add(FactKind::Recorded, &measure.details.code, measure.occurred).quantity = value;
        }
        for scored in &journey.assessments {
            let score = millionths(scored.details.score);
            self.add(FactKind::Assessments, &scored.details.instrument, scored.occurred).quantity = score;
        }
    }

    /// The obligations whose due day is known.
    fn obligations(&mut self) {
        let CaseFacts { journey, rulebook, .. } = self.case;
        for standard in &rulebook.standards {
            for obligation in obligation::obligations(&self.case, standard) {
                for stretch in obligation.stretches(journey) {
                    self.obligation(&standard.code, obligation.due, &stretch);
                }
            }
        }
    }

    /// An obligation over a range of days. One that ended before it was met is due only if it was overdue by then.
    fn obligation(&mut self, standard: &'a str, due: NaiveDate, stretch: &Stretch) {
        let (from, to) = (stretch.from.max(self.case.received.earliest()), stretch.to);
        if due == FOREVER || to <= from {
            return;
        }
        let ended_by_due = stretch.ended.is_some_and(|ended| ended <= due);
        let kinds: &[FactKind] = match stretch.state {
            State::Over if ended_by_due => &[],
            State::Met if ended_by_due => &[FactKind::Due, FactKind::InTime],
            State::Owed | State::Met | State::Over => &[FactKind::Due],
        };
        for kind in kinds {
            let (kind, code, keyworker) = (*kind, standard, stretch.keyworker);
            let (day, latest, worker, quantity, is_ahead) = (due, due, None, None, false);
            self.facts.push(Countable { kind, code, day, latest, from, to, keyworker, worker, quantity, is_ahead });
        }
    }
}

/// Whether a contact is a session that was offered: a group session, or one with an appointment.
const fn is_session(contact: &ContactLogged) -> bool {
    let is_offered = match contact.attendance {
        Attendance::Attended
        | Attendance::DidNotAttend
        | Attendance::CancelledByClient
        | Attendance::CancelledByService => true,
        Attendance::NotOffered | Attendance::None => false,
    };
    is_offered && (contact.group || contact.scheduled_on.is_some() || contact.appointment.is_some())
}

/// A value in millionths, rounded to a whole number of them. None if it is too large for the table, some nine million
/// million: then the fact is counted, but is in no sum.
pub(super) fn millionths(value: Quantity) -> Option<i64> {
    let millionths = value.0.checked_mul(1_000_000.into())?;
    i64::try_from(millionths.round()).ok()
}

/// The rows of a case. Facts of one day, kind and code are numbered in the order in which they were recorded, so that a
/// fact that is recorded late changes no other row.
pub fn rows(case: &CaseFacts<'_>, facts: &[Fact<'_>], stages: &[ReachedStage<'_>], rows: &mut Rows) {
    let mut gathered = Gathered { case: *case, facts: Vec::new() };
    gathered.progress(facts, stages);
    gathered.leaving();
    gathered.contacts();
    gathered.work();
    gathered.values();
    gathered.obligations();
    let mut numbers: BTreeMap<(NaiveDate, FactKind, &str), i64> = BTreeMap::new();
    for fact in &gathered.facts {
        let nth = numbers.entry((fact.day, fact.kind, fact.code)).or_default();
        rows.add(&TABLE, row(case, fact, *nth));
        *nth += 1;
    }
}

fn row(case: &CaseFacts<'_>, fact: &Countable<'_>, nth: i64) -> [Value; 17] {
    let id = |worker: Option<WorkerId>| worker.map_or(Value::Null, |worker| Value::Uuid(worker.0));
    [
        Value::Uuid(case.id.0),
        Value::Date(fact.day),
        Value::text(fact.kind.as_str()),
        Value::text(fact.code),
        Value::Int(nth),
        Value::text(case.contract),
        Value::text(&case.referral.area),
        Value::text(case.referral.cohort.as_deref().unwrap_or_default()),
        Value::text(case.referrer().unwrap_or_default()),
        id(fact.keyworker),
        id(fact.worker),
        Value::Date(fact.latest),
        Value::Date(month_of(fact.day)),
        Value::Date(fact.from),
        Value::Date(fact.to),
        fact.quantity.map_or(Value::Null, Value::Int),
        Value::Int(i64::from(fact.is_ahead)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows_of_journey;
    use throughline_domain::contract::Rulebook;
    use throughline_domain::fact::event::{
        ContactWith, Disengaged, Event, MeasureRecorded, ReferralReceived, Referrer,
    };
    use throughline_domain::world::{
        ANN, APPOINTMENT, BOB, CAT, HOME, JOURNEY, RULES, World, closed, contact, day, declined, disengaged, ended,
        given, home, keyworker, measured, on, plan, referral, reopened, reviewed, scored, transferred,
    };

    /// A case that was referred on 10 January, with these facts.
    fn case(facts: impl IntoIterator<Item = (Occurred, Event)>) -> World {
        given([on("2018-01-10", referral())].into_iter().chain(facts))
    }

    /// The rows of a case with a standard: a first contact within seven days.
    fn rows_of(story: &World) -> Rows {
        let standard = "[[standard]]\ncode = \"first_contact\"\nfrom = \"referral_received\"\nwithin = { days = 7 }\n\
             met_by = { contact = { made = true } }\n";
        let rulebook = Rulebook::parse(&format!("{RULES}\n{standard}")).expect("the rulebook is valid");
        rows_of_journey(JOURNEY, "shps", &story.case().facts(), &rulebook)
    }

    fn of_kind(rows: &Rows, kind: FactKind) -> Vec<Row<'_>> {
        rows.of(&TABLE).filter(|row| *row.cell("kind") == Value::text(kind.as_str())).collect()
    }

    /// The code and the day of each fact of a kind.
    fn found(story: &World, kind: FactKind) -> Vec<String> {
        let rows = rows_of(story);
        let fact = |row: &Row<'_>| match (row.cell("code"), row.day("day")) {
            (Value::Text(code), Some(day)) => format!("{code} {day}"),
            other => panic!("{other:?}"),
        };
        of_kind(&rows, kind).iter().map(fact).collect()
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn a_contact_is_counted_by_the_way_it_was_made_if_the_rulebook_counts_it() {
        let met = ContactLogged { channel: "face_to_face".to_owned(), face_to_face: Some(true), ..contact() };
        let with_landlord = ContactLogged { with: ContactWith::Landlord, ..contact() };
        let attempt = ContactLogged { two_way: false, ..contact() };
        let story = case([
            on("2018-02-01", contact()),
            on("2018-01-15", contact()),
            on("2018-01-16", met),
            on("2018-01-17", with_landlord),
            on("2018-01-18", attempt),
        ]);
        assert_eq!(found(&story, FactKind::Remote), ["phone 2018-01-15", "phone 2018-02-01"], "in the order of days");
        assert_eq!(found(&story, FactKind::FaceToFace), ["face_to_face 2018-01-16"]);
        assert_eq!(found(&story, FactKind::Missed), NONE);
        assert_eq!(found(&story, FactKind::SessionsOffered), NONE, "a call is no session");
    }

    #[test]
    fn a_missed_appointment_is_a_session_offered_and_no_contact() {
        let attendance = Attendance::DidNotAttend;
        let missed = ContactLogged { attendance, two_way: false, scheduled_on: Some(day("2018-01-15")), ..contact() };
        let story = case([on("2018-01-15", missed)]);
        assert_eq!(found(&story, FactKind::Missed), ["phone 2018-01-15"]);
        assert_eq!(found(&story, FactKind::SessionsOffered), ["single 2018-01-15"]);
        assert_eq!(found(&story, FactKind::SessionsAttended), NONE);
        assert_eq!(found(&story, FactKind::Remote), NONE);
    }

    #[test]
    fn sessions_are_counted_as_offered_and_attended_in_a_group_or_alone() {
        let came = ContactLogged { attendance: Attendance::Attended, ..contact() };
        let group = ContactLogged { group: true, ..came.clone() };
        let single = ContactLogged { appointment: Some(APPOINTMENT), ..came.clone() };
        let cancelled = ContactLogged { attendance: Attendance::CancelledByService, two_way: false, ..group.clone() };
        let not_offered = ContactLogged { attendance: Attendance::NotOffered, two_way: false, ..group.clone() };
        let story = case([
            on("2018-01-15", group),
            on("2018-01-16", single),
            on("2018-01-17", cancelled),
            on("2018-01-18", not_offered),
            on("2018-01-19", came),
        ]);
        let offered = ["group 2018-01-15", "single 2018-01-16", "group 2018-01-17"];
        assert_eq!(found(&story, FactKind::SessionsOffered), offered);
        assert_eq!(found(&story, FactKind::SessionsAttended), ["group 2018-01-15", "single 2018-01-16"]);
    }

    #[test]
    fn a_case_leaves_once_by_its_first_close_or_transfer() {
        let story = case([on("2018-01-15", closed()), on("2018-02-01", reopened()), on("2018-02-10", transferred())]);
        assert_eq!(found(&story, FactKind::Exits), ["housed 2018-01-15"]);
        assert_eq!(found(&case([on("2018-01-12", declined())]), FactKind::Declined), ["not_eligible 2018-01-12"]);
    }

    #[test]
    fn a_disengagement_is_counted_once_for_each_reason() {
        let moved = Disengaged { reason: "moved_away".to_owned(), ..disengaged() };
        let story = case([on("2018-02-01", disengaged()), on("2018-01-25", moved), on("2018-01-20", disengaged())]);
        assert_eq!(found(&story, FactKind::Disengaged), ["no_contact 2018-01-20", "moved_away 2018-01-25"]);
        assert_eq!(found(&story, FactKind::Exits), NONE);
    }

    #[test]
    fn plans_reviews_and_spells_are_each_counted_even_on_one_day() {
        let story = case([
            on("2018-01-12", plan()),
            on("2018-01-20", reviewed()),
            on("2018-01-20", reviewed()),
            on("2018-01-14", home(HOME)),
            on("2018-02-01", ended(HOME)),
        ]);
        assert_eq!(found(&story, FactKind::Plans), ["php 2018-01-12"]);
        assert_eq!(found(&story, FactKind::Reviews), ["php 2018-01-20", "php 2018-01-20"]);
        assert_eq!(found(&story, FactKind::Starts), ["accommodation 2018-01-14"]);
        assert_eq!(found(&story, FactKind::Ends), ["accommodation 2018-02-01"]);
    }

    #[test]
    fn a_fact_belongs_to_the_keyworker_of_its_day_and_a_contact_to_its_worker_too() {
        let by_cat = || ContactLogged { worker: Some(CAT), ..contact() };
        let story = case([
            on("2018-01-12", keyworker(ANN)),
            on("2018-01-20", keyworker(BOB)),
            on("2018-01-11", by_cat()),
            on("2018-01-15", by_cat()),
            on("2018-01-20", by_cat()),
            on("2018-01-21", plan()),
        ]);
        let rows = rows_of(&story);
        let whose = |kind| -> Vec<_> {
            of_kind(&rows, kind).iter().map(|row| (row.id("keyworker"), row.id("worker"))).collect()
        };
        let cat = Some(CAT.0);
        assert_eq!(whose(FactKind::Remote), [(None, cat), (Some(ANN.0), cat), (Some(BOB.0), cat)]);
        let plans = of_kind(&rows, FactKind::Plans);
        assert_eq!(plans[0].id("keyworker"), Some(BOB.0));
        assert_eq!(plans[0].id("worker"), None);
    }

    #[test]
    fn a_fact_has_the_cohort_and_the_referrer_of_its_case_and_counts_from_the_referral() {
        let referrer = Referrer { organisation: None, kind: Some("prison".to_owned()) };
        let fact = ReferralReceived { cohort: Some("autumn".to_owned()), referrer: Some(referrer), ..referral() };
        let rows = rows_of(&given([on("2018-01-10", fact), on("2017-12-20", plan())]));
        let plans = of_kind(&rows, FactKind::Plans);
        let cells = |column| plans.iter().map(|row| row.cell(column).clone()).collect::<Vec<_>>();
        assert_eq!(cells("cohort"), [Value::text("autumn")]);
        assert_eq!(cells("referrer"), [Value::text("prison")]);
        assert_eq!(cells("month"), [Value::Date(day("2017-12-01"))]);
        assert_eq!(cells("counts_from"), [Value::Date(day("2018-01-10"))]);
        let rows = rows_of(&case([on("2018-01-12", plan())]));
        let plans = of_kind(&rows, FactKind::Plans);
        assert_eq!([plans[0].cell("cohort"), plans[0].cell("referrer")], [&Value::text(""), &Value::text("")]);
    }

    #[test]
    fn a_fact_of_a_month_may_have_occurred_on_any_of_its_days() {
        let rows = rows_of(&case([on("2018-02", plan()), on("2018-02-28", reviewed())]));
        let dates =
            |kind| -> Vec<_> { of_kind(&rows, kind).iter().map(|row| (row.day("day"), row.day("latest"))).collect() };
        assert_eq!(dates(FactKind::Plans), [(Some(day("2018-02-01")), Some(day("2018-02-28")))]);
        assert_eq!(dates(FactKind::Reviews), [(Some(day("2018-02-28")), Some(day("2018-02-28")))]);
    }

    /// How many obligations due on 17 January count at the end of a day, and how many of them were met in time.
    fn obligations_on(story: &World, as_of: &str) -> [usize; 2] {
        let (rows, as_of) = (rows_of(story), Some(day(as_of)));
        [FactKind::Due, FactKind::InTime].map(|kind| {
            let rows = of_kind(&rows, kind);
            assert!(rows.iter().all(|row| row.day("day") == Some(day("2018-01-17"))));
            rows.iter().filter(|row| row.day("counts_from") <= as_of && as_of < row.day("counts_to")).count()
        })
    }

    #[test]
    fn an_obligation_cancelled_before_it_was_due_is_due_no_longer() {
        let story = case([on("2018-01-15", closed())]);
        assert_eq!(["2018-01-14", "2018-01-15"].map(|as_of| obligations_on(&story, as_of)), [[1, 0], [0, 0]]);
        let overdue = case([on("2018-01-20", closed())]);
        assert_eq!(obligations_on(&overdue, "2018-02-01"), [1, 0], "it was overdue before the case was closed");
    }

    #[test]
    fn an_obligation_met_in_time_stays_so_after_the_close() {
        let story = case([on("2018-01-12", contact()), on("2018-01-15", closed())]);
        let days = ["2018-01-11", "2018-01-12", "2018-02-01"];
        assert_eq!(days.map(|as_of| obligations_on(&story, as_of)), [[1, 0], [1, 1], [1, 1]]);
        let late = case([on("2018-01-18", contact())]);
        assert_eq!(obligations_on(&late, "2018-02-01"), [1, 0], "it was met late");
    }

    #[test]
    fn values_and_scores_are_in_millionths_and_none_if_they_do_not_fit() {
        let huge = MeasureRecorded { value: Quantity(i64::MAX.into()), ..measured() };
        let story = case([on("2018-01-31", measured()), on("2018-02-28", huge), on("2018-02-10", scored())]);
        let rows = rows_of(&story);
        let quantities =
            |kind| -> Vec<Value> { of_kind(&rows, kind).iter().map(|row| row.cell("quantity").clone()).collect() };
        assert_eq!(quantities(FactKind::Recorded), [Value::Int(92_500_000), Value::Null]);
        assert_eq!(quantities(FactKind::Assessments), [Value::Int(17_000_000)]);
    }
}
