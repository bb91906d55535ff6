"""The figures of the import graph, which design note 14 quotes, are counted right."""

from __future__ import annotations

import pytest

from tools.import_graph import report

pytestmark = pytest.mark.unit

FILES = {
    "__init__": "",
    "errors": "",
    "ops/__init__": "",
    "ops/shape/__init__": "",
    "ops/shape/a": "from adjoint.errors import E\nfrom adjoint.errors import F",
    "ops/linalg/__init__": "",
    "ops/linalg/b": "from adjoint.ops.shape import a\n\n\ndef f():\n    import scipy",
    "ops/linalg/c": "from adjoint.ops.shape.a import g\nfrom adjoint.ops.linalg import b",
}


def test_a_small_package(tmp_path):
    for name, source in FILES.items():
        path = tmp_path / "adjoint" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    lines = report(tmp_path / "adjoint").splitlines()
    assert lines[2] == "| `adjoint` | 8 | 9 | 4 | 1 | 0 |"
    assert lines[3] == "| `adjoint.ops` | 6 | 9 | 3 | 2 | 1 |"
    assert lines[-3:] == [
        "circles of modules: 0",
        "imports inside functions: 1",
        "functions looked up by a known name: 0",
    ]
