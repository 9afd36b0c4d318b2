"""Random numbers that are a pure function of (seed, stream, entity, day).

No generator carries a state from one row to the next, so any block of advertisers and any range of days can
be made alone, in any order, on any machine, and the numbers are the same. The hash is SplitMix64.
"""

from functools import lru_cache
from statistics import NormalDist
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TABLE_BITS = 16
_SMALL_RATE = 12.0


def mix64(values: Keys) -> Keys:
    """SplitMix64's finaliser, elementwise: a bijection of 64-bit words that scatters neighbouring inputs."""
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return values ^ (values >> np.uint64(31))


def keys(seed: int, stream: str, entities: Ints) -> Keys:
    """One 64-bit key for each entity, its own for each (seed, stream). Shape of `entities` is kept."""
    start = mix64(np.array([(seed * _GOLDEN + crc32(stream.encode())) & _MASK], dtype=np.uint64))
    return mix64(start ^ mix64(entities.astype(np.uint64) + np.uint64(_GOLDEN)))


def bits(key: Keys, day: int) -> Keys:
    """64 random bits for each key on a day (any integer, negative too)."""
    return mix64(key + np.uint64(((day + 1_000_003) * _GOLDEN) & _MASK))


def uniform(key: Keys, day: int = 0) -> Floats:
    """Numbers in the open interval (0, 1)."""
    return ((bits(key, day) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def normal(key: Keys, day: int = 0) -> Floats:
    """Standard normal numbers, read from a table of 65,536 quantiles: |z| is at most 4.3."""
    table = _normal_table()
    return table[(bits(key, day) >> np.uint64(64 - _TABLE_BITS)).astype(np.intp)]


def poisson(rate: Floats, uniforms: Floats) -> Ints:
    """Poisson counts by inversion of `uniforms`; above a rate of 12 by a Cornish-Fisher quantile."""
    counts = np.zeros(rate.shape, dtype=np.int64)
    large = np.flatnonzero(rate > _SMALL_RATE)
    counts[large] = _large_poisson(rate[large], uniforms[large])
    small = np.flatnonzero((rate <= _SMALL_RATE) & (uniforms > np.exp(-rate)))
    counts[small] = _small_poisson(rate[small], uniforms[small])
    return counts


def _large_poisson(rate: Floats, uniforms: Floats) -> Ints:
    z = _normal_table()[(uniforms * (1 << _TABLE_BITS)).astype(np.intp)]
    return np.maximum(np.rint(rate + np.sqrt(rate) * z + (z * z - 1.0) / 6.0), 0.0).astype(np.int64)


def _small_poisson(rate: Floats, uniforms: Floats) -> Ints:
    counts = np.zeros(rate.shape, dtype=np.int64)
    probability = np.exp(-rate)
    below = probability.copy()
    pending = np.arange(rate.size)
    while pending.size and counts[pending[0]] < 60:
        counts[pending] += 1
        probability = probability * rate[pending] / counts[pending]
        below = below + probability
        missing = uniforms[pending] > below
        pending, probability, below = pending[missing], probability[missing], below[missing]
    return counts


@lru_cache(maxsize=1)
def _normal_table() -> Floats:
    size = 1 << _TABLE_BITS
    quantile = NormalDist().inv_cdf
    return np.array([quantile((i + 0.5) / size) for i in range(size)])
