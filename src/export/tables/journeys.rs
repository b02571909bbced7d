//! The table of cases: one row each, with the dates on which the case first reached each stage.

use chrono::Days;

use super::{CaseRead, Cell, Head, Kind, Row, columns, precision};
use crate::queries::claims::CaseMoney;
use throughline_domain::contract::Rulebook;
use throughline_domain::fact::envelope::{Occurred, Precision};
use throughline_domain::journey::{HowClosed, Plan, caseload};
use throughline_projections::stage::{ReachedStage, all_reached};
use throughline_projections::state::State;
use throughline_projections::{DaySpan, last_contact, referral_to_plan};

pub(super) const MEANING: &str = "One row for each case that was referred by the as-of date, in the order of the \
    cases' ids. Dates are those of the facts, not of their recording. A date known only by its month or year is the \
    first day of it.";

/// A case with what several columns need.
pub(in crate::export) struct CaseRow<'a> {
    read: &'a CaseRead<'a>,
    stages: Vec<ReachedStage<'a>>,
    plan: Option<&'a Plan>,
    money: CaseMoney,
}

columns! {
    CaseRow<'_> {
        "journey": Uuid Always, "The id of the case. The other tables name it too." => |row| row.read.case.id.0.into();
        "reference": Text CaseNumber,
            "The reference of the case: the first case number of another system it came with, otherwise one of our \
             own." =>
            |row| row.read.case.reference().into();
        "subject": Uuid Always,
            "The person, family, site or area who was referred: a pseudonym, the same in all cases of a subject. \
             For auditors and commissioners it is another one in each contract." =>
            |row| row.read.case.referral.subject.0.into();
        "area": Text Always, "The service area, by code." => |row| (&row.read.case.referral.area).into();
        "cohort": Text Optional, "The cohort, by code." => |row| row.read.case.referral.cohort.as_ref().into();
        "referrer": Text Optional, "The kind of organisation that referred the case, by code." =>
            |row| row.read.case.referrer().into();
        "state": Text Always, "The state of the case: waiting, on_caseload, closed, declined or withdrawn." =>
            |row| State::on(row.read.case.journey, row.read.reading.as_of).as_str().into();
        "stage": Text Optional, "The furthest stage that the case reached, by code." =>
            |row| row.stages.last().map(|stage| stage.code).into();
        "keyworker": Uuid Optional,
            "The keyworker who holds the case. Empty from the day on which they left the service." =>
            |row| row.read.keyworker().map(|worker| worker.0).into();
        "keyworker_label": Text Optional, "The keyworker's label on boards." =>
            |row| row.read.reading.staff.label(row.read.keyworker()).into();
        "teams": Text Optional,
            "The labels of the keyworker's teams on the as-of date, separated by semicolons." =>
            |row| {
                let teams = row.read.reading.staff.teams(row.read.keyworker());
                (!teams.is_empty()).then(|| teams.join("; ")).into()
            };
        "received_on": Date Always, "The day on which the referral was received." =>
            |row| row.read.case.received.earliest().into();
        "received_precision": Text Always, "How exactly that day is known: day, month or year." =>
            |row| precision(row.read.case.received);
        "accepted_on": Date Optional, "The day on which the referral was accepted." =>
            |row| row.read.case.journey.accepted.as_ref().map(|accepted| accepted.occurred.earliest()).into();
        "declined_on": Date Optional, "The day on which the service declined the referral." =>
            |row| row.read.case.journey.declined.as_ref().map(|declined| declined.occurred.earliest()).into();
        "decline_reason": Text Optional, "Why it was declined, by code." =>
            |row| row.read.case.journey.declined.as_ref().map(|declined| &declined.details.reason).into();
        "withdrawn_on": Date Optional, "The day on which the referral was withdrawn." =>
            |row| row.read.case.journey.withdrawn.as_ref().map(|withdrawn| withdrawn.occurred.earliest()).into();
        "closed_on": Date Optional,
            "The day of the close or transfer in force. Empty if the case was reopened since." =>
            |row| row.read.case.journey.closed().map(|close| close.occurred.earliest()).into();
        "close_reason": Text Optional, "Its reason, by code." =>
            |row| row.read.case.journey.closed().map(|close| &close.reason).into();
        "closed_how": Text Optional, "closed or transferred." => |row| {
            let how = row.read.case.journey.closed().map(|close| match close.how {
                HowClosed::Closed => "closed",
                HowClosed::Transferred => "transferred",
            });
            how.into()
        };
        "first_exit_on": Date Optional,
            "The day of the first close or transfer, even if the case was reopened since. Boards count an exit on \
             this day." =>
            |row| row.read.case.journey.closes.first().map(|close| close.occurred.earliest()).into();
        "first_exit_reason": Text Optional, "The reason of the first close or transfer, by code." =>
            |row| row.read.case.journey.closes.first().map(|close| &close.reason).into();
        "contacts": Integer Always ["contacts"], "The contacts that were made and that the rulebook counts." =>
            |row| row.made().count().into();
        "first_contact_on": Date Optional, "The day of the first of them." =>
            |row| row.made().map(|occurred| occurred.earliest()).min().into();
        "last_contact_on": Date Optional, "The day of the last of them." => |row| {
            let last = last_contact::last(row.made().map(|occurred| (occurred.earliest(), occurred.latest())));
            last.map(|(day, _)| day).into()
        };
        "days_since_contact": Integer Optional ["days"],
            "Calendar days from the last of them to the as-of date. Empty if there is none or its day is not known." =>
            |row| {
                let recency = &row.read.case.rulebook.recency;
                let made = last_contact::made(row.read.case.journey, recency);
                last_contact::days_since(made, row.read.reading.as_of).and_then(DaySpan::exact).into()
            };
        "plan_on": Date Optional, "The day of the first plan of the kind that the rulebook counts from the referral." =>
            |row| row.plan.map(|plan| plan.occurred.earliest()).into();
        "days_to_plan": Integer Optional ["days"],
            "Calendar days from the referral to that plan, 0 if the plan is earlier. Empty without a plan, if a day \
             is not known, and for referrals that were declined or withdrawn." =>
            |row| row.days_to_plan().into();
        "days_on_caseload": Integer Always ["days"],
            "The days up to the as-of date at whose end the case was on the caseload." =>
            |row| row.days_on_caseload().into();
        "spells": Integer Always ["spells"],
            "The spells that began." =>
            |row| row.read.case.journey.spells.len().into();
        "claims_submitted": Integer Always ["claims"],
            "The claims of this case alone that were submitted, whatever was decided." =>
            |row| row.money.submitted.into();
        "claims_paid": Integer Always ["claims"],
            "Those of them that were paid in full." =>
            |row| row.money.paid.into();
        "received_amount": Money Always, "What was received for them and their adjustments." =>
            |row| row.money.received.into();
        "currency": Text Always, "ISO 4217 code of the amount." => |row| (&row.read.case.rulebook.currency).into();
    }
}

impl CaseRow<'_> {
    /// The dates of the contacts that boards count.
    fn made(&self) -> impl Iterator<Item = Occurred> {
        let case = &self.read.case;
        last_contact::made(case.journey, &case.rulebook.recency).map(|contact| contact.occurred)
    }

    /// The days that boards take into the mean: both days are known, and the referral was not turned away.
    fn days_to_plan(&self) -> Option<u32> {
        let from = referral_to_plan::clock_starts(&self.read.case)?;
        let plan = self.plan?.occurred;
        let is_known = [from, plan].iter().all(|on| on.precision() == Precision::Day);
        let counts = is_known && self.read.case.journey.turned_away().is_none();
        let between = |on: Occurred| (on.earliest(), on.latest());
        counts.then(|| referral_to_plan::days(between(from), between(plan))).and_then(DaySpan::exact)
    }

    fn days_on_caseload(&self) -> i64 {
        let as_of = self.read.reading.as_of;
        let after = as_of.checked_add_days(Days::new(1)).unwrap_or(as_of);
        let stretches = caseload::stretches(self.read.case.journey).into_iter();
        stretches.map(|stretch| (stretch.to.min(after) - stretch.from).num_days().max(0)).sum()
    }
}

/// The stages of a rulebook that have a column: code and label.
pub(in crate::export) fn stages(rulebook: &Rulebook) -> Vec<(String, String)> {
    rulebook.stages.iter().map(|stage| (stage.code.clone(), stage.label.clone())).collect()
}

/// The column of a stage. A stage such as `contact` gets another name than the column that cases of every rulebook have.
fn name_of(code: &str) -> String {
    let name = format!("first_{code}_on");
    if COLUMNS.iter().any(|column| column.name == name) { format!("stage_{code}_first_on") } else { name }
}

/// The columns with these stages.
pub(super) fn heads(stages: &[(String, String)]) -> Vec<Head> {
    let stage = |(code, label): &(String, String)| Head {
        name: name_of(code),
        kind: Kind::Date,
        unit: None,
        meaning: format!(
            "The day on which the case first reached the stage {code} ({label}). Boards count it in the month of that \
             day."
        ),
        is_optional: true,
        hidden_by: None,
    };
    super::heads(COLUMNS).into_iter().chain(stages.iter().map(stage)).collect()
}

/// The row of a case.
pub(in crate::export) fn row(read: &CaseRead<'_>) -> Row {
    let stages = all_reached(&read.case, read.facts).into_iter();
    let by_then = stages.filter(|stage| stage.occurred.earliest() <= read.reading.as_of).collect();
    let plan = referral_to_plan::first_plan(&read.case);
    let money = read.reading.money.get(&read.case.id).copied().unwrap_or_default();
    let row = CaseRow { read, stages: by_then, plan, money };
    let mut cells: Row = COLUMNS.iter().map(|column| (column.cell)(&row)).collect();
    cells.extend(read.case.rulebook.stages.iter().map(|stage| {
        let reached = row.stages.iter().find(|reached| reached.code == stage.code);
        Cell::from(reached.map(|reached| reached.occurred.earliest()))
    }));
    cells
}
