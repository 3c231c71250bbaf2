"""Market data: where prices come from (`sources`), what is refused (`clean`), and the config's block (`data`)."""
