"""Airflow's pages as people use them, in a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import ARTIFACTS, PATIENCE_MS
from tests.e2e.conftest import Installation


class AirflowPages:
    """The form of a run, and the questions that wait for an answer."""

    def __init__(self, browser: Browser, installation: Installation) -> None:
        self._browser = browser
        self._address = f"http://127.0.0.1:{installation.port('AIRFLOW')}"

    def trigger(self, dag: str, **typed: str) -> None:
        """Fill in the form of a DAG and press Trigger, which also turns on a DAG that is off."""
        with self._open(f"dags/{dag}", picture=f"trigger-{dag}") as page:
            page.get_by_role("button", name="Trigger").click()
            form = page.get_by_role("dialog")
            for name, text in typed.items():
                form.locator(f"[name=element_{name}]").fill(text)
            form.get_by_role("button", name="Trigger", exact=True).click()
            expect(form).to_have_count(0, timeout=PATIENCE_MS)

    def answer(self, subject: str, chosen: str, **typed: str) -> str:
        """Answer a question, which nobody can before every field has a text; gives what it said."""
        with self._open("required_actions", picture=f"answer-{chosen}") as page:
            page.get_by_text(subject).click()
            button = page.get_by_role("button", name=chosen, exact=True)
            expect(button).to_be_disabled(timeout=PATIENCE_MS)
            told = page.locator("code").first.inner_text()
            for name, text in typed.items():
                page.locator(f"[name=element_{name}]").fill(text)
            button.click()
            expect(page.get_by_text("response successful")).to_be_visible(timeout=PATIENCE_MS)
        return told

    @contextmanager
    def _open(self, path: str, *, picture: str) -> Iterator[Page]:
        """A page; what it looked like at the end is kept."""
        page = self._browser.new_page(viewport={"width": 1400, "height": 1800})
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{self._address}/{path}")
        try:
            yield page
        finally:
            page.screenshot(path=ARTIFACTS / f"airflow-{picture}.png")
            page.close()
