-- Scores of the newest published day. The columns are the table's: its predicted_<task> columns follow the settings.
CREATE OR REPLACE VIEW consumer.advertiser_scores AS
SELECT *
FROM scores.advertiser_scores
WHERE ds = (SELECT max(ds) FROM ops.published_days);
