-- Each query returns rows that must not exist, as (ds, offender). The names are the tables cut to the days in question.

-- check: task_id_repeated
SELECT min(ds) AS ds, task_id AS offender
FROM rewarded_task
GROUP BY task_id
HAVING count(*) > 1;

-- check: task_without_candidate
SELECT t.ds, t.task_id AS offender
FROM rewarded_task AS t
LEFT JOIN candidates AS c
  ON c.ds = t.ds AND c.advertiser_id = t.advertiser_id AND c.scenario_id = t.scenario_id
  AND c.selected AND c.arm = 'treatment'
WHERE c.ds IS NULL;

-- check: task_without_sense
SELECT ds, task_id AS offender
FROM rewarded_task
WHERE reward_amount IS NULL OR reward_amount < 0 OR target_value IS NULL OR target_value <= 0
  OR valid_from <= ds OR valid_to < valid_from;
