"""The exceptions that a caller can meet and fix."""

__all__ = ["SpecError", "SweepspotError", "TrackingError", "TrialError"]


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
