-- Each query returns rows that must not exist, as (ds, problem, offender). The names are the tables cut to the days in question.

-- check: message_ids_are_unique
SELECT min(ds) AS ds, 'message_id_repeated' AS problem, message_id AS offender
FROM push_message
GROUP BY message_id
HAVING count(*) > 1;

-- check: messages_have_their_time
SELECT ds, 'message_without_time' AS problem, message_id AS offender
FROM push_message
WHERE send_after IS NULL OR expires_at IS NULL OR expires_at <= send_after;
