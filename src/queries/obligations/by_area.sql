-- Obligations due in a period, by standard, status and service area.
-- $1 the contract, $2 the as-of date, $3 and $4 the first and the last day,
-- $5 the service areas (null: all)
select b.standard, b.standing, b.area, count(*) as obligations
from (
    select b.standard, b.area, b.last_keyworker, b.ended_on,
        case when w.left_on is null or w.left_on > coalesce(b.ended_on, $2) then b.keyworker end as keyworker,
        case b.state
            when 'owed' then case
                when b.due_on > $2 then 'due'
                when b.due_on = $2 then 'due_today'
                else 'overdue'
            end
            when 'met' then case when b.ended_on <= b.due_on then 'met' else 'missed' end
            else case when b.ended_on <= b.due_on then 'cancelled' else 'missed' end
        end as standing
    from obligation b
    left join worker w on w.id = b.keyworker
    where b.contract = $1 and b.counts_from <= $2 and b.counts_to > $2 and b.due_on >= $3 and b.due_on <= $4
        and (cast($5 as text) is null or b.area in {texts $5})
) b
group by b.standard, b.standing, b.area
