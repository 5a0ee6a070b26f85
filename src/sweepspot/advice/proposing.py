"""Proposals: the next sweep file, each change explained by what was found."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from sweepspot.advice.changes import Edit, epochs_edit, space_edits
from sweepspot.advice.records import Advice, Proposal
from sweepspot.advice.writing import Splice, as_text, flow, note, splice, without_notes
from sweepspot.errors import SpecError
from sweepspot.space import Params, Space, Value
from sweepspot.spec import SweepSpec
from sweepspot.sweepfile import read_spec

__all__ = ["next_name", "propose"]

STARTS = 3
"""How many of the best points the next sweep tries first; as many make up the frontier."""


def propose(
    spec: SweepSpec,
    advice: Advice,
    *,
    text: str | None = None,
    taken: Collection[str] = (),
    source: str | None = None,
) -> Proposal:
    """Return the sweep to run next, with its file written out.

    Args:
        spec: The sweep that was run.
        advice: What limits it.
        text: Its sweep file; what does not change, comments included, stays as it stands there.
        taken: Names that sweeps already have.
        source: `data.source` for a file that will lie in another folder.

    Returns:
        A proposal whose file reads as its `spec`. Without changes it is the same space again,
        started from the best points, and says that nothing asks for another one.
    """
    edits = [*space_edits(spec, advice), *epochs_edit(spec, advice)]
    after = _edited(spec, advice, edits, next_name(spec.name, taken), source)
    changes = tuple(change for edit in edits for change in edit.changes)
    because = _because(spec, advice, len(changes))
    header = _header(spec, advice, because, {change.code for change in changes})
    splices = tuple(_splices(after, edits, header, source))
    return Proposal(
        spec=after,
        text=_written(spec, after, text, splices),
        changes=changes,
        because=because,
    )


def next_name(name: str, taken: Collection[str] = ()) -> str:
    """Return the name of the sweep after this one.

    Only a single digit counts as a number: `cifar-10` is a data set.

    Example:
        >>> next_name("digits"), next_name("digits-2"), next_name("cifar-10")
        ('digits-2', 'digits-3', 'cifar-10-2')
    """
    numbered = re.fullmatch(r"(.+)-([2-9])", name)
    stem, number = (numbered[1], int(numbered[2])) if numbered else (name, 1)
    # A name may have 100 characters.
    stem = stem[:90]
    while True:
        number += 1
        if (proposed := f"{stem}-{number}") not in taken:
            return proposed


def _edited(
    spec: SweepSpec, advice: Advice, edits: list[Edit], name: str, source: str | None
) -> SweepSpec:
    values = {edit.path: edit.value for edit in edits}
    space = {entry: values.get(("space", entry), old) for entry, old in spec.space.items()}
    start = _start_points(Space.of(space), advice) or spec.search.start
    epochs = values.get(("train", "epochs"), spec.train.epochs)
    return spec.model_copy(
        update={
            "name": name,
            "space": space,
            "data": spec.data.model_copy(update={"source": source or spec.data.source}),
            "train": spec.train.model_copy(update={"epochs": epochs}),
            "search": spec.search.model_copy(update={"start": start}),
        }
    )


def _start_points(space: Space, advice: Advice) -> tuple[Mapping[str, Value], ...]:
    points = (_searched(space, point) for point in advice.best)
    different = {tuple(point.items()): point for point in points}
    return tuple(different.values())[:STARTS]


def _searched(space: Space, point: Params) -> dict[str, Value]:
    return {name: value for name, value in point.items() if name in space.dimensions}


def _because(spec: SweepSpec, advice: Advice, n_changes: int) -> str:
    trials = f"{spec.name} ({advice.n_trials} trials)"
    if n_changes == 1:
        return f"1 change after {trials}, for what limited it"
    if n_changes:
        return f"{n_changes} changes after {trials}, each for what limited it"
    if not advice.best:
        return f"nothing to change: no trial of {trials} can be compared; see why they failed first"
    return f"nothing to change: nothing found in {trials} asks for another space"


def _header(
    spec: SweepSpec, advice: Advice, because: str, used: Collection[str]
) -> tuple[str, ...]:
    lines = [*note(f"{because}.")]
    for finding in advice.present:
        if finding.code not in used and finding.code != "D207":
            lines += note(f"also seen: {finding.code} {finding.name}: {finding.because}.")
    if advice.best:
        lines += note(f"search.start holds the best points of {spec.name}.")
    return tuple(lines)


def _splices(
    after: SweepSpec, edits: list[Edit], header: tuple[str, ...], source: str | None
) -> Iterator[Splice]:
    yield Splice(path=("name",), text=flow(after.name), notes=header)
    if source is not None:
        yield Splice(path=("data", "source"), text=flow(source))
    for edit in edits:
        notes = [
            line
            for change in edit.changes
            for line in note(f"{change.text}  ({change.code} {change.because})")
        ]
        yield Splice(path=edit.path, text=flow(edit.value), notes=tuple(notes))
    if after.search.start:
        points = ",\n".join(f"    {flow(point)}" for point in after.search.start)
        yield Splice(path=("search", "start"), text=f"[\n{points}]")


def _written(
    spec: SweepSpec, after: SweepSpec, text: str | None, splices: tuple[Splice, ...]
) -> str:
    if text is not None:
        edited = splice(without_notes(text), splices)
        if _reads_as(edited, after):
            return edited
    # Of anchors and merges one place stands for several; then the file is written anew.
    return splice(as_text(spec), splices)


def _reads_as(text: str, spec: SweepSpec) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "next.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            return read_spec(path).model_dump() == spec.model_dump()
        except SpecError:
            return False
