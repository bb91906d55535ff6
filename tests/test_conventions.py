"""The table of conventions says what is so, and the documentation shows the same table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.conventions import RULES, TABLE, WIDTHS, markdown

pytestmark = pytest.mark.unit

DOCS = Path(__file__).resolve().parent.parent / "docs"


def summed(f):
    """The gradient of the sum of what `f` returns, as the examples write it: G(f)(x)."""
    return lambda x: ad.grad(lambda y: ad.sum(f(y)))(np.array(x))


@pytest.mark.filterwarnings("ignore::adjoint.errors.KinkWarning")  # some lines say nan
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.function} at {row.at}")
def test_what_the_table_says_is_what_is_returned(row):
    got = np.atleast_1d(np.asarray(eval(row.example, {"ad": ad, "np": np, "G": summed})))
    expected = np.array([complex(number) for number in row.derivative.split(", ")])
    np.testing.assert_allclose(got, expected, rtol=1e-15)


def test_the_documentation_shows_this_table():
    assert markdown() in (DOCS / "conventions.md").read_text("utf-8")


def test_the_whole_table_fits_on_a_terminal(capsys):
    ad.conventions()
    text = capsys.readouterr().out
    assert text.startswith(RULES)
    assert max(map(len, text.splitlines())) <= sum(WIDTHS) + len(WIDTHS)
    assert len(text.splitlines()) > len(TABLE)


def test_a_part_of_the_table(capsys):
    ad.conventions("sort")
    assert "equal elements keep their order" in capsys.readouterr().out
    with pytest.raises(ad.errors.UnknownNameError, match="no line mentions 'fourier'"):
        ad.conventions("fourier")
