"""A small warehouse for the report, written without Spark, and a reader of the page that came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake
from plotly.offline import get_plotlyjs

from jobs import build_report

DAY, NEWER = date(2026, 4, 15), date(2026, 4, 20)
EVIL = "<img src=x onerror=evil()>"
TYPES = {
    **dict.fromkeys(("ds", "valid_to", "start_ds", "end_ds"), pa.date32()),
    **dict.fromkeys(("impressions", "clicks", "rows_in", "rows_out", "rows_quarantined"), pa.int64()),
    **dict.fromkeys(("bytes_read", "bytes_written", "shuffle_bytes", "spilled_bytes"), pa.int64()),
    **dict.fromkeys(("rank", "days_since_active"), pa.int32()),
    **dict.fromkeys(("eligible", "selected", "success"), pa.bool_()),
    **dict.fromkeys(("finished_at", "send_after"), pa.timestamp("us", tz="UTC")),
    **dict.fromkeys(("expenditure", "gmv", "recent_value", "target_value", "reward_amount"), pa.float64()),
    **dict.fromkeys(("seconds", "skew"), pa.float64()),
    "reasons": pa.list_(pa.string()),
}
Row = dict[str, Any]


def write(root: Path, table: str, rows: Sequence[Row]) -> None:
    """Append rows to a Delta table; a column that is not in TYPES is text, or a number when predicted."""
    columns = dict.fromkeys(name for row in rows for name in row)
    kinds = {
        name: pa.float64() if name.startswith(("predicted", "probability")) else pa.string()
        for name in columns
    } | TYPES
    schema = pa.schema([(name, kinds[name]) for name in columns])
    write_deltalake(
        f"{root}/{table.replace('.', '/')}", pa.Table.from_pylist(list(rows), schema), mode="append"
    )


def fact(
    advertiser: str, scenario: str, ds: date, impressions: int, clicks: int, money: float, gmv: float
) -> Row:
    """A row of facts.advertiser_daily; money and gmv in currency."""
    values = {"impressions": impressions, "clicks": clicks, "expenditure": money, "gmv": gmv}
    return {"advertiser_id": advertiser, "scenario_id": scenario, "ds": ds, **values}


def score(advertiser: str, scenario: str, ds: date, *predicted: float, eligible: bool = True) -> Row:
    """A row of scores.advertiser_scores; predicted values in the order of the tasks."""
    names = ("impressions", "clicks", "expenditure", "gmv", "active_days", "active_rate")
    values = {f"predicted_{n}": v for n, v in zip(names, (*predicted, predicted[-1] / 7), strict=True)}
    key = {"advertiser_id": advertiser, "scenario_id": scenario, "ds": ds}
    return {**key, **values, "eligible": eligible, "model_version": "7"}


def with_distribution(row: Row, probability: float, **ends: tuple[float, float, float]) -> Row:
    """A score with P(active) and (p10, median, p90) of each task."""
    parts = ("p10", "median", "p90")
    told = {f"predicted_{task}_{part}": value for task, three in ends.items()
            for part, value in zip(parts, three, strict=True)}  # fmt: skip
    return {**row, **told, "probability_active": probability}


def candidate(advertiser: str, scenario: str, rank: int | None, arm: str | None, reasons: list[str]) -> Row:
    """A row of engagement.candidates of NEWER."""
    key = {"advertiser_id": advertiser, "scenario_id": scenario, "ds": NEWER, "eligible": True}
    chosen = {"selected": rank is not None, "rank": rank, "arm": arm, "reasons": reasons}
    return {**key, **chosen, "predicted_active_rate": 0.125, "recent_value": 1234.5, "days_since_active": 3}


def days(first: date, last: date) -> list[date]:
    """Every day from first to last."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def write_known_day(root: Path) -> None:
    """DAY is known: a1 goes on as it was, a2 stops, a3 begins, a4 is not eligible and badly predicted."""
    last = DAY + timedelta(days=7)
    facts = [fact("a1", "search", ds, 100, 5, 10.0, 30.0) for ds in days(date(2026, 4, 1), last)]
    facts += [fact("a2", "search", ds, 10, 1, 4.0, 0.0) for ds in days(DAY - timedelta(days=6), DAY)]
    facts += [fact("a3", "feed", DAY + timedelta(days=n), 20, 0, 3.0, 6.0) for n in (1, 2)]
    facts += [fact("a4", "search", DAY + timedelta(days=1), 9999, 9999, 9999.0, 9999.0)]
    write(root, "facts.advertiser_daily", facts)
    rows = [score("a1", "search", DAY, 700, 35, 63, 210, 7), score("a2", "search", DAY, 0, 0, 7, 0, 1)]
    rows += [
        score("a3", "feed", DAY, 30, 1, 6, 9, 2),
        score("a4", "search", DAY, 0, 0, 0, 0, 0, eligible=False),
    ]
    write(root, "scores.advertiser_scores", rows)


def write_published_day(
    root: Path, scenario: str = "search", advertiser: str = "b1", reason: str = "odd"
) -> None:
    """NEWER is published: two treated, one held out, one not selected."""
    write(
        root,
        "scores.advertiser_scores",
        [score(f"b{n}", scenario, NEWER, 1, 1, 1, 1, 1) for n in range(1, 6)],
    )
    why = ["predicted_active_rate=0.125<=0.350", "recent_value=1234.50"]
    rows = [
        candidate(advertiser, scenario, 1, "treatment", [*why, "value_fell_by=0.45", reason]),
        candidate("b2", scenario, 2, "control", [*why, "days_since_active=3"]),
        candidate("b3", scenario, 3, "treatment", [*why, "recent_login_count=0", "no_behaviour_days=14"]),
        candidate("b4", scenario, None, None, ["predicted_active_rate=0.900>0.350"]),
    ]
    write(root, "engagement.candidates", rows)
    key = {"scenario_id": scenario, "ds": NEWER}
    goal = {
        "rewarded_task_type": "spend_target",
        "target_value": 1234.5,
        "reward_amount": 61.73,
        "valid_to": date(2026, 4, 27),
    }
    write(root, "engagement.rewarded_task", [{**key, "advertiser_id": advertiser, **goal}])
    sent = {"template_id": "come_back", "send_after": datetime(2026, 4, 21, 10, tzinfo=UTC)}
    write(root, "engagement.push_message", [{**key, "advertiser_id": "b3", **sent}])
    write(root, "ops.published_days", [{"ds": NEWER, "model_version": "7"}])


def check(observed: str = "5", success: bool = True, column: str = "rows") -> Row:
    """A row of ops.check_results of NEWER."""
    names = {
        "suite": "scores",
        "ds": NEWER,
        "expectation": "expect_column_min_to_be_between",
        "column": column,
    }
    return {**names, "observed": observed, "expected": ">= 1", "success": success}


def run(job: str, status: str, error: str | None = None, hour: int = 8) -> Row:
    """A row of ops.job_runs, ended on 2026-04-21 at `hour`."""
    counts = {"rows_in": None, "rows_out": 1234567, "rows_quarantined": None, "seconds": 12.34}
    ended = {"code_version": "abc", "finished_at": datetime(2026, 4, 21, hour, tzinfo=UTC)}
    return {"job": job, "start_ds": DAY, "end_ds": NEWER, **counts, "status": status, "error": error, **ended}


class Reader(HTMLParser):
    """The page's text as a person sees it, and whether every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(page.replace(get_plotlyjs(), ""))
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        """All visible words, one space between them."""
        return " ".join(" ".join(self.words).split())


def build(root: Path, report: Path, first: date = DAY, last: date = NEWER) -> str:
    """Run the job; the page it wrote."""
    arguments = [
        "--warehouse",
        str(root),
        "--start-ds",
        str(first),
        "--end-ds",
        str(last),
        "--report",
        str(report),
    ]
    assert build_report.main(arguments) == 0
    return (report / "index.html").read_text(encoding="utf-8")
