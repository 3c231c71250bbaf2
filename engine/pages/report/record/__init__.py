"""Sections on the record: data, config, manifest, definitions."""
