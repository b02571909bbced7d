-- Declined referrals, by service area, packed by the date of the decline.
-- $1 the contract, $2 the as-of date, $3 and $4 the first and the last day
-- If nothing of the contract is dated after the day: the counted table.
select r.code, r.area, string_agg(cast(r.month as text), ',') as days,
    string_agg(cast(r.journeys as text), ',') as counts
from monthly r
where r.board = 'declined' and r.month >= $3 and r.month <= $4
    and r.contract = (
        select $1 where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
    )
group by r.code, r.area
union all
-- Otherwise: the dated rows.
select r.code, r.area, string_agg(cast(r.day as text), ',') as days,
    string_agg(cast(r.journeys as text), ',') as counts
from (
    select '' as code, area, declined_on as day, count(*) as journeys
    from journey
    where declined_on >= $3 and declined_on <= $4 and declined_on <= $2 and received_on <= $2
        and contract = (
            select $1 where exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
        )
    group by area, declined_on
) r
group by r.code, r.area
