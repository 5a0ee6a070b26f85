"""One trial's network as its `build` gave it, and what was read from it."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from sweepspot.training.noise import features_of
from sweepspot.training.plain import OUT_OF_MEMORY, one_line
from sweepspot.training.refusals import Untraceable, refuse
from sweepspot.training.structure import Point, Structure, dropouts, read_point, read_structure
from sweepspot.training.trace import Snapshot, Start

__all__ = ["Network", "fill", "read_network", "start_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """A network and what was read from it."""

    model: keras.Model
    point: Point
    structure: Structure
    batch_size: int


def read_network(model: keras.Model, input_shape: tuple[int, ...], batch_size: int) -> Network:
    """Read a compiled network, which is built where it was not.

    Args:
        model: As the user's code gave it.
        input_shape: Of one example.
        batch_size: Examples a gradient step.

    Raises:
        Untraceable: It is not one that a trace can train, or it cannot be read.
    """
    try:
        if not model.built:
            model.build((None, *input_shape))
        refuse(model)
        point = read_point(model)
        structure = read_structure(model, point)
    except (Untraceable, *OUT_OF_MEMORY):
        raise
    # A layer may refuse to tell its configuration in any way it likes; `fit` needs none.
    except Exception as exc:
        raise Untraceable(f"could not be read: {one_line(exc)}") from exc
    return Network(model=model, point=point, structure=structure, batch_size=batch_size)


def fill(model: keras.Model, snapshot: Snapshot) -> None:
    """Put a snapshot of a trace into a network of its own shapes."""
    weights, states = snapshot
    for variable, value in zip(model.trainable_variables, weights, strict=True):
        variable.assign(value)
    for variable, value in zip(model.non_trainable_variables, states, strict=True):
        variable.assign(value)


def start_of(network: Network, *, goes_on: bool) -> Start:
    """Return where a network starts: its weights, states, numbers and seeds.

    Args:
        network: As built, or with the weights of the trial that it continues.
        goes_on: Whether its optimizer has a state to go on from.
    """
    model = network.model
    return Start(
        weights=[v.numpy() for v in model.trainable_variables],
        states=[v.numpy() for v in model.non_trainable_variables],
        point=network.point,
        features=features_of(model),
        batch_size=network.batch_size,
        noise=[int(layer.seed_generator.state.numpy()[0]) % 2**31 for layer in dropouts(model)],
        optimizer=model.optimizer if goes_on else None,
    )
