from __future__ import annotations

import json
from dataclasses import replace

import pytest

from m2m import FeatureSpec
from tests.m2m.world import SPEC


def test_order_of_columns_is_behaviours_then_performance() -> None:
    assert SPEC.sequence_columns == ("login_count", "bid_edit_count", "impressions", "expenditure")


def test_survives_json() -> None:
    assert FeatureSpec.from_dict(json.loads(json.dumps(SPEC.to_dict()))) == SPEC


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"behaviours": ()}, "behaviours"),
        ({"behaviours": ("impressions",)}, "repeats"),
        ({"knowledge": "scenario_id"}, "list of one or more"),
        ({"history_days": 0}, "history_days is 0"),
        ({"windows_days": (3, 1)}, "windows_days"),
        ({"bounded_tasks": {"gmv": 1.0}}, "gmv"),
        ({"task_columns": {"gmv": "expenditure"}}, r"task_columns names \['gmv'\]"),
        ({"task_columns": {"impressions": "clicks"}}, r"task_columns reads \['clicks'\]"),
        ({"counted_tasks": ("gmv",)}, r"counted_tasks names \['gmv'\]"),
        ({"scenario_column": "channel"}, "channel"),
    ],
)
def test_refuses_what_makes_no_sense(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SPEC, **change)


def test_from_dict_names_a_missing_entry() -> None:
    plain = SPEC.to_dict()
    del plain["tasks"]
    with pytest.raises(ValueError, match="tasks"):
        FeatureSpec.from_dict(plain)
