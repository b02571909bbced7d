-- The journeys of a contract that a caller may see.
-- $1 the contract, $2 the day for which the caller's rights were read, $3, $4 and $5 which cases they may see
-- (caseload_scope.rs), $6 the number of rows.
select j.id
from journey j
where j.contract = $1
    and (
        $3 = 'all'
        or $3 = 'among' and j.id in {uuids $4}
        or $3 = 'areas' and exists (select 1 from journey y where y.id = j.id and y.area in {texts $4})
        or $3 = 'held'
            and (
                exists (
                    select 1
                    from assignment o
                    where o.journey = j.id and o.counts_from <= $2 and o.to_on > $2 and o.worker in {uuids $4}
                )
                or $5
                    and not exists (
                        select 1
                        from assignment o
                        left join worker d on d.id = o.worker and d.left_on <= $2
                        where o.journey = j.id and o.role = 'keyworker' and o.counts_from <= $2 and o.to_on > $2
                            and d.id is null
                    )
            )
    )
limit $6
