from __future__ import annotations

import torch

from m2m.training.averaging import WeightAverage, copy_weights


def test_average_by_hand_and_swap_back() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    weight = model.weight
    with torch.no_grad():
        weight.fill_(0.0)
        average = WeightAverage(model, decay=0.5)
        weight.fill_(11.0)
        average.update()  # decay min(.5, 2 / 11): 0 * 2/11 + 11 * 9/11 = 9
        weight.fill_(100.0)
        average.swap()
        torch.testing.assert_close(weight, torch.tensor([[9.0]]))
        average.swap()
    torch.testing.assert_close(weight.detach(), torch.tensor([[100.0]]))


def test_copies_do_not_follow_the_model() -> None:
    model = torch.nn.Linear(1, 1)
    kept = copy_weights(model)
    with torch.no_grad():
        model.weight.add_(1.0)
    assert kept["weight"] != model.weight
