-- The full-time equivalents of the workers of a contract over the days of some spans: those who by the last day had held
-- a case of the contract, or had joined and held no case anywhere. Each with the days from which and until before which
-- it holds.
-- $1 the contract, $2 the spans
select s.nth, t.worker, t.from_on, t.to_on, t.wte
from {spans $2} s
join wte t on t.from_on <= s.last_on and t.to_on > s.first_on
join worker w on w.id = t.worker
where (
        exists (select 1 from assignment a where a.worker = t.worker and a.contract = $1 and a.counts_from <= s.last_on)
        or w.joined_on <= s.last_on
            and not exists (
                select 1
                from assignment a
                where a.worker = t.worker and a.counts_from <= s.last_on
            )
    )
order by s.nth, t.worker, t.from_on
