"""What the compiled tier lets go of, and that nothing which it keeps needs it."""

import gc
import weakref
from dataclasses import replace
from pathlib import Path

import keras
import pytest
import tensorflow as tf
from tests.training.cases import make_data, make_trainer, train

from sweepspot.families.mlp import outline
from sweepspot.space import Params
from sweepspot.training import compiled
from sweepspot.training.compiled import CompiledTrainer
from sweepspot.training.forgetting import forget_derivatives
from sweepspot.trial import State

pytestmark = [pytest.mark.tf, pytest.mark.slow]

TOO_WIDE = 999
SMALL = {"layers": 1, "units": 8, "dropout": 0.2}


def make_outlined(folder: Path) -> CompiledTrainer:
    """Whose networks of one width do not fit into memory."""
    whole = make_trainer(make_data(), folder)

    def build(params: Params) -> keras.Model:
        if params["units"] == TOO_WIDE:
            raise MemoryError("too wide")
        return whole.build(params)

    return replace(whole, build=build, outline=outline)


def kept_by(trainer: CompiledTrainer) -> list[weakref.ref[object]]:
    known = [weakref.ref(known.model) for known in trainer.outlined.values() if known]
    return [*known, *(weakref.ref(trace.gradients) for trace in trainer.traces.values())]


def count_graphs() -> int:
    gc.collect()
    return sum(isinstance(kept, tf.Graph) for kept in gc.get_objects())


def test_out_of_memory_lets_go_of_every_trace_network_and_graph(tmp_path: Path) -> None:
    trainer = make_outlined(tmp_path)
    keras.backend.clear_session()
    before = count_graphs()
    alone = train(trainer, SMALL)
    held = kept_by(trainer)

    failed = train(trainer, {"layers": 1, "units": TOO_WIDE, "batch_norm": True})

    keras.backend.clear_session()
    assert (failed.state, failed.reason) == (State.FAILED, "out of memory: MemoryError: too wide")
    assert count_graphs() <= before
    assert len(held) == 2
    assert all(kept() is None for kept in held)
    assert train(trainer, SMALL).curve == alone.curve


def test_a_trace_that_makes_room_takes_its_outlines_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "MOST_TRACES", 1)
    trainer = make_outlined(tmp_path)
    train(trainer, SMALL)
    first = kept_by(trainer)

    train(trainer, {**SMALL, "layers": 2})

    gc.collect()
    assert all(kept() is None for kept in first)
    assert [known.trace for known in trainer.outlined.values() if known] == list(trainer.traces)
    assert len(trainer.traces) == 1


def test_no_trace_needs_a_derivative_that_was_forgotten(tmp_path: Path) -> None:
    other = {**SMALL, "optimizer": "adagrad"}
    alone = [train(make_trainer(make_data(), tmp_path), params) for params in (SMALL, other)]
    trainer = make_trainer(make_data(), tmp_path)
    train(trainer, SMALL)

    forget_derivatives()

    after = [train(trainer, params) for params in (SMALL, other)]
    assert [result.trainer for result in after] == ["compiled"] * 2
    assert [result.curve for result in after] == [result.curve for result in alone]
