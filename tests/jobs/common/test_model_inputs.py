"""Rows of features.* as the model takes them: the same from Arrow and from pandas, and what is refused."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jobs.common.model_inputs import (
    WINDOW_SUMS,
    feature_spec,
    require_columns,
    samples_of_arrow,
    samples_of_pandas,
)
from jobs.common.settings import Settings
from m2m import FeatureSpec

DAY = date(2026, 4, 15)  # a Wednesday


@pytest.fixture
def spec(settings: Settings) -> FeatureSpec:
    return feature_spec(settings)


@pytest.fixture
def rows(spec: FeatureSpec) -> pa.Table:
    """Three rows with gaps in the knowledge columns."""
    world = np.random.default_rng(3)

    def lists(length: int) -> pa.Array:
        return pa.array(list(world.random((3, length), np.float32)), pa.list_(pa.float32()))

    columns = {name: lists(spec.history_days) for name in spec.sequence_columns}
    columns[WINDOW_SUMS] = lists(len(spec.windows_days) * len(spec.sequence_columns))
    columns |= {name: pa.array(["a", None, "b"]) for name in spec.knowledge}
    columns["star_level"] = pa.array([3, None, 12], pa.int32())
    columns["business_scale"] = pa.nulls(3, pa.int32())
    return pa.table({**columns, "ds": pa.array([DAY] * 3, pa.date32())})


def test_arrow_and_pandas_give_the_same_samples(rows: pa.Table, spec: FeatureSpec) -> None:
    ours, theirs = samples_of_arrow(rows, DAY, spec), samples_of_pandas(rows.to_pandas(), spec)
    np.testing.assert_array_equal(ours.sequences, theirs.sequences)
    np.testing.assert_array_equal(ours.advertiser_window_sums, theirs.advertiser_window_sums)
    assert ours.weekday.tolist() == theirs.weekday.tolist() == [2, 2, 2]
    for samples in (ours, theirs):
        assert samples.knowledge["star_level"].tolist() == ["3", "", "12"]
        assert samples.knowledge["business_scale"].tolist() == ["", "", ""]
        assert samples.knowledge["scenario_id"].tolist() == ["a", "", "b"]
    third = spec.sequence_columns[2]
    np.testing.assert_array_equal(ours.sequences[1, 2], rows[third][1].values.to_numpy())


def test_a_batch_is_read_as_a_table(rows: pa.Table, spec: FeatureSpec) -> None:
    (batch,) = rows.combine_chunks().slice(1, 2).to_batches()
    part = samples_of_arrow(batch, DAY, spec)
    np.testing.assert_array_equal(part.sequences, samples_of_arrow(rows, DAY, spec).sequences[1:])


@pytest.mark.parametrize("value", [None, [1.0, 2.0]])
def test_a_missing_or_a_short_list_is_refused_by_its_column(
    rows: pa.Table, spec: FeatureSpec, value: list[float] | None
) -> None:
    whole = rows["clicks"].to_pylist()
    broken = rows.set_column(
        rows.column_names.index("clicks"), "clicks", pa.array([*whole[:2], value], pa.list_(pa.float32()))
    )
    for read in (
        lambda: samples_of_arrow(broken, DAY, spec),
        lambda: samples_of_pandas(broken.to_pandas(), spec),
    ):
        with pytest.raises(ValueError, match=r"clicks holds 8\d values in 3 rows, expected 40 in each"):
            read()


def test_columns_that_are_not_there_are_named() -> None:
    with pytest.raises(ValueError, match=r"file x lacks \['b'\], expected \['a', 'b'\]"):
        require_columns(["a", "c"], ["a", "b"], "file x")


def test_pandas_rows_of_several_days_have_their_own_weekdays(rows: pa.Table, spec: FeatureSpec) -> None:
    frame = rows.to_pandas()
    frame["ds"] = [date(2026, 4, 13), DAY, date(2026, 4, 19)]
    assert samples_of_pandas(pd.DataFrame(frame), spec).weekday.tolist() == [0, 2, 6]
