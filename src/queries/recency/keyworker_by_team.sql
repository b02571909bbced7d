-- Cases on the caseload, by team and by the dates of their last contact by their keyworker. The cases of a keyworker in
-- several teams are in the row of each.
-- $1 the contract, $2 the as-of date, $3 the service areas (null: all), $4 areas without (null: none)
-- If nothing of the contract is dated after the day: the counted table.
select case when w.left_on <= $2 then null else c.keyworker end as keyworker, m.team, t.label, c.days, c.counts
from (
    select r.keyworker, string_agg(r.own, ',') as days, string_agg(cast(r.journeys as text), ',') as counts
    from last_contact r
    where (cast($3 as text) is null or r.area in {texts $3})
        and (cast($4 as text) is null or r.area not in {texts $4})
        and r.contract = (
            select $1 where not exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
        )
    group by r.keyworker
) c
left join worker w on w.id = c.keyworker
left join team_member m on m.worker = c.keyworker and m.from_on <= $2 and m.to_on > $2
left join team t on t.id = m.team and t.from_on <= $2 and t.to_on > $2
union all
-- Otherwise: the dated rows.
select c.keyworker, m.team, t.label, c.days, c.counts
from (
    select r.keyworker, string_agg(r.last, ',') as days, string_agg(cast(r.journeys as text), ',') as counts
    from (
        select r.keyworker, r.last, count(*) as journeys
        from (
            select r.keyworker, r.area,
                coalesce((
                    select case
                        when k.latest = k.day then cast(k.day as text)
                        else cast(k.day as text) || '/' || cast(k.latest as text)
                    end
                    from countable k
                    where k.kind in ('face_to_face', 'remote') and k.journey = r.journey and k.day <= $2 and k.worker = r.keyworker
                    order by k.day desc, k.latest
                    limit 1
                ), '') as last
            from (
                select c.journey, case when d.id is null then c.keyworker end as keyworker, c.area
                from caseload c
                left join worker d on d.id = c.keyworker and d.left_on <= $2
                where c.from_on <= $2 and c.to_on > $2 and (cast($3 as text) is null or c.area in {texts $3})
                    and (cast($4 as text) is null or c.area not in {texts $4})
                    and c.contract = (
                        select $1 where exists (select 1 from newest_day n where n.contract = $1 and n.day > $2)
                    )
            ) r
        ) r
        group by r.keyworker, r.last
    ) r
    group by r.keyworker
) c
left join team_member m on m.worker = c.keyworker and m.from_on <= $2 and m.to_on > $2
left join team t on t.id = m.team and t.from_on <= $2 and t.to_on > $2
