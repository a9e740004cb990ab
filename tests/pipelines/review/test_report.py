"""The report's sentences, tables and pictures from figures written by hand; what it must not do."""

import re
from dataclasses import replace
from html.parser import HTMLParser

from expectations.results import CRITICAL, Finding, Validated
from pipelines.modelling.evaluation_record import GateDecision
from pipelines.review.report.changes import (
    Change,
)
from pipelines.review.report.page import (
    Rollout,
    list_drifts,
    moved_reasons,
    order_slices,
    render_page,
)
from pipelines.review.report.summary import describe_version, list_figures, summarise
from tests.pipelines.evaluation_records import (
    CANDIDATE,
    CASE,
    CHAMPION,
    FAILED,
    PASSED,
    SLICES,
    make_contents,
    make_record,
)
from training.evaluation import ComparedCase, FeatureContribution

MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"
REFUSED = GateDecision(False, (PASSED, FAILED))


class Page(HTMLParser):
    """What a browser would make of a page: elements, ids, links, words."""

    EMPTY = frozenset({"meta", "link", "path", "circle", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.said.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.said).split())

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [given for tag, given in self.elements if tag == name]


def page(record=None, **changed: object) -> Page:
    return Page(render_page(make_contents(record or make_record(), **changed)))


def test_the_head_says_what_the_gate_thinks_what_it_brings_and_what_to_do() -> None:
    words = page().words
    assert "cards, version 2" in words
    assert (
        "Recommended for approval The gate accepts models:/cards/2: 1 of 1 checks passed." in words
    )
    assert (
        "It saves 1,234 a day with 100 reviews a day, 134.00 more than the champion "
        "(95 %: +20.00 to +250.00): better."
    ) in words
    assert "1 of 2 slices are shown to be worse: channel web." in words
    assert "set the alias approved on the page of version 2" in words
    assert 'overnight approve cards 2 --because "…"' in words


def test_a_refused_version_is_not_recommended_and_says_how_to_set_that_aside() -> None:
    words = page(gate=REFUSED).words
    assert "Not recommended The gate refuses models:/cards/2: 1 of 2 checks passed." in words
    assert "set the alias approved on" not in words
    assert 'overnight approve cards 2 --because "…" --override "…"' in words
    assert "slices not passed worse by more than 0.05 in channel web" in words


def test_without_a_champion_nothing_is_compared() -> None:
    first = page(make_record(champion=None))
    assert "There is no champion yet." in first.words
    assert "There is no champion to compare it with." in first.words
    for word in ("difference", "got worse", "champion's score", "than with the champion"):
        assert word not in first.words
    assert len(first.all("figure")) == 6


def test_a_champion_that_cannot_be_compared_is_named_with_the_reason() -> None:
    problem = "models:/cards/1 cannot score: the rows have no country"
    words = page(make_record(champion=None, problem=problem)).words
    assert "Champion: models:/cards/1" in words
    assert f"It saves 1,234 a day with 100 reviews a day. {problem}." in words


def test_each_figure_has_its_interval_and_what_the_difference_says() -> None:
    rows = {row.key: row for row in list_figures(make_record())}
    assert rows["money_saved"].value == ("1,234", "1,000 to 1,500")
    assert rows["money_saved"].gain == ("+134.00", "+20.00 to +250.00")
    said = {key: (row.verdict, row.tone) for key, row in rows.items()}
    assert said == {
        "money_saved": ("better", "good"),
        "alerts": ("fewer", "even"),  # neither good nor bad by itself
        "reviews": ("within chance", "even"),
        "frauds_found": ("within chance", "even"),
        "average_precision": ("worse", "bad"),
        "auc": ("within chance", "even"),
        "recall_at_0_1pct_fpr": ("better", "good"),
    }
    assert rows["average_precision"].gain == (f"{MINUS}0.030", f"{MINUS}0.050 to {MINUS}0.010")
    assert rows["auc"].gain == ("+0.000", "")
    words = page().words
    assert "recall at 0.1 % false positives 40.0 % 35.0 % to 45.0 % 40.0 % 35.0 % to" in words
    assert "+3.1 % +1.0 % to +5.0 % better" in words


def test_without_an_entity_the_page_says_what_is_drawn_and_what_is_not_available() -> None:
    words = page(replace(make_record(), has_customers=False)).words
    assert "Intervals: 95 %, rows drawn one by one, as the spec has no entity" in words
    assert "Card precision is not available: the spec has no entity." in words
    usual = page().words
    assert "Intervals: 95 %, customers drawn whole" in usual
    assert "Card precision is not available" not in usual


def test_a_loss_of_money_is_told_as_one() -> None:
    record = make_record()
    loss = replace(record.comparison.gains["money_saved"], value=-50.0, low=-80.0, high=-10.0)
    gains = {**record.comparison.gains, "money_saved": loss}
    changed = replace(record, comparison=replace(record.comparison, gains=gains))
    _, told, _ = summarise(changed, REFUSED, version="models:/cards/2")
    assert told.endswith(
        f"50.00 less than the champion (95 %: {MINUS}80.00 to {MINUS}10.00): worse."
    )


def test_slices_that_got_worse_come_first_and_few_frauds_are_not_judged() -> None:
    names = [each.name for each in order_slices(SLICES)]
    assert names == ["channel web", "channel app", "hour 00-06", "channel fax"]
    words = page().words
    assert "1 of 2 got worse." in words
    assert (
        "channel web 400 12 alerts 40 0.500 0.400 to 0.600 AUC 0.850 0.600 "
        f"{MINUS}0.100 {MINUS}0.150 to {MINUS}0.050 worse"
    ) in words
    assert (
        "channel app 10 1 alerts 1 0.200 0.100 to 0.300 AUC 0.600 0.900 "
        f"{MINUS}0.700 {MINUS}0.800 to {MINUS}0.600 too few"
    ) in words
    assert "hour 00-06 300 11 alerts 30 0.700 0.600 to 0.800 AUC 0.930 0.680 +0.020 " in words


def test_reasons_that_moved_are_counted_once() -> None:
    # A quarter of the alerts went to amount, a quarter to hour, and half left country.
    assert moved_reasons(CANDIDATE, CHAMPION) == 0.5
    assert moved_reasons(CANDIDATE, CANDIDATE) == 0.0
    assert moved_reasons(CANDIDATE, None) is None
    found = [(each.name, each.ours, each.theirs) for each in list_drifts(CANDIDATE, CHAMPION)]
    assert found == [("amount", 0.75, 0.5), ("country", 0.0, 0.5), ("hour", 0.25, 0.0)]
    words = page().words
    assert "At least 50.0 % of the alerts have another top reason" in words
    assert f"country 0.0 % 50.0 % {MINUS}50.0 %" in words


def test_false_alarms_have_their_reasons_and_both_scores() -> None:
    words = page().words
    assert "tx-77 2025-02-03 04:05:06 99.50 0.910 alert 0.120" in words
    assert f"amount = 99.5 (+2.50) hour = 4 ({MINUS}0.50)" in words


def test_missed_frauds_have_their_reasons_too() -> None:
    words = page().words
    assert "Frauds with the lowest scores, the larger amount first among equals." in words
    assert f"tx-99 2025-02-04 05:06:07 640.00 0.010 0.700 alert hour = 5 ({MINUS}1.50)" in words


def test_every_metric_stands_beside_the_logistic_regression_and_a_perfect_model() -> None:
    words = page().words
    assert "average precision 0.630 0.580 to 0.680 0.310" in words
    assert "money saved a day 1,234 1,000 to 1,500 300.00 2,500" in words
    assert "rows 1,899" in words


def test_each_day_has_its_figures_and_a_day_without_frauds_dashes() -> None:
    words = page().words
    assert "0 1,000 34 0.600 0.500 to 0.700 0.940 22 1,300" in words
    assert f"1 899 30 {DASH} {DASH} 18 {MINUS}40.00" in words


def test_features_that_move_scores_say_in_which_direction() -> None:
    words = page().words
    assert f"amount 1.250 {MINUS}0.500 +2.000" in words
    assert f"channel 0.200 {DASH} {DASH}" in words


def test_curves_show_the_logistic_regression_and_the_scores() -> None:
    words = page().words
    assert "false-positive rate recall, this version recall, champion recall, logistic" in words
    assert "0.1 % 40.0 % 40.0 % 0.0 %" in words
    assert "5.0 % 90.0 % 90.0 % 50.0 %" in words
    assert "50 % 0.800 0.800 0.400" in words
    assert "0.50 35 60" in words


def test_a_record_of_before_is_shown_with_what_it_holds() -> None:
    record = make_record()
    fields = {"false_negatives": (), "by_day": (), "contributions": (), "scores": ()}
    slices = tuple(replace(each, own=None, auc=None, alerts=None) for each in SLICES)
    models = {
        "candidate": replace(CANDIDATE, recall_by_false_positives=()),
        "champion": replace(CHAMPION, recall_by_false_positives=()),
    }
    older = replace(record.comparison, **fields, **models, slices=slices, baseline=None)
    found = page(replace(record, comparison=older, metrics=()))
    assert len(found.all("figure")) == 3
    assert "channel web 400 40 0.500 0.600" in found.words
    assert found.words.count("was evaluated before its record held them") == 3


def test_data_checks_and_quarantine_are_told() -> None:
    words = page().words
    assert "training sets v3 12,000 2025-01-01 to 2025-02-07 480 4.000 %" in words
    assert f"transactions v9 20,000 2025-01-01 to 2025-02-09 {DASH} {DASH}" in words
    assert "features : the features of cards 20,000 94 1" in words
    assert "warning: fewer rows than usual" in words
    assert "7 rows are held back. By rule: repeated: 5 amount_below_minimum: 2" in words


def test_what_approving_does_is_the_plan_or_why_there_is_none() -> None:
    assert "endpoint cards: would be created" in page().words
    unknown = page(rollout=Rollout("", "Could not connect to http://nowhere", "0 6 * * *")).words
    assert "SageMaker could not be asked when this page was written" in unknown
    assert "Could not connect to http://nowhere" in unknown
    assert "change window ( 0 6 * * * , UTC)" in unknown


def test_decisions_are_listed() -> None:
    assert "Decisions None yet." in page().words
    assert "2025-02-11 override by alice" in page(decisions=["2025-02-11 override by alice"]).words


HOSTILE = '<script>alert(1)</script><img src="http://evil.example/x" onerror="alert(2)">'


def test_hostile_values_stay_text() -> None:
    record = make_record()
    compared = replace(
        record.comparison,
        slices=(replace(SLICES[1], name=f"channel {HOSTILE}"),),
        candidate=replace(CANDIDATE, top_reasons={HOSTILE: 1.0}),
        contributions=(FeatureContribution(HOSTILE, 1.0, None, None),),
        false_negatives=(
            ComparedCase(replace(CASE, transaction=HOSTILE, reasons=((HOSTILE, "1", 1.0),)), 0.1),
        ),
        false_positives=(
            replace(
                record.comparison.false_positives[0],
                case=replace(CASE, transaction=HOSTILE, reasons=(("channel", HOSTILE, 1.0),)),
            ),
        ),
    )
    checks = {"features": Validated(HOSTILE, 1, 1, (Finding(CRITICAL, HOSTILE),))}
    data = replace(record.data, checks=checks, rules={HOSTILE: 1}, docs=HOSTILE)
    hostile = replace(record, comparison=compared, data=data)
    text = render_page(
        make_contents(
            hostile,
            gate=GateDecision(False, (replace(FAILED, name=HOSTILE, reason=HOSTILE),)),
            changes={"Features": (Change(HOSTILE, HOSTILE, HOSTILE, HOSTILE),)},
            rollout=Rollout("", HOSTILE, None),
            origin={HOSTILE: HOSTILE},
            decisions=[HOSTILE],
        )
    )
    found = Page(text)
    assert found.all("img") == []
    assert len(found.all("script")) == 1  # the page's own
    assert not any("onerror" in given for _, given in found.elements)
    assert found.words.count("<script>alert(1)</script>") >= 17
    described = describe_version(
        hostile, GateDecision(False, (replace(FAILED, reason=HOSTILE),)), page="#/x"
    )
    assert not re.search(r"(?<!\\)[<>]", described)
    assert "http://" not in described


def test_a_category_is_no_heading_link_or_list_of_a_description() -> None:
    reason = "a\n\n# b\n- [c](http://d.example) www.e.example `f` **g** <h>\x0b| i"
    described = describe_version(
        make_record(), GateDecision(False, (replace(FAILED, reason=reason),)), page="#/x"
    )
    (line,) = [line for line in described.splitlines() if "e.example" in line]
    assert line.endswith(
        r"a # b - \[c\](http:\//d.example) www\.e.example \`f\` \*\*g\*\* \<h\> \| i"
    )


def test_the_page_loads_nothing_and_links_only_to_itself() -> None:
    text = render_page(make_contents(make_record()))
    found = Page(text)
    for tag, given in found.elements:
        for name in ("src", "href", "action", "srcset"):
            address = given.get(name)
            assert (
                address is None or address.startswith("#") or (tag, address) == ("link", "data:,")
            )
    assert not re.search(r"url\(|@import|https?://(?!127\.0\.0\.1:8770)", text)


def test_the_page_can_be_walked_without_seeing_it() -> None:
    found = page()
    ids = [given["id"] for _, given in found.elements if "id" in given]
    assert len(ids) == len(set(ids))
    links = [str(given["href"]) for given in found.all("a")]
    assert links[0] == "#content"
    assert len(links) >= 12
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert found.all("html") == [{"lang": "en"}]
    for given in found.all("svg"):
        assert given.get("aria-hidden") == "true" or (given["role"], bool(given["aria-label"])) == (
            "img", True,
        )  # fmt: skip
    assert all(given.get("scope") in {"col", "row"} for given in found.all("th"))
    # Every picture has its numbers as a table.
    assert len(found.all("figure")) == len(found.all("details")) == 6
    assert "50 900.00 900.00" in found.words
    assert found.open == []


def luminance(colour: str) -> float:
    """Of `#rrggbb`, as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_can_be_read_in_light_in_dark_and_on_paper() -> None:
    text = render_page(make_contents(make_record()))
    schemes = [
        dict(re.findall(r"--([\w-]+): (#\w{6});", block))
        for block in re.findall(r":root \{(.*?)\}", text, re.S)
    ]
    assert len(schemes) == 3
    for colours in schemes:
        grounds = ["paper", "panel"]
        pairs = [(ink, on) for ink in ("ink", "muted", "candidate") for on in grounds]
        pairs += [(tone, on) for tone in ("good", "bad") for on in (*grounds, f"{tone}-panel")]
        pairs += [("ink", "good-panel"), ("ink", "bad-panel"), ("champion", "paper")]
        for pair in pairs:
            dark, light = sorted(luminance(colours[name]) for name in pair)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, pair


def test_the_description_tells_the_story_from_its_first_word() -> None:
    told = describe_version(make_record(), REFUSED, page="#/experiments/1/x").splitlines()
    assert told[0].startswith("Refused, +134.00 a day. It saves 1,234 a day with 100 reviews a day")
    assert "| | this version | models:/cards/1 | difference |" in told
    both = "1,234 (1,000 to 1,500) | 1,234 (1,000 to 1,500)"
    assert f"| money saved a day | {both} | +134.00 (+20.00 to +250.00) |" in told
    assert "- slices: worse by more than 0.05 in channel web (-0.1000)" in told
    assert told[-1] == "[Review report](#/experiments/1/x)"
    first = describe_version(make_record(champion=None), GateDecision(True, (PASSED,)), page="#/x")
    assert first.startswith(
        "Accepted. It saves 1,234 a day with 100 reviews a day. There is no champion"
    )
    assert "Why the gate refuses" not in first


def test_a_record_from_before_a_metric_is_shown_without_it() -> None:
    record = make_record()
    kept = {n: e for n, e in CANDIDATE.estimates.items() if n != "recall_at_0_1pct_fpr"}
    older = replace(record.comparison, candidate=replace(CANDIDATE, estimates=kept))
    words = page(replace(record, comparison=older)).words
    assert "recall at 0.1 %" not in words
    assert "average precision 0.630" in words
