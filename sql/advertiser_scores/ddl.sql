CREATE TABLE IF NOT EXISTS {table} (
  advertiser_id STRING COMMENT 'Advertiser.',
  scenario_id STRING COMMENT 'Ad scenario, such as sponsored search.',
  ds DATE COMMENT 'As-of day: the newest day of activity the model saw.',
  {predicted_columns}
  {distribution_columns}
  predicted_active_rate DOUBLE COMMENT 'Predicted share of the next days with activity, in [0, 1].',
  probability_active DOUBLE COMMENT 'Probability of at least one active day among the next days; null when the model has no distribution.',
  eligible BOOLEAN COMMENT 'Whether the pair was active or shown within its history; the others are scored too.',
  model_version STRING COMMENT 'Version of the model in the registry.',
  model_sha256 STRING COMMENT 'SHA-256 of the model file that scored the row.',
  scored_at TIMESTAMP COMMENT 'When the row was computed.'
)
USING DELTA
PARTITIONED BY (ds)
COMMENT 'What every advertiser is predicted to do in every scenario over the next days; one row per pair ever seen and day.'
TBLPROPERTIES (
  'delta.enableDeletionVectors' = 'false',
  'delta.dataSkippingStatsColumns' = 'advertiser_id,scenario_id'
);
