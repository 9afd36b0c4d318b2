"""publish: a sound range is shown in one commit; whatever stands against it is named and nothing is shown."""

from __future__ import annotations

from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.common.check_results import write_verdicts
from jobs.common.expectations import Verdict, at_least
from jobs.common.publication import PUBLISHED_DAYS, withdraw_days
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.produce_engagement import offer_rules
from jobs.publish import audit, main
from jobs.transforms.offers import push_messages, rewarded_tasks, treatable
from tests.jobs.rows import DAY, arguments, candidates, content, day, pass_checks, scores, write

NEXT = day(1)
Tables = dict[str, DataFrame]
SCORES, CANDIDATES = "scores.advertiser_scores", "engagement.candidates"
TASK, MESSAGE = "engagement.rewarded_task", "engagement.push_message"


@pytest.fixture(scope="module")
def sound(spark: SparkSession, settings: Settings) -> Tables:
    """Two days of six pairs: two get a task, two a message, one is held out, one is not selected."""
    arms = ("treatment", "treatment", "treatment", "treatment", "control", None)
    rows: list[dict[str, Any]] = [
        {"advertiser_id": f"a{n}", "ds": ds, "arm": arm, "selected": arm is not None, "recent_value": value}
        for ds in (DAY, NEXT)
        for n, (arm, value) in enumerate(zip(arms, (100.0, 100.0, 1.0, 1.0, 1.0, 1.0), strict=True))
    ]
    judged, rules = candidates(spark, rows), offer_rules(settings)
    keys = [{"advertiser_id": row["advertiser_id"], "ds": row["ds"]} for row in rows]
    treated = treatable(judged)
    return {
        SCORES: scores(spark, settings, keys),
        CANDIDATES: judged,
        TASK: rewarded_tasks(treated, rules).coalesce(1),
        MESSAGE: push_messages(treated, rules).coalesce(1),
    }


def found(tables: Tables) -> set[tuple[str, str, str]]:
    """Day, problem and example of every audit that finds something; ids without their digits."""
    return {(str(r["ds"])[-2:], r["problem"], r["example"].split("_")[0]) for r in audit(tables)}


def changed(table: DataFrame, where: str, **change: str) -> DataFrame:
    """The table with columns replaced by an SQL expression in the rows that `where` names."""
    return table.withColumns({n: F.expr(f"if({where}, {text}, {n})") for n, text in change.items()})


def twice(table: DataFrame, where: str) -> DataFrame:
    """The table with the rows that `where` names once more."""
    return table.unionByName(table.where(where))


def test_sound_tables_pass_every_audit(sound: Tables) -> None:
    assert found(sound) == set()


def test_an_offer_that_went_to_another_pair_is_an_orphan_and_leaves_its_own_without(sound: Tables) -> None:
    orphan = changed(sound[TASK], "ds = '2026-04-16' and advertiser_id = 'a0'", advertiser_id="'a4'")
    stranger = changed(sound[MESSAGE], "ds = '2026-04-15' and advertiser_id = 'a2'", advertiser_id="'nobody'")
    assert found(sound | {TASK: orphan, MESSAGE: stranger}) == {
        ("15", "candidate_without_offer", "a2/search"),
        ("15", "offer_to_unknown_pair", "nobody/search"),
        ("16", "candidate_without_offer", "a0/search"),
        ("16", "offer_without_treatment", "a4/search"),
    }


def test_an_offer_that_comes_twice_or_makes_no_sense_is_found(sound: Tables) -> None:
    tasks = twice(sound[TASK], "ds = '2026-04-15' and advertiser_id = 'a1'")
    tasks = changed(tasks, "ds = '2026-04-16' and advertiser_id = 'a0'", reward_amount="-1.0")
    messages = twice(sound[MESSAGE], "ds = '2026-04-16' and advertiser_id = 'a2'")
    messages = changed(messages, "ds = '2026-04-15'", expires_at="send_after")
    assert found(sound | {TASK: tasks, MESSAGE: messages}) == {
        ("15", "message_without_time", "pm"),
        ("15", "offer_repeated", "a1/search"),
        ("15", "task_id_repeated", "rt"),
        ("16", "message_id_repeated", "pm"),
        ("16", "offer_repeated", "a2/search"),
        ("16", "task_without_sense", "rt"),
    }


def test_candidates_that_do_not_follow_the_scores_are_found(sound: Tables) -> None:
    scored = changed(sound[SCORES], "advertiser_id = 'a5' and ds = '2026-04-15'", model_sha256="'another'")
    scored = changed(scored, "advertiser_id = 'a3'", predicted_active_rate="1.5")
    scored = twice(scored, "ds = '2026-04-15' and advertiser_id = 'a0'").where(
        "not (advertiser_id = 'a4' and ds > '2026-04-15')"
    )
    judged = sound[CANDIDATES].where("not (advertiser_id = 'a5' and ds > '2026-04-15')")
    judged = changed(twice(judged, "advertiser_id = 'a1'"), "advertiser_id = 'a4'", reasons="array()")
    assert found(sound | {SCORES: scored, CANDIDATES: judged}) == {
        *((ds, "score_out_of_range", "a3/search") for ds in ("15", "16")),
        *((ds, "candidate_repeated", "a1/search") for ds in ("15", "16")),
        *((ds, "candidate_without_reason", "a4/search") for ds in ("15", "16")),
        ("15", "candidate_from_another_model", "a5/search"),
        ("15", "score_repeated", "a0/search"),
        ("16", "candidate_without_score", "a4/search"),
        ("16", "score_without_candidate", "a5/search"),
    }


def published(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    shown = content(warehouse.read(PUBLISHED_DAYS)) if warehouse.exists(PUBLISHED_DAYS) else []
    return [tuple(row) for row in shown]


def last_line(capfd: pytest.CaptureFixture[str]) -> str:
    return capfd.readouterr().err.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def produced(spark: SparkSession, sound: Tables, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The sound days as tables, checked, not published."""
    warehouse = Warehouse(spark, str(tmp_path_factory.mktemp("produced") / "warehouse"))
    for name, table in sound.items():
        write(warehouse, name, table, DAY, NEXT)
    pass_checks(warehouse, DAY, NEXT)
    return warehouse


def test_a_sound_range_is_published_in_one_commit_and_can_be_withdrawn(produced: Warehouse) -> None:
    assert main(arguments(produced, DAY, NEXT)) == 0
    assert published(produced) == [(DAY, "7", 5, 2, 2), (NEXT, "7", 5, 2, 2)]
    (newest,) = DeltaTable(produced.path(PUBLISHED_DAYS)).history(1)
    assert newest["operationMetrics"]["numOutputRows"] == "2"
    withdraw_days(produced, NEXT, day(9))
    assert [row[0] for row in published(produced)] == [DAY]


def test_offending_rows_are_named_and_nothing_is_published(
    produced: Warehouse, sound: Tables, capfd: pytest.CaptureFixture[str]
) -> None:
    withdraw_days(produced, DAY, NEXT)
    write(produced, TASK, sound[TASK].where("not (ds = '2026-04-16' and advertiser_id = 'a0')"), DAY, NEXT)
    assert main(arguments(produced, DAY, NEXT)) == 3
    assert last_line(capfd) == (
        "publish: data check failed: candidate_without_offer on 2026-04-16: 1 rows, such as a0/search; "
        "nothing is published"
    )
    assert published(produced) == []


def test_a_check_that_failed_or_did_not_run_keeps_the_day_back(
    produced: Warehouse, capfd: pytest.CaptureFixture[str]
) -> None:
    write_verdicts(
        produced, "check_scores", [Verdict("scores", NEXT, at_least("rows", 1, "rows"), 0.0, False)]
    )
    assert main(arguments(produced, DAY, NEXT)) == 3
    assert "holds no passed check of suite scores for 2026-04-16" in last_line(capfd)
    assert main(arguments(produced, day(2))) == 3
    assert "holds no passed check of suite sequences for 2026-04-17" in last_line(capfd)


def test_a_day_without_candidates_is_kept_back(
    produced: Warehouse, capfd: pytest.CaptureFixture[str]
) -> None:
    pass_checks(produced, day(2))
    assert main(arguments(produced, day(2))) == 3
    assert "engagement.candidates has no rows of 2026-04-17" in last_line(capfd)
