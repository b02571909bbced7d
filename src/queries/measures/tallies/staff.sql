-- The workers and teams of a contract over the days of a period, and what is known of them. Workers: those who by the
-- last day had held a case of the contract, or had joined and held no case anywhere. Teams: those with such a case of a
-- member, or without any case of a member. Each row lasts over the days [from_on, to_on).
-- $1 the contract, $2 and $3 the first and the last day, $4 the day for the names of teams, $5 a day after every other
with staff (id, joined_on, left_on) as (
    select w.id, w.joined_on, w.left_on
    from worker w
    where exists (select 1 from assignment a where a.worker = w.id and a.contract = $1 and a.counts_from <= $3)
        or w.joined_on <= $3
            and not exists (select 1 from assignment a where a.worker = w.id and a.counts_from <= $3)
),
named (id, label, from_on, to_on) as (
    select t.id, t.label, t.from_on, t.to_on
    from team t
    where t.from_on <= $4 and t.to_on > $4
        and (
            exists (
                select 1
                from team_member m
                join assignment a on a.worker = m.worker
                where m.team = t.id and m.from_on <= $3 and a.contract = $1 and a.counts_from <= $3
            )
            or not exists (
                select 1
                from team_member m
                join assignment a on a.worker = m.worker
                where m.team = t.id and (a.contract <> $1 or a.counts_from <= $3)
            )
        )
)
select 'here' as kind, s.id as worker, cast(null as uuid) as team, '' as text, s.joined_on as from_on,
    coalesce(s.left_on, $5) as to_on, cast(0 as bigint) as amount
from staff s
union all
select 'wte' as kind, t.worker, cast(null as uuid) as team, '' as text, t.from_on, t.to_on, t.wte as amount
from staff s
join wte t on t.worker = s.id
where t.from_on <= $3 and t.to_on > $2
union all
select f.kind, f.holder as worker, cast(null as uuid) as team, f.code as text, f.from_on, f.to_on, f.amount
from staff s
join staffing f on f.holder = s.id
where f.kind in ('capacity', 'absent', 'score') and f.from_on <= $3 and f.to_on > $2
union all
select 'member' as kind, m.worker, m.team, '' as text, m.from_on, m.to_on, cast(0 as bigint) as amount
from staff s
join team_member m on m.worker = s.id
where m.from_on <= $3 and m.to_on > $2
union all
select f.kind, cast(null as uuid) as worker, f.holder as team, '' as text, f.from_on, f.to_on, f.amount
from staffing f
where f.kind = 'team_capacity' and f.from_on <= $3 and f.to_on > $2
    and exists (select 1 from team_member m join staff s on s.id = m.worker where m.team = f.holder)
union all
select f.kind, cast(null as uuid) as worker, f.holder as team, '' as text, f.from_on, f.to_on, f.amount
from named n
join staffing f on f.holder = n.id
where f.kind = 'vacant' and f.from_on <= $3 and f.to_on > $2
union all
select 'cover' as kind, c.absent as worker, c.team, '' as text, c.from_on, c.to_on, cast(0 as bigint) as amount
from named n
join cover c on c.team = n.id
where c.from_on <= $3 and c.to_on > $2
union all
select 'team' as kind, cast(null as uuid) as worker, n.id as team, n.label as text, n.from_on, n.to_on,
    cast(0 as bigint) as amount
from named n
order by worker, team, from_on, to_on
