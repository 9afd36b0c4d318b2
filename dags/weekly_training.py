"""### weekly_training

Every week: training samples of the last `training_days` as-of days, then a new model version.

* **As-of days**: the newest one is `horizon_days` before the last day of the data interval, because a
  sample's label needs that many complete days after it. `run_date` names another last day.
* **Split**: `train_model` splits the range by day itself, with a gap between the parts.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, chain

from dags.wiring import DAG_DEFAULTS, FIRST_DAY, run_date_param, run_day, spark_job

FIRST = (
    "{{ run_day(params.run_date, data_interval_end | default(None),"
    " params.horizon_days + params.training_days - 1) }}"
)
LAST = "{{ run_day(params.run_date, data_interval_end | default(None), params.horizon_days) }}"

with DAG(
    dag_id="weekly_training",
    description="Samples of the last weeks to a new model version",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 0 * * 1", timezone="UTC"),
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=1,
    default_args=DAG_DEFAULTS,
    params={
        "run_date": run_date_param(),
        "training_days": Param(
            74, type="integer", minimum=30, maximum=1095, description="As-of days to learn from."
        ),
        "horizon_days": Param(7, type="integer", minimum=1, maximum=60, description="tau of the settings."),
    },
    user_defined_macros={"run_day": run_day},
    tags=["engagement", "training"],
):
    chain(
        spark_job("build_samples", FIRST, LAST),
        spark_job("train_model", FIRST, LAST, retries=1, execution_timeout=timedelta(hours=12)),
    )
