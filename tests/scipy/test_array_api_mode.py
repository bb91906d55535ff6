"""SciPy with tensors where it supports the array API standard: gradients, or an error; never wrong.

SciPy reads SCIPY_ARRAY_API when it is imported, so each way runs as a program of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scipy.array_api_more_calls import words

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]

RAISES = set(
    words("""
    cluster.hierarchy.average cluster.hierarchy.centroid cluster.hierarchy.complete
    cluster.hierarchy.cophenet cluster.hierarchy.fclusterdata cluster.hierarchy.inconsistent
    cluster.hierarchy.linkage cluster.hierarchy.median cluster.hierarchy.single
    cluster.hierarchy.ward cluster.hierarchy.weighted cluster.vq.kmeans cluster.vq.kmeans2
    cluster.vq.vq integrate.nsum interpolate.BPoly interpolate.NdBSpline
    interpolate.make_lsq_spline interpolate.make_smoothing_spline ndimage.vectorized_filter
    signal.cspline1d_eval signal.cspline2d signal.medfilt2d signal.qspline1d_eval
    special.cosdg special.cotdg special.radian special.sindg special.tandg
    stats.cramervonmises_2samp stats.ks_1samp stats.rankdata stats.wilcoxon
    """)
)
"""Compute in C with arrays, or have no derivative of use: an error of ours says what to do."""
RAISES_WITH_THE_STANDARD = set(
    words("""
    signal.bessel signal.bilinear signal.butter signal.cheby1 signal.cspline1d
    signal.deconvolve signal.ellip signal.gammatone signal.iirfilter signal.iirnotch
    signal.iirpeak signal.medfilt signal.order_filter signal.qspline1d signal.sosfilt_zi
    signal.sosfiltfilt signal.tf2sos signal.wiener signal.windows.chebwin
    signal.windows.general_hamming signal.windows.kaiser
    signal.windows.kaiser_bessel_derived signal.zpk2sos stats.ansari stats.levene
    """)
)
"""SciPy's own code is not traced where the variable is set, and computes these in C."""
REFUSED_BY_SCIPY = set(
    words("""
    interpolate.make_splrep signal.firls signal.firwin2 signal.freqs_zpk signal.remez
    stats.cramervonmises
    """)
)
"""SciPy itself brings in an array of NumPy's beside the tensor, and says that it will not mix."""
NEEDS_THE_STANDARD = set(
    words("""
    differentiate.derivative differentiate.jacobian integrate.tanhsinh stats.brunnermunzel
    stats.chatterjeexi stats.spearmanrho
    """)
)
"""Neither have a counterpart nor are traced as written: an error of ours says what to do."""
NOT_CALLED = set(
    words("""
    RigidTransform.__iter__ RigidTransform.__setitem__ RigidTransform.from_components
    RigidTransform.from_rotation RigidTransform.identity Rotation.__iter__ Rotation.__repr__
    Rotation.__setitem__ Rotation.approx_equal Rotation.as_euler Rotation.as_mrp
    Rotation.as_quat Rotation.as_rotvec Slerp.__call__ Slerp.__init__ barthann besselap
    binary_closing binary_dilation binary_erosion binary_fill_holes binary_hit_or_miss
    binary_opening binary_propagation blackman blackmanharris bode bohman bootstrap boxcar
    buttap buttord cheb1ap cheb1ord cheb2ap cheb2ord cheby2 choose_conv_method correspond cosine
    dendrogram distance_transform_bf distance_transform_cdt ellipap ellipord fcluster fftfreq
    find_objects flattop from_mlab_linkage gammasgn generate_knots generic_filter1d
    generic_gradient_magnitude generic_laplace get_window hamming hann hessian histogram iircomb
    iirdesign impulse is_isomorphic is_monotonic is_valid_im is_valid_linkage iterate_structure
    label lanczos leaders leaves_list make_splprep maxRstat maxdists maximum_position
    maxinconsts minimum_position monte_carlo_test normalize_dual_quaternion num_obs_linkage
    nuttall optimal_leaf_ordering parzen permutation_test place_poles power qmc_quad rfftfreq
    savgol_coeffs sosfreqz taylor to_mlab_linkage to_tree triang value_indices watershed_ift
    """)
)
"""Take no floating array that could be differentiated, return none, or draw at random."""
CURES = ("adjoint.stop_gradient", "no counterpart on tensors", "hold '")


def outcomes(**environment: str) -> dict[str, str]:
    others = {k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.scipy.array_api_calls"],
        cwd=ROOT,
        env=others | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def check(found: dict[str, str], may_raise: set[str]) -> None:
    wrong = {k: v for k, v in found.items() if v.startswith("wrong")}
    assert not wrong
    failed = {k: v for k, v in found.items() if v != "gradient"}
    assert not failed.keys() - may_raise
    without_cure = {
        k: v
        for k, v in failed.items()
        if k not in REFUSED_BY_SCIPY and not any(cure in v for cure in CURES)
    }
    assert not without_cure


def test_with_the_standard_gradients_flow_or_an_error_says_what_to_do():
    found = outcomes(SCIPY_ARRAY_API="1")
    check(found, RAISES | RAISES_WITH_THE_STANDARD | REFUSED_BY_SCIPY)
    assert sum(v == "gradient" for v in found.values()) >= 338


def test_without_it_gradients_flow_or_an_error_says_what_to_do():
    found = outcomes()
    check(found, RAISES | REFUSED_BY_SCIPY | NEEDS_THE_STANDARD)
    assert sum(v == "gradient" for v in found.values()) >= 363


LISTING = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module("scipy." + name)
from scipy._lib._array_api import xp_capabilities_table as table
print(json.dumps(sorted({
    function.__qualname__ for function, can in table.items()
    if not can["np_only"] and not can["out_of_scope"]
})))
"""
MODULES = words("""
    cluster.hierarchy cluster.vq constants differentiate fft integrate interpolate linalg
    ndimage optimize signal signal.windows spatial spatial.distance spatial.transform special
    stats
    """)


def test_every_function_of_the_standard_is_called_or_there_is_a_reason():
    pytest.importorskip("scipy", minversion="1.17")
    done = subprocess.run(
        [sys.executable, "-c", LISTING, *MODULES],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    from tests.scipy.array_api_calls import ALL_CASES

    known = {name.rpartition(".")[2] for name in ALL_CASES} | ALL_CASES.keys() | NOT_CALLED
    supported = [n for n in json.loads(done.stdout) if not n.startswith("_")]
    missing = [n for n in supported if n not in known and n.rpartition(".")[2] not in known]
    assert not missing
