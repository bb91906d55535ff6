"""Run as a program: compile and run what the arguments name; print the results and what it cost.

The last line is JSON: the bytes of all results, in hexadecimal, how often LLVM was asked to
compile, and how often for each name.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

import adjoint as ad
from adjoint.backends.llvm.compile import jit

X = np.linspace(-2, 2, 40).reshape(8, 5)


def step(x: Any, w: Any) -> Any:
    """A loss with its gradients: kernels, a product, a call to NumPy."""

    def loss(x: Any, w: Any) -> Any:
        z = ad.tanh(x @ w)
        return ad.sum(ad.softmax(z, axis=1) * z) + ad.max(ad.sort(z, axis=0))

    return ad.value_and_grad(loss, (0, 1))(x, w)


def small(x: Any) -> Any:
    return ad.sin(x) * 2.0


PROGRAMS: dict[str, Any] = {
    "step": lambda: ad.compile(step)(X, X.T.copy()),
    "small": lambda: ad.compile(small)(X),
    "other shape": lambda: ad.compile(small)(X[:7]),
    "other dtype": lambda: ad.compile(small)(X.astype("float32")),
    "other constant": lambda: ad.compile(lambda x: ad.sin(x) * 0.5)(X),
    "held constant": lambda: ad.compile(lambda x: ad.sin(x) * 3.7)(X),
    "other order": lambda: ad.compile(lambda x: 2.0 * ad.sin(x))(X),
    "scalar": lambda: ad.compile(small)(0.5),
    "many": lambda: [ad.compile(lambda x, n=n: ad.sin(x) ** n)(X) for n in range(2, 8)],
}


def main(names: list[str]) -> None:
    compiled = []
    begin_compiling = jit.begin_compiling

    def spy(*args: Any, **kwargs: Any) -> jit.Compilation:
        compiled.append(args)
        return begin_compiling(*args, **kwargs)

    jit.begin_compiling = spy
    results: list[Any] = []

    def collect(x: Any) -> None:
        if isinstance(x, (tuple, list)):
            for part in x:
                collect(part)
        else:
            results.append(x.numpy().tobytes().hex())

    each = {}
    for name in names:
        before = len(compiled)
        collect(PROGRAMS[name]())
        each[name] = len(compiled) - before
    found = {"results": results, "compilations": len(compiled), "each": each}
    print(json.dumps({**found, "modules": sorted(sys.modules)}))


if __name__ == "__main__":
    main(sys.argv[1:])
