-- A page of the tasks, obligations or cases that a number of work counts, by date.
-- $1 the contract, $2 the day for which the caller's rights were read, $3, $4 and $5 which cases they may see
-- (caseload_scope.rs), $6 the day of the states, $7 which work, $8 and $9 the first and the last day, $10 the code,
-- $11 the service area, $12 the cohort, $13 the referrer, $14 the keyworkers, $15 only without a keyworker, $16 to $19
-- the place after which the page begins, $20 the number of rows, $21 the profiles of attributes as known
-- at the as-of date $22. A filter that is null selects all.
select b.journey, b.kind, b.code, b.nth, b.day, cast(null as bigint) as quantity
from (
    select a.journey, cast($7 as text) as kind, '' as code, a.due_on as day, a.area, a.keyworker,
        row_number() over (partition by a.journey order by a.due_on, a.item) as nth
    from agenda a
    where a.contract = $1 and a.kind = 'task' and a.counts_from <= $6 and a.counts_to > $6
        and (
            $7 = 'tasks_due' and a.due_on >= $8 and a.due_on <= $9
                and (a.state in ('open', 'done') or a.counts_from > a.due_on)
            or $7 = 'tasks_overdue' and a.state = 'open' and a.due_on < $6
        )
    union all
    select o.journey, cast($7 as text) as kind, o.standard as code, o.due_on as day, o.area, o.keyworker, o.nth
    from obligation o
    where $7 = 'overdue' and o.contract = $1 and o.state = 'owed' and o.due_on < $6 and o.counts_from <= $6
        and o.counts_to > $6
    union all
    select c.journey, cast($7 as text) as kind, '' as code, c.from_on as day, c.area, c.keyworker, cast(0 as bigint) as nth
    from caseload c
    where $7 = 'awaiting_plan' and c.contract = $1 and c.from_on <= $6 and c.to_on > $6
        and not exists (select 1 from referral_to_plan p where p.journey = c.journey and p.plan_on <= $6)
) b
join journey j on j.id = b.journey
left join worker w on w.id = b.keyworker and w.left_on <= $6
where (cast($10 as text) is null or b.code in {texts $10}) and (cast($11 as text) is null or b.area = $11)
    and (cast($12 as text) is null or coalesce(j.cohort, '') = $12)
    and (cast($13 as text) is null or coalesce(j.referrer, '') = $13)
    and (cast($14 as text) is null or b.keyworker in {uuids $14} and w.id is null)
    and (not $15 or b.keyworker is null or w.id is not null)
    and (cast($21 as text) is null or coalesce((
        select p.profile
        from case_profile p
        where p.journey = b.journey and p.counts_from <= $22 and p.counts_to > $22
    ), '') in {texts $21})
    and (b.day, b.journey, b.code, b.nth) > ($16, $17, $18, $19)
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
order by b.day, b.journey, b.code, b.nth
limit $20
