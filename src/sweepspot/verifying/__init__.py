"""Prescriptions checked by intervention: was the prescribed step right, on the sweep's own data?"""

from __future__ import annotations

from sweepspot.verifying.best import verify_best
from sweepspot.verifying.prescribing import best_prescriptions, prescribe
from sweepspot.verifying.records import Arm, Prescription
from sweepspot.verifying.runs import SweptTrial, find_trial
from sweepspot.verifying.verification import REPEATS, Verifier

__all__ = [
    "REPEATS",
    "Arm",
    "Prescription",
    "SweptTrial",
    "Verifier",
    "best_prescriptions",
    "find_trial",
    "prescribe",
    "verify_best",
]
