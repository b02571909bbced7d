-- Cases of a contract with a blank or an inconsistency at the end of a day, by rule.
-- $1 the contract, $2 the as-of date, $3 whether every referral needs a cohort, $4 the service areas of the rulebook,
-- $5 whether it lists any, $6 the number of rows
select r.rule, r.journey, r.area, r.day
from (
    select 'no_keyworker' as rule, c.journey, c.area, c.from_on as day
    from caseload c
    left join worker d on d.id = c.keyworker and d.left_on <= $2
    where c.contract = $1 and c.from_on <= $2 and c.to_on > $2 and (c.keyworker is null or d.id is not null)
    union all
    select 'plan_before_referral' as rule, p.journey, p.area, p.plan_on as day
    from referral_to_plan p
    where p.contract = $1 and p.counts_from <= $2 and p.counts_to > $2 and p.plan_on <= $2 and p.early = 1
    union all
    select 'no_cohort' as rule, j.id as journey, j.area, j.received_on as day
    from journey j
    where $3 and j.contract = $1 and j.received_on <= $2 and j.cohort is null
        and (j.declined_on is null or j.declined_on > $2)
    union all
    select 'area_not_listed' as rule, j.id as journey, j.area, j.received_on as day
    from journey j
    where $5 and j.contract = $1 and j.received_on <= $2 and j.area not in {texts $4}
        and (j.declined_on is null or j.declined_on > $2)
    union all
    select 'referral_date_imprecise' as rule, j.id as journey, j.area, j.received_on as day
    from journey j
    where j.contract = $1 and j.received_on <= $2 and j.received_latest > j.received_on
        and (j.declined_on is null or j.declined_on > $2)
    union all
    select 'contact_without_worker' as rule, b.journey, b.area, max(b.day) as day
    from countable b
    where b.contract = $1 and b.kind in ('face_to_face', 'remote') and b.worker is null and b.day <= $2
        and b.counts_from <= $2 and b.counts_to > $2
    group by b.journey, b.area
) r
order by r.rule, r.day, r.journey
limit $6
