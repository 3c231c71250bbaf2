"""Strict JSON: what is refused is said in one line, and nothing else is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.json_body import parsed
from serving.problems import Problem


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"{", "is no valid JSON"),
        (b'{"a": 1, "a": 2}', r'the key \\?"a\\?" is there twice in one object'),
        (b'{"a": {"b": 1, "b": 1}}', "is there twice"),
        (b'{"a": NaN}', "NaN is no JSON number; leave the value out"),
        (b'{"a": -Infinity}', "-Infinity is no JSON number"),
        (b"\xff\xfe{\x00}\x00", "is not UTF-8: invalid start byte at byte 0"),
        ('{"a": "é"}'.encode("latin-1"), "is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"\\uDC00": 1}', "half a character"),
        (b'{"a": ' + b"1" * 5000 + b"}", "no valid JSON"),
        (b'{"a": 1} x', "no valid JSON"),
    ],
)
def test_what_is_refused(body, message):
    with pytest.raises(Problem, match=message) as raised:
        parsed(body)
    assert raised.value.status == 400
    assert "\n" not in str(raised.value)


TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@given(JSON, st.booleans())
def test_what_is_json_comes_back(value, ascii_only):
    assert parsed(json.dumps(value, ensure_ascii=ascii_only).encode()) == value
