"""The engines: each proposes points through its own library, and loads only that one."""

from sweepspot.protocols import Engine
from sweepspot.space import Space
from sweepspot.spec import Search

__all__ = ["make_engine"]


def make_engine(search: Search, space: Space, *, epochs: int, study_name: str) -> Engine:
    """Build the engine that a sweep asks for, empty; the driver replays its journal into it.

    Args:
        search: Engine, sampler, pruner, seed, start points and the number of trials.
        space: What is searched.
        epochs: Epochs of a trial at full fidelity.
        study_name: Name of the sweep; Optuna's Hyperband brackets depend on it.

    Raises:
        SpecError: The space has no grid, or a start point is not in it.
    """
    match search.engine:
        case "optuna":
            from sweepspot.engines.optuna import OptunaEngine

            return OptunaEngine(search, space, epochs=epochs, study_name=study_name)
        case "keras_tuner":
            from sweepspot.engines.keras_tuner import KerasTunerEngine

            return KerasTunerEngine(search, space, epochs=epochs)
