-- What the rewards cost if every target is reached, beside the spend they are to win back.
SELECT
  t.scenario_id,
  t.rewarded_task_type,
  count(*) AS tasks,
  round(sum(t.reward_amount), 2) AS reward_budget,
  round(sum(c.recent_value), 2) AS recent_value
FROM consumer.rewarded_task AS t
JOIN consumer.candidates AS c
  ON c.ds = t.ds AND c.advertiser_id = t.advertiser_id AND c.scenario_id = t.scenario_id
GROUP BY t.scenario_id, t.rewarded_task_type
ORDER BY t.scenario_id, t.rewarded_task_type;
