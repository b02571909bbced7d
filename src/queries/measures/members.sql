-- A page of the facts behind a figure, by date.
-- $1 the contract, $2 the day for which the caller's rights were read, $3, $4 and $5 which cases they may see
-- (caseload_scope.rs), $6 the as-of date, $7 and $8 the first and the last day, $9 the kinds, $10 the codes, $11 the
-- service area, $12 the cohort, $13 the referrer, $14 the keyworkers, $15 only without a keyworker, $16 and $17 the
-- kinds and codes of another fact that the case has too, $18 to $22 the fact after which the page begins, $23 the
-- number of rows, $24 the profiles of attributes. A filter that is null selects all.
select b.journey, b.kind, b.code, b.nth, b.day, b.quantity
from countable b
where b.contract = $1 and b.kind in {texts $9} and b.day >= $7 and b.day <= $8 and b.day <= $6 and b.counts_from <= $6
    and b.counts_to > $6 and (cast($10 as text) is null or b.code in {texts $10})
    and (cast($11 as text) is null or b.area = $11) and (cast($12 as text) is null or b.cohort = $12)
    and (cast($13 as text) is null or b.referrer = $13)
    and (cast($14 as text) is null or b.keyworker in {uuids $14}) and (not $15 or b.keyworker is null)
    and (
        cast($16 as text) is null
        or exists (
            select 1
            from countable a
            where a.journey = b.journey and a.kind in {texts $16} and (cast($17 as text) is null or a.code in {texts $17})
                and a.counts_from <= $6 and a.counts_to > $6
        )
    )
    and (cast($24 as text) is null or coalesce((
        select p.profile
        from case_profile p
        where p.journey = b.journey and p.counts_from <= $6 and p.counts_to > $6
    ), '') in {texts $24})
    and (b.day, b.journey, b.kind, b.code, b.nth) > ($18, $19, $20, $21, $22)
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
order by b.day, b.journey, b.kind, b.code, b.nth
limit $23
