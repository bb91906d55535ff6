"""Elementwise functions that are composed of the operations."""
