CREATE TABLE IF NOT EXISTS {table} (
  message_id STRING COMMENT 'Derived from advertiser, scenario and day: a rerun gives the same id.',
  advertiser_id STRING COMMENT 'Advertiser the message is sent to.',
  scenario_id STRING COMMENT 'Ad scenario the message is about.',
  ds DATE COMMENT 'As-of day of the selection.',
  template_id STRING COMMENT 'come_back, refresh_campaign or stay_active.',
  parameters STRING COMMENT 'JSON object with the blanks of the template.',
  send_after TIMESTAMP COMMENT 'Not to be sent before.',
  expires_at TIMESTAMP COMMENT 'Not to be sent any more from then on.',
  priority INT COMMENT '1 = largest expected loss of the day, over tasks and messages of all scenarios.',
  reasons ARRAY<STRING> COMMENT 'Why the advertiser was selected; see candidates.',
  model_version STRING COMMENT 'Version of the model the selection rests on.'
)
USING DELTA
PARTITIONED BY (ds)
COMMENT 'Messages to low-active advertisers whose activity is not worth a reward; at most one per candidate.'
TBLPROPERTIES (
  'delta.enableDeletionVectors' = 'false',
  'delta.dataSkippingStatsColumns' = 'advertiser_id,scenario_id'
);
