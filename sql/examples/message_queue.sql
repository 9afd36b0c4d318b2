-- The messages to send, most urgent first; one advertiser's further messages of the day are numbered 2, 3...
SELECT
  message_id,
  advertiser_id,
  scenario_id,
  template_id,
  parameters,
  send_after,
  expires_at,
  row_number() OVER (PARTITION BY advertiser_id ORDER BY priority) AS message_of_advertiser
FROM consumer.push_message
ORDER BY send_after, priority;
