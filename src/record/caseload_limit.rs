//! A keyworker who would hold more cases than they may: by an assignment, or because a case of theirs is accepted.
//!
//! The live view says how many open cases a worker holds when the command arrives, as far as the sender's scope
//! reaches. It leads only to a warning, so facts recorded meanwhile do not matter.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::Sender;
use crate::log::LogError;
use crate::queries::workload::{self, Workload, WorkloadError};
use crate::views::Views;
use crate::views::generation::Generation;
use throughline_domain::command::{AssignMany, Command, RecordFact, When};
use throughline_domain::contract::rulebook::CaseloadTerms;
use throughline_domain::fact::envelope::{JourneyId, StreamKind, WorkerId};
use throughline_domain::fact::event::{Event, KEYWORKER, WorkerAssigned};
use throughline_domain::fact::refusal::{Refusal, RefusalCode};
use throughline_domain::performance::fraction::Fraction;

/// A worker who is given cases on a day, and what they hold beside these.
#[derive(Debug)]
pub(super) struct Assigned {
    day: NaiveDate,
    /// The cases, each once.
    journeys: Vec<JourneyId>,
    /// The path of the worker in the command. None if it names none.
    path: Option<&'static str>,
    workload: Workload,
}

/// The workers who are given cases by a command, with the cases and whether the command names the worker.
type Given = BTreeMap<(WorkerId, NaiveDate), (Vec<JourneyId>, Option<&'static str>)>;

/// The workers who are given cases by a command, and what each of them holds.
pub(super) async fn assigned(views: &Views, sender: &Sender, command: &Command) -> Result<Vec<Assigned>, LogError> {
    let live = views.live();
    let mut assigned = Vec::new();
    for ((worker, day), (mut journeys, path)) in given(&live, sender, command).await? {
        journeys.sort_unstable();
        journeys.dedup();
        let scope = &sender.principal.scope;
        match workload::of(&live, scope, (worker, day), &journeys).await {
            Ok(workload) => assigned.push(Assigned { day, journeys, path, workload }),
            Err(WorkloadError::Store(error)) => return Err(error.into()),
            // Slots beyond every number are no limit.
            Err(WorkloadError::OutOfRange(_)) => {}
        }
    }
    Ok(assigned)
}

/// The workers who are given cases by a command.
async fn given(live: &Generation, sender: &Sender, command: &Command) -> Result<Given, LogError> {
    let mut given = Given::new();
    for command in command.each() {
        match command {
            // One that names too many cases is refused whatever the worker holds.
            Command::AssignMany(many) if many.fact.role == KEYWORKER && !many.is_too_long() => {
                let AssignMany { journeys, when, fact } = many;
                given.insert((fact.worker, day(*when, sender)), (journeys.clone(), Some("worker")));
            }
            Command::RecordFact(RecordFact { stream, when, fact }) if stream.kind == StreamKind::Journey => {
                let (journey, day) = (JourneyId(stream.id), day(*when, sender));
                if let Some((worker, path)) = of_fact(live, (journey, day), fact).await? {
                    let entry = given.entry((worker, day)).or_default();
                    entry.0.push(journey);
                    entry.1 = path;
                }
            }
            _ => {}
        }
    }
    Ok(given)
}

/// The keyworker who is given a case by a fact, and the path of the worker in it.
async fn of_fact(
    live: &Generation,
    (journey, day): (JourneyId, NaiveDate),
    fact: &Event,
) -> Result<Option<(WorkerId, Option<&'static str>)>, LogError> {
    match fact {
        Event::WorkerAssigned(WorkerAssigned { worker, role, .. }) if role == KEYWORKER => {
            Ok(Some((*worker, Some("worker"))))
        }
        Event::ReferralAccepted(_) => {
            let keyworker = workload::keyworker(live, journey, day).await?;
            Ok(keyworker.map(|worker| (worker, None)))
        }
        _ => Ok(None),
    }
}

fn day(when: When, sender: &Sender) -> NaiveDate {
    when.decided_on(sender.today).earliest()
}

/// The warnings for workers who would hold more cases than their slots, or than the rulebook of the contract allows.
pub(super) fn warnings(assigned: &[Assigned], contract: Option<(&str, &CaseloadTerms)>) -> Vec<Refusal> {
    assigned.iter().flat_map(|one| [one.beyond_slots(), one.beyond_limit(contract)]).flatten().collect()
}

impl Assigned {
    /// The number of cases that the worker would hold, given those that they hold beside these.
    fn total(&self, held: u64) -> u64 {
        held + u64::try_from(self.journeys.len()).expect("a number of cases")
    }

    fn beyond_slots(&self) -> Option<Refusal> {
        let (slots, total) = (self.workload.slots?, self.total(self.workload.open()));
        let rule = "slots are the cases for each full-time post, set for the worker or their team, multiplied by the \
                    full-time equivalent; an absence does not change them here";
        (Fraction::from(total) > slots).then(|| {
            let (slots, day) = (shown(slots), self.day);
            self.warning(&format!("this worker would hold {total} open cases on {day} and has {slots} slots")).by(rule)
        })
    }

    fn beyond_limit(&self, contract: Option<(&str, &CaseloadTerms)>) -> Option<Refusal> {
        let (code, terms) = contract?;
        let each = terms.limit_per_wte.map(Fraction::from).zip(self.workload.wte);
        let each = each.and_then(|(limit, wte)| limit.times(wte).ok());
        let limit = terms.limit.map(|limit| Fraction::from(u64::from(limit))).into_iter().chain(each).min()?;
        let total = self.total(self.workload.open_in(code));
        let rule = "caseload.limit and caseload.limit_per_wte of the rulebook";
        (Fraction::from(total) > limit).then(|| {
            let (limit, day) = (shown(limit), self.day);
            let message =
                format!("this worker would hold {total} open cases of the contract on {day}, and its limit is {limit}");
            self.warning(&message).by(rule)
        })
    }

    fn warning(&self, found: &str) -> Refusal {
        let message = format!("{found}: assign another worker, or accept this warning");
        let warning = Refusal::new(RefusalCode::CaseloadLimit, message).as_warning();
        match self.path {
            Some(path) => warning.at(path),
            None => warning,
        }
    }
}

/// A number of cases as a message shows it.
fn shown(cases: Fraction) -> String {
    cases.rounded(2).map_or_else(|_| "fewer".to_owned(), |cases| cases.normalize().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_domain::world::day;
    use uuid::Uuid;

    /// A worker who holds nothing else, and is given some cases.
    fn given(cases: u32, slots: Option<u64>, wte: Option<u64>) -> Assigned {
        Assigned {
            day: day("2018-02-01"),
            journeys: (0..cases).map(|n| JourneyId(Uuid::from_u128(n.into()))).collect(),
            path: Some("worker"),
            workload: Workload { cases: Vec::new(), wte: wte.map(Fraction::from), slots: slots.map(Fraction::from) },
        }
    }

    fn messages(assigned: Assigned, terms: &CaseloadTerms) -> Vec<String> {
        warnings(&[assigned], Some(("shps", terms))).into_iter().map(|warning| warning.message).collect()
    }

    #[test]
    fn as_many_cases_as_slots_is_no_warning_and_one_more_is() {
        let none = CaseloadTerms::default();
        assert!(messages(given(4, Some(4), Some(1)), &none).is_empty());
        assert!(messages(given(40, None, Some(1)), &none).is_empty(), "no number of slots was set");
        let expected = "this worker would hold 5 open cases on 2018-02-01 and has 4 slots: assign another worker, or \
                        accept this warning";
        assert_eq!(messages(given(5, Some(4), Some(1)), &none), [expected]);
    }

    #[test]
    fn the_lower_limit_of_the_rulebook_counts() {
        let terms = CaseloadTerms {
            limit: Some(6),
            limit_per_wte: Some("2.5".parse().expect("a number")),
            ..CaseloadTerms::default()
        };
        assert!(messages(given(5, None, Some(2)), &terms).is_empty());
        let found = messages(given(6, None, Some(2)), &terms);
        assert!(found[0].contains("6 open cases of the contract on 2018-02-01, and its limit is 5:"), "{found:?}");
        assert!(messages(given(6, None, None), &terms).is_empty(), "without a full-time equivalent the limit is 6");
        assert_eq!(messages(given(7, Some(1), None), &terms).len(), 2, "both limits are named");
    }
}
