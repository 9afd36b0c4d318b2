CREATE TABLE IF NOT EXISTS {table} (
  advertiser_id STRING COMMENT 'Advertiser.',
  scenario_id STRING COMMENT 'Ad scenario.',
  ds DATE COMMENT 'As-of day of the scores the selection is made from.',
  eligible BOOLEAN COMMENT 'Whether the pair was active or shown within its history.',
  predicted_active_rate DOUBLE COMMENT 'Predicted share of the next days with activity, in [0, 1].',
  predicted_expenditure DOUBLE COMMENT 'Predicted value over the next days, in money; null when no task predicts the value column.',
  recent_active_days INT COMMENT 'Active days within the last 7 days.',
  recent_value DOUBLE COMMENT 'Money of the days (as many as are predicted ahead) that end with the last active day: the week before a lull.',
  days_since_active INT COMMENT 'Days from the last active day to ds; 0 = active on ds; the length of the history when never active in it.',
  selected BOOLEAN COMMENT 'Whether the pair is a candidate for an offer.',
  reasons ARRAY<STRING> COMMENT 'Why it was selected, or why not; each a stable code with its value.',
  rank INT COMMENT '1 = largest expected loss within scenario and day; null when not selected.',
  arm STRING COMMENT 'treatment, or control: held out, never offered anything; null when not selected.',
  model_version STRING COMMENT 'Version of the model in the registry.',
  model_sha256 STRING COMMENT 'SHA-256 of the model file that scored the row.'
)
USING DELTA
PARTITIONED BY (ds)
COMMENT 'Who was picked and why, and who was not and why not; one row per scored pair and day.'
TBLPROPERTIES (
  'delta.enableDeletionVectors' = 'false',
  'delta.dataSkippingStatsColumns' = 'advertiser_id,scenario_id'
);
