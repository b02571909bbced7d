-- The ranges of days over which cases were on the caseload, each with its keyworker, case by case in order.
-- $1 the contract, $2 and $3 the first and the last day, $4 the number of rows, $5 whether their attributes are
-- read, as known at the as-of date $6
select c.journey, c.from_on, c.to_on, c.area, coalesce(j.cohort, '') as cohort, coalesce(j.referrer, '') as referrer,
    c.keyworker, w.left_on,
    case
        when $5
            then coalesce((
                select p.profile
                from case_profile p
                where p.journey = c.journey and p.counts_from <= $6 and p.counts_to > $6
            ), '')
        else ''
    end as profile
from caseload c
join journey j on j.id = c.journey
left join worker w on w.id = c.keyworker
where c.contract = $1 and c.from_on <= $3 and c.to_on > $2
order by c.journey, c.from_on
limit $4
