from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import m2m


def imported(module: str) -> set[str]:
    """Top-level packages in a fresh process that imported `module`."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_imports_neither_spark_nor_pandas() -> None:
    assert not {"pyspark", "pandas", "pyarrow", "airflow"} & imported("m2m.explain")


def test_captum_and_its_pictures_come_with_explanations_only() -> None:
    heavy = {"captum", "matplotlib", "sklearn", "scipy"}
    assert not heavy & imported("m2m")
    assert "captum" in imported("m2m.explain")


def test_the_three_names_of_the_library() -> None:
    from m2m import M2M, Bundle, Trainer

    assert {M2M.__module__, Bundle.__module__, Trainer.__module__} == {
        "m2m.model",
        "m2m.bundle",
        "m2m.training.trainer",
    }


def test_types_are_shipped() -> None:
    assert m2m.__file__ is not None
    package = Path(m2m.__file__).parent
    assert (package / "py.typed").is_file()
    settings = tomllib.loads((package.parent / "pyproject.toml").read_text())["tool"]
    assert settings["setuptools"]["package-data"]["m2m"] == ["py.typed"]
    assert settings["mypy"]["strict"] and "m2m" in settings["mypy"]["files"]
    loose = [
        part
        for part in settings["mypy"].get("overrides", [])
        if any("m2m" in name for name in part["module"])
    ]
    assert loose == []


def test_everything_named_is_there() -> None:
    assert all(hasattr(m2m, name) for name in m2m.__all__)


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("discretiser", "section 4.1.1"),
        ("sequence_embedding", "section 4.1.1"),
        ("transformer", "equations 2-5"),
        ("experts", "equation 6"),
        ("task_views", "equation 7"),
        ("scenario_knowledge", "equation 8"),
        ("meta_unit", "equations 9-13"),
        ("meta_attention", "equations 14-16"),
        ("meta_tower", "equations 17 and 18"),
        ("losses", "equations 19 and 20"),
        ("metrics", "equations 21 and 22"),
    ],
)
def test_each_part_of_the_paper_is_a_module_with_equations_and_letters(part: str, names: str) -> None:
    explained = importlib.import_module(f"m2m.{part}").__doc__
    assert explained is not None and names in explained and "\nLetters: " in explained
