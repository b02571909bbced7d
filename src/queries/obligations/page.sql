-- A page of the obligations of a contract, ordered by due date.
-- $1 the contract, $2 the day for which the caller's rights were read, $3, $4 and $5 which cases they may see
-- (caseload_scope.rs), $6 the as-of date, $7, $8 and $9 states that the wanted statuses may have, $10 and $11 due from
-- and to, $12 the statuses, $13 the standard, $14 the service area, $15 the keyworkers, $16 only without a keyworker,
-- $17 the team, $18 to $21 the position after which the page begins, $22 the number of rows. A filter
-- that is null selects all.
select b.journey, b.standard, b.nth, b.state, b.from_on, b.due_on, b.ended_on,
    case when w.left_on is null or w.left_on > coalesce(b.ended_on, $6) then b.keyworker end as keyworker
from obligation b
left join worker w on w.id = b.keyworker
where b.contract = $1 and b.state in ($7, $8, $9) and b.counts_from <= $6 and b.counts_to > $6
    and b.due_on >= $10 and b.due_on <= $11
    and (
        cast($12 as text) is null
        or case b.state
            when 'owed' then case
                when b.due_on > $6 then 'due'
                when b.due_on = $6 then 'due_today'
                else 'overdue'
            end
            when 'met' then case when b.ended_on <= b.due_on then 'met' else 'missed' end
            else case when b.ended_on <= b.due_on then 'cancelled' else 'missed' end
        end in {texts $12}
    )
    and (cast($13 as text) is null or b.standard = $13) and (cast($14 as text) is null or b.area = $14)
    and (
        cast($15 as text) is null
        or case
            when w.left_on is null or w.left_on > coalesce(b.ended_on, $6) then b.keyworker
        end in {uuids $15}
    )
    and (
        not $16
        or case when w.left_on is null or w.left_on > coalesce(b.ended_on, $6) then b.keyworker end is null
    )
    and (
        cast($17 as uuid) is null
        or exists (
            select 1
            from team_member m
            where m.team = $17 and m.worker = b.last_keyworker and m.from_on <= coalesce(b.ended_on, $6)
                and (
                    m.to_on > coalesce(b.ended_on, $6)
                    or not exists (
                        select 1
                        from team_member n
                        where n.worker = m.worker and n.from_on <= coalesce(b.ended_on, $6)
                            and n.to_on > m.to_on
                    )
                )
        )
    )
    and (b.due_on, b.journey, b.standard, b.nth) > ($18, $19, $20, $21)
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
order by b.due_on, b.journey, b.standard, b.nth
limit $22
