"""A unit of an evaluation: one model fitted once on given rows, and scored."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from jobs.common.code_files import CodeFile, beside_the_code
from jobs.common.sample_source import DeltaSamples
from jobs.evaluation.study_rows import StudyRows
from m2m import FeatureSpec, ModelConfig, TrainingConfig, __version__

# What of the job, beside the library, decides a unit's figures; outcomes.py those of a mix.
_JOB_FILES = (
    ("common", "model_inputs.py"),
    ("common", "sample_source.py"),
    ("evaluation", "fit_unit.py"),
    ("evaluation", "fitting.py"),
    ("evaluation", "outcomes.py"),
    ("evaluation", "study_rows.py"),
)


@dataclass(frozen=True)
class Parts:
    """Rows to fit on, to choose by, and to judge by."""

    train: DeltaSamples
    valid: DeltaSamples
    test: DeltaSamples

    @property
    def fingerprint(self) -> str:
        """Differs when the rows of a part differ."""
        return " ".join(part.fingerprint for part in (self.train, self.valid, self.test))


@dataclass(frozen=True)
class Unit:
    """What a worker process needs to fit and score one model. It can be pickled.

    data: fingerprint of the rows, whatever table of the warehouse they are read from. spec: of the rows as the model
    sees them. study: what a study does to the rows; None in the comparison of models, whose predictions are kept.
    active_task: the task whose P(active) is calibrated.
    """

    model: str
    seed: int
    parts: Parts
    data: str
    spec: FeatureSpec
    config: ModelConfig
    training: TrainingConfig
    active_task: str
    study: StudyRows | None = None

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that differ when the unit would give other figures."""
        known = [
            self.model, self.seed, self.data, self.spec.to_dict(), self.config.to_dict(), self.training.to_dict(),
            self.active_task, repr(self.study), code_of_models(),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]


@cache
def code_of_models() -> str:
    """Changes with the library's version and with the code that makes a unit's result, not with comments in it."""
    found = hashlib.sha256(__version__.encode())
    around = [beside_the_code("jobs", *path) for path in _JOB_FILES]
    for file in [*sorted(_sources(beside_the_code("m2m")), key=str), *around]:
        found.update(ast.dump(ast.parse(file.read_text(encoding="utf-8"))).encode())
    return found.hexdigest()


def _sources(folder: CodeFile) -> Iterator[CodeFile]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry
