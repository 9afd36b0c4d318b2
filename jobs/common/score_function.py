"""The scorer as a function of Spark SQL: m2m_score(version, struct(*)).

    SELECT advertiser_id, m2m_score('champion', struct(*)).predicted_active_days FROM features.sequences

It is a pandas UDF of the iterator form, for questions of people; `register_score_function` (jobs/common/catalog.py)
gives it its name. `score_advertisers` scores whole days without it, from the files (jobs/common/score_files.py), to the
same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from jobs.common.model_inputs import columns_read, require_columns, samples_of_pandas
from jobs.common.worker_scorer import WorkerScorer

SCORE_FUNCTION = "m2m_score"
Rows = tuple[pd.Series, pd.DataFrame]


def score_function(
    workers: Mapping[str, WorkerScorer],
) -> Callable[[Iterator[Rows]], Iterator[pd.DataFrame]]:
    """The function itself; `workers`: by version and alias."""

    def score(batches: Iterator[Rows]) -> Iterator[pd.DataFrame]:
        for versions, rows in batches:
            yield score_batch(versions, rows, workers)

    # PySpark reads the annotations of the function itself; with postponed annotations they would be text.
    score.__annotations__ = {"batches": Iterator[Rows], "return": Iterator[pd.DataFrame]}
    return score


def score_batch(versions: pd.Series, rows: pd.DataFrame, workers: Mapping[str, WorkerScorer]) -> pd.DataFrame:
    """Predictions of rows that may ask for different versions. Raises ValueError for a version that is not there."""
    if not isinstance(rows, pd.DataFrame):
        raise ValueError(
            f"{SCORE_FUNCTION} takes a version and a struct: {SCORE_FUNCTION}('champion', struct(*))"
        )
    parts = []
    for version, part in rows.groupby(versions.to_numpy(), sort=False, dropna=False):
        if version not in workers:
            known = ", ".join(sorted(workers))
            raise ValueError(
                f"{SCORE_FUNCTION}: version {version!r} is not registered here; known are {known}"
            )
        parts.append(_score_part(part, workers[str(version)]))
    return pd.concat(parts).reindex(rows.index)


def _score_part(rows: pd.DataFrame, worker: WorkerScorer) -> pd.DataFrame:
    require_columns(rows.columns, ["ds", *columns_read(worker.spec)], f"the struct given to {SCORE_FUNCTION}")

    def name_of(row: int) -> str:
        return ", ".join(
            f"{name} {str(rows[name].iloc[row])!r}" for name in ("advertiser_id", "ds") if name in rows
        )

    return pd.DataFrame(worker.columns(samples_of_pandas(rows, worker.spec), name_of), index=rows.index)
