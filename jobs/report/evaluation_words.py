"""Models of an evaluation in words, their kinds and the order they are told in. Plain text: callers escape it."""

from __future__ import annotations

from jobs.report.words import plain

M2M = "m2m"
NAIVE, TREES, BASELINE, ABLATION, MIX = "naive", "trees", "baseline", "ablation", "mix"
KINDS = {
    NAIVE: "naive",
    TREES: "trees",
    BASELINE: "neural baseline",
    M2M: "M2M",
    ABLATION: "ablation",
    MIX: "mix",
}
"""Every kind in the order of the page."""

RIVALS = (NAIVE, TREES, BASELINE)
"""Kinds that a user could pick instead of M2M: parts of M2M and mixes with it are no rivals."""

MODELS = {
    "zero": ("zero", NAIVE),
    "persistence": ("persistence", NAIVE),
    "window_mean": ("best window mean", NAIVE),
    "lightgbm": ("LightGBM", TREES),
    "single_task": ("Single Task", BASELINE),
    "shared_bottom": ("Shared Bottom", BASELINE),
    "cross_stitch": ("Cross-Stitch", BASELINE),
    "mmoe": ("MMoE", BASELINE),
    "mran": ("MRAN", BASELINE),
    "cgc": ("CGC", BASELINE),
    M2M: ("M2M", M2M),
    "m2m_without_meta_tower": ("M2M without the meta tower", ABLATION),
    "m2m_without_meta_attention": ("M2M without meta attention", ABLATION),
    "m2m_without_transformer": ("M2M without the transformer", ABLATION),
    "m2m_plain": ("M2M without both meta modules", ABLATION),
    "m2m_persistence": ("M2M + persistence", MIX),
    "m2m_lightgbm": ("M2M + persistence + LightGBM", MIX),
}
"""Name in the tables: (words, kind), in the order of the page."""

ESTIMATES = ("median", "mean")
SETTINGS = {
    "history_days": ("T", "days of history"),
    "d_scenario": ("d_s", "width of the scenario embedding"),
    "meta_layers": ("K", "layers of the meta unit"),
}
"""Varied setting: (symbol in the paper, words)."""


def model_in_words(model: str) -> str:
    """ "m2m_without_meta_tower" is "M2M without the meta tower"; an unknown name has its underscores spaced."""
    return MODELS[model][0] if model in MODELS else plain(model)


def kind_of(model: str) -> str:
    """The kind of a known model; "other" when the name is unknown."""
    return MODELS[model][1] if model in MODELS else "other"


def place_of(model: str, kind: str) -> tuple[int, int, str]:
    """Sort key of the page: by kind, known names in their order, then the others by name."""
    kinds, names = list(KINDS), list(MODELS)
    return (
        kinds.index(kind) if kind in KINDS else len(kinds),
        names.index(model) if model in MODELS else len(names),
        model,
    )
