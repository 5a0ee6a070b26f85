import keras
import pytest

from sweepspot.training.structure import read_point, read_structure

pytestmark = [pytest.mark.tf, pytest.mark.slow]


def make_model(
    *hidden: keras.layers.Layer, optimizer: object = "adam", loss: object = "mse"
) -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), *hidden, keras.layers.Dense(1)])
    model.compile(optimizer, loss)
    return model


def key(model: keras.Model) -> str:
    return read_structure(model, read_point(model)).key


def test_names_and_initial_weights_are_no_part_of_a_structure() -> None:
    first = make_model(keras.layers.Dense(3, name="a", kernel_initializer="zeros"))
    second = make_model(keras.layers.Dense(3, name="b", kernel_initializer="ones"))

    assert key(first) == key(second)


def test_a_penalty_on_what_a_layer_puts_out_is_part_of_its_structure() -> None:
    weak = make_model(keras.layers.Dense(3, activity_regularizer=keras.regularizers.L2(0.1)))
    strong = make_model(keras.layers.Dense(3, activity_regularizer=keras.regularizers.L2(0.2)))

    assert key(weak) != key(strong)


def test_a_width_is_part_of_a_structure_with_layers_that_must_know_it() -> None:
    narrow = make_model(keras.layers.Dense(3), keras.layers.LayerNormalization())
    wide = make_model(keras.layers.Dense(5), keras.layers.LayerNormalization())

    assert key(narrow) != key(wide)


def test_a_number_that_is_0_has_a_structure_of_its_own() -> None:
    with_momentum = make_model(optimizer=keras.optimizers.SGD(0.1, momentum=0.5))
    without = make_model(optimizer=keras.optimizers.SGD(0.1))

    assert key(with_momentum) != key(without)
