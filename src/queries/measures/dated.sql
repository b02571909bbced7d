-- Facts of a contract that measures count, by kind, code, service area, cohort, referrer, keyworker and month.
-- $1 the contract, $2 the kinds, $3 and $4 the first and the last day, $5 the as-of date, $6, $7, $8, $9 and $10
-- whether they are apart by cohort, referrer, keyworker, month and attributes. Wholes and millionths are added up
-- apart, so that no sum is too large for the store.
select r.kind, r.code, r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.month,
    count(*) as facts,
    cast(coalesce(sum(r.quantity / 1000000), 0) as bigint) as wholes,
    cast(coalesce(sum(r.quantity % 1000000), 0) as bigint) as millionths
from (
    select kind, code, area, case when $6 then cohort else '' end as cohort,
        case when $7 then referrer else '' end as referrer, case when $8 then keyworker end as keyworker,
        case when $9 then month end as month, case
            when $10
                then coalesce((
                    select p.profile
                    from case_profile p
                    where p.journey = countable.journey and p.counts_from <= $5 and p.counts_to > $5
                ), '')
            else ''
        end as profile,
        quantity
    from countable
    where contract = $1 and kind in {texts $2} and day >= $3 and day <= $4 and day <= $5 and counts_from <= $5
        and counts_to > $5
) r
group by r.kind, r.code, r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.month
