"""Floor 9: counterparts of SciPy's functions that are differentiable.

``scipy.X.name`` is ``adjoint.scipy.X.name`` here: the same arguments, the same results, tensors in
place of arrays. Nothing here is imported with adjoint; each module is when first needed.
"""
