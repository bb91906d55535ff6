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
    interpolate.make_lsq_spline interpolate.make_smoothing_spline interpolate.BPoly
    interpolate.RBFInterpolator ndimage.maximum_filter ndimage.maximum_filter1d
    ndimage.minimum_filter ndimage.minimum_filter1d ndimage.median_filter
    ndimage.percentile_filter ndimage.rank_filter ndimage.fourier_gaussian ndimage.fourier_shift
    ndimage.fourier_uniform ndimage.center_of_mass ndimage.extrema ndimage.maximum
    ndimage.minimum ndimage.mean ndimage.median ndimage.standard_deviation ndimage.variance
    ndimage.sum ndimage.grey_closing ndimage.grey_opening ndimage.grey_dilation
    ndimage.grey_erosion ndimage.black_tophat ndimage.white_tophat
    ndimage.morphological_gradient signal.deconvolve signal.sosfiltfilt signal.medfilt
    signal.medfilt2d signal.order_filter signal.resample_poly signal.wiener signal.cspline1d
    signal.qspline1d signal.bilinear stats.rankdata stats.f_oneway stats.levene special.expn
    special.zeta special.lpmv special.bdtr special.nbdtr special.radian special.cosdg
    special.cotdg special.ellipk special.ellipkm1 special.sindg special.spence special.tandg
    special.zetac special.chdtri special.fdtri special.gdtr special.gdtrc special.hyp1f1
    cluster.vq.vq cluster.vq.kmeans2 cluster.hierarchy.linkage cluster.hierarchy.cophenet
    cluster.hierarchy.single cluster.hierarchy.complete cluster.hierarchy.average
    cluster.hierarchy.weighted cluster.hierarchy.centroid cluster.hierarchy.median
    cluster.hierarchy.ward cluster.hierarchy.fclusterdata cluster.hierarchy.inconsistent
    cluster.vq.kmeans integrate.nsum interpolate.NdBSpline ndimage.generic_filter
    ndimage.vectorized_filter ndimage.fourier_ellipsoid ndimage.geometric_transform
    ndimage.morphological_laplace signal.butter signal.cheby1 signal.ellip signal.bessel
    signal.iirfilter signal.iirnotch signal.iirpeak signal.sosfilt_zi signal.tf2sos
    signal.zpk2sos signal.cspline1d_eval signal.qspline1d_eval signal.cspline2d signal.gammatone
    signal.windows.general_hamming signal.windows.kaiser signal.windows.kaiser_bessel_derived
    signal.windows.chebwin special.bdtrc special.bdtri special.nbdtrc special.nbdtri
    special.pdtri stats.cramervonmises_2samp stats.mannwhitneyu stats.ansari stats.wilcoxon
    stats.ks_1samp
    """)
)
"""Compute in C with arrays, or have no derivative of use: an error of ours says what to do."""
REFUSED_BY_SCIPY = set(
    words("""
    ndimage.sum_labels interpolate.make_splrep ndimage.labeled_comprehension signal.freqs_zpk
    signal.firwin2 signal.firls signal.remez stats.cramervonmises
    """)
)
"""SciPy itself brings in an array of NumPy's beside the tensor, and says that it will not mix."""
NEEDS_THE_STANDARD = set(
    words("""
    constants.convert_temperature constants.lambda2nu constants.nu2lambda optimize.rosen
    optimize.rosen_der optimize.rosen_hess optimize.rosen_hess_prod differentiate.derivative
    integrate.tanhsinh linalg.orthogonal_procrustes linalg.fiedler signal.envelope
    signal.hilbert2 signal.lfiltic signal.gauss_spline signal.freqz signal.freqs signal.zpk2tf
    signal.tf2zpk signal.lp2lp signal.abcd_normalize signal.vectorstrength signal.minimum_phase
    signal.windows.general_cosine Rotation.from_quat Rotation.from_rotvec Rotation.from_matrix
    Rotation.from_euler Rotation.from_mrp Rotation.apply Rotation.inv Rotation.magnitude
    Rotation.mean Rotation.__mul__ Slerp RigidTransform stats.tmean stats.tvar stats.tmin
    stats.tmax stats.tstd stats.tsem stats.kstat stats.kstatvar stats.gzscore stats.iqr
    stats.circmean stats.circvar stats.circstd stats.differential_entropy stats.lmoment
    stats.quantile stats.trim_mean stats.yeojohnson_llf stats.directional_stats stats.describe
    stats.spearmanrho stats.skewtest stats.kurtosistest stats.normaltest stats.jarque_bera
    stats.ttest_1samp stats.ttest_ind stats.ttest_rel stats.ttest_ind_from_stats stats.bartlett
    stats.power_divergence stats.chisquare stats.combine_pvalues stats.false_discovery_control
    stats.alexandergovern cluster.vq.whiten differentiate.jacobian signal.bilinear_zpk
    signal.freqz_zpk signal.freqz_sos signal.group_delay signal.lp2bp signal.lp2bs signal.lp2hp
    signal.lp2lp_zpk signal.lp2hp_zpk signal.lp2bp_zpk signal.lp2bs_zpk signal.normalize
    signal.sos2tf signal.sos2zpk signal.firwin Rotation.from_davenport Rotation.as_davenport
    Rotation.__pow__ Rotation.__getitem__ Rotation.concatenate Rotation.align_vectors
    Rotation.reduce RigidTransform.as_matrix RigidTransform.as_components
    RigidTransform.as_exp_coords RigidTransform.as_dual_quat RigidTransform.from_exp_coords
    RigidTransform.from_dual_quat RigidTransform.from_matrix RigidTransform.from_translation
    RigidTransform.inv RigidTransform.__mul__ RigidTransform.__pow__ stats.chatterjeexi
    stats.epps_singleton_2samp stats.fligner stats.mood stats.brunnermunzel
    stats.friedmanchisquare stats.kruskal stats.mode stats.sigmaclip
    """)
)
"""Have no counterpart of ours: without SCIPY_ARRAY_API an error of ours says what to do."""
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
    check(found, RAISES | REFUSED_BY_SCIPY)
    assert sum(v == "gradient" for v in found.values()) >= 283


def test_without_it_gradients_flow_or_an_error_says_what_to_do():
    found = outcomes()
    check(found, RAISES | REFUSED_BY_SCIPY | NEEDS_THE_STANDARD)
    assert sum(v == "gradient" for v in found.values()) >= 168


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
