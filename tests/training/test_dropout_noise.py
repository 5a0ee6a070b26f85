import keras
import numpy as np
import pytest
import tensorflow as tf

from sweepspot.training.noise import Noise, features_of

pytestmark = [pytest.mark.tf, pytest.mark.slow]

ROWS, WIDTHS, STEPS = 256, (48, 16), 30


def draw(rates: tuple[float, float], seed: int = 5) -> list[np.ndarray]:
    """What two dropout layers make of ones, `(steps, rows, units)` each."""
    inputs = keras.Input((WIDTHS[0],))
    first, second = (keras.layers.Dropout(0.5), keras.layers.Dropout(0.5))
    model = keras.Model(inputs, second(keras.layers.Dense(WIDTHS[1])(first(inputs))))
    noise = Noise(model)
    noise.assign(rates, [seed, seed + 1], features_of(model))
    numbers = noise.numbers()
    bits = noise.first(numbers, tf.constant(ROWS), tf.constant(0))
    drawn: list[list[np.ndarray]] = [[], []]
    for _ in range(STEPS):
        noise.use(numbers, bits, tf.constant(ROWS))
        for layer, width, kept in zip((first, second), WIDTHS, drawn, strict=True):
            kept.append(layer.call(tf.ones((ROWS, width)), training=True).numpy())
        bits = noise.next(bits)
    return [np.array(kept) for kept in drawn]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_a_layer_keeps_its_share_and_the_mean() -> None:
    rates = (0.3, 0.75)

    drawn = draw(rates)

    for values, rate in zip(drawn, rates, strict=True):
        # Four standard deviations of a share of independent draws.
        error = 4 * np.sqrt(rate * (1 - rate) / values.size)
        assert np.mean(values == 0) == pytest.approx(rate, abs=error)
        np.testing.assert_allclose(values[values > 0], 1 / (1 - rate), rtol=1e-6)


def test_steps_rows_units_and_layers_are_independent() -> None:
    wide, narrow = draw((0.4, 0.4))

    # Four standard deviations of the correlation of independent draws, of the smallest sample.
    least = 4 / np.sqrt(narrow.size)
    assert abs(correlation(wide[1:], wide[:-1])) < least
    assert abs(correlation(wide[2:], wide[:-2])) < least
    assert abs(correlation(wide[:, 1:], wide[:, :-1])) < least
    assert abs(correlation(wide[..., 1:], wide[..., :-1])) < least
    assert abs(correlation(wide[..., :16], narrow)) < least


def test_a_rate_of_0_leaves_everything() -> None:
    wide, narrow = draw((0.0, 0.0))

    assert (wide == 1).all()
    assert (narrow == 1).all()


def test_the_seed_decides() -> None:
    first, again, other = draw((0.5, 0.5)), draw((0.5, 0.5)), draw((0.5, 0.5), seed=6)

    assert (first[0] == again[0]).all()
    assert (first[0] != other[0]).any()
