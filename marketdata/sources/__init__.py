"""Where prices come from: one plug-in a file, named by its ``kind``."""
