"""The JSON schema of a config file, for editors: ``python -m engine.cli.schema`` writes configs/schema.json."""

import json
from pathlib import Path
from typing import Any

from engine.config.run_config import RunConfig

PATH = Path(__file__).resolve().parents[2] / "configs" / "schema.json"


def schema() -> dict[str, Any]:
    """The schema of a file as a person writes it: ``extends`` included, nothing required (a parent may give it)."""
    built = RunConfig.model_json_schema()
    extends = {"type": "string", "description": "Another config file, relative to this one, that this one extends."}
    built["properties"] = {"extends": extends, **built["properties"]}
    built.pop("required", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **built, "title": "backtrader-ml run"}


def text() -> str:
    """The file's content."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
