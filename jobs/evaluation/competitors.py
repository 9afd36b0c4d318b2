"""Every model that is compared, by name. To add one, add a line.

Letters: N rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from jobs.common.arguments import ArgumentError
from jobs.evaluation.fitting import FitFunction, fit_naive, fit_network, fit_trees

OURS = "m2m"


@dataclass(frozen=True)
class Competitor:
    """kind: as in evaluation.runs. fit: None for a mix, which is put together from `members`. overrides: of
    `m2m.ModelConfig`. seeded: whether a seed changes it; one that is not has seed 0."""

    kind: str
    fit: FitFunction | None = None
    overrides: Mapping[str, str | bool] = field(default_factory=dict)
    members: tuple[str, ...] = ()
    seeded: bool = True


# Whatever the settings choose for production, a row of the table is the model it is named after.
_WHOLE_M2M: Mapping[str, str | bool] = {
    "network": OURS,
    "without_meta_tower": False,
    "without_meta_attention": False,
    "without_transformer": False,
}


def _network(kind: str, **overrides: str | bool) -> Competitor:
    return Competitor(kind, fit_network, {**_WHOLE_M2M, **overrides})


def _naive(name: str) -> Competitor:
    return Competitor("naive", partial(fit_naive, name), seeded=False)


COMPETITORS: Mapping[str, Competitor] = {
    "zero": _naive("zero"),
    "persistence": _naive("persistence"),
    "window_mean": _naive("window_mean"),
    "lightgbm": Competitor("trees", fit_trees),
    "single_task": _network("baseline", network="single_task"),
    "shared_bottom": _network("baseline", network="shared_bottom"),
    "cross_stitch": _network("baseline", network="cross_stitch"),
    "mmoe": _network("baseline", network="mmoe"),
    "mran": _network("baseline", network="mran"),
    "cgc": _network("baseline", network="cgc"),
    OURS: _network("m2m"),
    "m2m_without_meta_tower": _network("ablation", without_meta_tower=True),
    "m2m_without_meta_attention": _network("ablation", without_meta_attention=True),
    "m2m_without_transformer": _network("ablation", without_transformer=True),
    "m2m_plain": _network("ablation", without_meta_tower=True, without_meta_attention=True),
    "m2m_persistence": Competitor("mix", members=(OURS, "persistence")),
    "m2m_lightgbm": Competitor("mix", members=(OURS, "persistence", "lightgbm")),
}


def chosen_models(names: Sequence[str]) -> tuple[str, ...]:
    """The models of these names, each once and in the order of COMPETITORS; `all` stands for every one.

    Raises ArgumentError naming those that do not exist.
    """
    unknown = sorted(set(names) - {"all", *COMPETITORS})
    if unknown or not names:
        raise ArgumentError(f"models {unknown} are unknown; allowed are all, {', '.join(COMPETITORS)}")
    return tuple(name for name in COMPETITORS if name in names or "all" in names)


def fitted_for(models: Sequence[str]) -> tuple[str, ...]:
    """The models that are fitted for these, members of mixes included."""
    members = {member for name in models for member in COMPETITORS[name].members}
    wanted = {*models, *members}
    return tuple(name for name, found in COMPETITORS.items() if name in wanted and found.fit is not None)


def seeds_of(model: str, seeds: Sequence[int]) -> tuple[int, ...]:
    """The seeds that a model is fitted with."""
    return tuple(seeds) if COMPETITORS[model].seeded else (0,)
