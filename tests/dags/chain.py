"""The daily chain, task by task, written out once for the tests."""

CHAIN = [
    "ingest_facts",
    "build_sequences",
    "check_sequences",
    "score_advertisers",
    "check_scores",
    "select_candidates",
    "produce_engagement",
    "publish",
]
