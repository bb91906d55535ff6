"""The lecture's limitation of forward mode, measured on an image of 224 by 224 pixels.

    python examples/imagenet_scale.py

A classifier's loss has 150,528 derivatives with respect to such an image. Reverse mode gives them
all in one pass. Forward mode gives one (a direction) for each pass, and finite differences one for
each two evaluations: some are measured here, and the time for all is worked out from them.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import adjoint as ad

SIZE, PATCH, WIDTH, CLASSES = 224, 16, 64, 10
PATCHES = (SIZE // PATCH) ** 2
LABEL = 3

parser = argparse.ArgumentParser(description="One reverse pass against 150,528 forward passes.")
parser.add_argument("--samples", type=int, default=20, help="how many forward passes to measure")
parser.add_argument("--smoke", action="store_true", help="a few seconds at most, for tests")


def make_loss():
    """A small classifier of images: a ReLU layer on each patch, the mean over patches, classes."""
    embed = ad.nn.linear(PATCH * PATCH * 3, WIDTH)
    head = ad.nn.linear(WIDTH, CLASSES)
    params = embed.init((0, 1)), head.init((0, 2))

    def loss(image):
        across = SIZE // PATCH
        blocks = ad.reshape(image, (across, PATCH, across, PATCH, 3))
        patches = ad.reshape(ad.permute_dims(blocks, (0, 2, 1, 3, 4)), (PATCHES, -1))
        features = ad.mean(ad.nn.relu(embed.apply(params[0], patches)), axis=0)
        return ad.nn.softmax_cross_entropy(head.apply(params[1], features), LABEL)

    return loss


def seconds(work, arguments):
    """The median time of `work` over the arguments, after one call unmeasured; and its results."""
    work(*arguments[0])
    times, results = [], []
    for given in arguments:
        started = time.perf_counter()
        results.append(work(*given))
        times.append(time.perf_counter() - started)
    return float(np.median(times)), np.array(results)


def in_words(duration):
    """A duration in the unit that suits it."""
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if duration >= size:
            return f"{duration / size:.1f} {unit}"
    return f"{duration * 1e3:.1f} ms"


def main() -> None:
    args = parser.parse_args()
    samples = 3 if args.smoke else args.samples
    loss = make_loss()
    bits = np.random.Generator(np.random.Philox(key=7))
    image = bits.random((SIZE, SIZE, 3))  # float64, so that finite differences mean something
    inputs = image.size
    chosen = bits.choice(inputs, samples, replace=False)

    def unit(index):
        direction = np.zeros(inputs)
        direction[index] = 1.0
        return direction.reshape(image.shape)

    def forward(index):
        return float(ad.jvp(loss, (image,), (unit(index),))[1])

    def difference(index, step=1e-5):
        shift = step * unit(index)
        return (float(loss(image + shift)) - float(loss(image - shift))) / (2 * step)

    def reverse():
        return ad.grad(loss)(image).numpy()

    each = [(index,) for index in chosen]
    value_time, _ = seconds(lambda: float(loss(image)), [()] * samples)
    reverse_time, gradients = seconds(reverse, [()] * samples)
    forward_time, tangents = seconds(forward, each)
    difference_time, quotients = seconds(difference, each)

    rows = (
        ("reverse mode", 1, reverse_time, reverse_time),
        ("forward mode", inputs, forward_time, forward_time * inputs),
        ("finite differences", 2 * inputs, difference_time / 2, difference_time * inputs),
    )  # fmt: skip
    print(f"Gradient of a scalar loss with respect to {SIZE} × {SIZE} × 3 = {inputs:,} inputs")
    print(f"(one evaluation of the loss takes {in_words(value_time)})\n")
    print(f"{'':20}{'passes':>10}{'one pass':>12}{'all':>12}{'to reverse':>14}")
    for name, passes, each, whole in rows:
        ratio = f"{whole / reverse_time:,.0f} ×"
        print(f"{name:20}{passes:>10,}{in_words(each):>12}{in_words(whole):>12}{ratio:>14}")

    largest = np.abs(gradients[0]).max()
    exact = gradients[0].ravel()[chosen]
    print(f"\nOne pass: the median of {samples} measured ones; all: one pass times passes. On the")
    print("inputs measured, the largest disagreement with reverse mode, relative to the largest")
    print("derivative:")
    print(f"  forward mode        {np.abs(tangents - exact).max() / largest:.1e}")
    print(f"  finite differences  {np.abs(quotients - exact).max() / largest:.1e}")


if __name__ == "__main__":
    main()
