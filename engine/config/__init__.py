"""The config of a run: its schema, YAML layers and overrides."""
