"""Devices (array API): there is one, the processor, and values live in its memory."""

from __future__ import annotations

from typing import Any

from adjoint.errors import RangeError

CPU = "cpu"


def check_device(name: str, device: Any) -> None:
    """Raise `RangeError` unless `device` is None or the processor."""
    if device is not None and device != CPU:
        raise RangeError(
            f'{name}: device must be "{CPU}" or None, got {device!r}; tensors live on the processor'
        )
