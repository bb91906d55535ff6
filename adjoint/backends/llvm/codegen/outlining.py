"""Elementary functions as functions of their own in the module of a kernel.

A call is compiled faster than what it calls, where a kernel has many of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.registers import Scalar, pair_type, scalar_in
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
    """The function of a pointwise node; `functions` are those that the module has already. It takes
    the registers of its inputs, and returns a struct if it has two itself."""
    kinds = [r.type for v in values for r in v.registers]
    repeated = [x.inputs.index(c) for c in x.inputs]  # x / x is not the function of x / y
    signature = f"{x.op.name}{x.params}{[v.dtype.str for v in values]}{repeated}{e.lanes}"
    function = functions.get(signature)
    if function is None:
        module = e.builder.module
        result = pair_type(e.kind(x.dtype)) if x.dtype.kind == "c" else e.kind(x.dtype)
        kind = ir.FunctionType(result, kinds)
        function = ir.Function(module, kind, module.get_unique_name("elementary"))
        function.linkage = "internal"
        function.attributes.add("noinline")
        inner = IRBuilder(function.append_basic_block())
        rest = iter(function.args)
        arguments = [scalar_in([next(rest) for _ in v.registers], v.dtype) for v in values]
        given = dict(zip(x.inputs, arguments, strict=True))
        loops = ArgumentReader(LLVMEmitter(inner, contract=True, lanes=e.lanes), given)
        index = (ZERO,) * len(x.shape)
        found = x.op.lower(x, index, loops)  # type: ignore[arg-type]  # pointwise
        if len(found.registers) > 1:
            both = ir.Constant(result, ir.Undefined)
            for i, register in enumerate(found.registers):
                both = inner.insert_value(both, register, i)
            inner.ret(both)
        else:
            inner.ret(found.value)
        functions[signature] = function
    return function


def call_outlined(e: LLVMEmitter, x: Node, function: Any, values: Sequence[Scalar]) -> Scalar:
    """What the function of a node returns."""
    result = e.builder.call(function, [r for v in values for r in v.registers])
    if x.dtype.kind != "c":
        return Scalar(result, x.dtype)
    return scalar_in([e.builder.extract_value(result, i) for i in range(2)], x.dtype)
