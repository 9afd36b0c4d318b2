"""The headline and the sections on selection, checks and runs; what is missing is said in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from jobs.common.settings import Settings
from jobs.common.units import bytes_in_words
from jobs.report import figures
from jobs.report.html import (
    Column,
    Markup,
    chart,
    fold,
    heading,
    join,
    paragraph,
    section,
    table,
    tabs,
    text,
    tiles,
)
from jobs.report.queries import Candidate, Check, Headline, Run, ScenarioSelection
from jobs.report.words import MONEY, NOTHING, days_in_words, number, offer, percent, plain, reasons_in_words

FAILED_SHOWN = 50


def headline(day: Headline) -> Markup:
    """The totals of the published day."""
    selected = day.treatment + day.control
    return tiles(
        [
            (
                number(day.pairs),
                "pairs",
                f"advertiser x scenario scored, {number(day.eligible)} of them eligible",
            ),
            (
                number(selected),
                "candidates",
                f"selected, {percent(selected / max(day.eligible, 1), 1)} of eligible pairs",
            ),
            (f"{number(day.treatment)} / {number(day.control)}", "pairs", "treatment / control arm"),
            (number(day.rewarded_tasks), "tasks", "rewarded tasks offered"),
            (number(day.push_messages), "messages", "push messages to send"),
            (number(day.reward_budget, 2), MONEY, "reward budget if every target is reached"),
        ]
    )


def selection(
    day: Headline,
    scenarios: Sequence[ScenarioSelection],
    told: Sequence[tuple[str, str, int]],
    top: Sequence[Candidate],
    settings: Settings,
) -> Markup:
    """Who was selected and why."""
    title = f"Who was selected on {day.ds}, and why"
    counts = join(
        paragraph(
            "Selected: eligible pairs predicted to be active on few of the next days. Control gets no offer."
        ),
        chart("selection", figures.selection(scenarios)),
    )
    if not top:
        return section("selected", title, counts, paragraph("No pair was selected on this day.", "missing"))
    limit, next_days = settings.selection.max_predicted_active_rate, f"next {settings.horizon_days} days"
    listed = {name: _top_table(list(rows), settings) for name, rows in groupby(top, key=lambda c: c.scenario)}
    panels = [(s.scenario, listed[s.scenario]) for s in scenarios if s.scenario in listed]
    return section(
        "selected",
        title,
        counts,
        heading("Reasons, as the share of the selected pairs of each scenario (%)"),
        chart("reasons", figures.reasons(told, scenarios, settings)),
        heading("First candidates of each scenario, largest expected loss first"),
        paragraph(f"All are predicted to be active on at most {percent(limit)} of the {next_days}.", "soft"),
        tabs("top", panels),
    )


def checks(results: Sequence[Check], docs: Sequence[tuple[str, str | None]]) -> Markup:
    """The results of both suites, and links (suite, address or None) to their Data Docs."""
    if not results:
        empty = paragraph("No check has run on the days of this range.", "missing")
        return section("checks", "Checks", empty, _doc_links(docs))
    failed = [check for check in results if not check.success]
    days = sorted({check.ds for check in results})
    words = f"{number(len(results))} checks on {days_in_words(tuple(days))}: "
    parts = [paragraph(f"{words}all passed.", "good")]
    if failed:
        stopped = f"{number(len(failed))} failed. A day with a failed check is not published."
        parts = [paragraph(words + stopped, "alarm"), _check_table(failed[:FAILED_SHOWN])]
        if len(failed) > FAILED_SHOWN:
            parts.append(paragraph(f"These are the first {FAILED_SHOWN} of them.", "soft"))
    for place, suite in enumerate(sorted({check.suite for check in results})):
        parts += _suite(place, suite, [check for check in results if check.suite == suite])
    return section("checks", "Checks", *parts, _doc_links(docs))


def _suite(place: int, name: str, results: Sequence[Check]) -> list[Markup]:
    newest = max(check.ds for check in results)
    values = _check_table([check for check in results if check.ds == newest])
    return [
        heading(f"Suite {name}: observed values, green kept, red broken"),
        chart(f"checks-{place}", figures.checks(results)),
        fold(f"Observed and expected values on {newest}", values),
    ]


def runs(last: Sequence[Run]) -> Markup:
    """The newest run of each job in pictures, the runs before in the table."""
    if not last:
        return section("runs", "Runs", paragraph("The run log holds no run of any job yet.", "missing"))
    newest = [next(group) for _, group in groupby(last, key=lambda run: run.job)]
    told = [
        paragraph(f"The newest run of {run.job} ended with {plain(run.status)}: {run.error}", "alarm")
        for run in newest
        if run.status != "done"
    ]
    columns: list[Column] = [("Job", "k"), ("Days", "k"), ("Rows in", "n"), ("Rows out", "n")]
    columns += [("Rows quarantined", "n"), ("Seconds", "n"), ("Status", "k"), ("Ended (UTC)", "k")]
    columns += [("Read", "n"), ("Written", "n"), ("Shuffled", "n"), ("Spilled", "n"), ("Skew", "n")]
    columns += [("Code", "k"), ("Error", "")]
    listed = fold("The last runs of every job", table(columns, [_run_row(run) for run in last]))
    return section("runs", "Runs", *told, chart("runs", figures.runs(newest)), listed)


def _top_table(candidates: Sequence[Candidate], settings: Settings) -> Markup:
    value = f"{plain(settings.value_column)}, {settings.horizon_days} days before the lull ({MONEY})"
    columns: list[Column] = [("Rank", "n"), ("Advertiser", "k"), ("Predicted active rate (%)", "n")]
    columns += [(value.capitalize(), "n"), ("Why", "why"), ("Offer", "offer")]
    rows = []
    for c in candidates:
        why = reasons_in_words(c.reasons, settings) or ["predicted to go quiet"]
        chips = "".join(f'<span class="chip">{text(words)}</span>' for words in why)
        style = "arm-control" if c.arm == "control" else "arm-treatment"
        offered = Markup(f'<span class="{style}">{text(offer(c))}</span>')
        cells = [
            text(c.rank),
            text(c.advertiser),
            text(percent(c.active_rate, 1)),
            text(number(c.recent_value, 2)),
        ]
        rows.append([*cells, Markup(chips), offered])
    return table(columns, rows)


def _check_table(results: Sequence[Check]) -> Markup:
    columns: list[Column] = [("Suite", "k"), ("Day", "k"), ("Figure", "k")]
    columns += [("Observed", "n"), ("Expected", "n"), ("Result", "k")]
    rows = [
        [text(c.suite), text(c.ds), text(c.column), text(figures.observed(c)), text(c.expected), _verdict(c)]
        for c in results
    ]
    return table(columns, rows)


def _verdict(check: Check) -> Markup:
    return Markup('<span class="good">passed</span>' if check.success else '<span class="bad">failed</span>')


def _doc_links(docs: Sequence[tuple[str, str | None]]) -> Markup:
    links = [
        f'<a href="{text(address)}">Data Docs of suite {text(suite)}</a>'
        if address
        else f'<span class="soft">No Data Docs of suite {text(suite)} in this folder.</span>'
        for suite, address in docs
    ]
    return Markup(f"<p>{' &nbsp;·&nbsp; '.join(links)}</p>")


def _run_row(run: Run) -> list[Markup]:
    days = str(run.start_ds) if run.start_ds == run.end_ds else f"{run.start_ds} to {run.end_ds}"
    counts = [text(number(rows)) for rows in (run.rows_in, run.rows_out, run.rows_quarantined)]
    css = "good" if run.status == "done" else "bad"
    status = Markup(f'<span class="{css}">{text(plain(run.status))}</span>')
    ended = [text(number(run.seconds, 1)), status, text(run.finished_at)]
    moved = (run.bytes_read, run.bytes_written, run.shuffle_bytes, run.spilled_bytes)
    cost = [text(NOTHING if count is None else bytes_in_words(count)) for count in moved]
    said = [text(number(run.skew, 1)), text(run.code_version or ""), text(run.error or "")]
    return [text(run.job), text(days), *counts, *ended, *cost, *said]
