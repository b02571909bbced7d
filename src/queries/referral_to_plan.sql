-- Days from referral to plan of the cases that started in a period. The dated rows are sorted before they are counted:
-- sorting by few columns, whole numbers first, takes a quarter less time.
-- $1 the contract, $2 the as-of date, $3 and $4 the first and the last day
-- If nothing of the contract is dated after the day: the counted table.
select r.area, r.state, r.lowest, r.highest, r.exact, r.early, cast(sum(r.journeys) as bigint) as journeys
from wait r
where r.month >= $3 and r.month <= $4
    and r.contract = (
        select $1 where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
    )
group by r.area, r.state, r.lowest, r.highest, r.exact, r.early
union all
-- Otherwise: the dated rows.
select r.area, case r.kind when -1 then 'closed' when -2 then 'waiting' else 'planned' end as state, r.lowest,
    r.highest, case when r.kind >= 2 then 1 else 0 end as exact,
    case when r.kind in (1, 3) then 1 else 0 end as early, count(*) as journeys
from (
    select area,
        case when plan_on <= $2 then exact * 2 + early when closed_on is not null then -1 else -2 end as kind,
        case when plan_on <= $2 then lowest else 0 end as lowest,
        case when plan_on <= $2 then highest else 0 end as highest
    from referral_to_plan
    where from_on >= $3 and from_on <= $4 and counts_from <= $2 and counts_to > $2
        and contract = (
            select $1 where exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
        )
) r
group by r.lowest, r.highest, r.kind, r.area
