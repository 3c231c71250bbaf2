"""The tear-sheet: quantstats' statistics and the charts of one run."""
