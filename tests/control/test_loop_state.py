"""Where the state of a native loop lies, and what the way back stacks: counted, not timed."""

import numpy as np
import pytest

import adjoint as ad

STEPS = {
    "before": lambda s, x: (s * 0.5 + x, s),
    "after": lambda s, x: ((y := s * 0.5 + x), y),
    "both": lambda s, x: ((y := s * 0.5 + x), (s, y)),
    "twice": lambda s, x: (s * 0.5 + x, (s, s)),
    "slice": lambda s, x: (x, s + x),
    "slice and before": lambda s, x: (x, (s, s + x)),
    "kept": lambda s, x: (s, (s, x)),
    "swapped": lambda s, x: ((s[1], s[0] + x), (s[0], s[1])),
    "one result twice": lambda s, x: (((y := s[0] + s[1] * x), y), (y, s[1])),
    "delay": lambda s, x: ((x, s[0]), s[1] * x),
}


def by_hand(step, state, xs, reverse):
    """The last state and the stacked ys, by NumPy."""
    ys = []
    for x in xs[::-1] if reverse else xs:
        state, y = step(state, x)
        ys.append(y if isinstance(y, tuple) else (y,))
    ys = ys[::-1] if reverse else ys
    last = state if isinstance(state, tuple) else (state,)
    return [*last, *[np.stack(y) for y in zip(*ys, strict=True)]]


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [3, 200])  # in registers, and in memory
def test_states_that_lie_in_a_stack_agree_with_a_python_loop(name, length, reverse, size):
    step = STEPS[name]
    rng = np.random.default_rng(length)
    xs = rng.uniform(1, 2, size=(length, size))  # nothing cancels
    pair = rng.uniform(1, 2, size=(2, size))
    state = tuple(pair) if name in ("swapped", "one result twice", "delay") else pair[0]

    def loop(state, xs):
        last, ys = ad.scan(step, state, xs, reverse=reverse)
        return [*(last if isinstance(last, tuple) else (last,))], [
            *(ys if isinstance(ys, tuple) else (ys,))
        ]

    compiled = ad.compile(loop)
    for _ in range(3):
        last, ys = compiled(state, xs)
    for got, expected in zip([*last, *ys], by_hand(step, state, xs, reverse), strict=True):
        np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-15)


@pytest.mark.parametrize("name", ["before", "after", "slice"])
def test_a_round_copies_no_state(name):
    compiled = ad.compile(lambda s, xs: ad.scan(STEPS[name], s, xs)[1])
    compiled(np.ones(200), np.ones((5, 200)))
    functions = compiled.text("llvm").split("\ndefine internal ")[1:]
    rounds = [x.split("\n}")[0] for x in functions if "@adjoint_graph" in x.split("\n")[0]]
    assert len(rounds) == 1 and "call void @adjoint_kernel" in rounds[0]
    assert "memcpy" not in rounds[0]


def steps_of(compiled, *args):
    """What the loops of a compiled function compute."""
    compiled(*args)
    rows = str(compiled.report()).splitlines()
    return [row for row in rows if row.startswith("scan")]


@pytest.mark.parametrize("size, loops_with_tanh", [(3, 1), (30, 2)])
def test_few_elementary_functions_are_stacked_and_many_computed_again(size, loops_with_tanh):
    def value(a, xs):
        first = np.eye(size)
        return ad.sum(ad.scan(lambda m, x: (ad.tanh(a @ m + x), None), first, xs)[0])

    args = np.eye(size) * 0.5, np.ones((4, size, size)) * 0.1
    rows = steps_of(ad.compile(ad.grad(value, (0, 1))), *args)
    assert len(rows) == 2
    assert sum("tanh" in row for row in rows) == loops_with_tanh


def test_a_state_is_stacked_once_though_the_way_back_reads_it_before_and_after_a_step():
    def value(a, xs):
        return ad.sum(ad.scan(lambda m, x: (ad.tanh(a @ m + x), None), np.eye(3), xs)[0])

    compiled = ad.compile(ad.grad(value))
    compiled(np.eye(3), np.zeros((100, 3, 3)))
    report = str(compiled.report())
    (line,) = [x for x in report.splitlines() if x.startswith("intermediate")]
    bytes_of = int(line.split()[2].replace(",", ""))
    assert bytes_of < 3 * 100 * 72 + 2000  # the states and two factors of the adjoint of `a`


@pytest.mark.parametrize("rounds", [0, 1, 63, 64, 65, 1087, 1088, 1089, 2113])
def test_ways_back_go_through_every_round(rounds):
    def value(x):
        return ad.while_loop(lambda s: s[0] < rounds, lambda s: (s[0] + 1, s[1] * x), (0, 1.0))[1]

    got = float(ad.grad(value)(1.0001))
    assert got == pytest.approx(rounds * 1.0001 ** (rounds - 1), rel=1e-12)


def test_a_matrix_is_transposed_once_before_the_loop_back():
    def value(w, xs):
        return ad.sum(ad.scan(lambda s, x: (ad.tanh(s @ w + x), None), np.ones((20, 30)), xs)[0])

    args = np.eye(30) * 0.5, np.ones((4, 20, 30)) * 0.1
    rows = steps_of(ad.compile(ad.grad(value, (0, 1))), *args)
    assert len(rows) == 2 and all("·" in row for row in rows)
    assert not any("ᵀ" in row for row in rows)
