-- The ranges of days over which cases were on the caseload, each with its keyworker, case by case in order.
-- $1 the contract, $2 and $3 the first and the last day, $4 the number of rows
select c.journey, c.from_on, c.to_on, c.area, coalesce(j.cohort, '') as cohort, coalesce(j.referrer, '') as referrer,
    c.keyworker, w.left_on
from caseload c
join journey j on j.id = c.journey
left join worker w on w.id = c.keyworker
where c.contract = $1 and c.from_on <= $3 and c.to_on > $2
order by c.journey, c.from_on
limit $4
