//! Standing: whose cases somebody's rights reach, and what they are to given journeys, as the view has it now.
//!
//! Read anew for every question, in one statement, and never kept: a right that was withdrawn is gone with the next
//! question that the view answers after it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::generation::Generation;
use super::period::bound;
use crate::access::policy::{Action, is_bound_to_cases, policy};
use crate::access::relation::{Cases, Holders, KnownWorker, Relation, Standing};
use crate::access::{CasesInScope, Principal};
use crate::journey::event::KEYWORKER;
use crate::log::envelope::{JourneyId, SubjectId, WorkerId};
use crate::store::{Sql, StoreError, doing, on};

/// Whether the caller may be shown a journey, which `$3` says how to find out: `all` of the contract, those that are
/// `among` these (`$4`), or those that are `held` by these workers (`$4`) and, where `$5`, those without a keyworker on
/// the day `$2` on which the caller's standing was read.
macro_rules! may_be_shown {
    ($journey:literal) => {
        concat!(
            "($3 = 'all' or $3 = 'among' and ",
            $journey,
            " in {uuids $4} or $3 = 'held' and (exists (select 1 from assignment o where o.journey = ",
            $journey,
            " and o.to_on = '9999-12-31' and o.worker in {uuids $4}) or $5 and not exists (select 1 from assignment o ",
            "left join worker d on d.id = o.worker and d.left_on <= $2 where o.journey = ",
            $journey,
            " and o.role = 'keyworker' and o.to_on = '9999-12-31' and d.id is null)))"
        )
    };
}
pub(super) use may_be_shown;

/// What a statement binds as `$3`, `$4` and `$5` for [`may_be_shown`].
pub(super) fn whose(cases: Cases) -> (&'static str, String, bool) {
    match cases {
        Cases::All => ("all", json!([]).to_string(), false),
        Cases::Held { by, unassigned } => ("held", json!(by).to_string(), unassigned),
        Cases::Among(journeys) => ("among", json!(journeys).to_string(), false),
    }
}

/// Who is behind the login `$1` on the day `$2`, with whom they share a team, and who holds the journeys `$3`.
static STANDING: Sql = Sql::new(
    "with own as (select id from worker where login = $1 and joined_on <= $2 and (left_on is null or left_on > $2) \
     order by joined_on desc, id desc limit 1) \
     select 'own' as part, id as worker, cast(null as uuid) as journey from own \
     union all select 'left', w.id, cast(null as uuid) from worker w \
     where w.login = $1 and w.id not in (select id from own) \
     union all select 'teamed', m.worker, cast(null as uuid) from worker w join team_member m on m.worker = w.id \
     where w.login = $1 \
     union all select 'colleague', o.id, cast(null as uuid) from own w \
     join team_member m on m.worker = w.id and m.from_on <= $2 and m.to_on > $2 \
     join team_member n on n.team = m.team and n.from_on <= $2 and n.to_on > $2 \
     join worker o on o.id = n.worker and (o.left_on is null or o.left_on > $2) \
     union all select a.role, a.worker, a.journey from assignment a left join worker w on w.id = a.worker \
     where a.journey in {uuids $3} and a.to_on = '9999-12-31' and (w.left_on is null or w.left_on > $2)",
);

/// The subjects `$1`, as far as they are known, each with its journeys.
static JOURNEYS_OF_SUBJECTS: Sql = Sql::new(
    "select s.id as subject, j.id as journey, j.contract from subject s left join journey j on j.subject = s.id \
     where s.id in {uuids $1} limit $2",
);

static SHOWN: Sql =
    Sql::new(concat!("select j.id from journey j where j.contract = $1 and ", may_be_shown!("j.id"), " limit $6"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&STANDING, &JOURNEYS_OF_SUBJECTS, &SHOWN];

#[derive(sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "named as the statement's columns")]
struct Part {
    /// What the worker is: to the login, or, of a journey, the role in which they hold it.
    part: String,
    worker: Uuid,
    journey: Option<Uuid>,
}

impl Generation {
    /// Whose cases somebody's rights reach on a day. Of whoever is not bound to cases nobody asks.
    pub async fn standing(&self, principal: &Principal, on: NaiveDate) -> Result<Standing, StoreError> {
        if !is_bound_to_cases(principal.role) {
            return Ok(Standing::contract_wide(on));
        }
        Ok(self.known(&principal.subject, on, &[]).await?.0)
    }

    /// Which journeys of a contract somebody may be shown; none where it is all of them.
    pub async fn shown(&self, scope: CasesInScope<'_>) -> Result<Option<BTreeSet<JourneyId>>, StoreError> {
        let cases = scope.cases();
        if cases == Cases::All {
            return Ok(None);
        }
        let sql = SHOWN.text(self.reader.dialect());
        let (whose, ids, unassigned) = whose(cases);
        let found: sqlx::Result<Vec<(Uuid,)>> = on!(&self.reader, pool => {
            let shown = sqlx::query_as(sql).bind(scope.contract()).bind(bound(scope.on()));
            shown.bind(whose).bind(ids).bind(unassigned).bind(i64::MAX).fetch_all(pool).await
        });
        let found = found.map_err(doing("find the journeys that somebody may be shown"))?;
        Ok(Some(found.into_iter().map(|(id,)| JourneyId(id)).collect()))
    }

    /// What somebody is on a day to journeys, each named with the code of its contract: what is not in their scope is
    /// outside.
    pub async fn relations(
        &self,
        principal: &Principal,
        on: NaiveDate,
        journeys: &[(JourneyId, &str)],
    ) -> Result<BTreeMap<JourneyId, Relation>, StoreError> {
        let within = |code: &str| principal.scope.contract(code).is_some();
        let (standing, holders) = if is_bound_to_cases(principal.role) {
            let ids: Vec<JourneyId> = journeys.iter().filter(|(_, code)| within(code)).map(|(id, _)| *id).collect();
            self.known(&principal.subject, on, &ids).await?
        } else {
            (Standing::contract_wide(on), BTreeMap::new())
        };
        let nobody = Holders::default();
        let relation = |(id, code): &(JourneyId, &str)| {
            let inside = || standing.relation(holders.get(id).unwrap_or(&nobody));
            (*id, if within(code) { inside() } else { Relation::Outside })
        };
        Ok(journeys.iter().map(relation).collect())
    }

    /// Which of these journeys, each named with the code of its contract, somebody may read on a day.
    pub async fn readable(
        &self,
        principal: &Principal,
        on: NaiveDate,
        journeys: &[(JourneyId, &str)],
    ) -> Result<BTreeSet<JourneyId>, StoreError> {
        let reads = |relation| policy(principal, Action::ReadJourneys, relation).is_ok();
        let relations = self.relations(principal, on, journeys).await?;
        Ok(relations.into_iter().filter(|(_, relation)| reads(*relation)).map(|(id, _)| id).collect())
    }

    /// What somebody is on a day to each of these subjects, as far as they are known: what they are to the nearest of its
    /// journeys, and to one without a journey what they are to a case that nobody has.
    pub async fn relations_to_subjects(
        &self,
        principal: &Principal,
        on: NaiveDate,
        subjects: &[SubjectId],
    ) -> Result<BTreeMap<SubjectId, Relation>, StoreError> {
        if subjects.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = self.journeys_of(subjects).await?;
        let begun = |(subject, journey, contract): &(Uuid, Option<Uuid>, Option<String>)| {
            Some((SubjectId(*subject), JourneyId((*journey)?), contract.clone()?))
        };
        let journeys: Vec<(SubjectId, JourneyId, String)> = found.iter().filter_map(begun).collect();
        let named: Vec<(JourneyId, &str)> = journeys.iter().map(|(_, id, code)| (*id, code.as_str())).collect();
        let relations = self.relations(principal, on, &named).await?;
        let mut nearest: BTreeMap<SubjectId, Relation> = BTreeMap::new();
        for (subject, journey, _) in &journeys {
            let to = relations.get(journey).copied().unwrap_or(Relation::Outside);
            nearest.entry(*subject).and_modify(|known| *known = to.min(*known)).or_insert(to);
        }
        if found.iter().any(|(_, journey, _)| journey.is_none()) {
            let is_known = principal.scope.knows_of(&BTreeSet::new());
            let standing = self.standing(principal, on).await?;
            let to = if is_known { standing.relation(&Holders::default()) } else { Relation::Outside };
            let alone = found.iter().filter(|(_, journey, _)| journey.is_none());
            nearest.extend(alone.map(|(subject, ..)| (SubjectId(*subject), to)));
        }
        Ok(nearest)
    }

    /// Which of these subjects somebody may know of on a day: those of a journey that they may read, and those without
    /// any.
    pub async fn readable_subjects(
        &self,
        principal: &Principal,
        on: NaiveDate,
        subjects: &[SubjectId],
    ) -> Result<BTreeSet<SubjectId>, StoreError> {
        let reads = |relation| policy(principal, Action::ReadJourneys, relation).is_ok();
        let relations = self.relations_to_subjects(principal, on, subjects).await?;
        Ok(relations.into_iter().filter(|(_, relation)| reads(*relation)).map(|(subject, _)| subject).collect())
    }

    /// The journeys of subjects: each subject that is known, with each of its journeys and the code of its contract.
    async fn journeys_of(
        &self,
        subjects: &[SubjectId],
    ) -> Result<Vec<(Uuid, Option<Uuid>, Option<String>)>, StoreError> {
        let sql = JOURNEYS_OF_SUBJECTS.text(self.reader.dialect());
        let found = on!(&self.reader, pool => {
            sqlx::query_as(sql).bind(json!(subjects).to_string()).bind(i64::MAX).fetch_all(pool).await
        });
        found.map_err(doing("find the journeys of subjects"))
    }

    async fn known(
        &self,
        login: &str,
        on: NaiveDate,
        journeys: &[JourneyId],
    ) -> Result<(Standing, BTreeMap<JourneyId, Holders>), StoreError> {
        let sql = STANDING.text(self.reader.dialect());
        let parts: sqlx::Result<Vec<Part>> = on!(&self.reader, pool => {
            sqlx::query_as(sql).bind(login).bind(bound(on)).bind(json!(journeys).to_string()).fetch_all(pool).await
        });
        let mut known = KnownWorker::default();
        let mut holders: BTreeMap<JourneyId, Holders> = BTreeMap::new();
        for Part { part, worker, journey } in parts.map_err(doing("read who works with whom"))? {
            let worker = WorkerId(worker);
            match (journey, part.as_str()) {
                (Some(journey), KEYWORKER) => {
                    holders.entry(JourneyId(journey)).or_default().keyworkers.insert(worker);
                }
                (Some(journey), _) => {
                    holders.entry(JourneyId(journey)).or_default().others.insert(worker);
                }
                (None, "own") => {
                    known.own.insert(worker);
                }
                (None, "colleague") => {
                    known.colleagues.insert(worker);
                }
                (None, "teamed") => known.teamed = true,
                (None, _) => known.left = true,
            }
        }
        Ok((Standing::of_keyworker(on, known), holders))
    }
}
