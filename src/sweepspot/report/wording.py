"""How labels and numbers are written for people."""

from __future__ import annotations

from collections.abc import Mapping

from sweepspot.diagnosis import Label

__all__ = ["MEANINGS", "number_text", "words"]

MEANINGS: Mapping[Label, str] = {
    Label.GOOD_FIT: "As good as the best seen in this sweep.",
    Label.HIGH_BIAS: "Worse than the best, mostly because it fits the training split less well.",
    Label.HIGH_VARIANCE: "Worse than the best, mostly because its gap to J_train is wider.",
    Label.HIGH_BIAS_HIGH_VARIANCE: "Worse than the best, for both reasons.",
    Label.UNDER_TRAINED: "J_cv was still falling when training ended.",
    Label.INCONCLUSIVE: "The numbers do not tell; this is an answer, not a gap.",
    Label.NOT_ASSESSED: "Failed, diverged, or stopped too early to compare.",
}
"""What each label says, in one line."""


def number_text(value: object) -> str:
    """Write a value as people read it: four significant digits, thousands apart.

    Example:
        >>> number_text(0.0312345), number_text(12345), number_text(None), number_text("adam")
        ('0.03123', '12,345', '', 'adam')
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def words(label: object) -> str:
    """Write a label as words.

    Example:
        >>> words("high_bias_high_variance")
        'high bias, high variance'
    """
    return str(label).replace("bias_high", "bias, high").replace("_", " ")
