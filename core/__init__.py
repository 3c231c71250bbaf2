"""The leaf: types, specs, plug-in loading, table contracts, digests and errors. Imports nothing of the project."""
