from __future__ import annotations

import numpy as np
import pytest

from m2m.vocabulary import UNKNOWN, Vocabulary

SEEN = {"b": np.array(["x", "y", "x", ""]), "a": np.array(["1", "2", "3", "1"])}


def test_unseen_values_are_unknown_and_missing_is_a_value() -> None:
    vocabulary = Vocabulary.fit(SEEN, ("b", "a"))
    ids = vocabulary.transform({"b": np.array(["", "x", "z"]), "a": np.array(["3", "", "33"])})
    assert ids.tolist() == [[1, 3], [2, UNKNOWN], [UNKNOWN, UNKNOWN]]
    assert vocabulary.sizes == (4, 4)


def test_rare_values_are_unknown() -> None:
    vocabulary = Vocabulary.fit(SEEN, ("b",), min_rows=2)
    assert vocabulary.transform({"b": np.array(["x", "y"])})[:, 0].tolist() == [1, UNKNOWN]


def test_code_tells_all_rows_apart() -> None:
    vocabulary = Vocabulary.fit(SEEN, ("b", "a"))
    grid = np.array([(i, j) for i in range(4) for j in range(4)])
    assert len(set(vocabulary.code(grid).tolist())) == 16


def test_too_many_combinations_are_refused() -> None:
    values = np.arange(5000).astype(str)
    with pytest.raises(ValueError, match="product"):
        Vocabulary({str(column): values for column in range(6)})
