"""Adds compiled code to zip files of Python modules, in place.

spark-submit lets Python import PySpark from such a zip, where Python keeps no compiled code by itself: without this,
every job and every Python worker compiles the same thousand files again at its start.

Run by setup/install.sh: python setup/compile_zip.py ZIP...
"""

from __future__ import annotations

import py_compile
import sys
import tempfile
import zipfile
from pathlib import Path


def compile_zip(path: Path) -> None:
    """Write `path` anew with a .pyc beside each .py, under its old name only when it is complete."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        new = Path(folder) / path.name
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w", zipfile.ZIP_STORED) as out:
            for name in (entry for entry in old.namelist() if not entry.endswith(".pyc")):
                out.writestr(name, old.read(name))
                if name.endswith(".py"):
                    out.writestr(f"{name}c", _compiled(old.read(name), name, Path(folder)))
        new.replace(path)


def _compiled(source: bytes, name: str, folder: Path) -> bytes:
    file, compiled = folder / "module.py", folder / "module.pyc"
    file.write_bytes(source)
    # The zip's time stamps are rounded, so code that names its source by time would never fit.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(file), str(compiled), dfile=name, doraise=True, invalidation_mode=mode)
    return compiled.read_bytes()


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        compile_zip(Path(argument))
