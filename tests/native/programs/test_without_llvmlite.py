"""Without llvmlite compiled functions are computed by NumPy, and say so once."""

from __future__ import annotations

import pytest

from tests.native.running import python

pytestmark = pytest.mark.native


WITHOUT = """
    import sys, warnings
    sys.modules["llvmlite"] = None
    import numpy as np
    import adjoint as ad
"""


def test_without_llvmlite_compile_warns_once_and_works():
    code = (
        WITHOUT
        + """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        f = ad.compile(ad.value_and_grad(lambda p: ad.sum(ad.sin(p["w"]) * p["w"])))
        g = ad.compile(lambda x: x * 2.0)
    assert [w.category for w in caught] == [UserWarning], caught
    assert "pip install llvmlite" in str(caught[0].message), caught[0].message
    assert "<string>" in caught[0].filename, caught[0].filename
    for _ in range(3):
        value, slope = f({"w": np.ones(3)})
        assert abs(float(value) - 3 * np.sin(1.0)) < 1e-12
        assert abs(np.asarray(slope["w"]) - np.sin(1.0) - np.cos(1.0)).max() < 1e-12
    assert float(g(2)) == 4.0
    for text in (str(f.report()), f.text(), f.text("llvm"), f.text("assembly")):
        assert "llvmlite is not installed (pip install llvmlite)" in text, text
    assert "sin" in f.text("graph")
    with ad.options(native="always"):
        for _ in range(5):
            assert float(ad.sum(ad.sin(ad.ones(50)) * 2.0)) > 0
    print("fine")
    """
    )
    assert python(code) == "fine\n"


def test_without_llvmlite_and_with_never_nobody_is_warned():
    code = (
        WITHOUT
        + """
    warnings.simplefilter("error")
    ad.set_options(native="never")
    print(float(ad.compile(lambda x: x + 1.0)(1.0)))
    """
    )
    assert python(code) == "2.0\n"
