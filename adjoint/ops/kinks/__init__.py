"""Derivatives where a function has a kink: smooth forms, slopes, higher orders."""
