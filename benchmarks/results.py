"""Measured results, kept as JSON beside the benchmarks: a folder for each processor, in it a file
for each row."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import machine, processor

FOLDER = Path(__file__).parent / "results"


def save(name: str, figures: dict[str, Any]) -> None:
    """Keep what was measured of a row on this processor, with the machine and the day."""
    place = FOLDER / slug(processor())
    place.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine(), "day": datetime.now(UTC).date().isoformat(), **figures}
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (place / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def slug(name: str) -> str:
    """The name of a processor as that of a folder: "AMD EPYC" is amd-epyc."""
    plain = re.sub(r"\((R|TM)\)|@.*|\b(CPU|Processor)\b", " ", name, flags=re.IGNORECASE)
    return "-".join(re.findall(r"[a-z0-9]+", plain.lower())) or "unknown"


def processors() -> list[str]:
    """The folders that there are, by name."""
    return sorted(place.name for place in FOLDER.iterdir() if place.is_dir())


def load(name: str, place: str) -> dict[str, Any] | None:
    """What was measured of a row on a processor, given as its folder; None if it never was."""
    try:
        record: dict[str, Any] = json.loads((FOLDER / place / f"{name}.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    return record
