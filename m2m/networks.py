"""Every network by its name in `ModelConfig.network`."""

from __future__ import annotations

from collections.abc import Mapping

from m2m.compared.cgc import CGC
from m2m.compared.cross_stitch import CrossStitch
from m2m.compared.mmoe import MMoE
from m2m.compared.mran import MRAN
from m2m.compared.shared_bottom import SharedBottom
from m2m.compared.single_task import SingleTask
from m2m.model import M2M
from m2m.network import Network

NETWORKS: Mapping[str, type[Network]] = {
    "m2m": M2M,
    "single_task": SingleTask,
    "shared_bottom": SharedBottom,
    "cross_stitch": CrossStitch,
    "mmoe": MMoE,
    "mran": MRAN,
    "cgc": CGC,
}
