-- The advertisers picked on the newest published day, the largest expected loss of each scenario first.
SELECT
  scenario_id,
  rank,
  advertiser_id,
  arm,
  predicted_active_rate,
  recent_value,
  days_since_active,
  reasons
FROM consumer.candidates
WHERE selected
ORDER BY scenario_id, rank;
