-- A page of the agenda of a contract, ordered by date.
-- $1 the contract, $2 the day for which the caller's rights were read, $3, $4 and $5 which cases they may see
-- (caseload_scope.rs), $6 the kind of item, $7 the as-of date, $8 and $9 from and to, $10 the statuses, $11 the service
-- area, $12 the keyworkers, $13 only without a keyworker, $14 the worker, $15 the team, $16 to $19 the position after
-- which the page begins, $20 the number of rows. A filter that is null selects all.
select b.journey, b.item, b.due_on, b.due_at
from agenda b
left join worker w on w.id = b.keyworker
where b.contract = $1 and b.kind = $6 and b.counts_from <= $7 and b.counts_to > $7 and b.due_on >= $8
    and b.due_on <= $9
    and (
        cast($10 as text) is null
        or case when b.state = 'open' and b.due_on < $7 then 'overdue' else b.state end in {texts $10}
    )
    and (cast($11 as text) is null or b.area = $11)
    and (
        cast($12 as text) is null
        or b.worker in {uuids $12}
        or case
            when b.state <> 'open' or w.left_on is null or w.left_on > $7 then b.keyworker
        end in {uuids $12}
    )
    and (
        not $13
        or case when b.state <> 'open' or w.left_on is null or w.left_on > $7 then b.keyworker end is null
    )
    and (
        cast($14 as uuid) is null
        or b.worker = $14
        or b.worker is null and b.kind = 'appointment'
            and case when b.state <> 'open' or w.left_on is null or w.left_on > $7 then b.keyworker end = $14
    )
    and (
        cast($15 as uuid) is null
        or exists (
            select 1
            from team_member m
            where m.team = $15
                and (
                    m.worker = b.last_keyworker and m.from_on <= $7
                        and (
                            m.to_on > $7
                            or not exists (
                                select 1
                                from team_member n
                                where n.worker = m.worker and n.from_on <= $7 and n.to_on > m.to_on
                            )
                        )
                    or m.worker = b.worker and m.from_on <= $7
                        and (
                            m.to_on > $7
                            or not exists (
                                select 1
                                from team_member n
                                where n.worker = m.worker and n.from_on <= $7 and n.to_on > m.to_on
                            )
                        )
                )
        )
    )
    and (b.due_on, b.due_at, b.journey, b.item) > ($16, $17, $18, $19)
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
order by b.due_on, b.due_at, b.journey, b.item
limit $20
