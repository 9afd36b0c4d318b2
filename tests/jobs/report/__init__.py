"""Tests of the pages that read the warehouse without Spark."""
