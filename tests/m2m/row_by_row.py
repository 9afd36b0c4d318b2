"""M2M as public implementations compute it: a weight matrix [d, d] of its own for every row, multiplied by bmm.

Letters: B rows, c copies, n rows that share a matrix (experts or 1), k experts, m tasks, d width, s = d_scenario.

Vectorised over rows, unlike `tests.m2m.reference`, and otherwise as plain: what the grouped way is compared with.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from m2m.meta_unit import MetaLayer, MetaUnit
from m2m.model import M2M


def meta_unit(unit: MetaUnit, h: Tensor, scenario: Tensor) -> Tensor:
    """Equations 9-13. h: [B, c, n, d]; scenario: S~ of every row [B, s]. Returns [B, c, n, d]."""
    for layer in unit.layers:
        weight, bias = layer_weights(layer, scenario)
        product = torch.bmm(h.flatten(0, 1), weight.flatten(0, 1)).view(h.shape)
        h = leaky_relu(product + bias.unsqueeze(2))
    return h


def layer_weights(layer: MetaLayer, scenario: Tensor) -> tuple[Tensor, Tensor]:
    """Equations 11 and 12: W [B, c, d in, d out] and b [B, c, d]."""
    shape = (len(scenario), layer.copies, layer.d)
    if not layer.generated:
        return layer.weight_base.expand(*shape, -1), layer.bias_base.expand(shape)
    weight = torch.addmm(layer.weight_base.flatten(), scenario, layer.weight_map)
    bias = torch.addmm(layer.bias_base.flatten(), scenario, layer.bias_map)
    return weight.view(*shape, layer.d), bias.view(shape)


def forward(model: M2M, bins: Tensor, dense: Tensor, knowledge: Tensor) -> Tensor:
    """The head's numbers [B, m, o]; knowledge: ids of every row [B, C]."""
    scenario = model.knowledge(knowledge)
    features = model.features(*model.embed(bins), dense)
    if model.knowledge_input:
        features = torch.cat([features, scenario], dim=1)
    level = attention(model, model.experts(features), scenario)
    for unit in model.tower.units:
        level = leaky_relu(meta_unit(unit, level, scenario) + level)
    return torch.einsum("bmd,mod->bmo", level.squeeze(1), model.head_weight) + model.head_bias


def attention(model: M2M, experts: Tensor, scenario: Tensor) -> Tensor:
    """Equations 14-16. experts: [B, k, d]. Returns R [B, 1, m, d]."""
    views = model.task_views()
    rows, count, width = experts.shape
    shape = (rows, len(views), count, width)
    joined = torch.cat(
        [experts.unsqueeze(1).expand(shape), views.unsqueeze(1).expand(shape)], dim=3
    )  # [E_i || T_t], [B, m, k, 2d]
    scores = meta_unit(model.attention.unit, joined, scenario) @ model.attention.vector
    return (torch.softmax(scores, dim=2).unsqueeze(2) @ experts.unsqueeze(1).expand(shape)).transpose(1, 2)
