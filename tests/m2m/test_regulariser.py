from __future__ import annotations

import torch

from m2m.regulariser import regulariser


def test_regulariser_by_hand() -> None:
    found = regulariser([torch.tensor([[1.0, 2.0]])], [torch.tensor([3.0]), torch.tensor([[-1.0]])])
    assert float(found) == 15.0
