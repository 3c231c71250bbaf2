"""The two engines, and the tables that both produce."""
