"""The outcome in two sentences: what happened, and why or what to do."""

from __future__ import annotations

from dataclasses import replace

from sweepspot.crowning.records import Champion, ChampionComparison, Gate, Outcome
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


def saved(outcome: Outcome) -> Outcome:
    """The model is selected, and there is no name to register it as."""
    champion = _champion(outcome)
    return replace(
        outcome,
        because=f"{_chosen(outcome)}. It is saved in {champion.folder} and not registered, since "
        "the sweep has no select.register.",
    )


def promoted(outcome: Outcome) -> Outcome:
    """The model was registered just now."""
    champion, comparison = _champion(outcome), outcome.comparison
    if comparison is None:
        second = f"Nothing had the alias champion before, so it is registered as {_name(champion)}"
    else:
        how = "shown to be better on" if comparison.high < 0 else "smaller and as good on"
        second = (
            f"It is {how} the {comparison.n_rows:,} test rows than {comparison.reigning} "
            f"({_difference(comparison)}), and is registered as {_name(champion)} in its place"
        )
        if how.startswith("smaller"):
            second = second.replace("than", "as", 1)
    return replace(
        outcome,
        status="promoted",
        reigning=champion.registered,
        because=f"{_chosen(outcome)}. {second}.",
    )


def by_itself(outcome: Outcome) -> Outcome:
    """The model is the registered champion already."""
    return replace(
        outcome,
        status="promoted",
        because=f"{_chosen(outcome)}. It is {outcome.reigning}, which has the alias champion "
        "already, so nothing was changed.",
    )


def replaced_since(outcome: Outcome) -> Outcome:
    """The model was registered, and another one has taken its place."""
    champion = _champion(outcome)
    return replace(
        outcome,
        status="kept",
        because=f"The champion stays {outcome.reigning}: it has taken the place of "
        f"{_name(champion)}, which is {run_id(champion.number)} of this sweep. "
        "Nothing was changed.",
    )


def kept(outcome: Outcome) -> Outcome:
    """The reigning champion stays."""
    champion, comparison = _champion(outcome), outcome.comparison
    number = run_id(champion.number)
    if comparison is None:
        return outcome
    if comparison.reigning != outcome.reigning:
        first = (
            f"The champion stays {outcome.reigning}: {number} was compared with "
            f"{comparison.reigning} before, and the test rows are not opened twice for one model"
        )
    else:
        shown = "shown to be worse" if comparison.low > 0 else "not shown to be better"
        first = (
            f"The champion stays {outcome.reigning}: {number} is {shown} on the "
            f"{comparison.n_rows:,} test rows ({_difference(comparison)})"
        )
    second = f"{number} is saved in {champion.folder} and not registered"
    if comparison.same_test is False:
        second += (
            f"; {comparison.reigning} was tested on other rows and may have trained on these, "
            "which favours it"
        )
    return replace(outcome, status="kept", because=f"{first}. {second}.")


def not_compared(outcome: Outcome, problem: str) -> Outcome:
    """The reigning champion cannot be asked, so it stays."""
    champion = _champion(outcome)
    name = str(outcome.reigning).rsplit("/", 1)[0]
    return replace(
        outcome,
        status="kept",
        because=f"The champion stays {outcome.reigning}, but it could not be compared with "
        f"{run_id(champion.number)}: {problem.rstrip('.')}. To let {run_id(champion.number)} "
        f"take its place, remove the alias champion from {name} in MLflow and run "
        "sweepspot select, or register under another name.",
    )


def away(outcome: Outcome, name: str, problem: str) -> Outcome:
    """The registry does not answer: what is known is told, and nothing is lost."""
    champion = _champion(outcome)
    if champion.registered:
        return replace(
            outcome,
            status="promoted",
            reigning=champion.registered,
            because=f"{_chosen(outcome)}. It is registered as {_name(champion)}; whether that "
            "still has the alias champion could not be asked.",
            warning=f"the registry was not asked: {problem}",
        )
    return replace(
        outcome,
        because=f"{_chosen(outcome)}. It is saved in {champion.folder} and not registered as "
        f"{name}, since the registry does not answer; the same command tries again.",
        warning=f"the champion is saved but not registered: {problem}",
    )


def _champion(outcome: Outcome) -> Champion:
    if outcome.champion is None:
        raise TypeError("an outcome without a champion has nothing to tell of one")
    return outcome.champion


def _chosen(outcome: Outcome) -> str:
    champion = _champion(outcome)
    why = outcome.selection.because if outcome.selection else ""
    return f"{run_id(champion.number)} is the champion: {why}"


def _name(champion: Champion) -> str:
    return str(champion.registered)


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
