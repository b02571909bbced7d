-- The cases on the caseload over the days of a period, by service area, cohort, referrer and keyworker, with the days
-- [from_on, to_on) on which they were on it, and the day from which the keyworker has left.
-- $1 the contract, $2 and $3 the first and the last day, $4, $5 and $6 whether they are apart by cohort, referrer and
-- keyworker, $7 whether by the attributes that are known at the as-of date $8
select r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.left_on, r.from_on, r.to_on, count(*) as cases
from (
    select c.area, case when $4 then coalesce(j.cohort, '') else '' end as cohort,
        case when $5 then coalesce(j.referrer, '') else '' end as referrer,
        case
            when $7
                then coalesce((
                    select p.profile
                    from case_profile p
                    where p.journey = c.journey and p.counts_from <= $8 and p.counts_to > $8
                ), '')
            else ''
        end as profile,
        case when $6 then c.keyworker end as keyworker, case when $6 then w.left_on end as left_on, c.from_on, c.to_on
    from caseload c
    join journey j on j.id = c.journey
    left join worker w on w.id = c.keyworker
    where c.contract = $1 and c.from_on <= $3 and c.to_on > $2
) r
group by r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.left_on, r.from_on, r.to_on
