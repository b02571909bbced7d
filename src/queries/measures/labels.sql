-- The labels of workers, and of the teams they are in on a day.
-- $1 the workers, $2 the day
select w.id as worker, w.label, m.team, t.label as team_label
from worker w
left join team_member m on m.worker = w.id and m.from_on <= $2 and m.to_on > $2
left join team t on t.id = m.team and t.from_on <= $2 and t.to_on > $2
where w.id in {uuids $1}
order by w.label, w.id, t.label, m.team
