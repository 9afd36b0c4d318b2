"""Codes and numbers in words that need no glossary. Plain text: callers escape it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from jobs.common.settings import Settings
from jobs.common.settings_sections import Task
from jobs.report.queries import Candidate
from jobs.transforms.reasons import FELL_BY, NO_BEHAVIOUR
from jobs.transforms.selection import RECENT_DAYS, UNTOUCHED_DAYS

NOTHING = "–"  # noqa: RUF001  the usual sign for "no figure"
MONEY = "currency"


def number(value: float | None, decimals: int = 0) -> str:
    """1,234.5 with that many decimals; a dash for None, NaN and infinity."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:,.{decimals}f}"


def percent(share: float | None, decimals: int = 0) -> str:
    """A share in [0, 1] as a percentage; a dash when there is none."""
    return NOTHING if share is None or not math.isfinite(share) else f"{share * 100:.{decimals}f}%"


def plain(code: str) -> str:
    """A code as words: underscores become spaces."""
    return code.replace("_", " ")


def days_in_words(days: tuple[date, ...]) -> str:
    """ "2026-04-20", "2026-04-20 to 2026-04-22" or, with holes between them, how many of them."""
    if len(days) == 1:
        return str(days[0])
    holes = (days[-1] - days[0]).days + 1 != len(days)
    return f"{days[0]} to {days[-1]}" + (f" ({len(days)} days of them)" if holes else "")


def unit(task: Task, settings: Settings) -> str:
    """What the task is counted in: days, currency or count."""
    if task.column is None:
        return "days"
    return MONEY if settings.columns.daily[task.column] == "double" else "count"


def reason_title(code: str, settings: Settings) -> str:
    """A reason code without its value: one line of the reasons chart."""
    titles = {
        "predicted_active_rate": "predicted to be low-active",
        "recent_value": f"{plain(settings.value_column)} before the lull is enough",
        "days_since_active": "no active day lately",
        FELL_BY: f"{plain(settings.value_column)} fell",
        NO_BEHAVIOUR: f"nothing done for {UNTOUCHED_DAYS} days",
    }
    behaviour = _behaviour(code, settings)
    return titles.get(code) or (f"no {behaviour} for {RECENT_DAYS} days" if behaviour else plain(code))


def reasons_in_words(reasons: Sequence[str], settings: Settings) -> list[str]:
    """A candidate's reasons for people, without active rate and recent value, which stand beside them.

    `value_fell_by=0.45` is "expenditure down 45%"; behaviours missing for a week are told together; an
    unknown code stays as it is written.
    """
    told, missing = [], []
    for reason in reasons:
        code, _, value = reason.partition("=")
        behaviour = _behaviour(code, settings)
        if behaviour and value == "0":
            missing.append(behaviour)
        elif code not in ("predicted_active_rate", "recent_value"):
            told.append(_with_value(code, value, settings) or reason)
    return told + ([f"{RECENT_DAYS} days without {', '.join(missing)}"] if missing else [])


def _with_value(code: str, value: str, settings: Settings) -> str | None:
    try:
        if code == "days_since_active":
            return f"no active day for {_days(int(value))}"
        if code == FELL_BY:
            return f"{plain(settings.value_column)} down {percent(float(value))}"
        if code == NO_BEHAVIOUR:
            return f"nothing done for {_days(int(value))}"
    except ValueError:
        return None
    return None


def offer(candidate: Candidate) -> str:
    """What the candidate is offered, in one line."""
    if candidate.task_type is not None:
        target = number(candidate.target, 2 if candidate.task_type == "spend_target" else 0)
        goals = {
            "spend_target": f"spend {target} by {candidate.valid_to}",
            "active_days_target": f"be active on {target} days by {candidate.valid_to}",
            "campaign_refresh": f"refresh {target} campaign by {candidate.valid_to}",
        }
        goal = goals.get(
            candidate.task_type, f"{plain(candidate.task_type)} {target} by {candidate.valid_to}"
        )
        return f"Task: {goal}, reward {number(candidate.reward, 2)} {MONEY}"
    if candidate.template is not None:
        return f"Message: {plain(candidate.template)}, from {candidate.send_after}"
    return "None (control group)" if candidate.arm == "control" else "None"


def _behaviour(code: str, settings: Settings) -> str | None:
    """`recent_login_count` is "login"; None when the code is not about a behaviour column."""
    column = code.removeprefix("recent_")
    known = code.startswith("recent_") and column in settings.columns.behaviours
    return plain(column.removesuffix("_count")) if known else None


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
