"""Settings for every test."""

from hypothesis import settings

# A busy machine is no failure: examples have no time limit of their own.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
