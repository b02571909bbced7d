//! Offered referrals: the inbox of a contract, what a partner sent, and which offers a caller may see.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::period::{BEGINNING, bound};
use crate::access::offers::OfferAccess;
use crate::access::relation::Relation;
use crate::access::{InScope, Principal};
use crate::store::{Sql, StoreError, columns, doing, on};
use crate::views::generation::Generation;
use throughline_domain::fact::envelope::{OfferId, SubjectId};
use throughline_domain::offer::OfferState;

/// Which offers of the contract `$1` are listed: in the state `$2`, of the partner `$3` and of the source `$4`, each of
/// them any if it is empty; and where `$5` is set only in the areas `$6`.
macro_rules! listed {
    () => {
        "from offered_referral where contract = $1 and ($2 = '' or state = $2) and ($3 = '' or partner = $3) \
         and ($4 = '' or source = $4) and (not $5 or area in {texts $6})"
    };
}

/// The offers after the day `$7` and the id `$8`, oldest first.
static LIST: Sql = Sql::new(concat!(
    "select id, received_on ",
    listed!(),
    " and (received_on > $7 or received_on = $7 and id > $8) order by received_on, id limit $9"
));

/// How many there are.
static COUNT: Sql = Sql::new(concat!("select count(*) ", listed!()));

/// Who may see the offers `$1`.
static ACCESS: Sql =
    Sql::new("select id, contract, area, partner from offered_referral where id in {uuids $1} limit $2");

/// Who may see the offers of the subjects `$1`.
static OF_SUBJECTS: Sql = Sql::new(
    "select id, contract, area, partner from offered_referral where subject in {uuids $1} order by id limit $2",
);

/// Every statement of this module.
pub(super) static STATEMENTS: &[&Sql] = &[&LIST, &COUNT, &ACCESS, &OF_SUBJECTS];

/// Which offers of a contract to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfferFilter {
    /// Only those in this state.
    pub state: Option<OfferState>,
    /// Only those that the partner with this key of a login sent.
    pub partner: Option<String>,
    /// Only those from this system of the partner.
    pub source: Option<String>,
}

/// The place of an offer in a list: the day of the referral, and the id.
pub type Place = (NaiveDate, OfferId);

columns! {
    struct AccessRow {
        id: Uuid,
        contract: String,
        area: String,
        partner: String,
    }
}

/// The areas to which a scope limits a list, as the statements bind them.
fn areas(scope: InScope<'_>) -> (bool, String) {
    let areas = scope.areas();
    (areas.is_some(), json!(areas.into_iter().flatten().collect::<Vec<_>>()).to_string())
}

/// The offers of a contract after a place, oldest first, at most `most`.
pub async fn list(
    generation: &Generation,
    scope: InScope<'_>,
    filter: &OfferFilter,
    (after, most): (Option<Place>, u32),
) -> Result<Vec<Place>, StoreError> {
    let sql = LIST.text(generation.reader.dialect());
    let ((is_limited, areas), (day, id)) = (areas(scope), after.unwrap_or((BEGINNING, OfferId(Uuid::nil()))));
    let found: sqlx::Result<Vec<(Uuid, NaiveDate)>> = on!(&generation.reader, pool => {
        let list = sqlx::query_as(sql).bind(scope.contract()).bind(filter.state.map_or("", OfferState::as_str));
        let list = list.bind(filter.partner.as_deref().unwrap_or_default());
        let list = list.bind(filter.source.as_deref().unwrap_or_default()).bind(is_limited).bind(areas);
        list.bind(bound(day)).bind(id.0).bind(i64::from(most)).fetch_all(pool).await
    });
    let found = found.map_err(doing("list the offered referrals of a contract"))?;
    Ok(found.into_iter().map(|(id, day)| (day, OfferId(id))).collect())
}

/// The number of offers of a contract that a list has.
pub async fn count(generation: &Generation, scope: InScope<'_>, filter: &OfferFilter) -> Result<i64, StoreError> {
    let sql = COUNT.text(generation.reader.dialect());
    let (is_limited, areas) = areas(scope);
    let counted: sqlx::Result<i64> = on!(&generation.reader, pool => {
        let count = sqlx::query_scalar(sql).bind(scope.contract()).bind(filter.state.map_or("", OfferState::as_str));
        let count = count.bind(filter.partner.as_deref().unwrap_or_default());
        let count = count.bind(filter.source.as_deref().unwrap_or_default()).bind(is_limited).bind(areas);
        count.fetch_one(pool).await
    });
    counted.map_err(doing("count the offered referrals of a contract"))
}

/// Those of these offers that a caller may see.
pub async fn visible(
    generation: &Generation,
    principal: &Principal,
    offers: &[OfferId],
) -> Result<BTreeSet<OfferId>, StoreError> {
    if offers.is_empty() {
        return Ok(BTreeSet::new());
    }
    let sql = ACCESS.text(generation.reader.dialect());
    let found: sqlx::Result<Vec<AccessRow>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(json!(offers).to_string()).bind(i64::MAX).fetch_all(pool).await
    });
    let is_seen = |row: &AccessRow| {
        let access = OfferAccess { contract: &row.contract, area: &row.area, partner: &row.partner };
        access.relation(principal) != Relation::Outside
    };
    let found = found.map_err(doing("find who may see offered referrals"))?;
    Ok(found.into_iter().filter(is_seen).map(|row| OfferId(row.id)).collect())
}

/// The offers by which partners offered these subjects, as far as a caller may see them.
pub async fn of_subjects(
    generation: &Generation,
    principal: &Principal,
    subjects: &BTreeSet<SubjectId>,
) -> Result<Vec<OfferId>, StoreError> {
    let sql = OF_SUBJECTS.text(generation.reader.dialect());
    let wanted = json!(subjects).to_string();
    let found: sqlx::Result<Vec<AccessRow>> = on!(&generation.reader, pool => {
        sqlx::query_as(sql).bind(&wanted).bind(i64::MAX).fetch_all(pool).await
    });
    let is_seen = |row: &AccessRow| {
        let access = OfferAccess { contract: &row.contract, area: &row.area, partner: &row.partner };
        access.relation(principal) != Relation::Outside
    };
    let found = found.map_err(doing("find the offered referrals of a subject"))?;
    Ok(found.into_iter().filter(is_seen).map(|row| OfferId(row.id)).collect())
}
