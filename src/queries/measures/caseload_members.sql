-- A page of the cases on the caseload at the end of a day, by the day they came onto it.
-- $1 the contract, $2 the day for which the caller's rights were read, $3, $4 and $5 which cases they may see
-- (caseload_scope.rs), $6 the day, $7 whether the row counts cases, $8 the service area, $9 the cohort, $10 the
-- referrer, $11 the keyworkers, $12 only without a keyworker, $13 and $14 the case after which the page begins, $15 the
-- number of rows, $16 only cases with a contact made, $17 its first day, $18 the profiles of
-- attributes as known at the as-of date $19. A filter that is null selects all.
select b.journey, 'caseload' as kind, '' as code, cast(0 as bigint) as nth, b.from_on as day,
    cast(null as bigint) as quantity
from caseload b
join journey j on j.id = b.journey
left join worker w on w.id = b.keyworker and w.left_on <= $6
where $7 and b.contract = $1 and b.from_on <= $6 and b.to_on > $6 and (cast($8 as text) is null or b.area = $8)
    and (cast($9 as text) is null or coalesce(j.cohort, '') = $9)
    and (cast($10 as text) is null or coalesce(j.referrer, '') = $10)
    and (cast($11 as text) is null or b.keyworker in {uuids $11} and w.id is null)
    and (not $12 or b.keyworker is null or w.id is not null)
    and (
        not $16
        or exists (
            select 1
            from countable k
            where k.journey = b.journey and k.kind in ('face_to_face', 'remote') and k.day >= $17 and k.day <= $6
        )
    )
    and (cast($18 as text) is null or coalesce((
        select p.profile
        from case_profile p
        where p.journey = b.journey and p.counts_from <= $19 and p.counts_to > $19
    ), '') in {texts $18})
    and (b.from_on, b.journey) > ($13, $14)
    and (
        $3 = 'all'
        or $3 = 'among' and b.journey in {uuids $4}
        or $3 = 'areas' and exists (select 1 from journey y where y.id = b.journey and y.area in {texts $4})
        or $3 = 'held'
            and (
                exists (
                    select 1
                    from assignment o
                    where o.journey = b.journey and o.counts_from <= $2 and o.to_on > $2
                        and o.worker in {uuids $4}
                )
                or $5
                    and not exists (
                        select 1
                        from assignment o
                        left join worker d on d.id = o.worker and d.left_on <= $2
                        where o.journey = b.journey and o.role = 'keyworker' and o.counts_from <= $2
                            and o.to_on > $2 and d.id is null
                    )
            )
    )
order by b.from_on, b.journey
limit $15
