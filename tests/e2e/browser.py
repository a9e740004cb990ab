"""A real browser for tests: Debian's Chromium, driven by Playwright, with what it was told."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

# Pictures and prints of the last test run, to be looked at.
ARTIFACTS = Path(__file__).resolve().parents[2] / "var/test-artifacts"
PATIENCE_MS = 60_000


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """Chromium, until the block ends."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("This test drives Debian's Chromium, which is not here. Run: make browser")
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


class Witness:
    """What pages asked for and complained about.

    Attributes:
        asked: addresses of all requests.
        complaints: console messages that are no mere information, with where they come from.
        failures: errors that no script caught.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.complaints: list[tuple[str, str]] = []
        self.failures: list[str] = []

    def watch(self, page: Page) -> Page:
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.failures.append(str(error)))
        page.on(
            "console",
            lambda said: (
                self.complaints.append((said.location["url"], said.text))
                if said.type in {"error", "warning"}
                else None
            ),
        )
        return page
