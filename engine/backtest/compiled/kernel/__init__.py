"""The code that numba compiles: one module for each step of a bar."""
