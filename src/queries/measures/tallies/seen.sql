-- Cases on the caseload at the end of a day with a contact made since another day, by service area, cohort, referrer
-- and keyworker.
-- $1 the contract, $2 the day, $3, $4 and $5 whether they are apart by cohort, referrer and keyworker, $6 the first day
-- of the contact, $7 whether they are apart by the attributes that are known at the as-of date $8
select r.kind, r.code, r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.month,
    count(*) as facts,
    cast(0 as bigint) as wholes, cast(0 as bigint) as millionths
from (
    select 'caseload' as kind, '' as code, c.area, case when $3 then coalesce(j.cohort, '') else '' end as cohort,
        case when $4 then coalesce(j.referrer, '') else '' end as referrer,
        case when $5 and d.id is null then c.keyworker end as keyworker, case
            when $7
                then coalesce((
                    select p.profile
                    from case_profile p
                    where p.journey = c.journey and p.counts_from <= $8 and p.counts_to > $8
                ), '')
            else ''
        end as profile,
        cast(null as date) as month
    from caseload c
    join journey j on j.id = c.journey
    left join worker d on d.id = c.keyworker and d.left_on <= $2
    where c.contract = $1 and c.from_on <= $2 and c.to_on > $2
        and exists (
            select 1
            from countable k
            where k.journey = c.journey and k.kind in ('face_to_face', 'remote') and k.day >= $6 and k.day <= $2
        )
) r
group by r.kind, r.code, r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.month
