-- Journeys that reached each stage, by service area, packed by month.
-- $1 the contract, $2 the as-of date, $3 and $4 the first and the last day
-- If nothing of the contract is dated after the day: the counted table. It counts each cohort by itself.
select r.code, r.area, string_agg(cast(r.month as text), ',') as days,
    string_agg(cast(r.journeys as text), ',') as counts
from (
    select code, area, month, sum(journeys) as journeys
    from monthly
    where kind = 'stages' and month >= $3 and month <= $4
        and contract = (
            select $1 where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
        )
    group by code, area, month
) r
group by r.code, r.area
union all
-- With it: the stages that lie ahead of all facts of a case, once their day has come.
select r.code, r.area, string_agg(cast(r.day as text), ',') as days,
    string_agg(cast(r.journeys as text), ',') as counts
from (
    select code, area, month as day, count(*) as journeys
    from countable
    where ahead = 1 and month >= $3 and month <= $4 and counts_from <= $2
        and contract = (
            select $1 where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
        )
    group by code, area, month
) r
group by r.code, r.area
union all
-- Otherwise: the dated rows.
select r.code, r.area, string_agg(cast(r.day as text), ',') as days,
    string_agg(cast(r.journeys as text), ',') as counts
from (
    select stage as code, stage, area, month as day, count(*) as journeys
    from stage
    where month >= $3 and month <= $4 and counts_from <= $2
        and contract = (
            select $1 where exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
        )
    group by stage, area, month
) r
group by r.code, r.area
