"""Orders that open a position or change its size."""
