"""A Spark standalone cluster on loopback: one master, workers of one core, each a process of its own.

The classes are those of pyspark's own jars. Web pages and RPC take free ports; everything is kept below one folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.jobs.processes import EXECUTOR, Running, below, kill_tree

HOST, START_SECONDS, WORKERS = "127.0.0.1", 60, 2
MASTER_CLASS, WORKER_CLASS = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
QUICK_JAVA = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
# A small cluster and a small table: sizes are what a person sets by hand.
OPTIONS = {
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": QUICK_JAVA,
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.ui.enabled": "false",
}


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its master URL, its worker processes and the folder of its logs."""

    url: str
    workers: tuple[Running, ...]
    folder: Path

    def executors(self) -> list[int]:
        """Process ids of the executors that run now."""
        return [pid for worker in self.workers for pid in below(worker.pid, EXECUTOR)]

    def logs(self) -> str:
        """What master, workers and executors said, for the message of a failed test."""
        files = [*self.folder.glob("*.log"), *self.folder.glob("*/app-*/*/stderr")]
        return "\n".join(f"---- {file}\n{file.read_text()[-4000:]}" for file in sorted(files))


@contextmanager
def standalone_cluster(folder: Path, environment: Mapping[str, str]) -> Iterator[Cluster]:
    """Start a master and its workers with these environment variables; all their processes end with the block."""
    with ExitStack() as running:
        master = _start(running, folder, "master", environment, MASTER_CLASS)
        url = _found(folder / "master.log", rf"spark://{HOST}:\d+", 1, master)[0]
        place = ("--cores", "1", "--memory", "1g", "--work-dir")
        workers = tuple(
            _start(running, folder, name, environment, WORKER_CLASS, *place, str(folder / name), url)
            for name in (f"worker{number}" for number in range(WORKERS))
        )
        _found(folder / "master.log", "Registering worker", WORKERS, master)
        yield Cluster(url, workers, folder)


def _start(
    running: ExitStack, folder: Path, name: str, environment: Mapping[str, str], *command: str
) -> Running:
    ports = ("--host", HOST, "--port", "0", "--webui-port", "0")
    daemon = {"SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": QUICK_JAVA, "SPARK_LOCAL_IP": HOST}
    daemon |= {"SPARK_LOCAL_DIRS": str(folder / "spill")}  # an executor that is killed leaves its files there
    with (folder / f"{name}.log").open("wb") as log:
        started = subprocess.Popen(
            ["spark-class", command[0], *ports, *command[1:]],
            cwd=folder,
            env={**environment, **daemon},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    running.callback(kill_tree, started)
    return started


def _found(log: Path, pattern: str, count: int, process: Running) -> list[str]:
    """All matches once a log holds `count` of them: the ports that were free, the workers that came."""
    deadline = time.monotonic() + START_SECONDS
    while len(found := re.findall(pattern, log.read_text())) < count:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(
                f"{log}: {len(found)} x {pattern!r}, expected {count}:\n{log.read_text()[-4000:]}"
            )
        time.sleep(0.05)
    return found


def python_without_this_project(folder: Path) -> Path:
    """A Python with the packages of this one, but no way to `jobs` and `m2m`: an executor's Python on another machine.

    A folder named in a .pth file is searched, and .pth files in that folder, such as this project's, are not read.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "packages.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "bin" / "python"


def away_from_this_project(python: Path) -> dict[str, str]:
    """Environment variables of this process, with that Python for Spark and without a PYTHONPATH."""
    here = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "M2M_HOME")}
    return {**here, "PYSPARK_PYTHON": str(python), "PYSPARK_DRIVER_PYTHON": str(python)}
