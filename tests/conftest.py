"""What every test shares."""

from hypothesis import settings

# Machines are shared and slow at times; a property is not wrong for being late.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
