"""The figures of the page equal those of m2m on random days."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from jobs.common.settings import Settings
from jobs.report.tables import open_tables
from jobs.report.trust import judge_distribution
from jobs.report.truth import judge
from m2m import cell_metrics, overall
from m2m.calibration import coverage, expected_calibration_error, reliability
from tests.jobs.report_rows import Reader, build, days, fact, score, with_distribution, write


def test_metrics_equal_those_of_m2m_on_random_days(settings: Settings, tmp_path: Path) -> None:
    """24 pairs x 30 days x (impressions, clicks, expenditure, gmv); every fifth pair is not eligible."""
    random, dates, places = np.random.default_rng(5), days(date(2026, 3, 1), date(2026, 3, 30)), (9, 10, 15)
    history = random.poisson(0.6, (24, 30, 4)) * random.integers(0, 9, (24, 30, 4))
    scenario = np.array(["search", "feed", "shop"])[random.integers(0, 3, 24)]
    guess = random.gamma(1.0, 8.0, (24, len(places), 5))
    facts, scores = [], []
    for pair, name in enumerate(scenario):
        facts += [fact(f"a{pair}", name, dates[n], *history[pair, n].tolist()) for n in range(30)]
        for n, place in enumerate(places):
            scores.append(score(f"a{pair}", name, dates[place], *guess[pair, n], eligible=pair % 5 > 0))
    active = [row for row in facts if any(list(row.values())[3:])]
    write(tmp_path, "facts.advertiser_daily", active)
    write(tmp_path, "scores.advertiser_scores", scores)
    kept = np.arange(24) % 5 > 0
    with_active = np.concatenate([history, history[..., 2:3] > 0], axis=2)[kept]
    after = [with_active[:, place + 1 : place + 8].sum(axis=1) for place in places]
    before = [with_active[:, place - 6 : place + 1].sum(axis=1) for place in places]
    parts = (after, before, list(guess[kept].swapaxes(0, 1)))
    labels, again, predicted = (np.concatenate(part).astype(np.float64) for part in parts)
    names = np.tile(scenario[kept], len(places))
    ours, theirs = (cell_metrics(labels, p, names, settings.task_names) for p in (predicted, again))

    truth = judge(open_tables(str(tmp_path), settings), settings, dates[0], dates[-1])
    assert truth is not None
    assert truth.days == tuple(dates[place] for place in places)
    assert truth.nmae() == pytest.approx((overall(ours)["nmae"], overall(theirs)["nmae"]), rel=1e-9)
    found = {(cell.task, cell.scenario): (cell.rows, cell.m2m) for cell in truth.cells}
    assert len(found) == len(ours)
    for cell in ours:
        rows, nmae = found[cell.task, cell.scenario]
        assert rows == cell.rows
        assert nmae == pytest.approx(cell.nmae)
    assert sum(tenth.rows for tenth in truth.bins) == labels.size
    assert sum(total.actual for total in truth.totals) == labels.sum()
    assert sum(total.persistence for total in truth.totals) == again.sum()


def test_probabilities_and_intervals_equal_those_of_m2m_on_random_days(
    settings: Settings, tmp_path: Path
) -> None:
    """40 pairs, 5 days with their week after; probabilities on the edges of the steps among them."""
    random, pairs, dates = np.random.default_rng(6), 40, days(date(2026, 3, 1), date(2026, 3, 12))
    history = random.poisson(0.4, (pairs, 12, 4)) * random.integers(0, 3, (pairs, 12, 4))
    probability = random.choice([0.0, 0.2, 0.21, 0.6, 2 / 3, 0.95, 1.0], (pairs, 5))
    quantiles = np.sort(random.poisson(2.0, (pairs, 5, 5, 3)), axis=-1).astype(np.float64)
    facts, scores = [], []
    for pair in range(pairs):
        facts += [fact(f"a{pair}", "search", ds, *history[pair, n].tolist()) for n, ds in enumerate(dates)]
        for n in range(5):
            ends = dict(zip(settings.task_names, map(tuple, quantiles[pair, n]), strict=True))
            row = score(f"a{pair}", "search", dates[n], 1, 1, 1, 1, 1)
            scores.append(with_distribution(row, probability[pair, n], **ends))
    write(tmp_path, "facts.advertiser_daily", facts)
    write(tmp_path, "scores.advertiser_scores", scores)
    after = np.stack([history[:, n + 1 : n + 8].sum(axis=1) for n in range(5)], axis=1)
    active = np.stack([(history[:, n + 1 : n + 8, 2] > 0).sum(axis=1) for n in range(5)], axis=1)
    labels = np.concatenate([after, active[..., None]], axis=2).astype(np.float64)

    database = open_tables(str(tmp_path), settings)
    assert judge(database, settings, dates[0], dates[-1]) is not None
    found = judge_distribution(database, settings)
    assert found is not None
    low, high = quantiles[..., 0], quantiles[..., 2]
    assert found.inside == pytest.approx(coverage(labels, low, high))
    for place, each in enumerate(found.intervals):
        of_task = labels[..., place], low[..., place], high[..., place]
        assert (each.task, each.rows) == (settings.task_names[place], 200)
        assert each.inside == pytest.approx(coverage(*of_task))
        assert each.below == pytest.approx((of_task[0] < of_task[1]).mean())
        assert each.below + each.inside + each.above == pytest.approx(1)
    happened, flat = (active > 0).ravel(), probability.ravel()
    assert [dataclasses.astuple(step) for step in found.active] == [
        pytest.approx(dataclasses.astuple(each)) for each in reliability(flat, happened)
    ]
    assert found.error == pytest.approx(expected_calibration_error(flat, happened))
    text = Reader(build(tmp_path, tmp_path / "page", dates[0], dates[-1])).text
    assert "The same days and pairs as above: 200 pairs x days." in text
    assert f"{100 * found.inside:.1f}% inside" in text and f"{found.error:.4f} ECE" in text
