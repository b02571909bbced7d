-- The facts that give cases their values in a range of days, case by case in the order of their days.
-- $1 the contract, $2 and $3 the kinds and codes, $4 and $5 the first and the last day, $6 the as-of date, $7 the number
-- of rows, $8 whether their attributes are read. Codes that are null are any.
select b.journey, b.kind, b.code, b.nth, b.day, b.latest, b.quantity, b.area, b.cohort, b.referrer, b.keyworker,
    case
        when $8
            then coalesce((
                select p.profile
                from case_profile p
                where p.journey = b.journey and p.counts_from <= $6 and p.counts_to > $6
            ), '')
        else ''
    end as profile
from countable b
where b.contract = $1 and b.kind in {texts $2} and (cast($3 as text) is null or b.code in {texts $3}) and b.day >= $4
    and b.day <= $5 and b.day <= $6 and b.counts_from <= $6 and b.counts_to > $6
order by b.journey, b.day, b.kind, b.code, b.nth
limit $7
