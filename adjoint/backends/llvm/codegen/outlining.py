"""Elementary functions as functions of their own in the module of a kernel.

A call is compiled faster than what it calls, where a kernel has many of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.emitter import LLVMEmitter, Scalar
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.graph.loop_form import ZERO, Index
from adjoint.graph.node import Node


class ArgumentReader:
    """The loops of an outlined function, which has none: its inputs are its arguments."""

    def __init__(self, emitter: LLVMEmitter, given: dict[Node, Scalar]) -> None:
        self.e = emitter
        self.given = given

    def read(self, x: Node, index: Index) -> Scalar:
        return self.given[x]


def outlined_function(
    e: LLVMEmitter, x: Node, values: Sequence[Scalar], functions: dict[str, Any]
) -> Any:
    """The function of a pointwise node; `functions` are those that the module has already."""
    kinds = [v.value.type for v in values]
    repeated = [x.inputs.index(c) for c in x.inputs]  # x / x is not the function of x / y
    signature = f"{x.op.name}{x.params}{[v.dtype.str for v in values]}{repeated}{e.lanes}"
    function = functions.get(signature)
    if function is None:
        module = e.builder.module
        kind = ir.FunctionType(e.kind(x.dtype), kinds)
        function = ir.Function(module, kind, module.get_unique_name("elementary"))
        function.linkage = "internal"
        function.attributes.add("noinline")
        inner = IRBuilder(function.append_basic_block())
        arguments = map(Scalar, function.args, (v.dtype for v in values))
        given = dict(zip(x.inputs, arguments, strict=True))
        loops = ArgumentReader(LLVMEmitter(inner, contract=True, lanes=e.lanes), given)
        index = (ZERO,) * len(x.shape)
        inner.ret(x.op.lower(x, index, loops).value)  # type: ignore[arg-type]  # pointwise
        functions[signature] = function
    return function
