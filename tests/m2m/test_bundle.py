from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from m2m import Bundle, BundleError, Scorer
from m2m.bundle import JSON_FILE, WEIGHTS_FILE
from tests.m2m.world import SPEC, make_samples


@pytest.fixture
def folder(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    tiny_bundle.save(tmp_path / "model")
    return tmp_path / "model"


def edit(folder: Path, change: dict[str, object], drop: str | None = None) -> None:
    plain = json.loads((folder / JSON_FILE).read_text())
    plain.update(change)
    plain.pop(drop, None) if drop else None
    (folder / JSON_FILE).write_text(json.dumps(plain))


def test_comes_back_the_same(tiny_bundle: Bundle, folder: Path) -> None:
    loaded = Bundle.load(folder, expected_sha256=tiny_bundle.sha256)
    assert loaded.sha256 == tiny_bundle.sha256
    assert (loaded.spec, loaded.model_config) == (tiny_bundle.spec, tiny_bundle.model_config)
    assert loaded.metrics == dict(tiny_bundle.metrics)
    assert loaded.recalibration == tiny_bundle.recalibration and loaded.recalibration.whole_tasks
    samples = make_samples(50, seed=5)
    np.testing.assert_array_equal(
        Scorer(loaded).predict(samples).mean, Scorer(tiny_bundle).predict(samples).mean
    )


def test_saving_again_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    Bundle.load(folder).save(tmp_path / "again")
    for name in (JSON_FILE, WEIGHTS_FILE):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_every_kind_of_change_is_refused(folder: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for trial in range(60):
        name = (JSON_FILE, WEIGHTS_FILE)[trial % 2]
        broken = tmp_path / f"broken{trial}"
        shutil.copytree(folder, broken)
        content = bytearray((folder / name).read_bytes())
        place = int(generator.integers(len(content) - 1))
        if trial % 3 == 0:
            content = content[:place]
        else:
            content[place] = (content[place] + int(generator.integers(1, 255))) % 256
        (broken / name).write_bytes(bytes(content))
        if name == JSON_FILE and _same_json(broken, folder):
            continue
        with pytest.raises(BundleError):
            Bundle.load(broken)


def _same_json(one: Path, other: Path) -> bool:
    """White space between entries may change: what the file says is the same."""
    try:
        return bool(json.loads((one / JSON_FILE).read_text()) == json.loads((other / JSON_FILE).read_text()))
    except ValueError:
        return False


@pytest.mark.parametrize("name", [JSON_FILE, WEIGHTS_FILE])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name} cannot be read"):
        Bundle.load(folder)


def test_newer_format_is_told_before_anything_else(folder: Path) -> None:
    edit(folder, {"format_version": 2, "new_entry": 1})
    with pytest.raises(BundleError, match="format version is 2, this code reads 1"):
        Bundle.load(folder)


def test_missing_entry_is_told(folder: Path) -> None:
    edit(folder, {}, drop="task_scales")
    with pytest.raises(BundleError, match="task_scales"):
        Bundle.load(folder)


def test_changed_setting_is_refused(folder: Path) -> None:
    edit(folder, {"task_scales": dict.fromkeys(SPEC.tasks, 1.0)})
    with pytest.raises(BundleError, match="was changed"):
        Bundle.load(folder)


def test_another_model_than_expected_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match="expected 0000"):
        Bundle.load(folder, expected_sha256="0000")


def test_well_signed_nonsense_is_refused(tiny_bundle: Bundle, folder: Path) -> None:
    plain = json.loads((folder / JSON_FILE).read_text())
    del plain["spec"]["tasks"]
    from m2m.bundle import _sha256

    del plain["sha256"]
    plain["sha256"] = _sha256(plain, (folder / WEIGHTS_FILE).read_bytes())
    (folder / JSON_FILE).write_text(json.dumps(plain))
    with pytest.raises(BundleError, match="does not fit this code"):
        Bundle.load(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format_version": NaN}', "[" * 100_000])
def test_files_that_are_no_bundle(folder: Path, text: str) -> None:
    (folder / JSON_FILE).write_text(text)
    with pytest.raises(BundleError):
        Bundle.load(folder)


def test_missing_columns_are_named(tiny_bundle: Bundle) -> None:
    columns = [*SPEC.sequence_columns, *SPEC.knowledge, "ds"]
    tiny_bundle.require_columns(columns)
    with pytest.raises(BundleError, match=r"\['bid_edit_count', 'scenario_id'\] are missing"):
        tiny_bundle.require_columns([c for c in columns if c not in ("bid_edit_count", "scenario_id")])
