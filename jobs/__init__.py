"""Spark jobs: one file per job, named like its Airflow task. Shared plumbing lies in `common/`, pure logic in `transforms/`."""
