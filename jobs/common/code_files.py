"""Files that travel with the code: settings and SQL, from a checkout or from the zip that spark-submit was given."""

from __future__ import annotations

import zipfile
from pathlib import Path

CodeFile = Path | zipfile.Path


def beside_the_code(*parts: str) -> CodeFile:
    """A file or folder given by its path below the folder (or the zip) that holds `jobs`; it need not exist."""
    root = Path(__file__).parents[2]
    # With --py-files Python imports `jobs` from the zip itself, on the driver too: nothing is unpacked.
    found: CodeFile = zipfile.Path(root) if root.is_file() else root
    for part in parts:
        found = found / part
    return found
