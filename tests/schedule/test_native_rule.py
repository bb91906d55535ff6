"""What is counted of native rules: the cost of an operation, which is stated nowhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import AdjointError
from adjoint.graph.leaf import variable_node
from adjoint.graph.native_rule import CALL, FLOAT_DIVISION, cost, has_rule, is_elementary
from adjoint.graph.node import Node, Scope
from adjoint.graph.op import OPS
from adjoint.graph.types import DType
from adjoint.ops.family.elementwise import _KINDS
from adjoint.schedule.fuse import RECOMPUTE, REPEATED

pytestmark = pytest.mark.unit

DTYPES = tuple(map(np.dtype, ("float64", "float32", "float16", "int64", "bool", "complex128")))


def node_of(name: str, dtype: DType, params: tuple[Any, ...] = ()) -> Node:
    op: Any = OPS[name]
    scope = Scope(abstract=True)
    inputs = tuple(variable_node(None, (3,), dtype, scope) for _ in op.partials)
    return Node(op, inputs, params, *op.infer(*inputs, *params))


@pytest.mark.parametrize("name", ["add", "fmax", "rint", "isnan", "sign", "square", "maximum"])
def test_a_few_instructions_are_cheap(name: str) -> None:
    assert 1 <= cost(node_of(name, np.dtype(float))) <= REPEATED


@pytest.mark.parametrize("name", ["bitwise_and", "bitwise_left_shift", "logical_not"])
def test_bits_are_cheap(name: str) -> None:
    assert cost(node_of(name, np.dtype(np.int64))) <= RECOMPUTE


@pytest.mark.parametrize("name", ["divide", "sqrt", "reciprocal"])
def test_a_division_is_cheap_once(name: str) -> None:
    assert REPEATED < cost(node_of(name, np.dtype(float))) == FLOAT_DIVISION <= RECOMPUTE


@pytest.mark.parametrize("name", ["exp", "exp2", "log", "sin", "tanh", "erf", "gammaln", "fmod"])
def test_elementary_functions_are_expensive(name: str) -> None:
    assert is_elementary(node_of(name, np.dtype(float)))


def test_moving_elements_costs_nothing_and_a_step_of_a_sum_little() -> None:
    x = ad.asarray(np.ones((3, 4)))
    for moved in (x.T, x[1:], ad.broadcast_to(x, (2, 3, 4)), ad.concat([x, x]), ad.take(x, [0])):
        assert cost(moved.node) == 0, moved.node
    assert cost(ad.sum(x, axis=0).node) == cost(ad.max(x, axis=0).node) == 1


ELEMENTWISE = [name for name, op in OPS.items() if hasattr(op, "partials")]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_elementwise_operation_has_a_cost_in_every_dtype(name: str) -> None:
    op: Any = OPS[name]
    for dtype in (dtype for dtype in DTYPES if dtype.kind in _KINDS[op.accepts]):
        for params in op.samples:
            if dtype.kind in "ib" and any(p % 1 for p in params if isinstance(p, float)):
                continue  # x ** 2.5 converts integers before
            try:
                node = node_of(name, dtype, params)
            except (AdjointError, ValueError):
                continue  # it does not take this dtype
            assert cost(node) >= 0 if has_rule(node) else cost(node) == CALL
