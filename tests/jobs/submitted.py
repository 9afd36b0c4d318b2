"""Jobs as a person starts them: `spark-submit` of a job's file, from whatever folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from jobs.common import session

JOBS = Path(session.__file__).parents[1]


def submit(job: str, arguments: list[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a job in `folder`, in a process group of its own; everything it says goes to `log`."""
    command = ["spark-submit", "--master", "local[2]", str(JOBS / f"{job}.py"), *arguments]
    with log.open("wb") as file:
        return subprocess.Popen(command, cwd=folder, stdout=file, stderr=file, start_new_session=True)
