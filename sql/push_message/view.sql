-- Messages to send: those of the newest published day.
CREATE OR REPLACE VIEW consumer.push_message AS
SELECT
  message_id, advertiser_id, scenario_id, ds, template_id, parameters, send_after, expires_at, priority, reasons,
  model_version
FROM engagement.push_message
WHERE ds = (SELECT max(ds) FROM ops.published_days);
