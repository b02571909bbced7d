//! The standing of a caller: whose cases their rights reach, and their relation to given journeys, according to the
//! current view.
//!
//! It is read again for every query, in one statement, and never cached: a right that was withdrawn is gone with the
//! next query that the view answers after it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::period::bound;
use crate::access::offers::OfferAccess;
use crate::access::policy::{Action, is_bound_to_cases, policy};
use crate::access::relation::{Case, Cases, Holders, KnownWorker, Relation, Standing};
use crate::access::{CasesInScope, Principal};
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{JourneyId, SubjectId, WorkerId};
use throughline_domain::fact::event::KEYWORKER;
use throughline_domain::people::login;

/// Whether the caller may see a journey. `$3` says how to decide: `all` of the contract, those in these `areas` (`$4`),
/// those `among` these (`$4`), or those `held` by these workers (`$4`) and, if `$5` is set, those without a keyworker
/// on the day `$2` for which the caller's standing was read. Statements that stand in a file of their own repeat it; a
/// test keeps them equal.
macro_rules! may_be_shown {
    ($journey:literal) => {
        concat!(
            "($3 = 'all' or $3 = 'among' and ",
            $journey,
            " in {uuids $4} or $3 = 'areas' and exists (select 1 from journey y where y.id = ",
            $journey,
            " and y.area in {texts $4}) or $3 = 'held' and (exists (select 1 from assignment o where o.journey = ",
            $journey,
            " and o.counts_from <= $2 and o.to_on > $2 and o.worker in {uuids $4}) ",
            "or $5 and not exists (select 1 from assignment o ",
            "left join worker d on d.id = o.worker and d.left_on <= $2 where o.journey = ",
            $journey,
            " and o.role = 'keyworker' and o.counts_from <= $2 and o.to_on > $2 and d.id is null)))"
        )
    };
}
pub(super) use may_be_shown;

/// The values of `$3`, `$4` and `$5` for [`may_be_shown`].
pub(super) fn whose(cases: Cases) -> (&'static str, String, bool) {
    match cases {
        Cases::All => ("all", json!([]).to_string(), false),
        Cases::Areas(areas) => ("areas", json!(areas).to_string(), false),
        Cases::Held { by, unassigned } => ("held", json!(by).to_string(), unassigned),
        Cases::Among(journeys) => ("among", json!(journeys).to_string(), false),
    }
}

/// The worker with the login key `$1` on the day `$2`, their colleagues in teams, the workers whom they cover for, the
/// contracts with teams, and the holders of the journeys `$3`.
static STANDING: Sql = Sql::new(
    "with own as (select id from worker where login_key = $1 and joined_on <= $2 \
     and (left_on is null or left_on > $2) order by joined_on desc, id desc limit 1) \
     select 'own' as part, id as worker, cast(null as uuid) as journey, cast(null as text) as contract from own \
     union all select 'teamed', m.worker, cast(null as uuid), cast(null as text) \
     from worker w join team_member m on m.worker = w.id where w.login_key = $1 \
     union all select 'colleague', o.id, cast(null as uuid), cast(null as text) from own w \
     join team_member m on m.worker = w.id and m.from_on <= $2 and m.to_on > $2 \
     join team_member n on n.team = m.team and n.from_on <= $2 and n.to_on > $2 \
     join worker o on o.id = n.worker and (o.left_on is null or o.left_on > $2) \
     union all select 'covered', v.absent, cast(null as uuid), cast(null as text) from own w \
     join cover v on v.stands_in = w.id and v.from_on <= $2 and v.to_on > $2 \
     union all select 'with_teams', cast(null as uuid), cast(null as uuid), c.code from contract c where exists \
     (select 1 from team t where t.from_on <= $2 and (exists (select 1 from team_member m \
     join assignment a on a.worker = m.worker where m.team = t.id and a.contract = c.code) or not exists \
     (select 1 from team_member m join assignment a on a.worker = m.worker where m.team = t.id))) \
     union all select a.role, a.worker, a.journey, cast(null as text) from assignment a \
     left join worker w on w.id = a.worker where a.journey in {uuids $3} and a.counts_from <= $2 and a.to_on > $2 \
     and (w.left_on is null or w.left_on > $2)",
);

/// The service areas of the journeys `$1`.
static AREAS: Sql = Sql::new("select id, area from journey where id in {uuids $1} limit $2");

/// The subjects `$1`, as far as they are known, each with its journeys. One that has none may have been offered by a
/// partner.
static JOURNEYS_OF_SUBJECTS: Sql = Sql::new(
    "select s.id as subject, j.id as journey, j.contract, o.contract as offered_to, o.area, o.partner \
     from subject s left join journey j on j.subject = s.id \
     left join offered_referral o on o.subject = s.id and j.id is null where s.id in {uuids $1} limit $2",
);

static SHOWN: Sql = Sql::new(include_str!("caseload_scope.sql"));

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&STANDING, &AREAS, &JOURNEYS_OF_SUBJECTS, &SHOWN];

columns! {
    #[expect(clippy::struct_field_names, reason = "named as the statement's columns")]
    struct Part {
        /// The worker's relation to the login or, for a journey, the role in which they hold it.
        part: String,
        worker: Option<Uuid>,
        journey: Option<Uuid>,
        contract: Option<String>,
    }
}

columns! {
    /// A subject, with one of its journeys or with the offer by which it was registered.
    struct OfSubject {
        subject: Uuid,
        journey: Option<Uuid>,
        contract: Option<String>,
        offered_to: Option<String>,
        area: Option<String>,
        partner: Option<String>,
    }
}

impl OfSubject {
    /// The journey with the code of its contract, if there is one.
    fn begun(&self) -> Option<(SubjectId, JourneyId, String)> {
        Some((SubjectId(self.subject), JourneyId(self.journey?), self.contract.clone()?))
    }

    /// Whether a caller may know of the subject although it has no journey.
    fn is_known_to(&self, principal: &Principal) -> bool {
        let (Some(contract), Some(area), Some(partner)) = (&self.offered_to, &self.area, &self.partner) else {
            return principal.scope.knows_of(&BTreeSet::new());
        };
        OfferAccess { contract, area, partner }.relation(principal) != Relation::Outside
    }
}

/// Whose cases a caller's rights reach on a day. Not queried for callers who are not limited to cases.
pub async fn standing(generation: &Generation, principal: &Principal, on: NaiveDate) -> Result<Standing, StoreError> {
    if is_bound_to_cases(principal.role) {
        return Ok(known(generation, &principal.subject, on, &[]).await?.0);
    }
    Ok(unbound(principal, on))
}

/// The service areas of these journeys, as far as they are known.
pub async fn areas_of(
    generation: &Generation,
    journeys: &[JourneyId],
) -> Result<BTreeMap<JourneyId, String>, StoreError> {
    if journeys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = AREAS.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<(Uuid, String)>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(json!(journeys).to_string()).bind(i64::MAX).fetch_all(pool).await
    });
    let found = found.map_err(doing("find the areas of journeys"))?;
    Ok(found.into_iter().map(|(id, area)| (JourneyId(id), area)).collect())
}

/// The journeys of a contract that a caller may see. `None` if the caller may see all.
pub async fn shown(
    generation: &Generation,
    scope: CasesInScope<'_>,
) -> Result<Option<BTreeSet<JourneyId>>, StoreError> {
    let cases = scope.cases();
    if cases == Cases::All {
        return Ok(None);
    }
    let sql = SHOWN.text(generation.reader.dialect());
    let (whose, ids, unassigned) = whose(cases);
    let found: sqlx::Result<Vec<(Uuid,)>> = on!(&generation.reader, pool => {
        let shown = sqlx::query_as(sql).bind(scope.contract()).bind(bound(scope.on()));
        shown.bind(whose).bind(ids).bind(unassigned).bind(i64::MAX).fetch_all(pool).await
    });
    let found = found.map_err(doing("find the journeys that a caller may see"))?;
    Ok(Some(found.into_iter().map(|(id,)| JourneyId(id)).collect()))
}

/// A caller's relation on a day to journeys, each given with the code of its contract. Journeys outside the
/// caller's scope are outside.
pub async fn relations(
    generation: &Generation,
    principal: &Principal,
    on: NaiveDate,
    journeys: &[(JourneyId, &str)],
) -> Result<BTreeMap<JourneyId, Relation>, StoreError> {
    let within = |code: &str| principal.scope.contract(code).is_some();
    let ids: Vec<JourneyId> = journeys.iter().filter(|(_, code)| within(code)).map(|(id, _)| *id).collect();
    let (standing, holders) = if is_bound_to_cases(principal.role) {
        known(generation, &principal.subject, on, &ids).await?
    } else {
        (unbound(principal, on), BTreeMap::new())
    };
    let areas = match principal.scope.areas() {
        Some(_) => areas_of(generation, &ids).await?,
        None => BTreeMap::new(),
    };
    let nobody = Holders::default();
    let relation = |(id, contract): &(JourneyId, &str)| {
        if !within(contract) {
            return (*id, Relation::Outside);
        }
        let holders = holders.get(id).unwrap_or(&nobody);
        let area = areas.get(id).map(String::as_str).unwrap_or_default();
        (*id, standing.relation(Case { contract, area, holders }))
    };
    Ok(journeys.iter().map(relation).collect())
}

/// The journeys among these, each given with the code of its contract, that a caller may read on a day.
pub async fn readable(
    generation: &Generation,
    principal: &Principal,
    on: NaiveDate,
    journeys: &[(JourneyId, &str)],
) -> Result<BTreeSet<JourneyId>, StoreError> {
    let reads = |relation| policy(principal, Action::ReadJourneys, relation).is_ok();
    let relations = relations(generation, principal, on, journeys).await?;
    Ok(relations.into_iter().filter(|(_, relation)| reads(*relation)).map(|(id, _)| id).collect())
}

/// A caller's relation on a day to each of these subjects, as far as they are known: the closest relation to any of
/// its journeys. For a subject without a journey, it is the relation to a case without a keyworker; if a partner offered
/// the subject, only for those who may see the offer.
pub async fn relations_to_subjects(
    generation: &Generation,
    principal: &Principal,
    on: NaiveDate,
    subjects: &[SubjectId],
) -> Result<BTreeMap<SubjectId, Relation>, StoreError> {
    if subjects.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = found_of(generation, subjects).await?;
    let journeys: Vec<(SubjectId, JourneyId, String)> = found.iter().filter_map(OfSubject::begun).collect();
    let named: Vec<(JourneyId, &str)> = journeys.iter().map(|(_, id, code)| (*id, code.as_str())).collect();
    let relations = relations(generation, principal, on, &named).await?;
    let mut nearest: BTreeMap<SubjectId, Relation> = BTreeMap::new();
    for (subject, journey, _) in &journeys {
        let to = relations.get(journey).copied().unwrap_or(Relation::Outside);
        nearest.entry(*subject).and_modify(|known| *known = to.min(*known)).or_insert(to);
    }
    if found.iter().any(|of| of.journey.is_none()) {
        let standing = standing(generation, principal, on).await?;
        let to = |of: &OfSubject| if of.is_known_to(principal) { standing.to_newcomers() } else { Relation::Outside };
        let alone = found.iter().filter(|of| of.journey.is_none());
        nearest.extend(alone.map(|of| (SubjectId(of.subject), to(of))));
    }
    Ok(nearest)
}

/// The subjects among these that a caller may know on a day: those with a journey that the caller may read, and
/// those without any journey.
pub async fn readable_subjects(
    generation: &Generation,
    principal: &Principal,
    on: NaiveDate,
    subjects: &[SubjectId],
) -> Result<BTreeSet<SubjectId>, StoreError> {
    let reads = |relation| policy(principal, Action::ReadJourneys, relation).is_ok();
    let relations = relations_to_subjects(generation, principal, on, subjects).await?;
    Ok(relations.into_iter().filter(|(_, relation)| reads(*relation)).map(|(subject, _)| subject).collect())
}

/// The journeys of subjects, each with the code of its contract.
pub async fn journeys_of(
    generation: &Generation,
    subjects: &[SubjectId],
) -> Result<Vec<(SubjectId, JourneyId, String)>, StoreError> {
    Ok(found_of(generation, subjects).await?.iter().filter_map(OfSubject::begun).collect())
}

/// Each known subject, with each of its journeys.
async fn found_of(generation: &Generation, subjects: &[SubjectId]) -> Result<Vec<OfSubject>, StoreError> {
    let sql = JOURNEYS_OF_SUBJECTS.text(generation.reader.dialect());
    let found = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(json!(subjects).to_string()).bind(i64::MAX).fetch_all(pool).await
    });
    found.map_err(doing("find the journeys of subjects"))
}

async fn known(
    generation: &Generation,
    login: &str,
    on: NaiveDate,
    journeys: &[JourneyId],
) -> Result<(Standing, BTreeMap<JourneyId, Holders>), StoreError> {
    let sql = STANDING.text(generation.reader.dialect());
    let parts: sqlx::Result<Vec<Part>> = on!(&generation.reader, pool => {
        let asked = sqlx::query_as(sql).bind(login::key(login)).bind(bound(on));
        asked.bind(json!(journeys).to_string()).fetch_all(pool).await
    });
    let mut known = KnownWorker::default();
    let mut holders: BTreeMap<JourneyId, Holders> = BTreeMap::new();
    for Part { part, worker, journey, contract } in parts.map_err(doing("read a caller's colleagues and covers"))? {
        known.with_teams.extend(contract);
        let Some(worker) = worker.map(WorkerId) else { continue };
        match (journey.map(JourneyId), part.as_str()) {
            (Some(journey), KEYWORKER) => {
                holders.entry(journey).or_default().keyworkers.insert(worker);
            }
            (Some(journey), _) => {
                holders.entry(journey).or_default().others.insert(worker);
            }
            (None, "own") => {
                known.own.insert(worker);
            }
            (None, "colleague") => {
                known.colleagues.insert(worker);
            }
            (None, "covered") => {
                known.covered.insert(worker);
            }
            (None, _) => known.teamed = true,
        }
    }
    Ok((Standing::of_keyworker(on, known), holders))
}

/// The standing of a person whose rights do not depend on who holds a case.
fn unbound(principal: &Principal, on: NaiveDate) -> Standing {
    match principal.scope.areas() {
        Some(areas) => Standing::of_areas(on, areas.clone()),
        None => Standing::contract_wide(on),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries;
    use crate::store::Dialect;

    /// A statement without its comments, and without the line breaks that make it readable.
    fn in_one_line(statement: &str) -> String {
        let code = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
        let words: Vec<&str> = code.flat_map(str::split_whitespace).collect();
        words.join(" ").replace("( ", "(").replace(" )", ")")
    }

    #[test]
    fn every_list_limits_cases_to_those_that_the_caller_may_see_by_the_same_words() {
        let words = [may_be_shown!("j.id"), may_be_shown!("b.journey")];
        let words = words.map(|words| &*Box::leak(Box::new(Sql::new(words))));
        let mut lists = 0;
        for statement in queries::statements() {
            let statement = in_one_line(statement.text(Dialect::Postgres));
            if statement.contains("$3 = 'held'") {
                lists += 1;
                let is_limited = words.iter().any(|words| statement.contains(words.text(Dialect::Postgres)));
                assert!(is_limited, "{statement}");
            }
        }
        // 28 lists of journeys, five pages with their counts, the journeys that a caller may see, and the cases with a
        // value in a figure; and the cases of an export.
        assert_eq!(lists, 41);
    }
}
