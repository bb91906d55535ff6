"""lstm: the loss of a recurrent network on a sequence, and its gradient by all parameters."""

from __future__ import annotations

from typing import Any

import adjoint as ad
from benchmarks.gradbench.forms import flat


def cell(weights: Any, biases: Any, x: Any, hidden: Any, memory: Any) -> tuple[Any, Any]:
    """The hidden state and the memory after input x; everything acts element by element."""
    forget = ad.special.expit(x * weights[0] + biases[0])
    write = ad.special.expit(hidden * weights[1] + biases[1])
    read = ad.special.expit(x * weights[2] + biases[2])
    change = ad.tanh(hidden * weights[3] + biases[3])
    memory = memory * forget + write * change
    return read * ad.tanh(memory), memory


def loss(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
    """The mean cross-entropy of predicting each element of the sequence from those before."""
    steps, width = sequence.shape
    layers = main.shape[0] // 2
    tables = ad.reshape(main, (layers, 2, 4, width))
    states = [(state[2 * i], state[2 * i + 1]) for i in range(layers)]
    total = 0.0
    for t in range(steps - 1):
        x = sequence[t] * extra[0]
        for i in range(layers):
            hidden, memory = cell(tables[i, 0], tables[i, 1], x, *states[i])
            states[i] = hidden, memory
            x = hidden
        y = x * extra[1] + extra[2]
        y = y - ad.log(2.0 + ad.sum(ad.exp(y)))
        total = total + ad.sum(sequence[t + 1] * y)
    return -total / ((steps - 1) * width)


def make(given: Any) -> Any:
    """The loss, and its gradient by the main and the extra parameters."""
    args = [given[name] for name in ("main_params", "extra_params", "state", "sequence")]
    primal, gradient = ad.compile(loss), ad.compile(ad.grad(loss, argnums=(0, 1)))
    return {"primal": (lambda: primal(*args), flat), "derivative": (lambda: gradient(*args), flat)}
