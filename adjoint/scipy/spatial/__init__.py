"""Counterparts of ``scipy.spatial``."""
