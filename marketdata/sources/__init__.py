"""Sources of prices: one plug-in a file, named by its ``kind``."""
