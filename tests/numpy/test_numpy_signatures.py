"""Our signatures beside NumPy's, for every function that both have under the same name.

That every argument of NumPy's is there by name is the subject of `test_arguments`. Here: by
position, in NumPy's order, and with NumPy's defaults.
"""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from tests.numpy.numpy_names import shared_functions

pytestmark = pytest.mark.unit

BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
ENDS = {"out", "order", "subok", "like"}
"""What has no meaning for tensors; what NumPy takes by position behind it goes by name here."""
OUR_NAMES = {"a_min": "min", "a_max": "max"}  # NumPy 2 has both
BY_NAME = {
    "isin": "the array API has `invert` by name, and what NumPy has before it changes nothing",
    "argsort": "the array API has `descending` in the place of `kind`, which changes nothing",
    "sort": "the array API has `descending` in the place of `kind`, which changes nothing",
}
"""Functions that take fewer arguments by position than NumPy's, and why."""
OTHER_DEFAULTS = {
    ("argpartition", "kind"): "there is one algorithm, whatever it is called",
    ("partition", "kind"): "there is one algorithm, whatever it is called",
    ("argsort", "stable"): "True, the array API's, and of no effect: all sorts are stable",
    ("sort", "stable"): "True, the array API's, and of no effect: all sorts are stable",
    ("einsum", "optimize"): "the order is found once, not in each call",
    ("expand_dims", "axis"): "0, the array API's",
    ("eye", "dtype"): "None stands for float64",
    ("put_along_axis", "axis"): "-1, as that of take_along_axis",
    ("linalg.cross", "axis"): "None stands for -1, unless axisa, axisb or axisc is given",
}
"""Arguments with another default than NumPy's, and why."""

SHARED: dict[str, tuple[Any, Any]] = (
    shared_functions(ad, np)
    | shared_functions(ad.linalg, np.linalg, "linalg.")
    | shared_functions(ad.fft, np.fft, "fft.")
)


def parameters(function: Any) -> list[Parameter]:
    return list(signature(function).parameters.values())


def out_of_place(name: str) -> list[str]:
    """The arguments that NumPy takes by position and we do not, or elsewhere."""
    ours, theirs = SHARED[name]
    mine = [p for p in parameters(ours) if p.kind in BY_POSITION]
    if any(p.kind is Parameter.VAR_POSITIONAL for p in parameters(ours)):
        return []
    found = []
    for i, wanted in enumerate(p for p in parameters(theirs) if p.kind in BY_POSITION):
        if wanted.name in ENDS:
            break
        called = OUR_NAMES.get(wanted.name, wanted.name)
        is_array = i < len(mine) and (i == 0 or mine[i].kind is Parameter.POSITIONAL_ONLY)
        if not is_array and (i >= len(mine) or mine[i].name != called):
            found.append(wanted.name)
    return found


@pytest.mark.parametrize("name", [n for n in SHARED if n not in BY_NAME])
def test_arguments_go_by_position_as_in_numpy(name):
    assert not out_of_place(name)


@pytest.mark.parametrize("name", SHARED)
def test_defaults_are_numpys(name):
    ours, theirs = SHARED[name]
    mine = signature(ours).parameters
    other = [
        p.name
        for p in parameters(theirs)
        if p.name in mine
        and (name, p.name) not in OTHER_DEFAULTS
        and not means_the_same(mine[p.name].default, p.default)
    ]
    assert not other


def means_the_same(ours: Any, theirs: Any) -> bool:
    """Whether two defaults do; NumPy has an object for what the class of an array decides."""
    if theirs is np._NoValue:
        return ours is None or ours is True or ours is False
    return ours is theirs or bool(ours == theirs)


def test_every_exception_is_one():
    functions = [n for n in BY_NAME if not out_of_place(n)]
    defaults = [
        (name, argument)
        for name, argument in OTHER_DEFAULTS
        if means_the_same(*(signature(f).parameters[argument].default for f in SHARED[name]))
    ]
    assert not functions
    assert not defaults
