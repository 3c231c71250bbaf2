"""Names of the files of a sweep's folder."""

TABLE, RETURNS, BLOCKS, NUMBERS, PAGE = (
    "trials.parquet",
    "returns.parquet",
    "blocks.parquet",
    "sweep.json",
    "sweep.html",
)
RESULTS = (TABLE, RETURNS, BLOCKS)
"""Equal sweeps give these files bit for bit, after any interruption and any other sweeps."""
WINNERS = "winners"
"""The folder of the winners' run folders, below the sweep's."""
