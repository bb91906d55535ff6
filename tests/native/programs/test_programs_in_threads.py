"""Threads that evaluate graphs of one structure, with other numbers in them, at the same time."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends import tiering
from adjoint.backends.availability import missing
from adjoint.backends.graph_signature import GraphSignature
from adjoint.backends.interpreter import pending_order
from adjoint.backends.native_variant import NativeVariant
from tests.threads import in_threads

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
ONES = np.ones(5)


def seen(number):
    """A graph with a number in it that is written into code, and what is known of its structure."""
    result = ad.asarray(ONES) * number + 1.0
    order = pending_order([result.node])
    return result, order, GraphSignature(order)


def test_a_program_answers_only_for_the_numbers_that_are_written_into_it():
    """Between two steps of one thread another one sees the structure with another number."""
    one, order, signature = seen(3.0)
    variant = NativeVariant(signature.referenced(signature.uses()), 0.0)
    literals = variant.keep_unchanged(signature.leaves)
    _, _, other = seen(4.0)
    others = variant.keep_unchanged(other.leaves)
    assert len(others) == len(literals) - 1
    variant.compile(order, signature, literals)
    assert not variant.run(other, others)
    assert variant.run(signature, literals)
    assert one.node.value.tolist() == [4.0] * 5


def test_threads_with_other_numbers_in_equal_graphs():
    wrong = []
    barrier = threading.Barrier(4)

    def work(first):
        barrier.wait()
        with ad.options(native="always"):
            for k in range(first, first + 12):
                number = k % 7 + 1

                def f(x, number=number):
                    return np.sum(np.sin(x)) * number

                found = [
                    np.asarray(ad.broadcast_to(ad.asarray(1.0), (5,)) * number * 1.0),
                    ad.grad(f)(ONES).numpy() / np.cos(1.0),
                    ad.compile(ad.grad(f))(ONES).numpy() / np.cos(1.0),
                ]
                wrong.extend((k, x) for x in found if not np.allclose(x, number))

    tiering.clear()
    in_threads(work, range(0, 12, 3))
    assert not wrong
