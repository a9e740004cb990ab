"""A reviewer at MLflow's pages, in a real browser: reads the report, sets the alias."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

import tests.quiet  # noqa: F401 -- for its effect
from infra.processes.service import running
from infra.tracking.server import build_mlflow
from pipelines import steps
from pipelines.config.installation.settings import load_settings
from pipelines.tracking.registry import APPROVED, CHALLENGER, CHAMPION, Registry, Version
from pipelines.tracking.runs import REVIEW_REPORT
from tests.e2e.browser import ARTIFACTS, Witness, open_browser
from tests.infra.embedded_server import free_port
from tests.pipelines.nights import AS_OF, QUIET, installed

pytestmark = QUIET

# Chance alone costs a model of one trial more than the gate usually tolerates.
SMALL = {"training__trials": 1, "training__lightgbm__members": 1, "gate__margin": 0.9}
SMALL |= {"gate__slice_margin": 0.9, "gate__money_margin": 0.9, "gate__max_calibration_factor": 9}


@dataclass(frozen=True)
class Desk:
    """Two versions, of which the first serves, and an MLflow server that shows them."""

    registry: Registry
    version: Version
    address: str

    @property
    def version_page(self) -> str:
        return f"{self.address}#/models/cards/versions/{self.version.number}"

    @property
    def report_page(self) -> str:
        return self.address + self.registry.runs.page(self.version.run, REVIEW_REPORT)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("desk")
    with installed(home) as night:
        versions = []
        for seed in (1, 2):
            run = night.candidate(training__seed=seed, **SMALL)
            versions.append(night.registry.get(steps.register(night.reference(), AS_OF, run)))
            night.registry.set_alias(CHAMPION, versions[0])
        port = free_port()
        uri = load_settings().tracking_uri
        server = build_mlflow(dict(os.environ), home=home, tracking_uri=uri, port=port)
        with running([server]):
            yield Desk(night.registry, versions[-1], f"http://127.0.0.1:{port}/")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def open_page(browser: Browser, witness: Witness, *, scheme: str = "light") -> Page:
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": 1600, "height": 1000}, locale="en-GB"
    )
    return witness.watch(context.new_page())


def report_in(page: Page) -> FrameLocator:
    """The report in MLflow's frame, once it is there."""
    report = page.frame_locator("iframe.mlflow-html-iframe")
    report.get_by_role("heading", level=1).wait_for()
    return report


def save_picture(report: FrameLocator, name: str) -> None:
    report.locator("html").screenshot(path=ARTIFACTS / f"{name}.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_opens_inside_mlflow_and_asks_nobody(
    desk: Desk, browser: Browser, scheme: str
) -> None:
    witness = Witness()
    page = open_page(browser, witness, scheme=scheme)
    page.goto(desk.report_page)
    report = report_in(page)
    expect(report.get_by_role("heading", level=1)).to_have_text("cards, version 2")
    expect(report.get_by_role("img")).to_have_count(6)
    dark = report.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert dark == {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 21, 28)"}[scheme]
    page.screenshot(path=ARTIFACTS / f"report-in-mlflow-{scheme}.png")
    save_picture(report, f"report-{scheme}")
    assert witness.failures == []
    assert [said for said in witness.complaints if said[0].startswith("blob:")] == []
    known = (desk.address, f"blob:{desk.address}", "data:")
    assert [address for address in witness.asked if not address.startswith(known)] == []
    assert any(address.startswith("blob:") for address in witness.asked)


def test_the_report_is_read_with_the_keyboard(desk: Desk, browser: Browser) -> None:
    witness = Witness()
    page = open_page(browser, witness)
    page.goto(desk.report_page)
    report = report_in(page)
    report.get_by_role("link", name="To the content").focus()
    page.keyboard.press("Tab")
    contents = report.get_by_role("navigation").get_by_role("link")
    assert contents.count() == 15
    for number in range(contents.count()):
        link = contents.nth(number)
        expect(link).to_be_focused()
        width = link.evaluate("link => getComputedStyle(link).outlineWidth")
        assert width == "3px", "whoever tabs sees where they are"
        place = report.locator(str(link.get_attribute("href")))
        page.keyboard.press("Enter")
        expect(place).to_be_focused()
        expect(place).to_be_in_viewport()
        link.focus()
        page.keyboard.press("Tab")
    numbers = report.locator("summary").first
    numbers.focus()
    page.keyboard.press("Enter")
    expect(report.locator("details[open] table")).to_have_count(1)
    assert [said for said in witness.complaints if said[0].startswith("blob:")] == []


def test_the_report_is_one_file_that_can_be_printed(
    desk: Desk, browser: Browser, tmp_path: Path
) -> None:
    text = desk.registry.runs.read_file(desk.version.run, REVIEW_REPORT)
    assert text is not None
    (tmp_path / "review.html").write_bytes(text)
    witness = Witness()
    page = open_page(browser, witness, scheme="dark")
    page.goto((tmp_path / "review.html").as_uri())
    page.screenshot(path=ARTIFACTS / "report-file.png", full_page=True)
    page.get_by_role("link", name="The gate", exact=True).click()
    expect(page.locator("#gate")).to_be_in_viewport()
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation")).to_be_hidden()
    ink = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert ink == "rgb(255, 255, 255)"
    expect(page.locator("details table").first).to_be_visible()
    printed = page.pdf(path=ARTIFACTS / "report.pdf", format="A4")
    assert printed.startswith(b"%PDF")
    assert witness.asked == [(tmp_path / "review.html").as_uri()]
    assert (witness.complaints, witness.failures) == ([], [])


def test_nothing_is_wider_than_a_narrow_window(desk: Desk, browser: Browser) -> None:
    witness = Witness()
    page = open_page(browser, witness)
    page.set_viewport_size({"width": 400, "height": 800})
    page.set_content(str(desk.registry.runs.read_file(desk.version.run, REVIEW_REPORT), "utf-8"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_alias_is_set_where_the_report_is_read(desk: Desk, browser: Browser) -> None:
    witness = Witness()
    page = open_page(browser, witness)
    page.goto(f"{desk.address}#/models/cards")
    # The list of versions tells the story by the beginning of the description.
    expect(page.get_by_role("cell", name="It saves").first).to_be_visible()
    page.goto(desk.version_page)
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Review report").click()
    heading = report_in(witness.watch(opened.value)).get_by_role("heading", level=1)
    expect(heading).to_have_text("cards, version 2")
    page.bring_to_front()
    expect(page.get_by_role("cell", name="money saved a day")).to_be_visible()
    assert desk.registry.get(str(desk.version.number)).aliases == (CHALLENGER,)
    page.get_by_title("Edit aliases").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").fill(APPROVED)
    page.keyboard.press("Enter")
    page.screenshot(path=ARTIFACTS / "alias.png")
    dialog.get_by_role("button", name="Save aliases").click()
    dialog.wait_for(state="hidden")
    aliases = desk.registry.get(str(desk.version.number)).aliases
    assert aliases == (APPROVED, CHALLENGER)
    assert witness.failures == []
