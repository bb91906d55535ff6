"""The records of operations that rewrites and library calls are about, to be named in code.

A rule about one operation says ``node.op is records.negative``, which an editor can follow and a
typing error cannot survive. Whatever is true of several operations is a fact on `Op` instead.
"""

from __future__ import annotations

from adjoint.graph.op import find

# elementwise
variable = find("variable")
positive = find("positive")
negative = find("negative")
add = find("add")
subtract = find("subtract")
exact_add = find("exact_add")
exact_subtract = find("exact_subtract")
multiply = find("multiply")
square = find("square")
power_const = find("power_const")
divide = find("divide")
equal = find("equal")
less = find("less")
greater = find("greater")
logical_not = find("logical_not")
logical_and = find("logical_and")
logical_or = find("logical_or")
where = find("where")
conj = find("conj")
stop_gradient = find("stop_gradient")
marked_adjoint = find("marked_adjoint")
bounded_index = find("bounded_index")

# movement and indexing
astype = find("astype")
broadcast_to = find("broadcast_to")
permute_dims = find("permute_dims")
reshape = find("reshape")
concat = find("concat")
slice = find("slice")
unslice = find("unslice")
gather = find("gather")

# sums and products
sum = find("sum")
any = find("any")
matmul = find("matmul")
cumprod = find("cumprod")
argsort = find("argsort")

# loops and branches
scan = find("scan")
unpack = find("unpack")
while_loop = find("while_loop")
while_adjoint = find("while_adjoint")
branch = find("branch")

# what LAPACK computes
lu_factor = find("lu_factor")
lu_solve = find("lu_solve")
cofactors = find("cofactors")
log_det_slope = find("log_det_slope")
triangular_solve = find("triangular_solve")
cholesky = find("cholesky")
eigh = find("eigh")
svd = find("svd")
qr = find("qr")
