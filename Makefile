# Each target sets up what is missing first; a second run only checks that nothing changed.
.DEFAULT_GOAL := help
PYTHON ?=
export PYTHON
LOCAL = . setup/env.sh &&

.PHONY: help setup demo test test-fast lint bench airflow lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' Makefile

setup: ## make .venv, fetch the Delta jars, prepare Airflow (at most 5 minutes, once)
	@setup/install.sh

demo: setup ## generate a world, train, run the real DAGs, write report/index.html
	@$(LOCAL) python -m jobs.demo

test: setup ## run every test
	@$(LOCAL) python -m pytest -n 2 --dist loadgroup --durations=25

test-fast: setup ## run the tests that take under a minute together
	@$(LOCAL) python -m pytest -n 2 --dist loadgroup -m "not slow"

lint: setup ## ruff, mypy and the borders between the rooms
	@$(LOCAL) ruff check . && ruff format --check . && mypy && lint-imports --no-logo

bench: setup ## measure, print the figures, write report/bench.json
	@$(LOCAL) python -m tests.benchmarks

airflow: setup ## start Airflow with its web UI on this machine (Ctrl-C ends it)
	@$(LOCAL) airflow standalone

lock: setup ## resolve requirements.txt into requirements.lock
	@$(LOCAL) uv pip compile --universal --python-version 3.11 --quiet --custom-compile-command "make lock" \
		requirements.txt --output-file requirements.lock

clean: ## remove everything that set-up and runs made, the demo's warehouse too
	rm -rf .venv .setup-lock .airflow warehouse landing report mlruns mlartifacts mlflow.db spark-warehouse metastore_db derby.log
	rm -rf *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
