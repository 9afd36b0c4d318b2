"""What a study leaves of its rows: fewer of them, a scenario held out, a longer or shorter history.

Everything is by a fixed rule on a row's key, so a rerun sees the same rows.

Letters: N rows, F sequence columns, T days, W window lengths.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from m2m import FeatureSpec, Samples
from m2m.samples import Array

_SHARES = 1 << 32
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class StudyRows:
    """shares: part -> scenario -> share of its rows in the study, as pairs; what is not named is there whole.
    history_days: T of the sequences. held_out: a scenario of which only `share` of the advertisers is in the training
    and validation rows."""

    shares: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]
    history_days: int
    held_out: str | None = None
    share: float = 1.0

    def keeps(self, part: str, keys: Mapping[str, Array]) -> Mask:
        """Which rows [N] of a part belong to the study at all."""
        return thin(keys, dict(dict(self.shares).get(part, ())))

    def seen(self, samples: Samples, part: str, spec: FeatureSpec) -> Samples:
        """Rows that `keeps` kept, as this point of the study sees them; spec: of the rows as they come."""
        if self.held_out is not None and part != "test":
            kept = hold_out(samples.keys, self.held_out, self.share)
            samples = samples.take(np.flatnonzero(kept))
        return cut_history(samples, self.history_days, spec)


def in_order(samples: Samples) -> Samples:
    """Rows in the order of their keys, whatever file they come from."""
    order = np.lexsort([samples.keys[name] for name in ("scenario_id", "advertiser_id", "ds")])
    return samples.take(order)


def shares_of(rows: Mapping[str, int], most: int) -> tuple[tuple[str, float], ...]:
    """scenario -> share to keep, so that `most` rows are spread over the scenarios as evenly as their rows allow."""
    left, shares = most, []
    for place, (scenario, count) in enumerate(sorted(rows.items(), key=lambda found: (found[1], found[0]))):
        kept = min(count, left // (len(rows) - place))
        shares.append((scenario, kept / count if count else 1.0))
        left -= kept
    return tuple(sorted(shares))


def thin(keys: Mapping[str, Array], shares: Mapping[str, float]) -> Mask:
    """Which rows [N] to keep: of every scenario its share, by a hash of the key; of one that is not named, all.

    keys: advertiser_id, scenario_id, ds.
    """
    each = zip(*(keys[name] for name in ("advertiser_id", "scenario_id", "ds")), strict=True)
    places = _places("|".join(map(str, key)) for key in each)
    limits = np.array([shares.get(str(name), 1.0) for name in keys["scenario_id"]])
    return np.asarray(places < limits * _SHARES)


def hold_out(keys: Mapping[str, Array], scenario: str, share: float) -> Mask:
    """Which rows [N] stay: all of other scenarios, and those of `scenario` whose advertiser is among `share` of them.

    The advertisers of a smaller share are among those of a larger one.
    """
    places = _places(f"held out|{advertiser}" for advertiser in keys["advertiser_id"])
    return np.asarray((keys["scenario_id"] != scenario) | (places < share * _SHARES))


def cut_history(samples: Samples, days: int, spec: FeatureSpec) -> Samples:
    """The last `days` of every sequence and the window sums within them. Raises ValueError when there are fewer days
    than that."""
    if days > samples.sequences.shape[2]:
        raise ValueError(f"sequences have {samples.sequences.shape[2]} days, expected at least {days}")
    kept = [place for place, window in enumerate(spec.windows_days) if window <= days]
    width = len(spec.sequence_columns)
    columns = np.concatenate([np.arange(place * width, (place + 1) * width) for place in kept])
    return replace(
        samples,
        sequences=samples.sequences[:, :, -days:],
        advertiser_window_sums=samples.advertiser_window_sums[:, columns],
    )


def cut_spec(spec: FeatureSpec, days: int) -> FeatureSpec:
    """The spec of rows after `cut_history`, or of rows with a longer history."""
    return replace(
        spec, history_days=days, windows_days=tuple(window for window in spec.windows_days if window <= days)
    )


def _places(texts: Iterable[str]) -> NDArray[np.int64]:
    found = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") for text in texts]
    return np.asarray(found, dtype=np.int64)
