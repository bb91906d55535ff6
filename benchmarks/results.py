"""Measured results, kept as JSON beside the benchmarks: one file for each row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import machine

FOLDER = Path(__file__).parent / "results"


def save(name: str, figures: dict[str, Any]) -> None:
    """Keep what was measured of a row, with the machine and the day."""
    FOLDER.mkdir(exist_ok=True)
    record = {"machine": machine(), "day": datetime.now(UTC).date().isoformat(), **figures}
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def load(name: str) -> dict[str, Any] | None:
    """What was measured of a row; None if it never was."""
    try:
        record: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    return record
