"""The training loop of the lecture: a two-layer network learns handwritten digits.

    python examples/mnist.py                  the 1,797 digits that ship with scikit-learn
    python examples/mnist.py --data DIR       MNIST-format IDX files

`adjoint train` is this loop with options, a progress bar and files. Needs `adjoint[train]`.
"""

from __future__ import annotations

import argparse

import adjoint as ad

parser = argparse.ArgumentParser(description="Train the lecture's two-layer network.")
parser.add_argument("--data", metavar="DIR", help="a directory with MNIST-format files")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--smoke", action="store_true", help="a few seconds at most, for tests")


def main() -> None:
    args = parser.parse_args()
    train, test = ad.data.load_idx(args.data) if args.data else ad.data.load_digits()

    # The hypothesis class h(x) = W2ᵀ relu(W1ᵀ x + b1) + b2, the loss, and the optimiser.
    network = ad.nn.two_layer(train.features, 128, train.classes)
    optimizer = ad.optim.sgd(learning_rate=0.05, momentum=0.9)

    def loss(params, x, y):
        return ad.mean(ad.nn.softmax_cross_entropy(network.apply(params, x), y))

    params = network.init(0)
    state = optimizer.init(params)
    for epoch in range(2 if args.smoke else args.epochs):
        total = 0.0
        for x, y in train.batches(32, seed=0, epoch=epoch):
            value, gradients = ad.value_and_grad(loss)(params, x, y)
            updates, state = optimizer.update(gradients, state, params)
            params = ad.optim.apply_updates(params, updates)
            # Up to here nothing was computed: this is where the step runs, and what it computed
            # on the way is let go.
            value, params, state = ad.evaluate((value, params, state))
            total += float(value) * len(x)
        error = ad.nn.error_rate(network.apply(params, test.x), test.y)
        print(f"epoch {epoch + 1:2}  loss {total / len(train):.4f}  test error {error:.2%}")


if __name__ == "__main__":
    main()
