-- Cases on the caseload at the end of the last day of some spans, by service area, cohort, referrer and keyworker.
-- $1 the contract, $2 the spans, $3, $4 and $5 whether they are apart by cohort, referrer and keyworker, $6 whether by the
-- attributes that are known at the as-of date $7
select r.nth, r.kind, r.code, r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.month,
    count(*) as facts,
    cast(0 as bigint) as wholes, cast(0 as bigint) as millionths
from (
    select s.nth, 'caseload' as kind, '' as code, c.area, case when $3 then coalesce(j.cohort, '') else '' end as cohort,
        case when $4 then coalesce(j.referrer, '') else '' end as referrer,
        case when $5 and d.id is null then c.keyworker end as keyworker, case
            when $6
                then coalesce((
                    select p.profile
                    from case_profile p
                    where p.journey = c.journey and p.counts_from <= $7 and p.counts_to > $7
                ), '')
            else ''
        end as profile,
        cast(null as date) as month
    from {spans $2} s
    join caseload c on c.contract = $1 and c.from_on <= s.last_on and c.to_on > s.last_on
    join journey j on j.id = c.journey
    left join worker d on d.id = c.keyworker and d.left_on <= s.last_on
) r
group by r.nth, r.kind, r.code, r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.month
