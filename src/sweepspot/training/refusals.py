"""What no shared trace trains, and why: it is left to Keras's `fit`."""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType

import keras

from sweepspot.training.evaluate import only_loss

__all__ = ["Untraceable", "operations_of", "refuse"]

_PARTS = ("activation", "_initializer", "_regularizer", "_constraint")
"""Ends of the names of what a layer computes with beside its weights."""


class Untraceable(Exception):  # noqa: N818 - names a fact about a network, not an error of ours
    """The network cannot be trained in a shared trace; the message says why."""


def refuse(model: keras.Model) -> None:
    """Refuse a network whose configuration does not tell all that a trace would depend on.

    Args:
        model: Compiled and built.

    Raises:
        Untraceable: It is one.
    """
    if type(model).__name__ not in ("Functional", "Sequential") or not _is_stock(type(model)):
        raise Untraceable(f"{type(model).__name__} is a model class of its own")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise Untraceable("more than one input or output")
    _refuse_loss(model)
    if model.run_eagerly:
        raise Untraceable("compiled with run_eagerly")
    for operation in operations_of(model):
        _refuse_operation(operation)
    if any(v.dtype != "float32" for v in model.trainable_variables):
        raise Untraceable("weights that are not float32")
    _refuse_optimizer(model.optimizer)


def operations_of(model: keras.Model) -> Iterator[keras.Operation]:
    """Yield the layers of a network, those within others too, and what stands between them."""
    for layer in model._flatten_layers():
        yield layer
        yield from getattr(layer, "operations", ())


def _refuse_loss(model: keras.Model) -> None:
    try:
        loss = keras.losses.get(only_loss(model.loss))
    except ValueError as exc:
        raise Untraceable(str(exc)) from exc
    if not _is_stock(loss):
        raise Untraceable(f"loss {_name(loss)} is not one of Keras")
    if model._compile_loss._user_loss_weights is not None:
        raise Untraceable("compiled with loss_weights")


def _refuse_operation(operation: keras.Operation) -> None:
    if not _is_stock(type(operation)) or isinstance(operation, keras.layers.Lambda):
        kind = type(operation).__name__
        raise Untraceable(f"layer {operation.name} ({kind}) is not one of Keras")
    for name, part in vars(operation).items():
        if name.endswith(_PARTS) and part is not None and not _is_known(name, part):
            raise Untraceable(
                f"{name.lstrip('_')} of layer {operation.name} ({_name(part)}) is not one of Keras"
            )


def _is_known(name: str, part: object) -> bool:
    if name.endswith("_initializer"):
        return _is_stock(part) and isinstance(part, keras.initializers.Initializer)
    # TensorFlow's own functions have no state either, and those named like one of Keras are it.
    of_tensorflow = isinstance(part, FunctionType) and part.__module__.startswith("tensorflow.")
    return _is_stock(part) or of_tensorflow


def _refuse_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    kind = type(optimizer).__name__
    if not _is_stock(type(optimizer)):
        raise Untraceable(f"optimizer {kind} is not one of Keras")
    if kind in ("LossScaleOptimizer", "MultiOptimizer", "ScheduleFreeAdamW"):
        raise Untraceable(f"optimizer {kind} keeps a state of its own")
    if kind == "Muon":
        raise Untraceable("optimizer Muon computes with its numbers outside of TensorFlow")
    for option in ("use_ema", "gradient_accumulation_steps", "loss_scale_factor"):
        if getattr(optimizer, option, None):
            raise Untraceable(f"optimizer with {option}")
    if getattr(optimizer, "_exclude_from_weight_decay_pattern", None) or getattr(
        optimizer, "_exclude_from_weight_decay", None
    ):
        raise Untraceable("optimizer that excludes weights from its decay")
    rate = optimizer._learning_rate
    if not isinstance(rate, keras.Variable) and not _is_stock(type(rate)):
        raise Untraceable(f"learning rate schedule {_name(rate)} is not one of Keras")


def _is_stock(thing: object) -> bool:
    """Whether Keras defines a class or a function, or the class of an object."""
    return str(getattr(thing, "__module__", "")).startswith("keras.src.")


def _name(thing: object) -> str:
    return str(getattr(thing, "__name__", type(thing).__name__))
