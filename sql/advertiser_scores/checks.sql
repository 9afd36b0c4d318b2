-- Each query returns rows that must not exist, as (ds, problem, offender). The names are the tables cut to the days in question.

-- check: scores_in_range
SELECT ds, 'score_out_of_range' AS problem, concat(advertiser_id, '/', scenario_id) AS offender
FROM advertiser_scores
WHERE predicted_active_rate IS NULL OR NOT predicted_active_rate BETWEEN 0 AND 1;

-- check: probability_in_range
SELECT ds, 'probability_out_of_range' AS problem, concat(advertiser_id, '/', scenario_id) AS offender
FROM advertiser_scores
WHERE probability_active IS NOT NULL AND NOT probability_active BETWEEN 0 AND 1;
