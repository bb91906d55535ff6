"""The functions declared for those below the operations are there, and are what users call."""

from __future__ import annotations

import pytest

import adjoint as ad
from adjoint.graph import calls
from adjoint.graph.op import FUNCTIONS, public, public_storage

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", sorted(calls.DECLARED))
def test_every_declared_call_is_bound_once_the_library_is_imported(name):
    assert callable(vars(calls).get(name)), f"nobody binds adjoint.graph.calls.{name}"


@pytest.mark.parametrize("name", sorted(calls.DECLARED & FUNCTIONS.keys()))
def test_a_call_is_the_function_that_users_call_by_its_name(name):
    assert getattr(calls, name) is FUNCTIONS[name]


def test_operators_call_what_users_call():
    x = ad.asarray([1.0, 4.0])
    assert (x / 2).node.op is ad.divide(x, 2).node.op
    assert (2 - x).node.op is ad.subtract(2, x).node.op
    assert calls.namespace() is ad


def test_what_is_not_declared_cannot_be_bound():
    def undeclared() -> None: ...

    with pytest.raises(NameError, match="declares no 'undeclared'"):
        calls.bind(undeclared)
    assert not hasattr(calls, "undeclared")


def test_what_users_call_need_not_be_declared(monkeypatch):
    def undeclared() -> None: ...

    monkeypatch.setitem(FUNCTIONS, "undeclared", None)  # and so out again at the end
    assert public_storage(undeclared) is undeclared is FUNCTIONS["undeclared"]
    assert public(undeclared).__wrapped__ is undeclared
    assert not hasattr(calls, "undeclared")
