"""Quantities as people read them."""

from __future__ import annotations

BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def bytes_in_words(count: int) -> str:
    """`12.1 MB`: decimal units, one digit behind the point from kB on."""
    value, place = float(count), 0
    # What would be rounded to 1000.0 belongs to the next unit.
    while value >= 999.95 and place < len(BYTE_UNITS) - 1:
        value, place = value / 1000, place + 1
    return f"{value:.1f} {BYTE_UNITS[place]}" if place else f"{count} B"
