-- Cases on the caseload, by keyworker and stage.
-- $1 the contract, $2 the as-of date
-- If nothing of the contract is dated after the day, and no stage is reached only later: the counted table.
select case when w.left_on <= $2 then null else c.keyworker end as keyworker, w.label, c.stage, c.journeys
from held c
left join worker w on w.id = c.keyworker
where c.contract = (
    select $1
    where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
        and not exists (select 1 from countable n where n.contract = $1 and n.ahead = 1 and n.counts_from > $2)
)
union all
-- Otherwise: the dated rows.
select r.keyworker, w.label, r.stage, r.journeys
from (
    select r.keyworker, r.stage, count(*) as journeys
    from (
        select case when d.id is null then c.keyworker end as keyworker,
            coalesce((
                select s.stage
                from stage s
                where s.journey = c.journey and s.counts_from <= $2
                order by s.ordinal desc
                limit 1
            ), '') as stage
        from caseload c
        left join worker d on d.id = c.keyworker and d.left_on <= $2
        where c.from_on <= $2 and c.to_on > $2
            and c.contract = (
                select $1
                where exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
                    or exists (select 1 from countable n where n.contract = $1 and n.ahead = 1 and n.counts_from > $2)
            )
    ) r
    group by r.keyworker, r.stage
) r
left join worker w on w.id = r.keyworker
