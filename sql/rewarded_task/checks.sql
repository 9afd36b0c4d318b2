-- Each query returns rows that must not exist, as (ds, problem, offender). The names are the tables cut to the days in question.

-- check: task_ids_are_unique
SELECT min(ds) AS ds, 'task_id_repeated' AS problem, task_id AS offender
FROM rewarded_task
GROUP BY task_id
HAVING count(*) > 1;

-- check: tasks_make_sense
SELECT ds, 'task_without_sense' AS problem, task_id AS offender
FROM rewarded_task
WHERE reward_amount IS NULL OR reward_amount < 0 OR target_value IS NULL OR target_value <= 0
  OR valid_from <= ds OR valid_to < valid_from;
