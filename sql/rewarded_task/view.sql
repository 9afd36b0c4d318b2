-- Tasks to offer: those of the newest published day.
CREATE OR REPLACE VIEW consumer.rewarded_task AS
SELECT
  task_id, advertiser_id, scenario_id, ds, rewarded_task_type, target_value, reward_amount, valid_from, valid_to,
  priority, reasons, arm, model_version
FROM engagement.rewarded_task
WHERE ds = (SELECT max(ds) FROM ops.published_days);
