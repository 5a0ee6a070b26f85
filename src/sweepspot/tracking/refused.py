"""The one kind of tracking error that trying again cannot cure."""

from sweepspot.errors import TrackingError

__all__ = ["RefusedError"]


class RefusedError(TrackingError):
    """The store has answered, and will answer the same again."""
