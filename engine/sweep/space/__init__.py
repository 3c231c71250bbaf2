"""The search space of a sweep: axes, samplers, and the checks on load."""
