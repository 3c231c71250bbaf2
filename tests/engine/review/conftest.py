"""A headless Chromium for the page of a review."""

import pytest


@pytest.fixture(scope="module")
def chromium(browser):
    """The browser of the session: Playwright can run only one at a time."""
    return browser


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
