"""Tests of the interactive pages. A package, as there are other files called conftest."""
