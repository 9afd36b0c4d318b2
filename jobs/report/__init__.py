"""The pieces of the HTML report. They read the tables with DuckDB over delta-rs, without Spark."""
