"""Functions of scipy.signal that are given a linear system made of what is differentiated."""

import numpy as np
from scipy import signal

import adjoint as ad

Y = np.array([1.2, 1.3, 1.4])
T = np.linspace(0.0, 2.0, 5)
FREQUENCIES = [0.5, 1.0]


def system(y):
    return signal.lti([y[0]], [1, y[1], y[2]])


def discrete(y):
    return signal.dlti([y[0]], [1, y[1] / 3], dt=0.1)


def state_space(y):
    return signal.StateSpace([[-y[0], 1], [0, -y[1]]], [[0], [y[2]]], [[1, 0]], [[0]])


RESPONSES = {
    "step": lambda y: signal.step(system(y), T=T)[1].sum(),
    "step by poles": lambda y: signal.step(signal.ZerosPolesGain([], -y[:2], y[2]), T=T)[1].sum(),
    "impulse": lambda y: signal.impulse(state_space(y), T=T)[1].sum(),
    "lsim": lambda y: signal.lsim(system(y), np.ones(5), T)[1].sum(),
    "bode": lambda y: signal.bode(system(y), w=FREQUENCIES)[1].sum(),
    "freqresp": lambda y: np.abs(signal.freqresp(system=system(y), w=FREQUENCIES)[1]).sum(),
    "dlsim": lambda y: signal.dlsim(discrete(y), np.ones(5))[1].sum(),
    "dfreqresp": lambda y: np.abs(signal.dfreqresp(discrete(y), w=FREQUENCIES)[1]).sum(),
    "of a constant": lambda y: y[0] * signal.step(system(np.ones(3)), T=T)[1].sum(),
}


def test_responses_have_the_slopes_of_differences():
    for name, f in RESPONSES.items():
        slopes = ad.grad(f)(Y)
        numerical = [(f(Y + e) - f(Y - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
        np.testing.assert_allclose(slopes, numerical, rtol=1e-6, atol=1e-8, err_msg=name)
        assert np.isclose(ad.value_and_grad(f)(Y)[0], f(Y), rtol=1e-12), name
