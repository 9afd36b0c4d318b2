"""Airflow DAGs: wiring only. The work itself is in jobs/."""
