-- Declined referrals, by service area, packed by the date of the decline.
-- $1 the contract, $2 the as-of date, $3 and $4 the first and the last day
-- If nothing of the contract is dated after the day: the counted table. It counts each reason and cohort by itself.
select '' as code, r.area, string_agg(cast(r.month as text), ',') as days,
    string_agg(cast(r.journeys as text), ',') as counts
from (
    select area, month, sum(journeys) as journeys
    from monthly
    where kind = 'declined' and month >= $3 and month <= $4
        and contract = (
            select $1 where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
        )
    group by area, month
) r
group by r.area
union all
-- Otherwise: the dated rows.
select '' as code, r.area, string_agg(cast(r.day as text), ',') as days,
    string_agg(cast(r.journeys as text), ',') as counts
from (
    select area, day, count(*) as journeys
    from countable
    where kind = 'declined' and day >= $3 and day <= $4 and counts_from <= $2
        and contract = (
            select $1 where exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
        )
    group by area, day
) r
group by r.area
