"""The compiled tier: trials of one structure share one trace."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sweepspot.data import TrainingData
from sweepspot.families import Tell
from sweepspot.protocols import Report
from sweepspot.spec import Train
from sweepspot.training.arrays import Arrays
from sweepspot.training.evaluate import Evaluator
from sweepspot.training.forgetting import forget_derivatives
from sweepspot.training.gradients import Gradients
from sweepspot.training.plain import OUT_OF_MEMORY, BuildModel, PlainTrainer, failed, one_line
from sweepspot.training.probe import Probed, Twin, check
from sweepspot.training.progress import Progress, measured
from sweepspot.training.reading import Network, fill, read_network, start_of
from sweepspot.training.refusals import Untraceable
from sweepspot.training.restarting import restart, same
from sweepspot.training.seeds import start_afresh
from sweepspot.training.trace import Start, Trace
from sweepspot.training.weights import (
    load_last,
    parent_path,
    save_weights,
    trainable,
    weights_path,
)
from sweepspot.trial import State, Trial, TrialResult

__all__ = ["CompiledTrainer", "batch_order"]

MOST_TRACES = 32
"""Traces that are kept; the one that was used least recently makes room."""


def batch_order(seed: int, epoch: int, rows: int) -> npt.NDArray[np.int32]:
    """Return the rows in the order in which an epoch trains on them.

    Args:
        seed: The trial's.
        epoch: Epochs completed before this one.
        rows: Training examples.
    """
    drawn = np.random.default_rng([seed, epoch]).permutation(rows)
    return drawn.astype(np.int32)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ready:
    """What a trial is trained with.

    Attributes:
        trace: Of its structure.
        start: Where it starts.
        model: Its network, None where it was not built.
    """

    trace: Trace
    start: Start
    model: keras.Model | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Outlined:
    """What outlines of one key stand for.

    Attributes:
        trace: Key of the trace.
        model: A network of the key.
    """

    trace: str
    model: keras.Model


@dataclass(frozen=True, kw_only=True)
class CompiledTrainer:
    """Trains trials in traces that they share, and falls back to `fit` where it must.

    Attributes:
        data: The training and cross-validation splits.
        build: Builds the compiled network of a point; always called with plain numbers.
        settings: Epochs, batch size and early stopping.
        weights: Folder of the weights that trials keep.
        traces: The traces of this process, by structure.
        refused: Why a structure, or a kind of them, is trained plainly.
        probed: Kinds of structure whose traces were found to do what Keras does.
        arrays: The data as tensors, once they are needed.
        outline: Tells a point's network without building it, None where nothing does.
        outlined: For the key of an outline that of its trace and a network; None where the outline
            does not tell what was built.
    """

    data: TrainingData
    build: BuildModel
    settings: Train
    weights: Path
    traces: OrderedDict[str, Trace] = field(default_factory=OrderedDict)
    refused: dict[str, str] = field(default_factory=dict)
    arrays: list[Arrays] = field(default_factory=list)
    probed: Probed = field(default_factory=Probed)
    outline: Tell | None = None
    outlined: dict[Hashable, _Outlined | None] = field(default_factory=dict)

    def train(self, group: Sequence[Trial], report: Report) -> Iterator[TrialResult]:
        """Train each trial in turn, and yield its result."""
        for trial in group:
            started, clock = time.time(), time.perf_counter()
            possible, remark = trainable(trial, self.weights)
            try:
                result = self._train_one(possible, report)
            except Untraceable as exc:
                yield from self._plainly(trial, report, reason=str(exc))
                continue
            # Whatever the user's code, Keras or TensorFlow raises is this trial's result.
            except Exception as exc:
                result = failed(trial, exc)
                if isinstance(exc, OUT_OF_MEMORY):
                    self._let_go(list(self.traces))
            yield replace(
                result,
                trial=trial,
                started_s=started,
                elapsed_s=time.perf_counter() - clock,
                trainer="compiled",
                trainer_reason=f"one trace serves every trial of this structure{remark}",
            )

    def _plainly(self, trial: Trial, report: Report, reason: str) -> Iterator[TrialResult]:
        plain = PlainTrainer(
            data=self.data,
            build=self.build,
            settings=self.settings,
            weights=self.weights,
            reason=reason,
        )
        return plain.train([trial], report)

    def _train_one(self, trial: Trial, report: Report) -> TrialResult:
        start_afresh(trial.seed)
        ready = self._restarted(trial) or self._built(trial)
        trace = ready.trace
        trace.start(ready.start)
        progress = Progress(trial=trial, settings=self.settings, report=report)
        best, train_s = trace.hold(), 0.0
        for epoch in range(trial.first_epoch, trial.epochs):
            values = trace.epoch(batch_order(trial.seed, epoch, len(self.data.train)))
            train_s += values.train_s
            decision = progress.after_epoch(values.J_train, values.J_cv, finite=values.finite)
            if decision.keep:
                best = trace.hold()
            if decision.stop:
                break
        n_weights = sum(w.size for w in ready.start.weights)
        result = progress.result(n_weights=n_weights, train_s=train_s)
        if progress.state is State.FAILED:
            return result
        if ready.model is not None and trial.keeps_weights:
            result = replace(result, weights=self._save(trial, ready.model, trace, best))
        trace.put_back(best)
        evaluator = Evaluator(trace.gradients.loss, self.data, trace.measure)
        at_best = evaluator.everything()
        return measured(result, at_best, at_best.kept(self.data))

    def _save(self, trial: Trial, model: keras.Model, trace: Trace, best: list[tf.Tensor]) -> str:
        last = trace.hold()
        trace.put_back(best)
        fill(model, trace.snapshot())
        best_weights = model.get_weights()
        trace.put_back(last)
        fill(model, trace.snapshot())
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        trace.give_state(model.optimizer)
        return save_weights(weights_path(self.weights, trial), model, best_weights)

    def _restarted(self, trial: Trial) -> _Ready | None:
        """Return where a trial starts whose network need not be built, None where it has to be."""
        if self.outline is None or trial.keeps_weights or trial.continues:
            return None
        outline = self.outline(trial.params)
        known = self.outlined.get(outline.key) if outline else None
        if outline is None or known is None or known.trace not in self.traces:
            return None
        self.traces.move_to_end(known.trace)
        start = restart(known.model, outline, self.settings.batch_size_of(trial.params))
        return _Ready(trace=self.traces[known.trace], start=start)

    def _built(self, trial: Trial) -> _Ready:
        network = self._read(trial)
        if trial.continues:
            load_last(parent_path(self.weights, trial), network.model)
        # Tracing takes the known penalties and rates off the network.
        start = start_of(network, goes_on=trial.continues is not None)
        trace = self._trace_of(network)
        if self.outline and not trial.continues:
            outline = self.outline(trial.params)
            if outline and outline.key not in self.outlined:
                start_afresh(trial.seed)
                told = restart(network.model, outline, network.batch_size)
                known = _Outlined(trace=network.structure.key, model=network.model)
                self.outlined[outline.key] = known if same(told, start) else None
        return _Ready(trace=trace, start=start, model=network.model)

    def _read(self, trial: Trial) -> Network:
        model = self.build(trial.params)
        return read_network(model, self.data.input_shape, self.settings.batch_size_of(trial.params))

    def _trace_of(self, network: Network) -> Trace:
        key, kind = network.structure.key, network.structure.kind
        for name in (key, kind):
            if name in self.refused:
                raise Untraceable(self.refused[name])
        if key not in self.traces:
            try:
                trace = self._make_trace(network)
            except Untraceable as exc:
                self.refused[kind] = str(exc)
                raise
            except OUT_OF_MEMORY:
                # A narrower network of the structure may fit.
                raise
            # TensorFlow may refuse a graph in any way it likes; `fit` shows whether it matters.
            except Exception as exc:
                self.refused[key] = f"could not be traced: {one_line(exc)}"
                raise Untraceable(self.refused[key]) from exc
            self.traces[key] = trace
            self._let_go(list(self.traces)[:-MOST_TRACES])
        self.traces.move_to_end(key)
        return self.traces[key]

    def _let_go(self, keys: list[str]) -> None:
        """Forget traces, and the networks that stand for them, whose layers hold their graphs."""
        if not keys:
            return
        for key in keys:
            del self.traces[key]
        for outline, known in list(self.outlined.items()):
            if known and known.trace in keys:
                del self.outlined[outline]
        forget_derivatives()

    def _make_trace(self, network: Network) -> Trace:
        if not self.arrays:
            self.arrays.append(Arrays.of(self.data))
        model, structure = network.model, network.structure
        # Tracing takes something off the network.
        twin = None if structure.kind in self.probed else Twin(model, structure)
        trace = Trace(
            gradients=self._gradients_of(network),
            optimizer=type(model.optimizer).from_config(model.optimizer.get_config()),
            structure=structure,
            point=network.point,
            arrays=self.arrays[0],
        )
        if twin:
            check(trace, twin, self.data, network.batch_size)
            self.probed.add(structure.kind)
        return trace

    def _gradients_of(self, network: Network) -> Gradients:
        """Return those of a trace of the same network with another optimizer, or make them."""
        for trace in self.traces.values():
            if trace.structure.network == network.structure.network:
                return trace.gradients
        return Gradients(
            model=network.model,
            structure=network.structure,
            point=network.point,
            arrays=self.arrays[0],
        )
