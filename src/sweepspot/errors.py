"""The exceptions that a caller can meet and fix, and what their messages are made of."""

import difflib
from collections.abc import Iterable

__all__ = [
    "SpecError",
    "SweepspotError",
    "TrackingError",
    "TrialError",
    "did_you_mean",
    "first_line",
]

LONGEST_LINE = 300
"""Characters of another library's message that are repeated."""


class SweepspotError(Exception):
    """Anything that Sweepspot refuses; its text says where, which rule and what to do."""


class SpecError(SweepspotError):
    """A sweep file, a data set or an argument is not usable.

    Attributes:
        problems: One line for each thing that is wrong, in the order of the file.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class TrialError(SweepspotError):
    """The trials of a sweep cannot be trained; the text names their common cause."""


class TrackingError(SweepspotError):
    """The tracking store cannot be reached, read or written."""


def first_line(exc: BaseException) -> str:
    r"""Return what another library's exception says first, to be told in one line of our own.

    Args:
        exc: Whatever was raised.

    Returns:
        At most 300 characters; the type's name where the exception says nothing.

    Example:
        >>> first_line(ValueError("no such table\n[SQL: ...]")), first_line(EOFError())
        ('no such table', 'EOFError')
    """
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0][:LONGEST_LINE]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the nearest known word, as the end of a message.

    Example:
        >>> did_you_mean("prise", ["price", "rooms"])
        '; did you mean price?'
    """
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
