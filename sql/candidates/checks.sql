-- Each query returns rows that must not exist, as (ds, offender). The names are the tables cut to the days in question.

-- check: candidate_key_repeated
SELECT ds, concat(advertiser_id, '/', scenario_id) AS offender
FROM candidates
GROUP BY ds, advertiser_id, scenario_id
HAVING count(*) > 1;

-- check: score_and_candidate_differ
SELECT coalesce(s.ds, c.ds) AS ds,
  concat(coalesce(s.advertiser_id, c.advertiser_id), '/', coalesce(s.scenario_id, c.scenario_id)) AS offender
FROM advertiser_scores AS s
FULL OUTER JOIN candidates AS c
  ON s.ds = c.ds AND s.advertiser_id = c.advertiser_id AND s.scenario_id = c.scenario_id
WHERE s.ds IS NULL OR c.ds IS NULL OR s.model_sha256 <> c.model_sha256
  OR s.predicted_active_rate <> c.predicted_active_rate;

-- check: candidate_without_reason
SELECT ds, concat(advertiser_id, '/', scenario_id) AS offender
FROM candidates
WHERE cardinality(reasons) = 0;

-- check: candidate_without_one_offer
SELECT c.ds, concat(c.advertiser_id, '/', c.scenario_id) AS offender
FROM candidates AS c
LEFT JOIN (
  SELECT ds, advertiser_id, scenario_id FROM rewarded_task
  UNION ALL
  SELECT ds, advertiser_id, scenario_id FROM push_message
) AS o
  ON o.ds = c.ds AND o.advertiser_id = c.advertiser_id AND o.scenario_id = c.scenario_id
WHERE c.selected AND c.arm = 'treatment'
GROUP BY c.ds, c.advertiser_id, c.scenario_id
HAVING count(o.ds) <> 1;
