"""Which native rules have a slow path: what the schedule finds is what LLVM's emitter is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from llvmlite import ir

from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.outlining import ArgumentReader
from adjoint.backends.llvm.codegen.registers import Scalar, llvm_type
from adjoint.errors import AdjointError
from adjoint.graph.leaf import variable_node
from adjoint.graph.native_rule import has_slow_path
from adjoint.graph.node import Node, Scope
from adjoint.graph.op import OPS
from adjoint.graph.types import DType

pytestmark = pytest.mark.native


def nodes(op: Any) -> list[Node]:
    """A node for each sample of an elementwise operation, of floats, integers and bools."""
    found = []
    for name in ("float64", "float32", "int64", "bool"):
        dtypes = [np.dtype(name)] * len(op.partials)
        for params in op.samples:
            try:
                node = node_of(op, params, dtypes)
                if op.lowers(node):
                    asks_for_slow_path(node)
                    found.append(node)
            except (AdjointError, ValueError):  # it does not take this dtype
                continue
    return found


def node_of(op: Any, params: tuple[Any, ...], dtypes: Sequence[DType]) -> Node:
    scope = Scope(abstract=True)
    inputs = tuple(variable_node(None, (), dtype, scope) for dtype in dtypes)
    return Node(op, inputs, params, *op.infer(*inputs, *params))


def asks_for_slow_path(node: Node) -> bool:
    """Whether LLVM's emitter collects a condition when it writes the rule of a node."""
    kinds = [llvm_type(x.dtype) for x in node.inputs]
    function = ir.Function(ir.Module(), ir.FunctionType(llvm_type(node.dtype), kinds), "f")
    arguments = [Scalar(v, x.dtype) for v, x in zip(function.args, node.inputs, strict=True)]
    met: list[Any] = []
    emitter = LLVMEmitter(ir.IRBuilder(function.append_basic_block()), slow_conditions=met)
    loops: Any = ArgumentReader(emitter, dict(zip(node.inputs, arguments, strict=True)))
    node.op.lower(node, (), loops)
    return bool(met)


ELEMENTWISE = [name for name, op in OPS.items() if hasattr(op, "partials") and nodes(op)]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_schedule_finds_the_slow_paths_that_the_emitter_writes(name):
    for node in nodes(OPS[name]):
        assert has_slow_path(node) == asks_for_slow_path(node), node


def test_some_operations_have_a_slow_path_and_most_have_none():
    slow = {name for name in ELEMENTWISE if any(map(has_slow_path, nodes(OPS[name])))}
    assert {"sin", "cos", "tan", "gammaln", "digamma"} <= slow
    assert not {"exp", "tanh", "add", "where"} & slow
    assert len(ELEMENTWISE) > 80
