"""A page put in place whole."""

from __future__ import annotations

import os
from pathlib import Path


def put_page(folder: Path, name: str, page: str) -> Path:
    """Write `page` as `name` into `folder`, which is made when it is not there; returns its path.

    Readers see the old page or the new one, whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, fresh = folder / name, folder / f".{name}.{os.getpid()}"
    fresh.write_text(page, encoding="utf-8")
    fresh.replace(target)
    return target
