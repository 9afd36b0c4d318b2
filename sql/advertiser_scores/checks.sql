-- Each query returns rows that must not exist, as (ds, offender). The names are the tables cut to the days in question.

-- check: score_key_repeated
SELECT ds, concat(advertiser_id, '/', scenario_id) AS offender
FROM advertiser_scores
GROUP BY ds, advertiser_id, scenario_id
HAVING count(*) > 1;

-- check: score_out_of_range
SELECT ds, concat(advertiser_id, '/', scenario_id) AS offender
FROM advertiser_scores
WHERE predicted_active_rate IS NULL OR NOT predicted_active_rate BETWEEN 0 AND 1;
