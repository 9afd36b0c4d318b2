"""200 readers while a day is made, published, made again and published: each read is one writing of a day, whole."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs import produce_engagement, publish, select_candidates
from jobs.common.catalog import register_views
from jobs.common.check_results import forget_verdicts
from jobs.common.publication import withdraw_days
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from tests.jobs.rows import DAY, arguments, day, ending, pass_checks, scores, sequences

pytestmark = pytest.mark.slow
SQL = Path(__file__).resolve().parents[2] / "sql"
OLD, NEW = DAY, day(1)
SCORES, TASKS, MESSAGES = "scores.advertiser_scores", "engagement.rewarded_task", "engagement.push_message"
ADVERTISERS, READERS_OF_A_KIND = 36, 100
# Both kinds together take about half of two cores, so that the jobs get on.
PAUSE_SECONDS = {"spark": 60.0, "delta-rs": 12.0}
TASK_COLUMNS = "task_id, advertiser_id, ds, target_value, reward_amount, priority, model_version"
MESSAGE_COLUMNS = "message_id, advertiser_id, ds, parameters, priority, model_version"
Read = Callable[[], str]


def digest(*tables: list[tuple[Any, ...]]) -> str:
    """One number for all rows of the tables; their order does not matter."""
    return hashlib.sha256(
        repr([len(t) for t in tables] + [sorted(map(str, t)) for t in tables]).encode()
    ).hexdigest()


class Readers:
    """Threads that read in a loop until told to stop; what each kind has read, and what went wrong."""

    def __init__(self, reads: dict[str, Read]) -> None:
        self.stop, self.errors = threading.Event(), list[BaseException]()
        self.seen: dict[str, Counter[str]] = {kind: Counter() for kind in reads}
        self.reads_of: Counter[str] = Counter()
        self.start = threading.Barrier(len(reads) * READERS_OF_A_KIND)
        self.threads = [
            threading.Thread(target=self._loop, args=(kind, number, read), name=f"{kind}-{number}")
            for kind, read in reads.items()
            for number in range(READERS_OF_A_KIND)
        ]

    def __enter__(self) -> Readers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _loop(self, kind: str, number: int, read: Read) -> None:
        try:
            self.start.wait()  # all of them at once
            while not self.stop.is_set():
                self.seen[kind][read()] += 1
                self.reads_of[threading.current_thread().name] += 1
                # Each a little different, so that they do not keep step.
                self.stop.wait(PAUSE_SECONDS[kind] * (0.5 + number / READERS_OF_A_KIND))
        except BaseException as error:
            self.errors.append(error)
            raise


class World:
    """A warehouse of one scenario, in which a day is scored in different ways."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self.warehouse, self.settings = warehouse, settings
        self.pairs = [f"a{n:02}" for n in range(ADVERTISERS)]
        rows = [
            {"advertiser_id": a, "ds": ds, "expenditure": ending(*[3.0 + n] * 7, 0, 0, before=9)}
            for ds in (OLD, NEW)
            for n, a in enumerate(self.pairs)
        ]
        warehouse.replace_days(sequences(warehouse.spark, settings, rows), "features.sequences", OLD, NEW)

    def score(self, ds: date, active: int) -> None:
        """As score_advertisers does; advertisers whose number `active` divides stay active, the others are selected."""
        withdraw_days(self.warehouse, ds, ds)
        forget_verdicts(self.warehouse, ["scores"], [(ds, ds)])
        rates = [0.9 if n % active == 0 else 0.1 for n in range(ADVERTISERS)]
        rows = [
            {"advertiser_id": a, "ds": ds, "predicted_active_rate": rate, "model_version": str(active)}
            for a, rate in zip(self.pairs, rates, strict=True)
        ]
        self.warehouse.replace_days(scores(self.warehouse.spark, self.settings, rows), SCORES, ds, ds)
        pass_checks(self.warehouse, ds)

    def run(self, ds: date, *jobs: Callable[[list[str]], int]) -> None:
        for job in jobs:
            assert job(arguments(self.warehouse, ds)) == 0

    def content(self, ds: date) -> dict[str, str]:
        """What a reader of each kind is to read of the day as it lies in the tables now."""
        tasks, messages = (
            [tuple(r) for r in self.warehouse.read_days(table, ds, ds).select(*columns.split(", ")).collect()]
            for table, columns in ((TASKS, TASK_COLUMNS), (MESSAGES, MESSAGE_COLUMNS))
        )
        assert len(tasks) > 5 and len(messages) > 1
        return {"spark": digest(tasks), "delta-rs": digest(tasks, messages)}


def spark_read(spark: SparkSession) -> str:
    return digest(
        [tuple(r) for r in spark.sql(f"SELECT {TASK_COLUMNS} FROM consumer.rewarded_task").collect()]
    )


def readme_read() -> Read:
    """Both tables of offers as sql/README.md tells, opened anew for each read."""
    code = (SQL / "README.md").read_text().split("```python\n")[-1].split("```")[0]
    compiled = compile(code, "README.md", "exec")

    def read() -> str:
        names: dict[str, Any] = {"print": lambda *_: None}
        exec(compiled, names)  # noqa: S102
        database = names["db"]
        found = [
            database.execute(f"SELECT {columns} FROM consumer.{table}").fetchall()
            for columns, table in ((TASK_COLUMNS, "rewarded_task"), (MESSAGE_COLUMNS, "push_message"))
        ]
        database.close()
        return digest(*found)

    return read


@pytest.fixture(scope="module")
def world(
    spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The old day is published; the new day is scored and not selected from yet."""
    folder = tmp_path_factory.mktemp("readers")
    world = World(Warehouse(spark, str(folder / "warehouse")), settings)
    world.score(OLD, active=5)
    world.run(OLD, *JOBS)
    world.score(NEW, active=2)
    register_views(spark, world.warehouse)
    (folder / "sql").symlink_to(SQL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # the README's paths are relative
        yield world


JOBS = (select_candidates.main, produce_engagement.main, publish.main)


def test_every_read_is_the_old_day_or_one_writing_of_the_new_day_whole(world: World) -> None:
    reads = {"spark": lambda: spark_read(world.warehouse.spark), "delta-rs": readme_read()}
    writings = {"old": world.content(OLD)}
    with Readers(reads) as readers:
        world.run(NEW, *JOBS)
        writings["first"] = world.content(NEW)
        settle(readers, {kind: writings["first"][kind] for kind in reads})
        world.score(NEW, active=3)
        world.run(NEW, *JOBS)
        writings["second"] = world.content(NEW)
        settle(readers, {kind: writings["second"][kind] for kind in reads})
    assert readers.errors == []
    for kind in reads:
        names = {written[kind]: name for name, written in writings.items()}
        assert len(names) == 3
        told = {names.get(found, "neither"): count for found, count in readers.seen[kind].items()}
        print(f"{kind}: {told}")
        assert set(told) == {"old", "first", "second"}
    assert len(readers.reads_of) == 2 * READERS_OF_A_KIND


def settle(readers: Readers, wanted: dict[str, str], seconds: float = 60.0) -> None:
    """Wait until a reader of each kind has seen this writing, at most `seconds`."""
    waited = threading.Event()
    for _ in range(int(seconds * 5)):
        if all(readers.seen[kind][content] for kind, content in wanted.items()):
            return
        waited.wait(0.2)
