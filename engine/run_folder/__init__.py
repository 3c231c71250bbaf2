"""The run folder: its files, manifest and log, written atomically."""
