"""### daily_engagement

Every day: yesterday's facts to sequences, scores, low-active candidates, and a rewarded task or a push
message for each of them.

* **Day**: the data interval is the day itself; the run starts when it is over. `run_date` names another day.
* **Checks**: `check_sequences` and `check_scores` stop the run before anything is published,
  without a retry.
* **Rerun**: safe at any task; each job replaces exactly its day.
* **Many days**: trigger `range_backfill` instead, one Spark job per step over the whole range.
* **Consumers**: schedule on the assets `engagement.rewarded_task` and `engagement.push_message`.
"""

from __future__ import annotations

from airflow.sdk import DAG, CronDataIntervalTimetable

from dags.wiring import DAG_DEFAULTS, FIRST_DAY, engagement_chain, run_date_param, run_day

DAY = "{{ run_day(params.run_date, data_interval_end | default(None)) }}"

with DAG(
    dag_id="daily_engagement",
    description="Facts of one day to rewarded tasks and push messages",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=1,
    default_args=DAG_DEFAULTS,
    params={"run_date": run_date_param()},
    user_defined_macros={"run_day": run_day},
    tags=["engagement", "daily"],
):
    engagement_chain(DAY, DAY)
