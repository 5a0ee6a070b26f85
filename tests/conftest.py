"""What every test shares."""

from hypothesis import settings

# Machines are shared and slow at times; a property is not wrong for being late.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


def pytest_addoption(parser):
    """Let `make golden` write the golden files instead of comparing with them."""
    parser.addoption("--golden", action="store_true", help="write the golden files anew")
