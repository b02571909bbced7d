//! Obligations: what the rulebook's standards require for a client, when it is due, and when it was met.
//!
//! A standard starts again with each fact that starts its clock. An obligation has a row for each range of days over
//! which it was owed, met, or no longer owed because the case was closed or the referral was declined or withdrawn.
//! Whether an owed one is due or overdue, or a met one was late, depends on the as-of date of the question.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};

use super::FOREVER;
use super::{CaseFacts, Rows, Value, table};
use throughline_domain::contract::calendar::BankHolidays;
use throughline_domain::contract::rulebook::terms::{MetBy, Standard, StandardFrom, Within};
use throughline_domain::fact::envelope::{EventId, Occurred, WorkerId};
use throughline_domain::fact::event::{Attendance, KEYWORKER};
use throughline_domain::journey::{Assignment, Contact, Journey, Plan, TaskOver};

table!("obligation", key 4, [
    "journey": Uuid, "standard": Text, "nth": Int, "counts_from": Date, "counts_to": Date, "contract": Text,
    "area": Text, "state": Text, "from_on": Date, "due_on": Date, "ended_on": Date, "keyworker": Uuid,
    "last_keyworker": Uuid,
]);

/// The state of an obligation over a range of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is owed.
    Owed,
    /// It was met, in time or late.
    Met,
    /// The case, or the item that the obligation is about, ended before it was met.
    Over,
}

impl State {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Owed, Self::Met, Self::Over];

    /// The state as the table stores it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owed => "owed",
            Self::Met => "met",
            Self::Over => "over",
        }
    }
}

/// An obligation from its start, as far as the facts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obligation {
    /// The event that started the clock.
    pub started_by: EventId,
    /// The day from which the days are counted.
    pub from: NaiveDate,
    /// The last day on which it is met in time. [`FOREVER`] if the bank holidays of that year are not known.
    pub due: NaiveDate,
    /// The first day by whose end everything that meets it was done.
    pub met: Option<NaiveDate>,
    /// The day from which it can no longer be met, whatever happens to the case: its plan was closed.
    void: Option<NaiveDate>,
}

/// A start of a clock: the fact, its date, and the fact about the same item that ends it.
struct Start<'a> {
    by: EventId,
    on: NaiveDate,
    plan: Option<&'a Plan>,
}

impl Start<'_> {
    const fn of(by: EventId, occurred: Occurred) -> Self {
        Self { by, on: occurred.earliest(), plan: None }
    }
}

/// The obligations of a case under a standard, in order of start.
pub fn obligations(case: &CaseFacts<'_>, standard: &Standard) -> Vec<Obligation> {
    let mut starts = starts(case.journey, &standard.from);
    starts.sort_by_key(|start| start.on);
    let obligation = |start: &Start<'_>| Obligation {
        started_by: start.by,
        from: start.on,
        due: due(case, start.on, standard.within),
        met: met(case, start, standard),
        void: start.plan.and_then(|plan| plan.closed.as_ref()).map(|closed| closed.occurred.earliest()),
    };
    starts.iter().map(obligation).collect()
}

/// Every fact that starts the clock.
fn starts<'a>(journey: &'a Journey, from: &StandardFrom) -> Vec<Start<'a>> {
    match from {
        StandardFrom::ReferralReceived => {
            journey.referral.iter().map(|entry| Start::of(entry.event_id, entry.occurred)).collect()
        }
        StandardFrom::ReferralAccepted => {
            journey.accepted.iter().map(|entry| Start::of(entry.event_id, entry.occurred)).collect()
        }
        StandardFrom::MissedContact => {
            let missed = |contact: &&Contact| contact.details.attendance == Attendance::DidNotAttend;
            let missed = journey.contacts.iter().filter(missed);
            missed.map(|contact| Start::of(contact.event_id, contact.occurred)).collect()
        }
        StandardFrom::PlanAgreed => journey.plans.iter().map(|plan| Start::of(plan.event_id, plan.occurred)).collect(),
        StandardFrom::LastReview => journey.plans.iter().flat_map(reviews).collect(),
        StandardFrom::SpellStarted(domain) => {
            let of_domain = journey.spells.iter().filter(|spell| spell.details.domain == *domain);
            of_domain.map(|spell| Start::of(spell.event_id, spell.started)).collect()
        }
    }
}

/// The agreement of a plan and each review start the clock for the next review.
fn reviews(plan: &Plan) -> impl Iterator<Item = Start<'_>> {
    let agreed = (plan.event_id, plan.occurred);
    let reviews = plan.reviews.iter().map(|review| (review.event_id, review.occurred));
    std::iter::once(agreed).chain(reviews).map(move |(by, on)| Start { plan: Some(plan), ..Start::of(by, on) })
}

/// The last day on which it is met in time.
fn due(case: &CaseFacts<'_>, from: NaiveDate, within: Within) -> NaiveDate {
    let division = || BankHolidays::known().division(&case.rulebook.calendar.working_days);
    let due = match within {
        Within::Days(days) => from.checked_add_days(Days::new(days.into())),
        Within::WorkingDays(days) => division().and_then(|division| division.nth_after(from, days).ok()),
    };
    due.map_or(FOREVER, |due| due.min(FOREVER))
}

/// The first day by whose end everything that meets the standard was done after its start. If the clock starts with the
/// referral, facts from before it count too, from the first day on.
fn met(case: &CaseFacts<'_>, start: &Start<'_>, standard: &Standard) -> Option<NaiveDate> {
    let (journey, MetBy { contacts, face_to_face, plan, review, task, attempt }) = (case.journey, &standard.met_by);
    let once = matches!(standard.from, StandardFrom::ReferralReceived | StandardFrom::ReferralAccepted);
    let counts = |by: EventId, occurred: Occurred| {
        let on = occurred.earliest();
        (by != start.by && (once || on >= start.on)).then(|| on.max(start.on))
    };
    let tried = |contact: &&Contact| {
        let counted = case.rulebook.recency.counts_with.iter().any(|with| with == contact.details.with.as_str());
        counted && (!face_to_face || contact.details.is_face_to_face()) && (*attempt || contact.details.is_made())
    };
    let mut needs: Vec<Option<NaiveDate>> = Vec::new();
    if *contacts > 0 || *attempt {
        let done = journey.contacts.iter().filter(tried);
        let done = done.filter_map(|contact| counts(contact.event_id, contact.occurred));
        needs.push(nth(done.collect(), (*contacts).max(1)));
    }
    if let Some(kind) = plan {
        let of_kind = journey.plans.iter().filter(|plan| plan.kind == *kind);
        needs.push(of_kind.filter_map(|plan| counts(plan.event_id, plan.occurred)).min());
    }
    if let Some(kind) = review {
        let same = |plan: &&Plan| plan.kind == *kind && start.plan.is_none_or(|of| of.event_id == plan.event_id);
        let reviews = journey.plans.iter().filter(same).flat_map(|plan| &plan.reviews);
        needs.push(reviews.filter_map(|review| counts(review.event_id, review.occurred)).min());
    }
    if let Some(kind) = task {
        let done = journey.tasks.iter().filter(|task| task.details.kind == *kind).filter_map(|task| match &task.over {
            Some(TaskOver::Done(done)) => counts(done.event_id, done.occurred),
            _ => None,
        });
        needs.push(done.min());
    }
    needs.into_iter().collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// The n-th of these days.
fn nth(mut days: Vec<NaiveDate>, n: u32) -> Option<NaiveDate> {
    days.sort_unstable();
    days.into_iter().nth(usize::try_from(n).ok()? - 1)
}

/// The state of an obligation over a range of days `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The first day.
    pub from: NaiveDate,
    /// The first day after it.
    pub to: NaiveDate,
    /// The state.
    pub state: State,
    /// The day on which it was met, or from which it could no longer be met.
    pub ended: Option<NaiveDate>,
    /// The keyworker who owns it, or owned it when it ended.
    pub keyworker: Option<WorkerId>,
    /// The last keyworker who held the case by then, even if they no longer do.
    pub last_keyworker: Option<WorkerId>,
}

impl Obligation {
    /// The ranges of days with the state over each, in order and without overlap.
    pub fn stretches(&self, journey: &Journey) -> Vec<Stretch> {
        let void = journey.turned_away().map(|on| on.earliest()).into_iter().chain(self.void).min();
        let is_over = |day: NaiveDate| journey.is_closed_on(day) || void.is_some_and(|on| on <= day);
        let met = self.met.filter(|met| void.is_none_or(|on| *met <= on));
        let held = journey.assignments.iter().filter(|held| held.role == KEYWORKER);
        let changes = held.flat_map(|held| [Some(held.from), held.to]).flatten();
        let mut edges: BTreeSet<NaiveDate> = changes.chain(journey.closed_or_reopened_on()).chain(void).collect();
        edges.retain(|day| *day > self.from && met.is_none_or(|met| *day < met));
        edges.extend([self.from, FOREVER]);
        edges.extend(met);
        let edges: Vec<NaiveDate> = edges.into_iter().collect();
        let mut stretches: Vec<Stretch> = Vec::new();
        for edge in edges.windows(2) {
            let (from, to) = (edge[0], edge[1]);
            let state = match met {
                Some(met) if met <= from => State::Met,
                _ if is_over(from) => State::Over,
                _ => State::Owed,
            };
            match stretches.last_mut() {
                // The owner at the end stays the owner.
                Some(last) if last.state == state && state != State::Owed => last.to = to,
                _ => {
                    let day = if state == State::Over { from.pred_opt().unwrap_or(from) } else { from };
                    let ended = (state != State::Owed).then_some(from);
                    let last = last_holder(journey, day);
                    let keyworker = last.filter(|held| held.to.is_none_or(|to| day < to));
                    let [keyworker, last_keyworker] = [keyworker, last].map(|held| held.map(|held| held.worker));
                    stretches.push(Stretch { from, to, state, ended, keyworker, last_keyworker });
                }
            }
        }
        stretches
    }
}

/// The last keyworker who held the case by a day.
pub(super) fn last_holder(journey: &Journey, day: NaiveDate) -> Option<&Assignment> {
    let held = |held: &&Assignment| held.role == KEYWORKER && held.from <= day;
    journey.assignments.iter().rfind(held)
}

/// The rows of a case.
pub fn rows(case: &CaseFacts<'_>, rows: &mut Rows) {
    let received = case.received.earliest();
    for standard in &case.rulebook.standards {
        for (nth, obligation) in (0_i64..).zip(obligations(case, standard)) {
            for stretch in obligation.stretches(case.journey) {
                let from = stretch.from.max(received);
                if stretch.to <= from {
                    continue;
                }
                rows.add(
                    &TABLE,
                    [
                        Value::Uuid(case.id.0),
                        Value::text(&standard.code),
                        Value::Int(nth),
                        Value::Date(from),
                        Value::Date(stretch.to),
                        Value::text(case.contract),
                        Value::text(&case.referral.area),
                        Value::text(stretch.state.as_str()),
                        Value::Date(obligation.from),
                        Value::Date(obligation.due),
                        Value::date(stretch.ended),
                        stretch.keyworker.map_or(Value::Null, |worker| Value::Uuid(worker.0)),
                        stretch.last_keyworker.map_or(Value::Null, |worker| Value::Uuid(worker.0)),
                    ],
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::contract::Rulebook;
    use throughline_domain::contract::rulebook::terms::Standard;
    use throughline_domain::fact::event::{Attendance, ContactLogged, PlanAgreed, PlanReviewed};
    use throughline_domain::world::{
        ANN, BOB, JOURNEY, RULES, World, accepted, closed, contact, day, declined, given, keyworker, on, plan_closed,
        referral, reopened, reviewed, state,
    };

    /// The rules of the test cases with a standard that has this start, time limit and condition.
    fn standard(from: &str, within: &str, met_by: &str) -> String {
        format!("{RULES}\n[[standard]]\ncode = \"it\"\nfrom = \"{from}\"\nwithin = {within}\nmet_by = {met_by}\n")
    }

    /// The obligations of a test case: the due day of each, and its states with their first days.
    fn case(story: &World, rules: &str) -> Vec<(NaiveDate, Vec<(NaiveDate, State)>)> {
        let rulebook = Rulebook::parse(rules).expect("the rulebook is valid");
        let journey = story.case().journey();
        let case = CaseFacts::of(JOURNEY, "shps", &journey, &rulebook).expect("it was referred");
        let standard: &Standard = &rulebook.standards[0];
        let stretches = |owed: &Obligation| owed.stretches(&journey).iter().map(|one| (one.from, one.state)).collect();
        obligations(&case, standard).iter().map(|owed| (owed.due, stretches(owed))).collect()
    }

    fn states(case: &[(&str, State)]) -> Vec<(NaiveDate, State)> {
        case.iter().map(|(on, state)| (day(on), *state)).collect()
    }

    const FIRST_CONTACT: [&str; 3] = ["referral_received", "{ days = 7 }", "{ contact = { made = true } }"];

    fn first_contact() -> String {
        let [from, within, met_by] = FIRST_CONTACT;
        standard(from, within, met_by)
    }

    #[test]
    fn a_first_contact_is_owed_from_the_referral_until_it_is_made() {
        let story = accepted().and(&state("2018-01-20", contact()));
        let expected = states(&[("2018-01-10", State::Owed), ("2018-01-20", State::Met)]);
        assert_eq!(case(&story, &first_contact()), [(day("2018-01-17"), expected)]);
        assert_eq!(case(&accepted(), &first_contact())[0].1, states(&[("2018-01-10", State::Owed)]));
        let tried = ContactLogged { two_way: false, ..contact() };
        let story = accepted().and(&state("2018-01-20", tried));
        assert_eq!(
            case(&story, &first_contact())[0].1,
            states(&[("2018-01-10", State::Owed)]),
            "an attempt does not meet it"
        );
    }

    #[test]
    fn what_was_done_before_the_referral_counts_from_its_first_day() {
        let story = given([on("2018-01-10", referral()), on("2018-01-08", contact())]);
        assert_eq!(case(&story, &first_contact())[0].1, states(&[("2018-01-10", State::Met)]));
    }

    #[test]
    fn working_days_are_counted_from_the_day_after_without_bank_holidays() {
        let story = given([on("2018-03-29", referral())]);
        let rules = standard("referral_received", "{ working_days = 1 }", "{ contacts = 1 }");
        assert_eq!(case(&story, &rules)[0].0, day("2018-04-03"), "Good Friday to Easter Monday are not working days");
        let late = given([on("2031-03-03", referral())]);
        assert_eq!(case(&late, &rules)[0].0, FOREVER, "the bank holidays of that year are not known yet");
    }

    #[test]
    fn several_things_meet_a_standard_on_the_day_of_the_last() {
        let rules = standard("referral_accepted", "{ days = 28 }", "{ contacts = 3, plan = \"php\" }");
        let mut story = accepted();
        for at in ["2018-01-15", "2018-01-22", "2018-02-05"] {
            story = story.and(&state(at, contact()));
        }
        assert_eq!(case(&story, &rules)[0].1, states(&[("2018-01-11", State::Owed)]));
        let story =
            story.and(&state("2018-01-30", PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None }));
        let expected = states(&[("2018-01-11", State::Owed), ("2018-02-05", State::Met)]);
        assert_eq!(case(&story, &rules), [(day("2018-02-08"), expected)]);
    }

    #[test]
    fn each_missed_appointment_is_followed_up_by_a_later_attempt() {
        let missed = ContactLogged { attendance: Attendance::DidNotAttend, two_way: false, ..contact() };
        let rules = standard("missed_contact", "{ days = 3 }", "{ contact = { made = false } }");
        let story = accepted().and(&state("2018-01-15", missed.clone())).and(&state("2018-01-17", missed));
        let first = states(&[("2018-01-15", State::Owed), ("2018-01-17", State::Met)]);
        let second = states(&[("2018-01-17", State::Owed)]);
        assert_eq!(case(&story, &rules), [(day("2018-01-18"), first), (day("2018-01-20"), second)]);
    }

    #[test]
    fn a_plan_is_reviewed_again_and_again_until_it_is_closed() {
        let rules = standard("last_review", "{ days = 28 }", "{ review = \"php\" }");
        let story = accepted()
            .and(&state("2018-01-12", PlanAgreed { kind: "php".to_owned(), actions: Vec::new(), note: None }))
            .and(&state("2018-02-01", PlanReviewed { ..reviewed() }))
            .and(&state("2018-02-20", plan_closed()));
        let first = states(&[("2018-01-12", State::Owed), ("2018-02-01", State::Met)]);
        let second = states(&[("2018-02-01", State::Owed), ("2018-02-20", State::Over)]);
        assert_eq!(case(&story, &rules), [(day("2018-02-09"), first), (day("2018-03-01"), second)]);
    }

    #[test]
    fn a_closed_case_owes_nothing_until_it_is_reopened() {
        let story = accepted().and(&state("2018-01-15", closed())).and(&state("2018-02-01", reopened()));
        let expected = states(&[("2018-01-10", State::Owed), ("2018-01-15", State::Over), ("2018-02-01", State::Owed)]);
        assert_eq!(case(&story, &first_contact())[0].1, expected);
        let story = given([on("2018-01-10", referral()), on("2018-01-12", declined())]);
        assert_eq!(
            case(&story, &first_contact())[0].1,
            states(&[("2018-01-10", State::Owed), ("2018-01-12", State::Over)])
        );
    }

    #[test]
    fn an_owed_obligation_belongs_to_the_current_keyworker_and_an_ended_one_to_its_last() {
        let story = accepted()
            .and(&state("2018-01-12", keyworker(ANN)))
            .and(&state("2018-01-20", keyworker(BOB)))
            .and(&state("2018-01-25", contact()))
            .and(&state("2018-02-01", keyworker(ANN)));
        let rulebook = Rulebook::parse(&first_contact()).expect("the rulebook is valid");
        let journey = story.case().journey();
        let case = CaseFacts::of(JOURNEY, "shps", &journey, &rulebook).expect("it was referred");
        let owed = obligations(&case, &rulebook.standards[0]);
        let whose: Vec<_> = owed[0].stretches(&journey).iter().map(|one| (one.from, one.keyworker)).collect();
        let days = ["2018-01-10", "2018-01-12", "2018-01-20", "2018-01-25"].map(day);
        assert_eq!(whose, days.into_iter().zip([None, Some(ANN), Some(BOB), Some(BOB)]).collect::<Vec<_>>());
    }
}
