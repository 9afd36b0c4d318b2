-- Each query returns rows that must not exist, as (ds, problem, offender). The names are the tables cut to the days in question.

-- All four tables meet here in one pass over the pairs of a day: each pair is scored once, judged once from those very
-- scores, and has exactly one offer when it was selected for treatment, none otherwise.
-- check: pairs_from_score_to_offer
SELECT ds, problem, concat(advertiser_id, '/', scenario_id) AS offender
FROM (
  SELECT ds, advertiser_id, scenario_id,
    CASE
      WHEN sum(score) = 0 AND sum(candidate) = 0 THEN 'offer_to_unknown_pair'
      WHEN sum(score) > 1 THEN 'score_repeated'
      WHEN sum(candidate) > 1 THEN 'candidate_repeated'
      WHEN sum(candidate) = 0 THEN 'score_without_candidate'
      WHEN sum(score) = 0 THEN 'candidate_without_score'
      WHEN min(model_sha256) <> max(model_sha256) THEN 'candidate_from_another_model'
      WHEN sum(offer) > sum(treated) AND sum(treated) = 0 THEN 'offer_without_treatment'
      WHEN sum(offer) > sum(treated) THEN 'offer_repeated'
      WHEN sum(offer) < sum(treated) THEN 'candidate_without_offer'
    END AS problem
  FROM (
    SELECT ds, advertiser_id, scenario_id, 1 AS score, 0 AS candidate, 0 AS treated, 0 AS offer, model_sha256
    FROM advertiser_scores
    UNION ALL
    SELECT ds, advertiser_id, scenario_id, 0, 1, CASE WHEN selected AND arm = 'treatment' THEN 1 ELSE 0 END, 0, model_sha256
    FROM candidates
    UNION ALL
    SELECT ds, advertiser_id, scenario_id, 0, 0, 0, 1, NULL
    FROM rewarded_task
    UNION ALL
    SELECT ds, advertiser_id, scenario_id, 0, 0, 0, 1, NULL
    FROM push_message
  ) AS every_row
  GROUP BY ds, advertiser_id, scenario_id
) AS pairs
WHERE problem IS NOT NULL;

-- check: candidates_have_reasons
SELECT ds, 'candidate_without_reason' AS problem, concat(advertiser_id, '/', scenario_id) AS offender
FROM candidates
WHERE cardinality(reasons) = 0;
