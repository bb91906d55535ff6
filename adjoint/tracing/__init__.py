"""How code that knows nothing of adjoint is traced: its names mean what can carry derivatives.

NumPy hands ``np.sin(t)`` of a tensor over by a protocol, but ``np.array([t, u])``, ``np.zeros(3)``
to be filled, ``math.sin(t)`` and SciPy's functions have none. So a transform calls a copy of the
user's function, in which ``np``, ``math`` and ``scipy`` are namespaces that answer for tensors too.
Nothing outside of that call is changed. See docs/design/0012-names-while-tracing.md.
"""
