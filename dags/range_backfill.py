"""### range_backfill

The daily chain over a range of days, one Spark job per step: thirty days in one pass cost
little more than a few days.

* **Days**: `start_ds` and `end_ds`, both included; both must be given.
* **Rerun**: safe at any task; each job replaces exactly the range.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from dags.wiring import DAG_DEFAULTS, FIRST_DAY, date_param, engagement_chain

with DAG(
    dag_id="range_backfill",
    description="Facts of a range of days to rewarded tasks and push messages",
    doc_md=__doc__,
    schedule=None,
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=1,
    default_args={**DAG_DEFAULTS, "execution_timeout": timedelta(hours=12)},
    params={
        "start_ds": date_param("First day of the range, YYYY-MM-DD."),
        "end_ds": date_param("Last day of the range, included, YYYY-MM-DD."),
    },
    tags=["engagement", "backfill"],
):
    engagement_chain("{{ params.start_ds }}", "{{ params.end_ds }}")
