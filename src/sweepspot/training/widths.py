"""Which layers of a network may have any width in one and the same graph."""

from __future__ import annotations

import keras

__all__ = ["free_dense"]

WIDTHLESS = frozenset(
    {
        keras.layers.InputLayer,
        keras.layers.Flatten,
        keras.layers.Dense,
        keras.layers.Activation,
        keras.layers.ReLU,
        keras.layers.LeakyReLU,
        keras.layers.ELU,
        keras.layers.Dropout,
        keras.layers.BatchNormalization,
        keras.layers.Add,
        # What `x + y` stands for.
        keras.src.ops.numpy.Add,
    }
)
"""Layers that a graph can hold without knowing how wide they are."""

_FIXED = ""
"""Stands for a width that is no layer's own: of the input and of the output."""


def free_dense(model: keras.Model) -> frozenset[str]:
    """Return the names of the dense layers whose width nothing else in the network depends on.

    Not free is one that decides the width of the output, or of what is added to the input, to the
    output, or to what is not free itself.

    Args:
        model: Functional or sequential, and built.

    Returns:
        Empty where any layer has to know how wide it is.
    """
    graph = getattr(model, "_functional", model)
    nodes = [n for _, level in sorted(graph._nodes_by_depth.items(), reverse=True) for n in level]
    if not all(_is_widthless(node) for node in nodes):
        return frozenset()
    deciding: dict[int, set[str]] = {}
    meeting: dict[str, set[str]] = {}
    for node in nodes:
        layer = node.operation
        before = set().union(*(deciding[id(x)] for x in node.input_tensors)) or {_FIXED}
        # What a layer is given, and be it in several calls, has one width.
        meeting.setdefault(layer.name, set()).update(before)
        if _mixes_axes(node):
            meeting[layer.name].add(_FIXED)
        after = {layer.name} if type(layer) is keras.layers.Dense else before
        deciding.update({id(x): after for x in node.output_tensors})
    fixed = {_FIXED}.union(*(deciding[id(x)] for x in graph.outputs))
    while bound := [names for names in meeting.values() if names & fixed and names - fixed]:
        fixed = fixed.union(*bound)
    return frozenset().union(*deciding.values()) - fixed


def _is_widthless(node: keras.src.ops.node.Node) -> bool:
    layer = node.operation
    if type(layer) is keras.layers.BatchNormalization:
        rank = len(node.input_tensors[0].shape)
        return layer.axis in (-1, rank - 1) and not layer.renorm
    return type(layer) in WIDTHLESS


def _mixes_axes(node: keras.src.ops.node.Node) -> bool:
    """Whether a width that a node is given meets another length, or one that is written down."""
    layer = node.operation
    if type(layer) is keras.layers.Flatten:
        return len(node.input_tensors[0].shape) > 2
    if type(layer) is keras.layers.Dropout:
        return layer.noise_shape is not None
    # A sum with an array.
    return type(layer) is keras.src.ops.numpy.Add and len(node.input_tensors) < 2
