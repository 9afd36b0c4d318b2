from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from m2m import Bundle, BundleError, Scorer, Trainer
from m2m.bundle import FORMAT_VERSION, JSON_FILE, WEIGHTS_FILE, _spell
from tests.m2m.conftest import QUICK
from tests.m2m.world import SPEC, make_samples


@pytest.fixture(scope="module")
def other_folder(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model of the same shape."""
    folder = tmp_path_factory.mktemp("other")
    Trainer(SPEC, tiny_bundle.model_config, QUICK).fit(make_samples(60, 7), make_samples(40, 8)).save(folder)
    return folder


def edit(folder: Path, change: dict[str, object], drop: str | None = None) -> None:
    """Change entries and write the JSON the way a bundle does, with the old SHA-256."""
    plain = json.loads((folder / JSON_FILE).read_text())
    plain.update(change)
    plain.pop(drop, None) if drop else None
    (folder / JSON_FILE).write_bytes(_spell(plain))


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


def test_two_hundred_changes_of_a_byte_and_cuts_are_all_refused(folder: Path) -> None:
    generator = np.random.default_rng(0)
    whole = {name: (folder / name).read_bytes() for name in (JSON_FILE, WEIGHTS_FILE)}
    for trial in range(200):
        name = (JSON_FILE, WEIGHTS_FILE)[trial % 2]
        content = bytearray(whole[name])
        place = int(generator.integers(len(content)))
        if trial % 5 == 0:
            content = content[:place]
        elif trial % 5 == 1:
            content[place:place] = bytes([int(generator.integers(256))])
        else:
            content[place] = (content[place] + int(generator.integers(1, 256))) % 256
        (folder / name).write_bytes(bytes(content))
        with pytest.raises(BundleError):
            Bundle.load(folder)
        (folder / name).write_bytes(whole[name])
    Bundle.load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace(b": ", b":  ", 1), r"from byte \d+ \(line 2\) on"),
        (lambda text: text.rstrip(b"\n"), "was changed"),
        (lambda text: text + b"\n", "was changed"),
        (lambda text: text.replace(b"\n", b"\r\n"), "was changed"),
        (lambda text: json.dumps(json.loads(text)).encode(), "was changed"),
        (
            lambda text: text.replace(b'"code_version"', b'"code_version": "9", "code_version"', 1),
            "was changed",
        ),
        (lambda text: text.replace(b'"code_', b'"\\u0063ode_', 1), "was changed"),
        (lambda text: text.replace(b'"seed": 3', b'"seed": 1e999'), "was changed"),
    ],
)
def test_the_same_json_spelt_otherwise_is_refused(
    folder: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    text = (folder / JSON_FILE).read_bytes()
    assert change(text) != text
    (folder / JSON_FILE).write_bytes(change(text))
    with pytest.raises(BundleError, match=message):
        Bundle.load(folder)


@pytest.mark.parametrize("name", [JSON_FILE, WEIGHTS_FILE])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name} cannot be read"):
        Bundle.load(folder)


@pytest.mark.parametrize("name", [JSON_FILE, WEIGHTS_FILE])
def test_a_folder_in_place_of_a_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(BundleError, match=f"{name} cannot be read"):
        Bundle.load(folder)


def test_places_that_are_no_folder_are_refused(folder: Path) -> None:
    for place in (folder / JSON_FILE, folder / "nowhere", "a\0b"):
        with pytest.raises(BundleError, match="cannot be read"):
            Bundle.load(place)


def test_files_of_two_bundles_do_not_mix(folder: Path, other_folder: Path) -> None:
    for name in (JSON_FILE, WEIGHTS_FILE):
        kept = (folder / name).read_bytes()
        shutil.copyfile(other_folder / name, folder / name)
        with pytest.raises(BundleError, match="was changed: its SHA-256"):
            Bundle.load(folder)
        (folder / name).write_bytes(kept)
    Bundle.load(folder)


def test_newer_format_is_told_before_anything_else(folder: Path) -> None:
    edit(folder, {"format_version": FORMAT_VERSION + 1, "new_entry": 1})
    with pytest.raises(BundleError, match="format version is 5, this code reads 4: a newer version"):
        Bundle.load(folder)


def test_older_format_asks_for_training(folder: Path) -> None:
    edit(folder, {"format_version": 1}, drop="metrics")
    with pytest.raises(BundleError, match=r"format version is 1, .* older, train again"):
        Bundle.load(folder)


@pytest.mark.parametrize("version", [0, -1, True, "2", 2.0, None, [2]])
def test_format_versions_that_are_none(folder: Path, version: object) -> None:
    edit(folder, {"format_version": version})
    with pytest.raises(BundleError, match="format version is"):
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


def die_at(step: int, bundle: Bundle, target: Path) -> None:
    """Save, and be killed before the `step`-th opening or renaming of a file."""
    events = itertools.count()

    def watch(event: str, _: tuple[object, ...]) -> None:
        if event in ("open", "os.rename") and next(events) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    bundle.save(target)


@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_a_killed_save_never_leaves_a_mixture(
    folder: Path, other_folder: Path, tmp_path: Path, step: int
) -> None:
    before, after = Bundle.load(folder), Bundle.load(other_folder)
    assert before.sha256 != after.sha256
    for kept in (None, before):
        target = tmp_path / f"target{kept is None}"
        if kept is not None:
            kept.save(target)
        child = multiprocessing.get_context("fork").Process(target=die_at, args=(step, after, target))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        if kept is not None and step < 2:  # neither file has its name yet
            assert Bundle.load(target).sha256 == before.sha256
        else:
            with pytest.raises(BundleError):
                Bundle.load(target)
        # The JSON is what makes a folder a bundle, so it comes last.
        assert kept is not None or not (target / JSON_FILE).exists()
        after.save(target)
        assert sorted(path.name for path in target.iterdir()) == [JSON_FILE, WEIGHTS_FILE]
        assert Bundle.load(target).sha256 == after.sha256


def test_the_json_tells_what_the_model_is(tiny_bundle: Bundle, folder: Path) -> None:
    plain = json.loads((folder / JSON_FILE).read_text())
    assert plain["model_config"] == tiny_bundle.model_config.to_dict()
    assert plain["training_config"]["seed"] == QUICK.seed
    assert plain["spec"]["behaviours"] == list(SPEC.behaviours)
    assert plain["spec"]["performance"] == list(SPEC.performance)
    assert len(plain["encoder"]["bin_edges"]["edges"]) == len(SPEC.sequence_columns)
    assert list(plain["task_scales"]) == sorted(SPEC.tasks)
    assert plain["training_days"] == {"first": "2026-01-01", "last": "2026-01-09", "count": 9}
    assert plain["metrics"]["valid_nmae"] == tiny_bundle.metrics["valid_nmae"]
    assert (plain["code_version"], plain["sha256"]) == (tiny_bundle.code_version, tiny_bundle.sha256)


def test_missing_columns_are_named(tiny_bundle: Bundle) -> None:
    columns = [*SPEC.sequence_columns, *SPEC.knowledge, "ds"]
    tiny_bundle.require_columns(columns)
    with pytest.raises(BundleError, match=r"\['bid_edit_count', 'scenario_id'\] are missing"):
        tiny_bundle.require_columns([c for c in columns if c not in ("bid_edit_count", "scenario_id")])
