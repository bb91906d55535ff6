"""Which native rules leave rare arguments aside: what is heard is what LLVM's emitter meets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from llvmlite import ir

from adjoint.backends.llvm.codegen.element import Given
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter, Scalar, llvm_type
from adjoint.errors import AdjointError
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.op import OPS
from adjoint.graph.types import DType
from adjoint.schedule.slow_path import is_rare

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
                    meets_rare(node)
                    found.append(node)
            except (AdjointError, ValueError):  # it does not take this dtype
                continue
    return found


def node_of(op: Any, params: tuple[Any, ...], dtypes: Sequence[DType]) -> Node:
    scope = Scope(abstract=True)
    inputs = tuple(variable_node(None, (), dtype, scope) for dtype in dtypes)
    return Node(op, inputs, params, *op.infer(*inputs, *params))


def meets_rare(node: Node) -> bool:
    """Whether LLVM's emitter collects a condition when it writes the rule of a node."""
    kinds = [llvm_type(x.dtype) for x in node.inputs]
    function = ir.Function(ir.Module(), ir.FunctionType(llvm_type(node.dtype), kinds), "f")
    arguments = [Scalar(v, x.dtype) for v, x in zip(function.args, node.inputs, strict=True)]
    met: list[Any] = []
    emitter = LLVMEmitter(ir.IRBuilder(function.append_basic_block()), rare_conditions=met)
    loops: Any = Given(emitter, dict(zip(node.inputs, arguments, strict=True)))
    node.op.lower(node, (), loops)
    return bool(met)


ELEMENTWISE = [name for name, op in OPS.items() if hasattr(op, "partials") and nodes(op)]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_listening_hears_what_the_emitter_meets(name):
    for node in nodes(OPS[name]):
        assert is_rare(node) == meets_rare(node), node


def test_some_operations_have_rare_arguments_and_most_have_not():
    rare = {name for name in ELEMENTWISE if any(map(is_rare, nodes(OPS[name])))}
    assert {"sin", "cos", "tan", "gammaln", "digamma"} <= rare
    assert not {"exp", "tanh", "add", "where"} & rare
    assert len(ELEMENTWISE) > 80
