"""What programs have in common: they are called, or entered, by native code that takes all steps.

Floor 6. A program that was found on disk needs no more than this, so nothing is imported here that
writes code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from adjoint.backends.llvm.entry import entry
from adjoint.backends.llvm.program.native_code import Array, Failed, NativeCode
from adjoint.backends.llvm.system.caching_allocator import empty
from adjoint.graph.node import Node
from adjoint.graph.types import DType, Shape
from adjoint.schedule.donation import Donations, Reuse

Allocate: TypeAlias = Callable[[Shape, DType], Array]
"""Makes an array that kernels will write."""


class NativeProgram:
    """What can be called with arrays, and entered from Python, once it has native code.

    `weak` says which inputs are Python numbers, `tree` how the outputs are put together: an index
    or a tuple of trees, or None if Python code does that.
    """

    failed = Failed
    without_native_entry = entry.reason
    reuse = Reuse(is_sure=False, inputs={})
    """What it makes of donated inputs."""
    serves_other_sizes = False
    """Whether plans for other sizes are compared with it."""
    is_without_new_code = False
    """Whether making it took no more than planning."""

    def __init__(
        self,
        inputs: Sequence[Node],
        outputs: Sequence[Node],
        weak: Sequence[bool],
        tree: entry.Tree | None,
    ) -> None:
        self.inputs = [entry.Input(n.dtype, n.shape, w) for n, w in zip(inputs, weak, strict=True)]
        self.outputs = [entry.Output(n.dtype, n.shape) for n in outputs]
        self.output_nodes = outputs
        self.tree = tree
        self.native: NativeCode | None = None

    @property
    def is_stepwise(self) -> bool:
        """Whether the steps are still taken from Python, as the program was hardly ever called."""
        return False

    def native_code(self) -> NativeCode:
        """The native code, made now if it was not."""
        raise NotImplementedError

    @property
    def is_long(self) -> bool:
        """Whether the program runs so long, without Python, that other threads should run too."""
        raise NotImplementedError

    def run(self, arrays: Sequence[Array], into: Mapping[int, Array] | None = None) -> list[Array]:
        """The outputs for contiguous input arrays of the right dtypes and shapes.

        into: for some outputs, by number, the arrays to write them to. Raises `Failed` if a check
        failed: then the interpreter knows how to say what is wrong.
        """
        native = self.native_code()
        outputs = output_arrays(self.output_nodes, into)
        native.run(arrays, outputs)
        return outputs

    def bind(
        self,
        name: str,
        slow: Callable[..., Any],
        unflatten: Any,
        donations: Donations | None = None,
    ) -> Callable[..., Any]:
        """The built-in that runs the native code; calls that do not fit go to `slow`."""
        if not entry.available:
            return slow
        native = self.native_code()
        return entry.bind_entry(
            native.loaded.address("adjoint_body"),
            self.inputs,
            self.outputs,
            self.tree if self.tree is not None else (),
            name,
            "",
            slow,
            unflatten if self.tree is None else None,
            self,
            donations,
            self.is_long,
        )


def output_arrays(
    outputs: Sequence[Node], into: Mapping[int, Array] | None, allocate: Allocate = empty
) -> list[Array]:
    """An array for each output: the one given, or a fresh one."""
    given = into or {}
    return [given[i] if i in given else allocate(n.shape, n.dtype) for i, n in enumerate(outputs)]


def checks_memory() -> bool:
    """Whether the environment says that programs check their use of memory."""
    return os.environ.get("ADJOINT_DEBUG_MEMORY", "0") not in ("", "0")
