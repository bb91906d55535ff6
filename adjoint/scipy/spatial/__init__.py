"""Counterparts of ``scipy.spatial``."""

from __future__ import annotations

from adjoint.scipy.spatial import distance

__all__ = ["distance"]
