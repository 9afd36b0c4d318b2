"""Sizes of the model and settings of its training.

Letters: K layers of a meta unit, L layers of the tower, k experts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from m2m.heads import make_head
from m2m.plain import exact_entries

EPOCHS = (3, 40)
"""Fewest and most epochs of a training whose epochs follow from its rows."""
# A small table gets so many steps an epoch, as far as batches of the least size allow.
_STEPS_OF_AN_EPOCH, _LEAST_BATCH = 50, 32
NETWORK_NAMES = ("m2m", "single_task", "shared_bottom", "cross_stitch", "mmoe", "mran", "cgc")


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of M2M. `ModelConfig.named` gives the settings that are known to work.

    value_bins: quantile bins of the positive values of a sequence column (zero, missing, out of range come on
    top).
    d_input: width of one embedded value. d_position: width of the position embedding, concatenated to a day.
    heads, d_head: self-attention over days. experts (k), d_expert_hidden: experts. d_view: width of expert
    and task views.
    d_knowledge: width of one embedded knowledge column. d_scenario: width of S~.
    meta_layers: K. tower_layers: L. knowledge_input: S~ is also concatenated to F.
    dropout: share of the experts' hidden units dropped in training.
    head: what the last layer means (`m2m.heads`).
    network: "m2m", or one of those it is compared with (`m2m.compared`), which read the same sizes.
    without_*: the ablations of the paper's Table 5; of the others only without_transformer.
    """

    value_bins: int = 16
    d_input: int = 8
    d_position: int = 8
    heads: int = 1
    d_head: int = 8
    experts: int = 4
    d_expert_hidden: int = 96
    d_view: int = 32
    d_knowledge: int = 8
    d_scenario: int = 16
    meta_layers: int = 1
    tower_layers: int = 2
    knowledge_input: bool = True
    dropout: float = 0.0
    head: str = "hurdle_quantile"
    network: str = "m2m"
    without_meta_tower: bool = False
    without_meta_attention: bool = False
    without_transformer: bool = False

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, int) and not isinstance(value, bool) and value < 1:
                raise ValueError(f"{name} is {value}, expected at least 1")
        if self.value_bins > 250:
            raise ValueError(f"value_bins is {self.value_bins}, expected at most 250 (bin ids are one byte)")
        make_head(self.head)
        if self.network not in NETWORK_NAMES:
            raise ValueError(f"network {self.network!r} is unknown, expected one of {list(NETWORK_NAMES)}")
        if self.network != "m2m" and (self.without_meta_tower or self.without_meta_attention):
            raise ValueError(f"network {self.network!r} has no meta module to leave out, expected 'm2m'")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}, expected 0 <= dropout < 1")

    @classmethod
    def named(cls, name: str, **overrides: Any) -> ModelConfig:
        """The setting `tiny` (tests), `base` (default) or `paper` (the paper's sizes), with changed fields.

        Raises ValueError on an unknown setting or field.
        """
        if name not in _NAMED:
            raise ValueError(f"model setting {name!r} is unknown, expected one of {sorted(_NAMED)}")
        unknown = sorted(set(overrides) - {item.name for item in fields(cls)})
        if unknown:
            raise ValueError(f"model options {unknown} are unknown")
        return replace(cls(**_NAMED[name]), **overrides)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ModelConfig:
        """The inverse of `to_dict`. Raises ValueError naming a missing or unknown entry."""
        return cls(**exact_entries(cls, plain, "model config"))


_NAMED: dict[str, dict[str, Any]] = {
    "tiny": {
        "value_bins": 6, "d_input": 3, "d_position": 2, "heads": 2, "d_head": 3, "experts": 2,
        "d_expert_hidden": 12, "d_view": 8, "d_knowledge": 3, "d_scenario": 4, "meta_layers": 1,
        "tower_layers": 1, "knowledge_input": False,
    },
    "base": {},
    "paper": {
        "value_bins": 32, "d_input": 16, "d_position": 16, "heads": 2, "d_head": 32, "experts": 4,
        "d_expert_hidden": 512, "d_view": 256, "d_knowledge": 16, "d_scenario": 64, "meta_layers": 3,
        "tower_layers": 2, "knowledge_input": False, "head": "poisson",
    },
}  # fmt: skip


@dataclass(frozen=True)
class TrainingConfig:
    """How to train. Same config, samples, machine and thread count: same bundle.

    batch_size in rows, made of chunks of `chunk_rows` rows that share a knowledge row.
    optimiser: "adam" or "clippy" (Adam with adaptive clipping of its updates). learning_rate rises over
    `warmup_steps` steps; by `schedule` it then falls along a cosine to `final_learning_rate_share` of itself, or
    stays ("constant").
    gradient_limit: every gradient value is clipped to [-limit, limit]; gradient_norm_limit: then the norm of all.
    loss_limit: a task's loss above it stops training; an untrained model has about 1.
    regulariser: alpha of equation 19.
    average_decay: decay of the exponential moving average of the weights that is evaluated and kept; 0 =
    none.
    unknown_share: share of knowledge values replaced by "unknown" in training.
    min_category_rows: a knowledge value seen in fewer training rows is treated as unknown.
    patience: epochs without a better validation NMAE before stopping. task_weights: lambda of equation 19.
    threads: of torch while training. One by default: the layers of `base` are small, and on a busy machine
    two threads waiting for each other made a step twelve times slower in processor time. Results then do not
    depend on the machine's cores either. Raise it for `paper`.
    window_rows: rows shuffled together (see `m2m.training.windows`); about 1 kB each.

    These change no number: memory_mb, up to which encoded training rows are kept in memory instead of being read
    again every epoch; loader_processes, which read ahead when they are not kept; checkpoint_steps between two
    checkpoints; progress, whether to show a bar.
    """

    seed: int = 7
    epochs: int = 4
    batch_size: int = 256
    chunk_rows: int = 8
    optimiser: str = "adam"
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    warmup_steps: int = 50
    final_learning_rate_share: float = 0.02
    gradient_limit: float = 3.0
    gradient_norm_limit: float | None = None
    loss_limit: float = 1e6
    regulariser: float = 1e-6
    average_decay: float = 0.99
    unknown_share: float = 0.2
    min_category_rows: int = 1
    patience: int = 2
    task_weights: Mapping[str, float] | None = None
    threads: int = 1
    window_rows: int = 32_768
    memory_mb: int = 1024
    loader_processes: int = 1
    checkpoint_steps: int = 1000
    progress: bool = True

    def __post_init__(self) -> None:
        for names, holds, expected in _LIMITS:
            for name in names:
                value = getattr(self, name)
                if value is not None and not holds(value):
                    raise ValueError(f"{name} is {value!r}, expected {expected}")

    def for_rows(self, rows: int, row_passes: int) -> TrainingConfig:
        """This with as many epochs as go through `row_passes` rows, `rows` of them in each, within EPOCHS. Raises
        ValueError when either is below 1.

        A network needs a number of steps more than a number of epochs: half the rows twice as often are nearly as good
        (decision 14). So a small table also has smaller batches, and more epochs are waited for before training stops
        because validation says so (decision 15).
        """
        if rows < 1 or row_passes < 1:
            raise ValueError(f"rows is {rows}, row_passes is {row_passes}, expected at least 1")
        fewest, most = EPOCHS
        epochs = min(most, max(fewest, round(row_passes / rows)))
        chunks = max(_LEAST_BATCH, rows // _STEPS_OF_AN_EPOCH) // self.chunk_rows
        batch_size = min(self.batch_size, max(1, chunks) * self.chunk_rows)
        steps = epochs * max(1, rows // batch_size)
        return replace(
            self,
            epochs=epochs,
            patience=max(self.patience, epochs // 5),
            batch_size=batch_size,
            warmup_steps=min(self.warmup_steps, steps // 10),
        )

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON, without the fields that change no number."""
        return {name: value for name, value in asdict(self).items() if name not in _CHANGE_NO_NUMBER}


_COUNTS = (
    "epochs", "batch_size", "chunk_rows", "min_category_rows", "patience", "threads", "window_rows",
    "checkpoint_steps",
)  # fmt: skip
_LIMITS: tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...] = (
    (_COUNTS, lambda value: value >= 1, "at least 1"),
    (
        ("learning_rate", "gradient_limit", "gradient_norm_limit", "loss_limit"),
        lambda value: value > 0,
        "more than 0",
    ),
    (("average_decay", "unknown_share"), lambda value: 0 <= value < 1, "from 0 to below 1"),
    (("final_learning_rate_share",), lambda value: 0 < value <= 1, "above 0, at most 1"),
    (
        ("warmup_steps", "regulariser", "memory_mb", "loader_processes"),
        lambda value: value >= 0,
        "0 or more",
    ),
    (("optimiser",), lambda value: value in ("adam", "clippy"), "adam or clippy"),
    (("schedule",), lambda value: value in ("cosine", "constant"), "cosine or constant"),
)
_CHANGE_NO_NUMBER = ("memory_mb", "loader_processes", "checkpoint_steps", "progress")
