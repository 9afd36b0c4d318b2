"""What `make bench` runs: each benchmark prints its figures, which end up in report/bench.json."""
