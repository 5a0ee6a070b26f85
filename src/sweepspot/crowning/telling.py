"""The outcome in two sentences: what happened, and why or what to do."""

from __future__ import annotations

from sweepspot.crowning.records import (
    ChampionComparison,
    Chosen,
    Gate,
    Outcome,
    Status,
    registered_name,
)
from sweepspot.selection import Selection
from sweepspot.trial import run_id

__all__ = [
    "away",
    "by_itself",
    "kept",
    "no_champion",
    "not_compared",
    "promoted",
    "replaced_since",
    "saved",
]


def no_champion(
    why: str, *, selection: Selection | None = None, gates: tuple[Gate, ...] = ()
) -> Outcome:
    """There is none: nothing could be compared, or no finalist passes the gates."""
    told = f"There is no champion: {why}. Mend the trials and run the same command again."
    if selection is not None:
        stopping = [gate for gate in gates if gate.stops]
        told = (
            f"There is no champion: {_among(selection)} is not good enough, "
            + " and ".join(_why_stopped(gate) for gate in stopping)
            + f". {_remedy(stopping)}"
        )
    return Outcome(status="none", champion=None, selection=selection, because=told, gates=gates)


def saved(chosen: Chosen) -> Outcome:
    """The model is selected, and there is no name to register it as."""
    return _outcome(
        "selected",
        chosen,
        f"{_selected(chosen)}. It is saved in {chosen.champion.folder} and not registered, since "
        "the sweep has no select.register.",
    )


def promoted(chosen: Chosen, comparison: ChampionComparison | None) -> Outcome:
    """The model was registered just now, in the place of another one or of none."""
    registered = str(chosen.champion.registered)
    if comparison is None:
        second = f"Nothing had the alias champion before, so it is registered as {registered}"
    else:
        second = (
            f"It is {_why_promoted(comparison)} ({_difference(comparison)}), and is registered "
            f"as {registered} in its place"
        )
    because = f"{_selected(chosen)}. {second}."
    return _outcome("promoted", chosen, because, reigning=registered, comparison=comparison)


def by_itself(chosen: Chosen, comparison: ChampionComparison | None) -> Outcome:
    """The model is the registered champion already; how it came there is told where it is known."""
    registered = chosen.champion.registered
    return _outcome(
        "promoted",
        chosen,
        f"{_selected(chosen)}. It is {registered}, which has the alias champion already, so "
        "nothing was changed.",
        reigning=registered,
        comparison=comparison,
    )


def replaced_since(chosen: Chosen, reigning: str) -> Outcome:
    """The model was registered, and another one has taken its place."""
    return _outcome(
        "kept",
        chosen,
        f"The champion stays {reigning}: it has taken the place of {chosen.champion.registered}, "
        f"which is {run_id(chosen.champion.number)} of this sweep. Nothing was changed.",
        reigning=reigning,
    )


def kept(chosen: Chosen, reigning: str, comparison: ChampionComparison) -> Outcome:
    """The reigning champion stays, which may be another one than the model was compared with."""
    number = run_id(chosen.champion.number)
    if comparison.reigning != reigning:
        first = (
            f"The champion stays {reigning}: {number} was compared with "
            f"{comparison.reigning} before, and the test rows are not opened twice for one model"
        )
    else:
        shown = "shown to be worse" if comparison.low > 0 else "not shown to be better"
        first = (
            f"The champion stays {reigning}: {number} is {shown} on the "
            f"{comparison.n_rows:,} test rows ({_difference(comparison)})"
        )
    second = f"{number} is saved in {chosen.champion.folder} and not registered"
    if comparison.same_test is False:
        second += (
            f"; {comparison.reigning} was tested on other rows and may have trained on these, "
            "which favours it"
        )
    because = f"{first}. {second}."
    return _outcome("kept", chosen, because, reigning=reigning, comparison=comparison)


def not_compared(chosen: Chosen, reigning: str, problem: str) -> Outcome:
    """The reigning champion cannot be asked, so it stays."""
    number = run_id(chosen.champion.number)
    return _outcome(
        "kept",
        chosen,
        f"The champion stays {reigning}, but it could not be compared with {number}: "
        f"{problem.rstrip('.')}. To let {number}, saved in {chosen.champion.folder}, take its "
        f"place, remove the alias champion from {registered_name(reigning)} in MLflow and run "
        "sweepspot select, or register under another name.",
        reigning=reigning,
    )


def away(
    chosen: Chosen,
    name: str,
    problem: str,
    *,
    reigning: str | None = None,
    comparison: ChampionComparison | None = None,
) -> Outcome:
    """The registry does not answer: what is known is told, and nothing is lost."""
    champion = chosen.champion
    if champion.registered:
        return _outcome(
            "promoted",
            chosen,
            f"{_selected(chosen)}. It is registered as {champion.registered}; whether that "
            "still has the alias champion could not be asked.",
            reigning=champion.registered,
            warning=f"the registry was not asked: {problem}",
        )
    return _outcome(
        "selected",
        chosen,
        f"{_selected(chosen)}. It is saved in {champion.folder} and not registered as "
        f"{name}, since the registry does not answer; the same command tries again.",
        reigning=reigning,
        comparison=comparison,
        warning=f"the champion is saved but not registered: {problem}",
    )


def _outcome(
    status: Status,
    chosen: Chosen,
    because: str,
    *,
    reigning: str | None = None,
    comparison: ChampionComparison | None = None,
    warning: str = "",
) -> Outcome:
    return Outcome(
        status=status,
        champion=chosen.champion,
        selection=chosen.selection,
        because=because,
        gates=chosen.gates,
        comparison=comparison,
        reigning=reigning,
        warning=warning,
    )


def _selected(chosen: Chosen) -> str:
    return f"{run_id(chosen.champion.number)} is the champion: {chosen.selection.because}"


def _why_promoted(comparison: ChampionComparison) -> str:
    rows, reigning = f"the {comparison.n_rows:,} test rows", comparison.reigning
    if comparison.high < 0:
        return f"shown to be better on {rows} than {reigning}"
    if comparison.low > 0:
        return f"smaller than {reigning} and worse on {rows}, by no more than select.margin allows"
    return f"smaller than {reigning} and on {rows} as good to within select.margin"


def _difference(comparison: ChampionComparison) -> str:
    span = f"{comparison.low:+.4f} to {comparison.high:+.4f}"
    return (
        f"J {comparison.J_challenger:.4f} against {comparison.J_reigning:.4f}, difference "
        f"{comparison.difference:+.4f}, {span} at {100 * comparison.confidence:.4g} % each way"
    )


def _among(selection: Selection) -> str:
    count = len(selection.contenders)
    return f"{run_id(selection.number)}" + (
        f", the choice of {count} finalists," if count > 1 else ""
    )


def _why_stopped(gate: Gate) -> str:
    span = f"{gate.difference:+.4f}, {gate.low:+.4f} to {gate.high:+.4f}"
    if gate.name == "naive":
        return f"it is not shown to beat the naive baseline (difference of J_cv {span})"
    kind = "error" if gate.name == "target_error" else "J_cv"
    return f"it is shown to miss {gate.name} (difference of {kind} {span})"


def _remedy(stopping: list[Gate]) -> str:
    if any(gate.name == "naive" for gate in stopping):
        return "Look for a target that the columns say nothing about, or widen the space."
    return (
        "Widen the space, get more data, or take the gate out of select.gates "
        "to have a champion all the same."
    )
