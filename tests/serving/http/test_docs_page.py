"""The page of the API: what it loads is there, comes from the service itself, and shows every path."""

import re

import pytest
from fake_model import FakeModel, loader
from running_service import PATIENCE, serving


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('page') / 'log.sqlite'}"
    with serving("one", url, load=loader({"one": FakeModel("<b>name</b>")})) as service:
        yield service


def test_everything_that_it_loads_comes_from_the_service(running):
    page = running.client.get("/docs")
    loaded = re.findall(r'(?:src|href)="([^"]+)"|fetch\("([^"]+)"\)', page.text)
    paths = [first or second for first, second in loaded]
    assert len(paths) == 4, paths
    for path in paths:
        assert not re.match(r"([a-z]+:)?//", path)
        assert running.client.get(f"/{path}").status_code == 200, path
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<title>backtrader-ml: &lt;b&gt;name" in page.text


def test_a_browser_shows_the_paths_and_asks_nobody_else(running, browser):
    page = browser.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{running.address}/docs", timeout=1000 * PATIENCE)
    page.wait_for_selector(".opblock-summary-path", timeout=1000 * PATIENCE)
    shown = page.eval_on_selector_all(".opblock-summary-path", "all => all.map(one => one.dataset.path)")
    page.close()
    assert {"/predict", "/health", "/ready", "/model", "/metrics"} <= set(shown)
    assert errors == []
    assert [url for url in asked if not url.startswith((running.address, "data:"))] == []
