"""Keeps every table small and quick to read: old days deleted, small files put together, dead files removed.

--start-ds .. --end-ds are the closed days whose small files are put together; retention (maintenance.keep_days) counts
back from --end-ds. The newest published day and everything after it stays, whatever the settings say. No row of a kept
day changes. Safe at any moment and beside the daily jobs; a table that others keep writing is left for next time.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from jobs.common.ddl import CONSUMER_TABLES
from jobs.common.job import JobContext, run_job
from jobs.common.publication import PUBLISHED_DAYS
from jobs.common.tables import TABLES, row_orders
from jobs.common.upkeep import delete_days_before, has_days, pack_files, rewrite_in_order, table_size, vacuum
from jobs.common.warehouse import CONFLICTS

MB = 2**20
CHECKPOINTS = ("train_model-*", "evaluation/*")


def maintain(context: JobContext) -> None:
    """Every table that exists, one after another, then what runs left for a rerun that never came."""
    tables = [table for table in TABLES if context.warehouse.exists(table)]
    first_kept = {table: day for table in tables if (day := first_kept_day(context, table)) is not None}
    hide_days_to_be_deleted(context, first_kept)
    for table in tables:
        try:
            maintain_table(context, table, first_kept.get(table))
        except CONFLICTS as error:
            reason = str(error).splitlines()[0]
            print(
                f"table_maintenance: {table}: left for next time, others write it: {reason}", file=sys.stderr
            )
    removed = remove_old_checkpoints(context.warehouse.root, context.settings.maintenance.vacuum_hours)
    print(f"table_maintenance: checkpoints: {removed} removed", file=sys.stderr)


def first_kept_day(context: JobContext, table: str) -> date | None:
    """Retention of a table: the oldest day that stays, None when all do.

    A day after the newest one of the table counts as that one, so that a mistyped --end-ds cannot empty it.
    """
    keep = context.settings.keep_days(table)
    newest = context.warehouse.newest_day(table) if keep is not None else None
    if keep is None or newest is None:
        return None
    first = min(context.end_ds, newest) - timedelta(days=keep - 1)
    published = _newest_published_day(context)
    return min(first, published) if published else first


def hide_days_to_be_deleted(context: JobContext, first_kept: dict[str, date]) -> None:
    """A day that loses rows of a consumer table is not a published day any more, and that before it loses them."""
    first = [day for table, day in first_kept.items() if table in CONSUMER_TABLES]
    if first and context.warehouse.exists(PUBLISHED_DAYS):
        delete_days_before(context.warehouse, PUBLISHED_DAYS, max(first))


def maintain_table(context: JobContext, table: str, first_kept: date | None) -> None:
    """Retention, compaction of the range, vacuum; prints what became of files, bytes and days."""
    warehouse, limits = context.warehouse, context.settings.maintenance
    before = table_size(warehouse, table)
    deleted = delete_days_before(warehouse, table, first_kept) if first_kept else 0
    compact(context, table)
    after = table_size(warehouse, table)
    freed = vacuum(warehouse, table, limits.vacuum_hours)
    print(
        f"table_maintenance: {table}: {before.files:,} -> {after.files:,} files, "
        f"{before.bytes / MB:,.2f} -> {after.bytes / MB:,.2f} MB, {deleted} days deleted, "
        f"{freed / MB:,.2f} MB vacuumed",
        file=sys.stderr,
    )


def compact(context: JobContext, table: str) -> None:
    """Put small files together; where the order of rows is a promise, by sorting them again."""
    target_bytes = context.settings.maintenance.target_file_mb * MB
    days = (context.start_ds, context.end_ds)
    order = row_orders(context.settings.knowledge_columns).get(table)
    if order is not None:
        rewrite_in_order(context.warehouse, table, days, order, target_bytes)
    else:
        pack_files(
            context.warehouse, table, days if has_days(context.warehouse, table) else None, target_bytes
        )


def remove_old_checkpoints(root: str, hours: int) -> int:
    """Remove what trainings left in a local warehouse and nobody touched for `hours`; how many there were."""
    if "://" in root:
        return 0
    oldest = time.time() - hours * 3600
    found = [entry for pattern in CHECKPOINTS for entry in (Path(root) / "checkpoints").glob(pattern)]
    left = [entry for entry in found if entry.stat().st_mtime < oldest]
    for entry in left:
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return len(left)


def _newest_published_day(context: JobContext) -> date | None:
    warehouse = context.warehouse
    return warehouse.newest_day(PUBLISHED_DAYS) if warehouse.exists(PUBLISHED_DAYS) else None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit status."""
    return run_job("table_maintenance", maintain, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
