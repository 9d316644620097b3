"""`lexgrad cache`: where compiled code is kept, how much there is, and removing it."""

from __future__ import annotations

from lexgrad.cache import clear, folder, held
from lexgrad.cli.output import Output


def run_cache(remove: bool, output: Output) -> None:
    """Print the folder, the number of objects and their bytes; remove them first where that is asked for."""
    place = folder()
    count, size = clear() if remove else held()
    where = "nowhere: LEXGRAD_CACHE is off" if place is None else str(place)
    output.report(
        f"{'removed from' if remove else 'compiled code is kept in'} {where}: {count} objects, {size / 1e6:.1f} MB"
    )
    output.result({"folder": None if place is None else str(place), "objects": count, "bytes": size})
