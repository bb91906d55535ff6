"""lstm: the loss of a recurrent network on a sequence, and its gradient by all parameters.

`loss` is one scan over the sequence; `loss_by_a_loop` is the same as a Python loop.
"""

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


def predicted(main: Any, extra: Any, states: list[Any], x: Any) -> tuple[list[Any], Any]:
    """The states of all layers after an element of the sequence, and log-odds of the next one."""
    layers, width = main.shape[0] // 2, x.shape[0]
    tables = ad.reshape(main, (layers, 2, 4, width))
    x = x * extra[0]
    after = []
    for i in range(layers):
        hidden, memory = cell(tables[i, 0], tables[i, 1], x, *states[i])
        after.append((hidden, memory))
        x = hidden
    y = x * extra[1] + extra[2]
    return after, y - ad.log(2.0 + ad.sum(ad.exp(y)))


def layered(state: Any) -> list[Any]:
    """The rows of a state as one pair of hidden state and memory for each layer."""
    return [(state[i], state[i + 1]) for i in range(0, state.shape[0], 2)]


def loss(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
    """The mean cross-entropy of predicting each element of the sequence from those before."""

    def step(states: Any, pair: Any) -> Any:
        x, following = pair
        states, y = predicted(main, extra, states, x)
        return states, ad.sum(following * y)

    terms = ad.scan(step, layered(ad.asarray(state)), (sequence[:-1], sequence[1:]))[1]
    return -ad.sum(terms) / sequence[1:].size


def loss_by_a_loop(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
    """As `loss`, as a Python loop over the sequence."""
    states = layered(state)
    total = 0.0
    for t in range(len(sequence) - 1):
        states, y = predicted(main, extra, states, sequence[t])
        total = total + ad.sum(sequence[t + 1] * y)
    return -total / sequence[1:].size


def make(given: Any, loss: Any = loss) -> Any:
    """The loss, and its gradient by the main and the extra parameters."""
    args = [given[name] for name in ("main_params", "extra_params", "state", "sequence")]
    primal, gradient = ad.compile(loss), ad.compile(ad.grad(loss, argnums=(0, 1)))
    return {"primal": (lambda: primal(*args), flat), "derivative": (lambda: gradient(*args), flat)}
