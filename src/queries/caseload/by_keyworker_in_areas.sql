-- Cases on the caseload of some service areas, by keyworker and stage. No counted table is grouped by area.
-- $1 the contract, $2 the as-of date, $3 the service areas
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
        where c.from_on <= $2 and c.to_on > $2 and c.contract = $1 and c.area in {texts $3}
    ) r
    group by r.keyworker, r.stage
) r
left join worker w on w.id = r.keyworker
