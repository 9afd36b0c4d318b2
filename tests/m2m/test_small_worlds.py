"""Whatever the data: M2M's point estimate is never much worse than the best of the last week again and of windows."""

from __future__ import annotations

import pytest

from m2m import ModelConfig, Samples, Scorer, Trainer, TrainingConfig, cell_metrics, overall
from m2m.compared.naive import NAIVE
from m2m.point_estimate import Values
from m2m.sources import as_source
from tests.m2m.small_worlds import SPEC, World

WORLDS = {
    "tiny": World(30),
    "small": World(300),
    "one scenario": World(300, scenarios=1),
    "many scenarios": World(400, scenarios=100),
    "calm": World(300, wander=0.0, quiet=0.0),
    "restless": World(300, wander=0.2),
    "growing": World(300, growth=0.03),
    "shrinking": World(300, growth=-0.03),
    "turned before validation": World(300, turn_day=45, turn=2.0),
    "mostly quiet": World(300, quiet=0.8),
}
ROW_PASSES = 60_000


def nmae(samples: Samples, point: Values) -> float:
    assert samples.labels is not None
    cells = cell_metrics(samples.labels, point, samples.knowledge[SPEC.scenario_column], SPEC.tasks)
    return overall(cells)["nmae"]


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_never_worse_than_the_last_days_by_more_than_a_hundredth(name: str) -> None:
    train, valid, test = WORLDS[name].parts()
    naive = {
        rule: nmae(test, NAIVE[rule].fit(as_source(train), as_source(valid), SPEC).predict(test).mean)
        for rule in ("persistence", "window_mean")
    }
    training = TrainingConfig(seed=1, progress=False).for_rows(len(train), ROW_PASSES)
    bundle = Trainer(SPEC, ModelConfig.named("base"), training).fit(train, valid)
    found = nmae(test, Scorer(bundle).predict(test, with_point=True).point)
    assert found <= 1.01 * min(naive.values()), (naive, bundle.recalibration)
