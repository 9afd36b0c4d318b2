"""Spark jobs, one file each, named like their Airflow tasks; plumbing in `common/`, pure logic in `transforms/`."""
