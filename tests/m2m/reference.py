"""M2M row by row, as plainly as the paper writes it: one [d, d] matrix per row, no groups. For comparison
only."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from m2m.meta_unit import MetaLayer, MetaUnit
from m2m.model import M2M


def meta_unit(unit: MetaUnit, h: Tensor, scenario: Tensor, copy: int) -> Tensor:
    """Equations 9-13 for one row: h [d], S~ [s]."""
    for layer in unit.layers:
        weight, bias = layer_weights(layer, scenario, copy)
        h = leaky_relu(weight @ h + bias)
    return h


def layer_weights(layer: MetaLayer, scenario: Tensor, copy: int) -> tuple[Tensor, Tensor]:
    """Equations 11 and 12 for one row: W [d out, d in] and b [d]."""
    d = layer.d
    base = (layer.weight_base[copy], layer.bias_base[copy])
    if not layer.generated:
        return base[0].T, base[1]
    weight_map = layer.weight_map.view(-1, layer.copies, d, d)[:, copy]
    bias_map = layer.bias_map.view(-1, layer.copies, d)[:, copy]
    weight = base[0] + torch.einsum("s,sio->io", scenario, weight_map)
    return weight.T, base[1] + scenario @ bias_map


def forward(model: M2M, bins: Tensor, dense: Tensor, knowledge: Tensor) -> Tensor:
    """The head's numbers [B, m, o]; knowledge: ids [B, C]."""
    scenario = model.knowledge(knowledge)
    features = model.features(*model.embed(bins), dense)
    if model.knowledge_input:
        features = torch.cat([features, scenario], dim=1)
    experts, views = model.experts(features), model.task_views()
    rows = [_row(model, experts[b], views, scenario[b]) for b in range(len(bins))]
    return torch.stack(rows)


def _row(model: M2M, experts: Tensor, views: Tensor, scenario: Tensor) -> Tensor:
    rates = []
    for task, view in enumerate(views):
        joined = [torch.cat([expert, view]) for expert in experts]
        attention = [
            model.attention.vector @ meta_unit(model.attention.unit, h, scenario, task) for h in joined
        ]
        share = torch.softmax(torch.stack(attention), dim=0)
        level = (share[:, None] * experts).sum(dim=0)
        for unit in model.tower.units:
            level = leaky_relu(meta_unit(unit, level, scenario, 0) + level)
        rates.append(model.head_weight[task] @ level + model.head_bias[task])
    return torch.stack(rates)
