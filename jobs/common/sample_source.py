"""features.samples as a source of training rows: Parquet files of one Delta version, read piece by piece with Arrow.

A piece is a row group of a file, or a part of a large one. The list of pieces is small and travels to loader and
training processes; each opens the files it needs itself. Credentials of object stores come from the environment, as
delta-rs reads them.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from numpy.typing import NDArray

from jobs.common.model_inputs import as_text, columns_read, samples_of_arrow
from m2m import FeatureSpec, Samples

KEYS = ("advertiser_id", "scenario_id")
# Parts of a row group are decoded from its start; build_samples writes row groups of about this size.
PIECE_ROWS = 32_768
_SHARES = 1_000_000


@dataclass(frozen=True)
class Piece:
    """Rows start..stop of one row group of one file. path: below the table's root."""

    path: str
    ds: date
    row_group: int
    start: int
    stop: int


@dataclass(frozen=True)
class DeltaSamples:
    """Labelled samples of some days (`m2m.SampleSource`). kept: millionths of the rows that are read, by a fixed rule
    on the key, so that a rerun reads the same ones."""

    uri: str
    version: int
    pieces: tuple[Piece, ...]
    spec: FeatureSpec
    kept: int = _SHARES

    @classmethod
    def open(
        cls, uri: str, start_ds: date, end_ds: date, spec: FeatureSpec, max_rows: int | None = None
    ) -> DeltaSamples:
        """The newest version of the table at `uri`, as-of days start_ds..end_ds; thinned to about `max_rows`.

        Raises ValueError when there is no table, or when it lacks a column that `spec` names.
        """
        try:
            table = DeltaTable(uri)
        except TableNotFoundError as error:
            raise ValueError(f"there is no table at {uri}; run build_samples first") from error
        _check_columns(table, spec)
        files = [
            (str(row["path"]), row["partition.ds"])
            for row in pa.table(table.get_add_actions(flatten=True)).to_pylist()
            if start_ds <= row["partition.ds"] <= end_ds
        ]
        pieces = tuple(piece for path, ds in sorted(files) for piece in _pieces_of(uri, path, ds))
        rows = sum(piece.stop - piece.start for piece in pieces)
        kept = _SHARES if max_rows is None or rows <= max_rows else max(1, max_rows * _SHARES // rows)
        return cls(uri, table.version(), pieces, spec, kept)

    @property
    def kept_share(self) -> float:
        """Share of the rows that are read."""
        return self.kept / _SHARES

    @property
    def piece_rows(self) -> list[int]:
        """Rows of each piece, about these when they are thinned."""
        return [-(-(piece.stop - piece.start) * self.kept // _SHARES) for piece in self.pieces]

    @property
    def piece_files(self) -> list[str]:
        """The file of each piece."""
        return [piece.path for piece in self.pieces]

    @property
    def fingerprint(self) -> str:
        """Names of the files, which never change once written, and what is read of them."""
        return hashlib.sha256(repr((self.uri, self.pieces, self.kept)).encode()).hexdigest()

    def read(self, piece: int) -> Samples:
        """The rows of one piece, in the order of the file."""
        spec = self.spec
        table = self._table(piece, columns_of(spec))
        samples = samples_of_arrow(table, self.pieces[piece].ds, spec)
        samples.labels = _labels(table, spec)
        return samples

    def labels(self, piece: int) -> NDArray[np.float64]:
        """The labels [N, m] of one piece alone."""
        return _labels(self._table(piece, [f"label_{task}" for task in self.spec.tasks]), self.spec)

    def keys(self, piece: int) -> Mapping[str, NDArray[Any]]:
        """advertiser_id, scenario_id and ds of one piece."""
        table = self._table(piece, KEYS)
        days = np.full(table.num_rows, str(self.pieces[piece].ds))
        return {**{name: as_text(table.column(name)) for name in KEYS}, "ds": days}

    def _table(self, index: int, columns: Iterable[str]) -> pa.Table:
        piece, thinned = self.pieces[index], self.kept < _SHARES
        wanted = sorted({*columns, *(KEYS if thinned else ())})
        with _file_system(self.uri).open_input_file(piece.path) as file:
            table = _read_rows(pq.ParquetFile(file, pre_buffer=False), piece, wanted)
        return table.filter(pa.array(_chosen(table, piece.ds, self.kept))) if thinned else table


def columns_of(spec: FeatureSpec) -> list[str]:
    """The columns of features.samples that training reads."""
    labels = [f"label_{task}" for task in spec.tasks]
    return [*columns_read(spec), *labels]


def delta_uri(path: str) -> str:
    """A Spark path as delta-rs spells it."""
    return "s3://" + path.removeprefix("s3a://") if path.startswith("s3a://") else path


def _check_columns(table: DeltaTable, spec: FeatureSpec) -> None:
    found = {field.name for field in table.schema().fields}
    missing = [name for name in columns_of(spec) if name not in found]
    if missing:
        raise ValueError(f"table {table.table_uri} lacks {missing}; run build_samples with these settings")


@lru_cache(maxsize=8)
def _file_system(uri: str) -> pafs.FileSystem:
    return pafs.PyFileSystem(DeltaStorageHandler(uri))


def _pieces_of(uri: str, path: str, ds: date) -> list[Piece]:
    with _file_system(uri).open_input_file(path) as file:
        metadata = pq.ParquetFile(file).metadata
        groups = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    return [
        Piece(path, ds, index, start, min(start + PIECE_ROWS, rows))
        for index, rows in enumerate(groups)
        for start in range(0, rows, PIECE_ROWS)
    ]


def _read_rows(file: pq.ParquetFile, piece: Piece, columns: list[str]) -> pa.Table:
    """Rows start..stop of the row group; no more of it than that is held at once."""
    if piece.start == 0 and piece.stop == file.metadata.row_group(piece.row_group).num_rows:
        return file.read_row_group(piece.row_group, columns=columns, use_threads=False)
    found, at = [], 0
    batches = file.iter_batches(4096, row_groups=[piece.row_group], columns=columns, use_threads=False)
    for batch in batches:
        first, last = max(piece.start - at, 0), min(piece.stop - at, batch.num_rows)
        if first < last:
            found.append(batch.slice(first, last - first))
        at += batch.num_rows
        if at >= piece.stop:
            break
    return pa.Table.from_batches(found)


def _chosen(table: pa.Table, ds: date, kept: int) -> NDArray[np.bool_]:
    keys = zip(*(table.column(name).to_pylist() for name in KEYS), strict=True)
    # CRC-32 is the same everywhere and for ever, and mixes short texts well enough for a share.
    places = [zlib.crc32(f"{advertiser}|{scenario}|{ds}".encode()) % _SHARES for advertiser, scenario in keys]
    return np.asarray(places, dtype=np.int64) < kept


def _labels(table: pa.Table, spec: FeatureSpec) -> NDArray[np.float64]:
    return np.column_stack([_numbers(table, f"label_{task}") for task in spec.tasks])


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(table.column(name).to_numpy(), dtype=np.float64)
