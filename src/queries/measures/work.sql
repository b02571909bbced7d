-- Work of a contract that falls due in some days or is open at their end, by code, service area, cohort, referrer and
-- keyworker. A task that was done late was due, and so was one that was cancelled or lapsed after its day.
-- $1 the contract, $2 which work, $3 and $4 the first and the last day, $5 the day of the states, $6, $7 and $8 whether
-- it is apart by cohort, referrer and keyworker, $9 whether by the attributes that are known at the as-of date $10
select r.kind, r.code, r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.month,
    count(*) as facts,
    cast(0 as bigint) as wholes, cast(0 as bigint) as millionths
from (
    select '' as kind, b.code, b.area, case when $6 then coalesce(j.cohort, '') else '' end as cohort,
        case when $7 then coalesce(j.referrer, '') else '' end as referrer,
        case when $8 and d.id is null then b.keyworker end as keyworker, case
            when $9
                then coalesce((
                    select p.profile
                    from case_profile p
                    where p.journey = b.journey and p.counts_from <= $10 and p.counts_to > $10
                ), '')
            else ''
        end as profile,
        cast(null as date) as month
    from (
        select a.journey, '' as code, a.area, a.keyworker
        from agenda a
        where a.contract = $1 and a.kind = 'task' and a.counts_from <= $5 and a.counts_to > $5
            and (
                $2 = 'tasks_due' and a.due_on >= $3 and a.due_on <= $4
                    and (a.state in ('open', 'done') or a.counts_from > a.due_on)
                or $2 = 'tasks_overdue' and a.state = 'open' and a.due_on < $5
            )
        union all
        select o.journey, o.standard as code, o.area, o.keyworker
        from obligation o
        where $2 = 'overdue' and o.contract = $1 and o.state = 'owed' and o.due_on < $5 and o.counts_from <= $5
            and o.counts_to > $5
        union all
        select c.journey, '' as code, c.area, c.keyworker
        from caseload c
        where $2 = 'awaiting_plan' and c.contract = $1 and c.from_on <= $5 and c.to_on > $5
            and not exists (select 1 from referral_to_plan p where p.journey = c.journey and p.plan_on <= $5)
    ) b
    join journey j on j.id = b.journey
    left join worker d on d.id = b.keyworker and d.left_on <= $5
) r
group by r.kind, r.code, r.area, r.cohort, r.referrer, r.profile, r.keyworker, r.month
