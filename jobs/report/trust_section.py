"""The section on probabilities and intervals: do they mean what they say."""

from __future__ import annotations

from jobs.report import trust_figures
from jobs.report.html import Markup, chart, heading, paragraph, section, tiles
from jobs.report.trust import Trust
from jobs.report.words import number, percent

NAME, TITLE = "trust", "Can the probabilities be trusted"


def trusted(found: Trust | None) -> Markup:
    """Reliability of P(active) and coverage of the 80 % intervals, or why there is none."""
    if found is None:
        words = "No scored day whose future is known carries probabilities and intervals"
        return section(
            NAME, TITLE, paragraph(f"{words}, so there is nothing to hold against what came.", "missing")
        )
    return section(
        NAME,
        TITLE,
        paragraph(f"The same days and pairs as above: {number(found.rows)} pairs x days.", "soft"),
        _figures(found),
        heading("Probability of an active day: predicted against the share of pairs that were active"),
        chart("reliability", trust_figures.reliability(found)),
        heading("80 % intervals: where the actual totals fell"),
        paragraph(
            "Right intervals have one tenth of the totals below p10 and one tenth above p90, up to the dotted lines. "
            "Pairs that often do nothing have a p10 of 0, and no total lies below 0: with many zeros it is less.",
            "soft",
        ),
        chart("intervals", trust_figures.intervals(found)),
    )


def _figures(found: Trust) -> Markup:
    inside = "of all totals, over pairs, days and tasks, lie within their 80 % interval"
    return tiles(
        [
            (percent(found.inside, 1), "inside", inside),
            (
                number(found.error, 4),
                "ECE",
                "expected calibration error of P(active): mean gap, 0 is perfect",
            ),
        ]
    )
