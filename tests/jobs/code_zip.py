"""The code as a person ships it to a cluster: one zip for `spark-submit --py-files`."""

from __future__ import annotations

import zipfile
from pathlib import Path

from jobs.common import session

ROOT = Path(session.__file__).parents[2]
FOLDERS = ("jobs", "m2m", "sql")


def write_code_zip(zip_file: Path, folders: tuple[str, ...] = FOLDERS) -> Path:
    """What `zip -r code.zip jobs m2m sql` makes in a checkout, without compiled files."""
    with zipfile.ZipFile(zip_file, "w", zipfile.ZIP_DEFLATED) as code:
        for folder in folders:
            for file in sorted((ROOT / folder).rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    code.write(file, str(file.relative_to(ROOT)))
    return zip_file
