"""A headless Chromium for the page of a review."""

import os
import shutil

import pytest


@pytest.fixture(scope="module")
def chromium():
    """A browser; a clear skip where none is installed, but where checks must be complete."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        assert not os.environ.get("CI"), "no Chromium is installed: apt-get install chromium"
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Open an address without a network; whatever the page says on its console, or asks for, fails the test."""
    contexts, problems = [], []

    def opening(address, *, width=1280, height=800, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(60_000)
        tab.on("console", lambda message: problems.append(message.text))
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("request", lambda request: asked(request, address))
        tab.goto(address)
        return tab

    def asked(request, address):
        own = address.rsplit("/", 1)[0]
        if not request.url.startswith((own, "file:", "data:", "blob:")):
            problems.append(f"asked for {request.url}")

    yield opening
    for context in contexts:
        context.close()
    assert not problems
