"""A loop around one scalar function, compiled for this machine: what the native engine does, small.

Where the function has a slow path, the loop works in strips: a vector loop, which also asks whether
an argument needs it, and only then a branching loop over the same strip.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.registers import Scalar, llvm_type

STRIP = 512
INDEX = ir.IntType(64)


@dataclass
class Kernel:
    """A compiled loop: call it with arrays."""

    address: int
    inputs: tuple[np.dtype[Any], ...]
    output: np.dtype[Any]
    ir: str
    keep: Any  # the engine owns the code

    def __call__(self, *arrays: Any, out: np.ndarray[Any, Any] | None = None) -> Any:
        columns = [np.ascontiguousarray(a, d) for a, d in zip(arrays, self.inputs, strict=True)]
        if out is None:
            out = np.empty(columns[0].shape, self.output)
        assert all(c.shape == out.shape for c in columns)
        kind = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * (len(columns) + 1))
        kind(self.address)(out.size, out.ctypes.data, *[c.ctypes.data for c in columns])
        return out

    @property
    def triple(self) -> str:
        return str(llvm.get_default_triple())

    @property
    def vectorised(self) -> bool:
        """Whether the loop works on vectors: every such function has an fma or a root."""
        return bool(re.search(r"<\d+ x (?:float|double)> @llvm\.(?:fma|sqrt)", self.ir))


def target_machine(cpu: str = "", features: str = "") -> Any:
    """A fresh one: the engine that compiles with it keeps it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    if not cpu:
        cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=cpu, features=features, opt=3, jit=True)


def build(
    function: Callable[..., Scalar],
    *inputs: Any,
    contract: bool = False,
    cpu: str = "",
    features: str = "",
) -> Kernel:
    """Compile `function(emitter, x, …)` in a loop over arrays of the dtypes `inputs`."""
    dtypes = tuple(np.dtype(d) for d in inputs)
    module = ir.Module("kernel")
    module.triple = llvm.get_default_triple()
    output = _write(module, function, dtypes, contract)
    machine = target_machine(cpu, features)
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    text = str(parsed)
    engine = llvm.create_mcjit_compiler(parsed, machine)
    engine.finalize_object()
    address = engine.get_function_address("kernel")
    return Kernel(address, dtypes, output, text, engine)


def _write(module: Any, function: Any, dtypes: Sequence[np.dtype[Any]], contract: bool) -> Any:
    """Write the kernel into the module; return the dtype of what it computes."""
    kind = ir.FunctionType(ir.VoidType(), [INDEX] + [ir.PointerType()] * (len(dtypes) + 1))
    kernel = ir.Function(module, kind, "kernel")
    for argument in kernel.args[1:]:
        argument.add_attribute("noalias")
    builder = ir.IRBuilder(kernel.append_basic_block())
    size, target, *sources = kernel.args
    result: list[np.dtype[Any]] = []

    def element(index: Any, emitter: LLVMEmitter) -> None:
        arguments = [_load(builder, p, index, d) for p, d in zip(sources, dtypes, strict=True)]
        value = function(emitter, *arguments)
        result.append(value.dtype)
        _store(builder, target, index, value)

    with _loop(builder, INDEX(0), size, STRIP, empty=True) as start:
        end = builder.add(start, INDEX(STRIP))
        end = builder.select(builder.icmp_signed("<", end, size), end, size)
        conditions: list[Any] = []
        met = None
        head = builder.block
        with _loop(builder, start, end, 1) as index:
            element(index, LLVMEmitter(builder, contract, conditions))
            if conditions:
                bits = conditions[0]
                for condition in conditions[1:]:
                    bits = builder.or_(bits, condition)
                with builder.goto_block(index.parent):
                    builder.position_after(index)
                    met = builder.phi(ir.IntType(1))
                met.add_incoming(ir.IntType(1)(0), head)
                once = builder.or_(met, bits)
                met.add_incoming(once, builder.block)
        if met is not None:
            with builder.if_then(once, likely=False), _loop(builder, start, end, 1) as index:
                element(index, LLVMEmitter(builder, contract))
    builder.ret_void()
    return result[0]


@contextmanager
def _loop(builder: Any, start: Any, end: Any, step: int, empty: bool = False) -> Iterator[Any]:
    """A loop, perhaps `empty`, else of at least one iteration; gives its index."""
    head, body = builder.block, builder.append_basic_block("body")
    after = builder.append_basic_block("after")
    if empty:
        builder.cbranch(builder.icmp_signed("<", start, end), body, after)
    else:
        builder.branch(body)
    builder.position_at_end(body)
    index = builder.phi(INDEX)
    index.add_incoming(start, head)
    yield index
    following = builder.add(index, INDEX(step), flags=("nsw",))
    index.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, end), body, after)
    builder.position_at_end(after)


def _memory_type(dtype: np.dtype[Any]) -> Any:
    return ir.IntType(8) if dtype.kind == "b" else llvm_type(dtype)


def _load(builder: Any, pointer: Any, index: Any, dtype: np.dtype[Any]) -> Scalar:
    kind = _memory_type(dtype)
    value = builder.load(builder.gep(pointer, [index], source_etype=kind), typ=kind)
    value.align = dtype.itemsize
    if dtype.kind == "b":
        value = builder.trunc(value, ir.IntType(1))
    return Scalar(value, dtype)


def _store(builder: Any, pointer: Any, index: Any, scalar: Scalar) -> None:
    kind, value = _memory_type(scalar.dtype), scalar.value
    if scalar.dtype.kind == "b":
        value = builder.zext(value, kind)
    builder.store(value, builder.gep(pointer, [index], source_etype=kind), scalar.dtype.itemsize)
