-- Facts of a contract that measures count, by kind, code, service area, cohort and month.
-- $1 the contract, $2 the kinds, $3 and $4 the first and the last month, $5 the as-of date
-- If nothing of the contract is dated after the day: the counted table.
select r.kind, r.code, r.area, r.cohort, '' as referrer, '' as profile, cast(null as uuid) as keyworker, r.month,
    r.journeys as facts, cast(0 as bigint) as wholes, cast(0 as bigint) as millionths
from monthly r
where r.kind in {texts $2} and r.month >= $3 and r.month <= $4
    and r.contract = (
        select $1 where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $5)
    )
union all
-- With it: the stages that lie ahead of all facts of a case, once their day has come.
select r.kind, r.code, r.area, r.cohort, '' as referrer, '' as profile, cast(null as uuid) as keyworker, r.month,
    r.facts, cast(0 as bigint) as wholes, cast(0 as bigint) as millionths
from (
    select kind, code, area, cohort, month, count(*) as facts
    from countable
    where ahead = 1 and kind in {texts $2} and month >= $3 and month <= $4 and counts_from <= $5
        and contract = (
            select $1 where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $5)
        )
    group by kind, code, area, cohort, month
) r
union all
-- Otherwise: the dated rows.
select r.kind, r.code, r.area, r.cohort, '' as referrer, '' as profile, cast(null as uuid) as keyworker, r.month,
    r.facts, cast(0 as bigint) as wholes, cast(0 as bigint) as millionths
from (
    select kind, code, area, cohort, month, count(*) as facts
    from countable
    where kind in {texts $2} and day >= $3 and day <= $4 and counts_from <= $5 and counts_to > $5
        and contract = (
            select $1 where exists (select 1 from newest_day n where n.contract = $1 and n.day > $5)
        )
    group by kind, code, area, cohort, month
) r
