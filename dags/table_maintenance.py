"""### table_maintenance

Every week: small files of closed days are put together, days beyond their retention are deleted, files
that no version needs any more are removed.

* **Days**: the `closed_days` days that end with the last day of the data interval, or with `run_date`; more
  than a week of them, so that a missed run or a late correction is caught up.
* **Retention**: `maintenance.keep_days` of the settings, counted back from the last day.
* **Rerun**: safe at any moment, also beside `daily_engagement`; a rerun finds nothing to do.
"""

from __future__ import annotations

from airflow.sdk import DAG, CronDataIntervalTimetable, Param

from dags.wiring import DAG_DEFAULTS, FIRST_DAY, run_date_param, run_day, spark_job

FIRST = "{{ run_day(params.run_date, data_interval_end | default(None), params.closed_days - 1) }}"
LAST = "{{ run_day(params.run_date, data_interval_end | default(None)) }}"

with DAG(
    dag_id="table_maintenance",
    description="Retention, compaction and vacuum of every table",
    doc_md=__doc__,
    # At noon, when the daily chain is over.
    schedule=CronDataIntervalTimetable("0 12 * * 0", timezone="UTC"),
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=1,
    default_args=DAG_DEFAULTS,
    params={
        "run_date": run_date_param(),
        "closed_days": Param(
            28, type="integer", minimum=1, maximum=1095, description="Days whose files are put together."
        ),
    },
    user_defined_macros={"run_day": run_day},
    tags=["engagement", "upkeep"],
):
    spark_job("table_maintenance", FIRST, LAST)
