-- Facts on any day of the cases that also have a fact of other kinds in a range of days, case by case in the order of
-- their days.
-- $1 the contract, $2 and $3 the kinds and codes, $4 and $5 the kinds and codes of the others, $6 and $7 the first and
-- the last day of these, $8 the as-of date, $9 the number of rows. Codes that are null are any.
select b.journey, b.code, b.day, b.latest
from countable b
where b.contract = $1 and b.kind in {texts $2} and (cast($3 as text) is null or b.code in {texts $3}) and b.day <= $8
    and b.counts_from <= $8 and b.counts_to > $8
    and exists (
        select 1
        from countable a
        where a.journey = b.journey and a.kind in {texts $4} and (cast($5 as text) is null or a.code in {texts $5})
            and a.day >= $6 and a.day <= $7 and a.day <= $8 and a.counts_from <= $8 and a.counts_to > $8
    )
order by b.journey, b.day, b.latest, b.kind, b.code, b.nth
limit $9
