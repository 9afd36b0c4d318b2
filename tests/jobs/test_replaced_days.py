"""A verdict is about rows: after a day's rows are replaced, publish waits until they were checked themselves."""

from __future__ import annotations

import pytest

from jobs import build_sequences, check_scores, check_sequences, publish, score_advertisers
from tests.small_world import SCORED, SmallWorld

pytestmark = pytest.mark.slow
DAY = (SCORED[1], SCORED[1])


def refusal(world: SmallWorld, capfd: pytest.CaptureFixture[str]) -> str:
    """The last words of a publish that ended with status 3."""
    capfd.readouterr()
    assert world.run(publish.main, DAY) == 3
    return capfd.readouterr().err.strip().splitlines()[-1]


@pytest.fixture(scope="module", autouse=True)
def checked(small_world: SmallWorld) -> None:
    """Tests before this file may have scored again."""
    assert small_world.run(check_scores.main, SCORED) == 0
    assert small_world.run(publish.main, SCORED) == 0


def test_days_that_were_scored_again_are_published_after_check_scores_only(
    small_world: SmallWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    assert small_world.run(score_advertisers.main, DAY, "--again") == 0
    assert f"no passed check of suite scores for {DAY[0]}; run check_scores" in refusal(small_world, capfd)
    assert small_world.run(publish.main, (SCORED[0], SCORED[0])) == 0  # not scored again
    assert small_world.run(check_scores.main, DAY) == 0
    assert small_world.run(publish.main, DAY) == 0


def test_sequences_that_were_built_again_ask_for_both_checks(
    small_world: SmallWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    assert small_world.run(build_sequences.main, DAY) == 0
    assert "of suite sequences" in refusal(small_world, capfd)
    assert small_world.run(check_sequences.main, DAY) == 0
    assert "of suite scores" in refusal(small_world, capfd)
    assert small_world.run(check_scores.main, DAY) == 0
    assert small_world.run(publish.main, DAY) == 0
