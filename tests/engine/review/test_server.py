"""The server of a review: its own address only, marks saved with what was seen, nothing outside the runs' pages."""

import http.client
import json
import threading
from pathlib import Path

import pytest
from run_folders import make_run

from core.errors import StoreError
from engine.review.collection import collect
from engine.review.marks import read_mark
from engine.review.page import page
from engine.review.server import ReviewServer

WAIT = 60


@pytest.fixture
def served(tmp_path):
    runs = tmp_path / "runs"
    for seed in range(3):
        make_run(runs, f"walk{seed}", seed=seed)
    found = collect([runs])
    folders = [Path(item.row.folder) for item in found.rows]
    server = ReviewServer(folders, lambda: page(collect([runs]), served=folders))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(WAIT)


def ask(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=WAIT)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def mark(server, number, **values):
    content = {"mark": "keep", "note": "", "revision": 0} | values
    status, body, _ = ask(server, "POST", f"/{server.token}/mark/{number}", json.dumps(content))
    return status, json.loads(body)


def test_the_page_and_the_pages_of_its_runs(served):
    status, body, headers = ask(served, "GET", f"/{served.token}/")
    assert status == 200
    assert b"walk0" in body
    assert headers["Cache-Control"] == "no-store"
    assert b"connect-src &#39;self&#39;" in body
    status, body, _ = ask(served, "GET", f"/{served.token}/run/1/report.html")
    assert (status, b"report.html of the run" in body) == (200, True)


def test_the_report_of_a_winner_and_nothing_else_below_it(served):
    winner = served.folders[1] / "winners" / "trial-000003-abcdef123456"
    winner.mkdir(parents=True)
    for name in ("report.html", "manifest.json"):
        (winner / name).write_text("of the winner")
    paths = {
        "winners/trial-000003-abcdef123456/report.html": 200,
        "winners/trial-000003-abcdef123456/manifest.json": 404,
        "winners/../report.html": 404,
        "winners/%2e%2e/report.html": 404,
    }
    for path, status in paths.items():
        assert ask(served, "GET", f"/{served.token}/run/1/{path}")[0] == status


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/wrong-token/",
        "/{token}",
        "/{token}/run/1/manifest.json",
        "/{token}/run/1/..%2f..%2fsecret",
        "/{token}/run/9/report.html",
        "/{token}/run/-1/report.html",
        "/{token}/run/%D9%A1/report.html",
        "/{token}/../../etc/passwd",
        "/{token}/run/" + "9" * 5000 + "/report.html",
    ],
)
def test_anything_else_is_not_found(served, path):
    path = path.replace("{token}", served.token)
    status, body, _ = ask(served, "GET", path)
    if path == f"/{served.token}":
        assert status in (200, 404)
    else:
        assert status == 404
        assert "detail" in json.loads(body)


def test_another_host_name_is_not_found(served):
    assert ask(served, "GET", f"/{served.token}/", Host="evil.example")[0] == 404
    assert ask(served, "GET", f"/{served.token}/", Host=f"localhost:{served.server_port}")[0] == 200


def test_a_mark_is_saved_and_shown_by_the_next_page(served):
    status, body = mark(served, 1, note="<b>steady</b>")
    assert (status, body["revision"]) == (200, 1)
    assert read_mark(served.folders[1]).note == "<b>steady</b>"
    content = ask(served, "GET", f"/{served.token}/")[1]
    assert b"<b>steady" not in content
    assert b"\\u003cb>steady" in content


def test_two_windows_do_not_undo_each_other(served):
    assert mark(served, 0, note="first")[0] == 200
    status, body = mark(served, 0, mark="reject", note="second")
    assert (status, body["note"], body["revision"]) == (409, "first", 1)
    assert mark(served, 0, mark="reject", note="second", revision=1)[0] == 200
    assert read_mark(served.folders[0]).note == "second"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 20_000, 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b'{"mark": "keep"}', 422),
        (b'{"mark": "keep", "note": "", "revision": true}', 422),
        (b'{"mark": "perfect", "note": "", "revision": 0}', 422),
        (b'{"mark": 1, "note": "", "revision": 0}', 422),
        (b"x" * 70_000, 413),
    ],
)
def test_a_body_that_is_no_mark_is_refused_in_words(served, body, status):
    answer, text, _ = ask(served, "POST", f"/{served.token}/mark/0", body)
    assert answer == status
    assert json.loads(text)["detail"]
    assert read_mark(served.folders[0]).revision == 0
    assert ask(served, "GET", f"/{served.token}/")[0] == 200


def test_a_folder_that_is_gone_is_told(served):
    for path in sorted(served.folders[0].iterdir()):
        path.unlink()
    served.folders[0].rmdir()
    status, body = mark(served, 0)
    assert status == 422
    assert "is gone" in body["detail"]


def test_a_port_in_use_is_one_line(served):
    with pytest.raises(StoreError, match="choose another --port"):
        ReviewServer([], str, served.server_port)
