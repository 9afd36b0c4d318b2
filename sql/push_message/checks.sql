-- Each query returns rows that must not exist, as (ds, offender). The names are the tables cut to the days in question.

-- check: message_id_repeated
SELECT min(ds) AS ds, message_id AS offender
FROM push_message
GROUP BY message_id
HAVING count(*) > 1;

-- check: message_without_candidate
SELECT m.ds, m.message_id AS offender
FROM push_message AS m
LEFT JOIN candidates AS c
  ON c.ds = m.ds AND c.advertiser_id = m.advertiser_id AND c.scenario_id = m.scenario_id
  AND c.selected AND c.arm = 'treatment'
WHERE c.ds IS NULL;

-- check: message_without_time
SELECT ds, message_id AS offender
FROM push_message
WHERE send_after IS NULL OR expires_at IS NULL OR expires_at <= send_after;
