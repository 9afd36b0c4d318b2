"""200 readers while a day is made, published, made again and published: each read is one writing of a day, whole."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs import produce_engagement, publish, select_candidates
from jobs.common.catalog import register_views
from jobs.common.check_results import forget_verdicts
from jobs.common.publication import PUBLISHED_DAYS, withdraw_days
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from tests.jobs.rows import DAY, arguments, day, ending, pass_checks, scores, sequences

pytestmark = pytest.mark.slow
SQL = Path(__file__).resolve().parents[2] / "sql"
OLD, NEW = DAY, day(1)
SCORES, TASKS, MESSAGES = "scores.advertiser_scores", "engagement.rewarded_task", "engagement.push_message"
ADVERTISERS, READERS_OF_A_KIND = 36, 100
# Each reader's turn comes once in so many seconds. A Spark read takes 0.4 s of a core, one by delta-rs 0.05 s: both
# kinds together take half a core, so that the jobs get on, and less when the machine is busy with other work.
PERIOD_SECONDS = {"spark": 120.0, "delta-rs": 25.0}
READING_IN_TURN = 3
# Different readers of a kind that must have seen each writing.
ENOUGH = {"spark": 5, "delta-rs": 20}
DEADLINE_SECONDS = 120.0
TASK_COLUMNS = "task_id, advertiser_id, ds, target_value, reward_amount, priority, model_version"
MESSAGE_COLUMNS = "message_id, advertiser_id, ds, parameters, priority, model_version"
Read = Callable[[], str]


def digest(*tables: list[tuple[Any, ...]]) -> str:
    """One number for all rows of the tables; their order does not matter."""
    return hashlib.sha256(
        repr([len(t) for t in tables] + [sorted(map(str, t)) for t in tables]).encode()
    ).hexdigest()


class Readers:
    """Threads that read in turns, or all at once when called; who has read what, and what went wrong."""

    def __init__(self, reads: dict[str, Read]) -> None:
        self.lock, self.stop, self.errors = threading.Lock(), threading.Event(), list[BaseException]()
        self.reads: dict[str, Counter[str]] = {kind: Counter() for kind in reads}
        self.who: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        self.reading, self.answered = Counter[str](), Counter[tuple[str, str]]()
        self.begun = time.monotonic()
        names = [(kind, number) for kind in reads for number in range(READERS_OF_A_KIND)]
        self.calls = {name: threading.Event() for name in names}
        # Daemons, so that one that hangs ends with the tests.
        self.threads = [
            threading.Thread(target=self._loop, args=(*name, reads[name[0]]), name=str(name), daemon=True)
            for name in names
        ]

    def __enter__(self) -> Readers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop.set()
        self.call(range(READERS_OF_A_KIND))
        deadline = time.monotonic() + DEADLINE_SECONDS
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def call(self, numbers: range) -> None:
        """Have these readers of each kind read now, whoever's turn it is."""
        for (_, number), event in self.calls.items():
            if number in numbers:
                event.set()

    def call_at_file(self, folder: Path, numbers: range) -> None:
        """Call as soon as a table has a new data file, which is just before the commit that shows it."""
        known = set(folder.rglob("*.parquet"))

        def watch() -> None:
            while not self.stop.wait(0.002):
                if set(folder.rglob("*.parquet")) - known:
                    self.call(numbers)
                    return

        threading.Thread(target=watch, daemon=True).start()

    def _loop(self, kind: str, number: int, read: Read) -> None:
        call = self.calls[kind, number]
        try:
            while True:
                # Turns are spread evenly over the period; one that passed during a read is left out.
                passed = time.monotonic() - self.begun - PERIOD_SECONDS[kind] * number / READERS_OF_A_KIND
                called = call.wait(-passed % PERIOD_SECONDS[kind])
                call.clear()
                if self.stop.is_set():
                    return
                if called or self.reading[kind] < READING_IN_TURN:
                    self._read(kind, number, read, called)
        except BaseException as error:
            self.errors.append(error)
            raise

    def _read(self, kind: str, number: int, read: Read, called: bool) -> None:
        with self.lock:
            self.reading[kind] += 1
        found = read()
        with self.lock:
            self.reading[kind] -= 1
            self.reads[kind][found] += 1
            self.who[kind, found].add(number)
            self.answered[kind, found] += called

    def wait_until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait for this; fails after a while, and no longer than until a reader fails."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not reached() and not self.errors:
            assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS} s: {what}"
            time.sleep(0.1)


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
        world.run(NEW, select_candidates.main, produce_engagement.main)
        seen_by_enough(readers, writings["old"])
        # Half of all 200 read when the publishing starts; Spark takes jobs in order, so the others come at its commit.
        readers.call_at_file(Path(world.warehouse.path(PUBLISHED_DAYS)), range(1, READERS_OF_A_KIND, 2))
        readers.call(range(0, READERS_OF_A_KIND, 2))
        world.run(NEW, publish.main)
        print(f"published while {dict(readers.reading)} were reading")
        writings["first"] = world.content(NEW)
        readers.wait_until(lambda: readers.answered.total() == len(readers.threads), "all called have read")
        seen_by_enough(readers, writings["first"])
        world.score(NEW, active=3)
        world.run(NEW, *JOBS)
        writings["second"] = world.content(NEW)
        seen_by_enough(readers, writings["second"])
    assert readers.errors == []
    assert not [thread for thread in readers.threads if thread.is_alive()]
    for kind in reads:
        names = {written[kind]: name for name, written in writings.items()}
        assert len(names) == 3
        told = {names.get(found, "neither"): count for found, count in readers.reads[kind].items()}
        called = {name: readers.answered[kind, found] for found, name in names.items()}
        print(f"{kind}: {told}; of the {READERS_OF_A_KIND} called at once {called}")
        assert set(told) == {"old", "first", "second"}


def seen_by_enough(readers: Readers, writing: dict[str, str]) -> None:
    """Wait until enough readers of each kind have seen this writing."""
    for kind, content in writing.items():
        readers.wait_until(
            lambda kind=kind, content=content: len(readers.who[kind, content]) >= ENOUGH[kind],
            f"{ENOUGH[kind]} readers by {kind} see the day; they saw {readers.reads[kind]}",
        )
