import keras
import numpy as np
import pytest
import tensorflow as tf

from sweepspot.training.updates import make_update

pytestmark = [pytest.mark.tf, pytest.mark.slow]

STEPS, WEIGHTS = 200, 500


def run(optimizer: keras.optimizers.Optimizer, *, elementwise: bool) -> np.ndarray:
    """Where 0 comes to, by the kernel when `elementwise`, else by Keras."""
    rng = np.random.default_rng(0)
    variable = keras.Variable(np.zeros(WEIGHTS, np.float32))
    optimizer.build([variable])
    update = make_update(optimizer, [variable], elementwise=elementwise)
    for _ in range(STEPS):
        update([tf.constant(rng.normal(1.0, 0.5, WEIGHTS), tf.float32)])
    return variable.numpy()


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.Adam(0.01),
        lambda: keras.optimizers.Adam(0.01, beta_1=0.8, beta_2=0.9999, epsilon=1e-3),
        lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
        lambda: keras.optimizers.SGD(0.01, momentum=0.9),
        lambda: keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        lambda: keras.optimizers.RMSprop(0.01, momentum=0.9),
    ],
    ids=["adam", "adam_betas", "adamw", "momentum", "nesterov", "rmsprop"],
)
def test_a_kernel_goes_where_keras_goes(make) -> None:
    ours, theirs = (run(make(), elementwise=elementwise) for elementwise in (True, False))

    # Each of the additions rounds to 6e-8 of the weight; as a random walk, 200 of them to 8e-7.
    np.testing.assert_allclose(ours, theirs, rtol=2e-6)
