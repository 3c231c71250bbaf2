"""Pages in a real browser: Debian's Chromium, driven by Playwright, with the network blocked."""

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.pages.pdf import BROWSERS

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
WIDE, NARROW = (1280, 800), (390, 844)


@contextmanager
def launched():
    """The browser; a test is skipped where there is none, unless CI or REQUIRE_BROWSER is set: then it fails."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        reason = "no Chromium: `make test` installs it where it may (apt-get install chromium)"
        if os.environ.get("CI") or os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield chromium
        finally:
            chromium.close()


class Opened:
    """A page that is open, and what it said and asked for.

    Attributes
    ----------
    page : Playwright's page.
    said : console messages and errors.
    asked : addresses outside the file that the page requested.
    """

    def __init__(self, context, path):
        self.said, self.asked = [], []
        self.page = context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        context.route("**/*", self._answer)
        self.page.goto(path.as_uri())

    def _answer(self, route):
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            self.asked.append(route.request.url)
            route.abort()

    def draw_all(self):
        """Draw the charts that would be drawn when they come near the screen."""
        self.page.evaluate("document.querySelectorAll('figure.chart').forEach(figure => timeCharts.draw(figure))")

    def unfold(self):
        """Open everything that is folded."""
        self.page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")

    def sideways(self):
        """Pixels by which the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def serious(self):
        """The serious and critical findings of axe-core, each with its first element."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate(
            "axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))"
        )
        return [
            (item["id"], item["nodes"][0]["html"][:200])
            for item in json.loads(found)
            if item["impact"] in ("serious", "critical")
        ]


@contextmanager
def opened(browser, path, size=WIDE, scheme="light"):
    """Open a file as a page."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, accept_downloads=True, bypass_csp=False
    )
    try:
        yield Opened(context, Path(path))
    finally:
        context.close()
