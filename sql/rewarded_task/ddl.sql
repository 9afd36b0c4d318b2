CREATE TABLE IF NOT EXISTS {table} (
  task_id STRING COMMENT 'Derived from advertiser, scenario and day: a rerun gives the same id.',
  advertiser_id STRING COMMENT 'Advertiser the task is offered to.',
  scenario_id STRING COMMENT 'Ad scenario the task is about.',
  ds DATE COMMENT 'As-of day of the selection.',
  rewarded_task_type STRING COMMENT 'spend_target, active_days_target or campaign_refresh.',
  target_value DOUBLE COMMENT 'What to reach within the validity: money, active days or refreshed campaigns, by type.',
  reward_amount DOUBLE COMMENT 'What is paid when the target is reached, in money.',
  valid_from DATE COMMENT 'First day that counts.',
  valid_to DATE COMMENT 'Last day that counts.',
  priority INT COMMENT '1 = largest expected loss of the day, over tasks and messages of all scenarios.',
  reasons ARRAY<STRING> COMMENT 'Why the advertiser was selected; see candidates.',
  arm STRING COMMENT 'Always treatment.',
  model_version STRING COMMENT 'Version of the model the selection rests on.'
)
USING DELTA
PARTITIONED BY (ds)
COMMENT 'Tasks with a reward, offered to low-active advertisers; at most one per candidate.'
TBLPROPERTIES (
  'delta.enableDeletionVectors' = 'false',
  'delta.dataSkippingStatsColumns' = 'advertiser_id,scenario_id'
);
