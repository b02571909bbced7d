-- Closed journeys of a period, by reason and service area.
-- $1 the contract, $2 the as-of date, $3 and $4 the first and the last day
-- If nothing of the contract is dated after the day: the counted table.
select r.code as reason, r.area, cast(sum(r.journeys) as bigint) as journeys
from monthly r
where r.kind = 'exits' and r.month >= $3 and r.month <= $4
    and r.contract = (
        select $1 where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
    )
group by r.code, r.area
union all
-- Otherwise: the dated rows.
select code as reason, area, count(*) as journeys
from countable
where kind = 'exits' and day >= $3 and day <= $4 and counts_from <= $2
    and contract = (select $1 where exists (select 1 from newest_day n where n.contract = $1 and n.day > $2))
group by code, area
