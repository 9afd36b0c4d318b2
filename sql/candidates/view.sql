-- Who was picked and why on the newest published day, and who was not.
CREATE OR REPLACE VIEW consumer.candidates AS
SELECT
  advertiser_id, scenario_id, ds, eligible, predicted_active_rate, predicted_expenditure, recent_active_days,
  recent_value, days_since_active, selected, reasons, rank, arm, model_version, model_sha256
FROM engagement.candidates
WHERE ds = (SELECT max(ds) FROM ops.published_days);
