"""The page of an evaluation holds the numbers of its tables, and says what is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from jobs.common.settings import Settings
from jobs.report.evaluation_page import write_page
from jobs.report.evaluation_sections import TITLES, details_in_words
from tests.jobs.report.evaluation_rows import MODELS, Tables, evaluation, interval, write
from tests.jobs.report_rows import EVIL, Reader

HOSTILE = "</script><script>evil()</script>"
CELL = re.compile(r"<td[^>]*>(.*?)</td>")


def page(root: Path, settings: Settings, tables: Tables) -> str:
    """The page of these tables, without the plotting library."""
    write(root / "warehouse", tables)
    found = write_page(str(root / "warehouse"), settings, root / "report")
    assert found == root / "report" / "evaluation.html"
    return found.read_text(encoding="utf-8").replace(get_plotlyjs(), "")


def section(text: str, name: str) -> str:
    """The HTML of one section."""
    return text.split(f'<section id="{name}">')[1].split("</section>")[0]


def row(text: str, words: str) -> list[str]:
    """Cells of the model's row in the table of all models."""
    rows = section(text, "models").split("<tr>")[2:]
    found = [CELL.findall(each) for each in rows]
    return next(cells for cells in found if re.match(rf"(<b>)?{re.escape(words)}<", cells[0]))


def test_every_section_of_a_full_evaluation_is_drawn(settings: Settings, tmp_path: Path) -> None:
    text = page(tmp_path, settings, evaluation())
    for name in TITLES:
        assert 'class="missing"' not in section(text, name)
    for chart in ("cells", "scenarios", "ablations", "sensitivity", "new", "reliability", "trust", "cost"):
        assert f'id="chart-{chart}"' in text
    seen = Reader(text).text
    assert "Trained on 2026-01-01 to 2026-01-09 (5,000 rows); picked on 2026-01-17 (400 rows)" in seen
    assert "6 models, seeds 1, 2, 30 trainings tried for them, tuning included; those of the" in seen
    assert "Code version c0ffee" in seen
    assert "best of all models: M2M + persistence + LightGBM" in seen
    assert "best other model: LightGBM" in seen
    assert "+0.0200 NMAE M2M's lead over the best other; 95% interval [-0.0050, +0.0450], holds 0" in seen
    assert "weights, gmv: 0.75, 0.25" in seen


def test_bold_is_the_best_without_mixes_and_the_chip_the_best_of_all(
    settings: Settings, tmp_path: Path
) -> None:
    text = page(tmp_path, settings, evaluation())
    for place in range(1, 5):
        bold = [m for m in ("persistence", "LightGBM", "MMoE", "M2M", "M2M without both meta modules") if
                row(text, m)[place].startswith("<b>")]  # fmt: skip
        assert bold == ["M2M"]
        mixed = row(text, "M2M + persistence + LightGBM")[place]
        assert mixed.startswith('<span class="chip">best</span>')
        assert "<b>" not in mixed
    assert section(text, "models").count('<span class="chip">best</span>') == 4


def test_bold_and_chip_stand_together_where_no_mix_is_better(settings: Settings, tmp_path: Path) -> None:
    models = {**MODELS, "mmoe": ("baseline", 0.5)}
    text = page(tmp_path, settings, evaluation(models))
    assert row(text, "MMoE")[1].startswith('<span class="chip">best</span> <b>')
    assert "<b>" not in row(text, "M2M")[1]
    assert "best of all models: MMoE" in Reader(text).text


def test_a_row_holds_errors_spread_cost_and_the_coloured_difference(
    settings: Settings, tmp_path: Path
) -> None:
    tables = evaluation()
    known = tables["evaluation.comparisons"]
    known[:] = [r for r in known if r["rival"] != "mmoe"]
    worse = next(r for r in known if (r["rival"], r["estimate"]) == ("m2m_lightgbm", "mean"))
    worse.update(interval(-0.03))
    text = page(tmp_path, settings, tables)
    whole = [r for r in tables["evaluation.metrics"] if r["task"] == r["scenario_id"] == "all"]
    first, second = (r["nmae"] for r in whole if (r["model"], r["estimate"]) == ("persistence", "median"))
    cells = row(text, "persistence")
    assert cells[1] == f"{(first + second) / 2:.4f}<small>± {abs(first - second) / 2:.4f}</small>"
    assert cells[5:7] == ["15", "12,345"]
    assert cells[7].startswith('<span class="good">+0.1000 [+0.0750, +0.1250]</span>')
    mix = row(text, "M2M + persistence + LightGBM")[7]
    assert mix.startswith('<span class="">-0.0200 [-0.0450, +0.0050]</span>')
    assert mix.endswith('<small class="bad">-0.0300 [-0.0550, -0.0050]</small>')
    assert row(text, "MMoE")[7] == "–"  # noqa: RUF001


@pytest.mark.parametrize(
    ("table", "sections"),
    [
        ("evaluation.metrics", ["models", "cells", "scenarios", "ablations", "cost"]),
        ("evaluation.studies", ["sensitivity", "new"]),
        ("evaluation.runs", ["cost", "rules"]),
        ("evaluation.comparisons", []),
        ("evaluation.calibration", []),
    ],
)
def test_a_section_without_rows_says_so(
    settings: Settings, tmp_path: Path, table: str, sections: list[str]
) -> None:
    text = page(tmp_path, settings, {**evaluation(), table: []})
    for name in TITLES:
        assert ('<p class="missing">' in section(text, name)) == (name in sections), name
        assert ("plotly" in section(text, name) or "<table>" in section(text, name)) != (name in sections)


def test_what_the_headline_lacks_is_said(settings: Settings, tmp_path: Path) -> None:
    tables = {**evaluation(), "evaluation.runs": [], "evaluation.comparisons": []}
    seen = Reader(page(tmp_path, settings, tables)).text
    assert "The run table holds no run, so days, rows and number of trainings are unknown." in seen
    assert "M2M's lead over the best other model was not compared" in seen


def test_calibration_is_missing_without_steps_and_coverage(settings: Settings, tmp_path: Path) -> None:
    tables = {**evaluation(), "evaluation.calibration": []}
    for run in tables["evaluation.runs"]:
        run["interval_coverage"] = run["active_ece"] = None
    assert "No model with a distribution" in section(page(tmp_path, settings, tables), "calibration")


def test_an_evaluation_without_m2m_is_still_told(settings: Settings, tmp_path: Path) -> None:
    tables = evaluation()
    for name, rows in tables.items():
        tables[name] = [r for r in rows if r.get("model") != "m2m" and name != "evaluation.comparisons"]
    text = page(tmp_path, settings, tables)
    assert "M2M has no error by task and scenario." in section(text, "cells")
    assert "No ablation of M2M has been measured." in section(text, "ablations")
    assert row(text, "LightGBM")[7] == "–"  # noqa: RUF001


def test_runs_of_other_days_raise_an_alarm(settings: Settings, tmp_path: Path) -> None:
    tables = evaluation()
    assert 'class="alarm"' not in page(tmp_path / "one", settings, tables)
    tables["evaluation.runs"][0]["settings_version"] = "s2"
    assert "models measured on other data are not comparable" in page(tmp_path / "two", settings, tables)


def test_models_fitted_on_another_number_of_rows_raise_an_alarm(settings: Settings, tmp_path: Path) -> None:
    tables = evaluation()
    fitted = next(run for run in tables["evaluation.runs"] if run["kind"] == "baseline")
    fitted["train_rows"] = 4000
    assert "models measured on other data are not comparable" in page(tmp_path, settings, tables)


def test_a_warehouse_without_an_evaluation_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds none of evaluation\.metrics"):
        write_page(str(tmp_path), settings, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_hostile_names_are_words_on_the_page(settings: Settings, tmp_path: Path) -> None:
    models = {**MODELS, EVIL: ("baseline", 0.9), HOSTILE: (EVIL, 0.95)}
    tables = evaluation(models, ("feed", HOSTILE))
    for run in tables["evaluation.runs"]:
        run.update(details=HOSTILE, code_version=EVIL, settings_version=HOSTILE)
    for study in tables["evaluation.studies"]:
        study["setting"] = HOSTILE
    text = page(tmp_path, settings, tables)
    assert "<script>evil" not in text
    assert EVIL not in text
    seen = Reader(text)
    assert "img" not in seen.tags
    assert HOSTILE in seen.text
    assert EVIL in seen.text


def test_the_same_tables_give_the_same_bytes(settings: Settings, tmp_path: Path) -> None:
    tables = evaluation()
    first = page(tmp_path, settings, tables)
    assert page(tmp_path, settings, tables) == first
    turned = {name: rows[::-1] for name, rows in tables.items()}
    assert page(tmp_path / "turned", settings, turned) == first
    assert [file.name for file in (tmp_path / "report").iterdir()] == ["evaluation.html"]


def test_details_are_told_key_by_key() -> None:
    details = '{"point": {"scale": [1.0, 0.98765], "whole": true}, "window_days": 14, "none": null}'
    told = ["point, scale: 1, 0.9877", "point, whole: True", "window days: 14", "none: –"]  # noqa: RUF001
    assert details_in_words(details) == told
    assert details_in_words("not {json") == ["not {json"]
    assert details_in_words("{}") == details_in_words(None) == details_in_words("") == []
