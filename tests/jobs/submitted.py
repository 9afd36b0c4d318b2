"""Jobs as a person starts them: `spark-submit` of a job's file, from whatever folder."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.common import session
from tests.jobs.processes import Running

JOBS = Path(session.__file__).parents[1]


def submit(
    job: str,
    arguments: Sequence[str],
    folder: Path,
    log: Path,
    options: Sequence[str] = ("--master", "local[2]"),
    environment: Mapping[str, str] | None = None,
) -> Running:
    """Start a job in `folder`, in a process group of its own; everything it says goes to `log`.

    options: spark-submit's own; environment: all variables, by default those of this process.
    """
    command = ["spark-submit", *options, str(JOBS / f"{job}.py"), *arguments]
    with log.open("wb") as file:
        return subprocess.Popen(
            command, cwd=folder, stdout=file, stderr=file, env=environment, start_new_session=True
        )
