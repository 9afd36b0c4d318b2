"""The report page holds the facts of its tables; the numbers are worked out by hand or by m2m.metrics."""

from __future__ import annotations

import math
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from jobs import build_report
from jobs.common.settings import Settings
from jobs.report import queries
from jobs.report.tables import open_tables
from jobs.report.truth import judge
from jobs.report.words import NOTHING, number, percent
from tests.jobs.report_rows import (
    DAY,
    EVIL,
    NEWER,
    Reader,
    build,
    check,
    run,
    score,
    write,
    write_known_day,
    write_published_day,
)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report") / "warehouse"
    write_known_day(root)
    write_published_day(root)
    write(root, "ops.check_results", [check(), check("nan", False, "missing_pairs")])
    write(
        root,
        "ops.job_runs",
        [
            run("publish", "failed", "disk full", hour=7),
            run("publish", "done"),
            run("score", "failed", "no model"),
        ],
    )
    return root


def test_the_headline_and_the_selection_hold_the_numbers_of_the_newest_published_day(
    full: Path, tmp_path: Path
) -> None:
    text = Reader(build(full, tmp_path)).text
    assert "Newest published day 2026-04-20, scored by model version 7." in text
    assert "5 pairs advertiser x scenario scored, 5 of them eligible" in text
    assert "3 candidates selected, 60.0% of eligible pairs" in text
    assert "2 / 1 pairs treatment / control arm 1 tasks rewarded tasks offered 1 messages" in text
    assert "61.73 currency reward budget" in text
    offer = "Task: spend 1,234.50 by 2026-04-27, reward 61.73 currency"
    assert f"1 b1 12.5% 1,234.50 expenditure down 45% odd {offer}" in text
    assert "2 b2 12.5% 1,234.50 no active day for 3 days None (control group)" in text
    assert "nothing done for 14 days 7 days without login Message: come back, from 2026-04-21 10:00" in text
    assert "b4" not in text


def test_errors_are_those_worked_out_by_hand(full: Path, tmp_path: Path) -> None:
    text = Reader(build(full, tmp_path)).text
    # expenditure, search: actual 70 and 0, predicted 63 and 7, the week before 70 and 28.
    assert "0.200 vs 0.400 70.00 / 70.00" in text
    # feed has no click to predict, so 9 cells count; active days of feed: predicted 2, actual 2, before 0.
    assert "nothing happened" in text
    # M2M: search 0, 0, .2, 0, 1/7; feed .25, 0, .25, 0.
    # Persistence: search .1, .2, .4, 0, 1; feed 1, 1, 1, 1.
    assert f"{(0.2 + 1 / 7 + 0.25 + 0.25) / 9:.4f} NMAE M2M model" in text
    assert f"{(0.1 + 0.2 + 0.4 + 0 + 1 + 4) / 9:.4f} NMAE persistence" in text


def test_scores_without_a_distribution_are_told_in_a_sentence(full: Path, tmp_path: Path) -> None:
    text = Reader(build(full, tmp_path)).text
    assert "No scored day whose future is known carries probabilities and intervals" in text


def test_checks_and_runs_are_told_without_nan(full: Path, tmp_path: Path) -> None:
    (tmp_path / "data_docs" / "scores").mkdir(parents=True)
    (tmp_path / "data_docs" / "scores" / "index.html").touch()
    reader = Reader(build(full, tmp_path))
    assert "2 checks on 2026-04-20: 1 failed. A day with a failed check is not published." in reader.text
    assert "scores 2026-04-20 missing_pairs – >= 1 failed" in reader.text  # noqa: RUF001
    assert "The newest run of score ended with failed: no model" in reader.text
    assert "newest run of publish" not in reader.text
    assert "publish 2026-04-15 to 2026-04-20 – 1,234,567 – 12.3 failed" in reader.text  # noqa: RUF001
    assert "data_docs/scores/index.html" in reader.links
    assert "No Data Docs of suite sequences in this folder." in reader.text
    assert "nan" not in reader.text.lower().split()


def test_the_page_is_one_file_with_the_library_once_and_the_same_bytes_each_time(
    full: Path, tmp_path: Path
) -> None:
    page = build(full, tmp_path / "one")
    assert page == build(full, tmp_path / "two")
    assert page.count(get_plotlyjs()) == 1
    assert page.count("Plotly.newPlot(") - get_plotlyjs().count("Plotly.newPlot(") == 7
    assert "default-src 'none'" in page
    reader = Reader(page)
    assert not {"link", "iframe", "img"} & reader.tags
    assert all(link.startswith(("#", "data_docs/")) for link in reader.links)
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["index.html"]


def test_what_comes_from_data_is_escaped(tmp_path: Path) -> None:
    write_published_day(tmp_path / "w", scenario=f"s{EVIL}", advertiser=f"a{EVIL}", reason=f"r{EVIL}")
    write(tmp_path / "w", "ops.job_runs", [run(f"j{EVIL}", "failed", f"e{EVIL}")])
    write(tmp_path / "w", "ops.check_results", [check(f"o{EVIL}", False, f"c{EVIL}")])
    page = build(tmp_path / "w", tmp_path)
    assert EVIL not in page
    assert "img" not in Reader(page).tags
    for letter in "sarjeoc":
        assert f"{letter}{EVIL}" in Reader(page).text
    assert "\\u003cimg" not in page.replace(get_plotlyjs(), "")


def test_nothing_published_and_no_known_day_are_told_in_a_sentence(tmp_path: Path) -> None:
    write(tmp_path / "w", "scores.advertiser_scores", [score("a1", "search", NEWER, 1, 1, 1, 1, 1)])
    text = Reader(build(tmp_path / "w", tmp_path)).text
    assert "No day from 2026-04-15 to 2026-04-20 is published, so there is no selection to show." in text
    assert "No scored day of this range has its 7 future days in the facts yet" in text
    assert "No check has run on the days of this range." in text
    assert "The run log holds no run of any job yet." in text


def test_a_day_is_known_only_with_its_last_future_day(full: Path, settings: Settings) -> None:
    database = open_tables(str(full), settings)
    assert judge(database, settings, DAY + timedelta(days=1), NEWER) is None
    database.execute(
        "CREATE OR REPLACE VIEW facts.advertiser_daily AS "
        "SELECT * FROM facts_advertiser_daily WHERE ds < '2026-04-22'"
    )
    assert judge(database, settings, DAY, NEWER) is None


def test_the_summary_counts_tables_scenarios_and_errors(full: Path, settings: Settings) -> None:
    found = build_report.summary(str(full), settings, DAY, NEWER)
    assert dict(found.rows)["scores.advertiser_scores"] == 9
    assert dict(found.rows)["features.sequences"] == 0
    assert found.published == NEWER
    assert [(s.scenario, s.treatment, s.control, s.eligible) for s in found.scenarios] == [
        ("search", 2, 1, 4)
    ]
    assert found.nmae == pytest.approx(((0.7 + 1 / 7) / 9, 5.7 / 9))
    nothing = build_report.summary(str(full), settings, NEWER + timedelta(days=1), NEWER + timedelta(days=2))
    assert (nothing.published, nothing.scenarios, nothing.nmae) == (None, [], None)


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (
            ["--start-ds", "2026-04-20", "--end-ds", "2026-04-15"],
            2,
            "refused: --start-ds 2026-04-20 is after",
        ),
        (["--start-ds", "2026-04-15", "--end-ds", "2026-13-01"], 2, "refused: "),
        (["--start-ds", "2026-04-15", "--end-ds", "2026-04-20", "--report", "../x"], 2, "refused: "),
        (
            ["--start-ds", "2026-04-15", "--end-ds", "2026-04-20"],
            1,
            "failed: warehouse no/such holds none of",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    arguments: list[str],
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert build_report.main(["--warehouse", "no/such", *arguments]) == status
    assert capsys.readouterr().err.startswith(f"build_report: {told}")
    assert list(tmp_path.iterdir()) == []


def test_reasons_are_counted_among_the_selected_only(full: Path, settings: Settings) -> None:
    told = queries.reasons_by_scenario(open_tables(str(full), settings), NEWER)
    assert ("search", "predicted_active_rate", 3) in told
    assert ("search", "no_behaviour_days", 1) in told


def test_a_run_tells_its_cost_beside_a_run_of_an_older_version(tmp_path: Path) -> None:
    write(tmp_path / "w", "ops.job_runs", [run("publish", "done")])
    older = Reader(build(tmp_path / "w", tmp_path / "older")).text
    assert "12.3 done 2026-04-21 08:00:00 – – – – – abc" in older  # noqa: RUF001
    shutil.rmtree(tmp_path / "w")
    cost = {"bytes_read": 12_345_678, "bytes_written": 999_960, "shuffle_bytes": 0, "spilled_bytes": 999}
    write(tmp_path / "w", "ops.job_runs", [run("publish", "done") | cost | {"skew": 4.25}])
    text = Reader(build(tmp_path / "w", tmp_path / "page")).text
    assert "Ended (UTC) Read Written Shuffled Spilled Skew Code Error" in text
    assert "08:00:00 12.3 MB 1.0 MB 0 B 999 B 4.2 abc" in text


def test_no_figure_is_a_dash() -> None:
    assert {number(None), number(math.nan), number(math.inf), percent(math.nan)} == {NOTHING}
    assert (number(1234.5, 1), percent(0.125, 1)) == ("1,234.5", "12.5%")
