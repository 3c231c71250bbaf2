"""The code map of the architecture page is the one that the code gives."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_code_map_is_up_to_date():
    spec = importlib.util.spec_from_file_location("code_map", ROOT / "tools" / "code_map.py")
    code_map = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code_map)
    assert code_map.PAGE.read_text(encoding="utf-8") == code_map.page(), "run `python tools/code_map.py`"
