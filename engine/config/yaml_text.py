"""Plain values as YAML text."""

from io import StringIO
from typing import Any


def as_yaml(values: dict[str, Any]) -> str:
    """Plain values as YAML text that the config loader reads back."""
    from ruamel.yaml import YAML

    yaml = YAML(pure=True)
    yaml.default_flow_style = None
    yaml.width = 100
    stream = StringIO()
    yaml.dump(values, stream)
    return stream.getvalue()
