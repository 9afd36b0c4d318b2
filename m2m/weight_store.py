"""Generated weights kept between batches of one scoring run.

Letters: U distinct knowledge rows of a batch, C knowledge columns, s = d_scenario.

A wide model has megabytes of weights per knowledge row. When only a few rows of them would fit, each would give way
before it is wanted again; they are then not kept but generated where they are multiplied (`Network.lazy`).
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor

from m2m.groups import Groups, Ints
from m2m.meta_weights import MetaWeights
from m2m.network import Network

_SLOTS_WORTH_KEEPING = 64  # docs/decisions/0006-grouped-meta-weights.md
_ANY_NUMBER = 2**31


class WeightStore:
    """A bounded store: one slot per knowledge row, the row used longest ago gives way.

    slots: how many knowledge rows one batch may have. generated: how many were generated to be kept.
    """

    def __init__(self, model: Network, knowledge_columns: int, max_bytes: int) -> None:
        self.model = model
        self.device = model.head_bias.device
        knowledge = torch.zeros(1, knowledge_columns, dtype=torch.int64, device=self.device)
        scenario, weights = self._generate(knowledge)
        kept = [scenario, *weights.tensors()]
        one_row = sum(tensor[0].numel() * tensor.element_size() for tensor in kept)
        self.slots = max(1, max_bytes // one_row)
        self.generated = 0
        self._slot_of: OrderedDict[int, int] = OrderedDict()
        self.keeps = not model.in_segments or self.slots >= _SLOTS_WORTH_KEEPING
        if not self.keeps:
            self.slots = _ANY_NUMBER
            return
        self._weights = weights.map(lambda tensor: tensor.new_empty(self.slots, *tensor.shape[1:]))
        self._scenario = scenario.new_empty(self.slots, scenario.shape[1])

    def _generate(self, knowledge: Tensor) -> tuple[Tensor, MetaWeights]:
        scenario = self.model.knowledge(knowledge)
        return scenario, self.model.generate(scenario)

    def weights_for(self, groups: Groups, codes: Ints) -> tuple[Groups, Tensor, MetaWeights]:
        """The groups renumbered to slots, S~ and weights by slot. codes: one per distinct knowledge row [U],
        at most `slots`. Generates only what is not kept yet."""
        if len(codes) > self.slots:
            raise ValueError(f"{len(codes)} knowledge rows in one batch, expected at most {self.slots}")
        if not self.keeps:
            scenario = self.model.knowledge(groups.knowledge)
            return groups, scenario, self.model.lazy(scenario)
        missing = [index for index, code in enumerate(codes.tolist()) if not self._touch(code)]
        if missing:
            slots = torch.tensor([self._take_slot(int(codes[index])) for index in missing])
            self._fill(slots, groups.knowledge[torch.tensor(missing)])
        slots = torch.tensor([self._slot_of[code] for code in codes.tolist()], device=self.device)
        return groups.renumber(slots), self._scenario, self._weights

    def _touch(self, code: int) -> bool:
        if code not in self._slot_of:
            return False
        self._slot_of.move_to_end(code)
        return True

    def _take_slot(self, code: int) -> int:
        slot = len(self._slot_of)
        if slot >= self.slots:
            _, slot = self._slot_of.popitem(last=False)
        self._slot_of[code] = slot
        return slot

    def _fill(self, slots: Tensor, knowledge: Tensor) -> None:
        """One knowledge row at a time: the last bit of a matrix product depends on how many rows it has, and what is
        kept here must not depend on who happened to come first."""
        self.generated += len(slots)
        for slot, row in zip(slots.tolist(), knowledge, strict=True):
            scenario, weights = self._generate(row[None])
            self._scenario[slot] = scenario[0]
            for kept, new in zip(self._weights.tensors(), weights.tensors(), strict=True):
                kept[slot] = new[0]
