-- Facts of some spans whose case also has another fact by the as-of date, by service area, cohort, referrer and
-- keyworker of the first.
-- $1 the contract, $2 and $3 the kinds and codes of the first, $4 and $5 of the other, $6 the spans, $7 the as-of date,
-- $8, $9, $10 and $11 whether they are apart by cohort, referrer, keyworker and attributes. Codes
-- that are null are any.
select r.nth, r.kind, r.code, r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.month,
    count(*) as facts,
    cast(0 as bigint) as wholes, cast(0 as bigint) as millionths
from (
    select s.nth, a.kind, a.code, a.area, case when $8 then a.cohort else '' end as cohort,
        case when $9 then a.referrer else '' end as referrer, case when $10 then a.keyworker end as keyworker,
        case
            when $11
                then coalesce((
                    select p.profile
                    from case_profile p
                    where p.journey = a.journey and p.counts_from <= $7 and p.counts_to > $7
                ), '')
            else ''
        end as profile,
        cast(null as date) as month
    from {spans $6} s
    join countable a on a.contract = $1 and a.kind in {texts $2} and (cast($3 as text) is null or a.code in {texts $3})
        and a.day >= s.first_on and a.day <= s.last_on and a.day <= $7 and a.counts_from <= $7 and a.counts_to > $7
    where exists (
            select 1
            from countable b
            where b.journey = a.journey and b.kind in {texts $4} and (cast($5 as text) is null or b.code in {texts $5})
                and b.counts_from <= $7 and b.counts_to > $7
        )
) r
group by r.nth, r.kind, r.code, r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.month
