"""Forgetting: the derivatives of summed gradients go, all others stay."""

import pytest

pytestmark = [
    pytest.mark.tf,
    # Keras and TensorFlow warn about one another while they are imported.
    pytest.mark.filterwarnings("ignore"),
]
tf = pytest.importorskip("tensorflow")

from tensorflow.python.framework import ops  # noqa: E402 - imports TensorFlow

from sweepspot.training.forgetting import forget_derivatives  # noqa: E402


def custom():
    return {name for name in ops.gradient_registry.list() if name.startswith("CustomGradient-")}


def trace_an_optimizer():
    weight = tf.Variable([1.0])
    optimizer = tf.keras.optimizers.SGD()
    optimizer.build([weight])

    @tf.function
    def step():
        optimizer.apply([tf.ones(1)], [weight])

    step()


def test_what_an_optimizer_has_registered_goes():
    before = custom()
    trace_an_optimizer()
    left_by_optimizer = custom() - before

    forget_derivatives()

    assert len(left_by_optimizer) == 1
    assert not left_by_optimizer & custom()


def test_a_derivative_of_someones_own_stays():
    @tf.custom_gradient
    def doubled(x):
        return 2 * x, lambda upstream: 20 * upstream

    @tf.function
    def forward(x):
        return doubled(x)

    x = tf.constant(3.0)
    forward(x)
    trace_an_optimizer()

    forget_derivatives()

    with tf.GradientTape() as tape:
        tape.watch(x)
        y = forward(x)
    # Nothing but the derivative that was given says 20.
    assert float(tape.gradient(y, x)) == 20
