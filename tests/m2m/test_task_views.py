from __future__ import annotations

import torch

from m2m.task_views import TaskViews


def test_by_hand() -> None:
    layer = TaskViews(tasks=2, d_view=1)
    with torch.no_grad():
        layer.embedding.weight.copy_(torch.tensor([[1.0], [-2.0]]))
        layer.layer.weight.fill_(3.0)
        layer.layer.bias.fill_(1.0)
    torch.testing.assert_close(layer(), torch.tensor([[4.0], [-0.05]]))
