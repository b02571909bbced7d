//! Who is due to be erased under the retention periods of a contract, and what stands against it.
//!
//! It only answers. Nobody is erased here, and nothing is proposed: a person does that, and another approves it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::people::links_of;
use super::period::{BEGINNING, bound};
use crate::access::{InScope, Scope};
use crate::log::{Log, LogError};
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::retention::{CasesIn, Keeps, RunningPeriod};
use throughline_domain::fact::envelope::{Envelope, OfferId, Position, StreamId, SubjectId};
use throughline_domain::fact::event::DecodeError;
use throughline_domain::fact::{History, Recorded};
use throughline_domain::offer::{Offer, OfferState};
use throughline_domain::people::subject::{Erasure, Hold, Subject, reached};

/// The subjects of the contract `$1` without an open case in it at the end of the day `$2`, whose last case in it ended
/// by the day `$3`, after the place `$4`, `$5`. A subject whom a partner offered to the contract, and who has no case in
/// it, is placed by the day of the referral.
static CANDIDATES: Sql = Sql::new(
    "select e.subject, e.ended_on from (select j.subject, max(s.counts_from) as ended_on, \
     max(case when s.state in ('waiting', 'on_caseload') then 1 else 0 end) as open_cases \
     from journey j join state s on s.journey = j.id and s.counts_from <= $2 and s.to_on > $2 \
     where j.contract = $1 group by j.subject \
     union all select o.subject, o.received_on, case when o.state = 'offered' then 1 else 0 end \
     from offered_referral o where o.contract = $1 and not exists \
     (select 1 from journey c where c.subject = o.subject and c.contract = $1)) e \
     where e.open_cases = 0 and e.ended_on <= $3 and (e.ended_on, e.subject) > ($4, $5) \
     order by e.ended_on, e.subject limit $6",
);

/// The state at the end of the day `$2` of every case of the subjects `$1`, and the day from which it has it.
static CASES: Sql = Sql::new(
    "select j.subject, j.contract, s.state, s.counts_from from journey j \
     join state s on s.journey = j.id and s.counts_from <= $2 and s.to_on > $2 \
     where j.subject in {uuids $1} order by j.subject, j.contract, j.id limit $3",
);

/// The referrals by which partners offered the subjects `$1`.
static OFFERS: Sql = Sql::new("select id from offered_referral where subject in {uuids $1} order by id limit $2");

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&CANDIDATES, &CASES, &OFFERS];

/// A case that is not closed, as the state of its row says it.
const OPEN: [&str; 3] = ["waiting", "on_caseload", OfferState::Offered.as_str()];

/// The candidates that are read at once.
const AT_ONCE: i64 = 200;
/// The candidates after which a page ends, even if it is not full.
const LOOKED_AT: usize = 2_000;

/// Why it cannot be said who is due.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A recorded event cannot be read.
    #[error("the event at position {position} cannot be read: run `throughline log verify`")]
    Payload {
        /// The event's position.
        position: Position,
        /// The cause.
        source: DecodeError,
    },
}

/// A person who is due under at least one period of a contract.
#[derive(Debug, Clone)]
pub struct Due {
    /// The record of the person.
    pub subject: SubjectId,
    /// The last day of the person's last case in the contract, whichever record of the person had it. An offered referral
    /// ends with the decision on it.
    pub ended_on: NaiveDate,
    /// The periods that are over, in the order of the classes.
    pub over: Vec<RunningPeriod>,
    /// The contracts that still keep the person's data, by code.
    pub kept_by: Vec<KeptBy>,
    /// The legal holds that stand against an erasure, oldest first.
    pub holds: Vec<Hold>,
    /// The erasure that was proposed last, if one was.
    pub proposed: Option<Erasure>,
}

/// A contract that still keeps the data of a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptBy {
    /// The code of the contract.
    pub contract: String,
    /// Why.
    pub keeps: Keeps,
}

impl Due {
    /// Whether nothing stands against an erasure: no contract keeps the data, and there is no legal hold.
    pub const fn may_be_erased(&self) -> bool {
        self.kept_by.is_empty() && self.holds.is_empty()
    }
}

/// The place of a person in the list: the end of their own record's last case, and their id.
pub type Place = (NaiveDate, SubjectId);

/// A part of the list.
#[derive(Debug, Default)]
pub struct DuePart {
    /// The people, each with their place, in order.
    pub people: Vec<(Place, Due)>,
    /// The place up to which the list was searched.
    pub searched_to: Option<Place>,
    /// Whether there may be more after it.
    pub has_more: bool,
}

columns! {
    /// A case in its state on the day.
    struct CaseRow {
        subject: Uuid,
        contract: String,
        state: String,
        counts_from: NaiveDate,
    }
}

/// The people due on a day under the periods of a contract: at most `first` of them after a place, in the order in
/// which their cases ended. Nobody is due if the rulebook has no periods.
pub async fn due(
    (log, generation): (&Log, &Generation),
    (scope, rulebook): (InScope<'_>, &Rulebook),
    on: NaiveDate,
    (after, first): (Option<Place>, usize),
) -> Result<DuePart, RetentionError> {
    let mut part = DuePart { searched_to: after, ..DuePart::default() };
    let Some(ended_by) = rulebook.retention.iter().map(|period| period.ended_by(on)).max() else { return Ok(part) };
    let mut looked_at = 0;
    loop {
        let candidates = candidates(generation, scope, (on, ended_by), part.searched_to).await?;
        looked_at += candidates.len();
        let all_read = i64::try_from(candidates.len()).is_ok_and(|read| read < AT_ONCE);
        let subjects: Vec<SubjectId> = candidates.iter().map(|(_, subject)| *subject).collect();
        let mut found = of_subjects((log, generation), scope, on, &subjects).await?;
        for place in candidates {
            if part.people.len() == first {
                part.has_more = true;
                return Ok(part);
            }
            part.people.extend(found.remove(&place.1).map(|due| (place, due)));
            part.searched_to = Some(place);
        }
        if all_read || looked_at >= LOOKED_AT {
            part.has_more = !all_read;
            return Ok(part);
        }
    }
}

async fn candidates(
    generation: &Generation,
    scope: InScope<'_>,
    (on, ended_by): (NaiveDate, NaiveDate),
    after: Option<Place>,
) -> Result<Vec<Place>, StoreError> {
    let sql = CANDIDATES.text(generation.reader.dialect());
    let (day, subject) = after.unwrap_or((BEGINNING, SubjectId(Uuid::nil())));
    let found: sqlx::Result<Vec<(Uuid, NaiveDate)>> = on!(&generation.reader, pool => {
        let candidates = sqlx::query_as(sql).bind(scope.contract()).bind(bound(on)).bind(bound(ended_by));
        candidates.bind(bound(day)).bind(subject.0).bind(AT_ONCE).fetch_all(pool).await
    });
    let found = found.map_err(doing("find the people whose cases have ended"))?;
    Ok(found.into_iter().map(|(subject, ended_on)| (ended_on, SubjectId(subject))).collect())
}

/// Those of these subjects that are due.
async fn of_subjects(
    (log, generation): (&Log, &Generation),
    scope: InScope<'_>,
    on: NaiveDate,
    subjects: &[SubjectId],
) -> Result<BTreeMap<SubjectId, Due>, RetentionError> {
    if subjects.is_empty() {
        return Ok(BTreeMap::new());
    }
    let links = links_of(generation, subjects, on).await?;
    let groups: Vec<(SubjectId, BTreeSet<SubjectId>)> =
        subjects.iter().map(|subject| (*subject, reached(*subject, &links))).collect();
    let everybody: BTreeSet<SubjectId> = groups.iter().flat_map(|(_, group)| group.iter().copied()).collect();
    let mut cases = cases_of(generation, on, &everybody).await?;
    for offer in offers_of((log, generation), on, &everybody).await? {
        cases.entry(SubjectId(offer.subject)).or_default().push(offer);
    }
    let states = states(log, &everybody).await?;
    let mut found = BTreeMap::new();
    for (subject, group) in groups {
        let Some(own) = states.get(&subject).filter(|own| own.is_of_people() && !own.is_to_be_erased()) else {
            continue;
        };
        let cases = by_contract(generation, group.iter().filter_map(|record| cases.get(record)).flatten());
        let Some(here) = cases.iter().find(|cases| cases.contract == scope.contract()) else { continue };
        let over: Vec<RunningPeriod> = here.running().into_iter().filter(|running| running.over_on <= on).collect();
        let Some(ended_on) = here.ended_on.filter(|_| !over.is_empty()) else { continue };
        let kept = |cases: &CasesIn| Some(KeptBy { contract: cases.contract.clone(), keeps: cases.keeps(on)? });
        let holds = group.iter().filter_map(|record| states.get(record)).flat_map(|state| state.holds_standing(on));
        let due = Due {
            subject,
            ended_on,
            over,
            kept_by: cases.iter().filter_map(kept).collect(),
            holds: holds.cloned().collect(),
            proposed: own.erasures.last().cloned(),
        };
        found.insert(subject, due);
    }
    Ok(found)
}

/// The cases of each of these subjects.
async fn cases_of(
    generation: &Generation,
    on: NaiveDate,
    subjects: &BTreeSet<SubjectId>,
) -> Result<BTreeMap<SubjectId, Vec<CaseRow>>, StoreError> {
    let sql = CASES.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<CaseRow>> = on!(&generation.reader, pool => {
        let cases = sqlx::query_as(sql).bind(json!(subjects).to_string()).bind(bound(on));
        cases.bind(i64::MAX).fetch_all(pool).await
    });
    let mut cases: BTreeMap<SubjectId, Vec<CaseRow>> = BTreeMap::new();
    for case in found.map_err(doing("read the cases of people who may be due"))? {
        cases.entry(SubjectId(case.subject)).or_default().push(case);
    }
    Ok(cases)
}

/// The offered referrals of these subjects as far as they were received by a day, each as a case: it is open until the day
/// on which it is decided. A case that it opens is one of its own.
async fn offers_of(
    (log, generation): (&Log, &Generation),
    on: NaiveDate,
    subjects: &BTreeSet<SubjectId>,
) -> Result<Vec<CaseRow>, RetentionError> {
    let sql = OFFERS.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<Uuid>> = on!(&generation.reader, pool => {
        sqlx::query_scalar(sql).bind(json!(subjects).to_string()).bind(i64::MAX).fetch_all(pool).await
    });
    let found = found.map_err(doing("read the offered referrals of people who may be due"))?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut histories: BTreeMap<Uuid, History> = BTreeMap::new();
    for event in log.streams(found.into_iter().map(|id| (StreamId::offer(OfferId(id)), 0))).await? {
        histories.entry(event.stream.id).or_default().evolve(decoded(&event)?);
    }
    let as_case = |history: &History| {
        let (contract, offer) = (history.contract()?.to_owned(), Offer::of(history));
        let (subject, received) = (offer.details()?.subject.0, offer.received()?.earliest());
        let decided = offer.decision.as_ref().map(|decided| decided.fact.occurred.earliest());
        let decided = decided.filter(|decided| *decided <= on);
        let state = if decided.is_some() { offer.state() } else { OfferState::Offered };
        let (state, counts_from) = (state.as_str().to_owned(), decided.unwrap_or(received));
        (received <= on).then_some(CaseRow { subject, contract, state, counts_from })
    };
    Ok(histories.values().filter_map(as_case).collect())
}

/// The cases of a person, contract by contract. A contract that the caller may not see counts too.
fn by_contract<'c>(generation: &Generation, cases: impl Iterator<Item = &'c CaseRow>) -> Vec<CasesIn> {
    let mut ends: BTreeMap<&str, Option<NaiveDate>> = BTreeMap::new();
    for case in cases {
        let is_open = OPEN.contains(&case.state.as_str());
        let ended_on = (!is_open).then_some(case.counts_from);
        ends.entry(&case.contract)
            .and_modify(|known| *known = known.zip(ended_on).map(|(one, other)| one.max(other)))
            .or_insert(ended_on);
    }
    let everywhere = Scope::Deployment;
    let periods = |code: &str| {
        let contract = everywhere.contract(code).and_then(|scope| generation.contract_state(scope));
        contract.and_then(|contract| Some(contract.newest_rulebook()?.retention.clone())).unwrap_or_default()
    };
    let of = |(code, ended_on): (&str, _)| CasesIn { contract: code.to_owned(), ended_on, periods: periods(code) };
    ends.into_iter().map(of).collect()
}

/// The state of each of these subjects, as known now. A hold counts from the moment at which it is recorded.
async fn states(log: &Log, subjects: &BTreeSet<SubjectId>) -> Result<BTreeMap<SubjectId, Subject>, RetentionError> {
    let streams = subjects.iter().map(|subject| (StreamId::subject(*subject), 0));
    let mut histories: BTreeMap<SubjectId, History> = BTreeMap::new();
    for event in log.streams(streams).await? {
        let recorded = decoded(&event)?;
        histories.entry(SubjectId(event.stream.id)).or_default().evolve(recorded);
    }
    Ok(histories.into_iter().map(|(subject, history)| (subject, Subject::fold(&history.facts()))).collect())
}

fn decoded(event: &Envelope) -> Result<Recorded, RetentionError> {
    Recorded::decode(event).map_err(|source| RetentionError::Payload { position: event.position, source })
}
