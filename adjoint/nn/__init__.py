"""Floor 10: neural networks as functions of pytrees. A layer is a pair (init, apply).

>>> import adjoint as ad
>>> net = ad.nn.two_layer(4, 8, 3)
>>> params = net.init(0)
>>> x, y = ad.ones((5, 4), dtype="float32"), ad.asarray([0, 1, 2, 0, 1])
>>> loss = lambda params: ad.mean(ad.nn.softmax_cross_entropy(net.apply(params, x), y))
>>> {name: g.shape for name, g in ad.grad(loss)(params).items()}
{'W1': (4, 8), 'b1': (8,), 'W2': (8, 3), 'b2': (3,)}
"""

from adjoint.array.elementwise.activations import (
    celu,
    elu,
    gelu,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    one_hot,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
)
from adjoint.nn.convolution import conv, conv_transpose
from adjoint.nn.initializers import glorot, he, split_key, uniform, zeros
from adjoint.nn.layers import (
    Layer,
    conv_layer,
    conv_transpose_layer,
    flatten,
    linear,
    sequential,
    two_layer,
)
from adjoint.nn.losses import error_rate, softmax_cross_entropy
from adjoint.nn.pooling import (
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    global_avg_pool,
    global_max_pool,
    max_pool,
)

__all__ = [
    # layers
    "Layer",
    "linear",
    "conv_layer",
    "conv_transpose_layer",
    "flatten",
    "sequential",
    "two_layer",
    # convolutions and pooling
    "conv",
    "conv_transpose",
    "max_pool",
    "avg_pool",
    "adaptive_max_pool",
    "adaptive_avg_pool",
    "global_max_pool",
    "global_avg_pool",
    # losses
    "softmax_cross_entropy",
    "error_rate",
    # where training starts
    "he",
    "glorot",
    "uniform",
    "zeros",
    "split_key",
    # activations
    "celu",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "one_hot",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
]
