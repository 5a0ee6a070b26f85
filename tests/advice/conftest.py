"""What the tests of the advice share."""

from __future__ import annotations

import pytest
from planting import plant


@pytest.fixture
def planted():
    """Return the maker of planted sweeps."""
    return plant
