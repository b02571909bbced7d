-- The full-time equivalents of the workers of a contract over the days of a period: those who by its last day had held a
-- case of the contract, or had joined and held no case anywhere. Each with the days from which and until before which
-- it holds.
-- $1 the contract, $2 and $3 the first and the last day
select t.worker, t.from_on, t.to_on, t.wte
from wte t
join worker w on w.id = t.worker
where t.from_on <= $3 and t.to_on > $2
    and (
        exists (select 1 from assignment a where a.worker = t.worker and a.contract = $1 and a.counts_from <= $3)
        or w.joined_on <= $3
            and not exists (
                select 1
                from assignment a
                where a.worker = t.worker and a.counts_from <= $3
            )
    )
order by t.worker, t.from_on
