from pathlib import Path

import pytest

from expectations.contract import InputError, ProblemsError
from pipelines.config.columns import model_kinds, request_kinds
from pipelines.config.spec import list_specs, load_spec

GOOD = """
[source]
path = "cards.parquet"
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amt"
[source.entities]
customer_id = "cust"
[labels]
column = "fraud"
delay = "7d"
maturity = "7d"
[[features.windows]]
entity = "customer_id"
aggregates = ["count"]
windows = ["1d", "12h"]
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OVERNIGHT_SPECS", str(tmp_path))

    def write(text: str) -> str:
        (tmp_path / "cards.toml").write_text(text)
        return "cards"

    return write


def problems(reference: str) -> tuple[str, ...]:
    with pytest.raises(ProblemsError) as caught:
        load_spec(reference)
    assert str(caught.value).startswith(f"{len(caught.value.problems)} problem")
    assert "cards.toml" in str(caught.value)
    return caught.value.problems


def test_shipped_specs_are_in_order() -> None:
    assert "demo" in list_specs()
    assert load_spec("demo").name == "demo"
    # The Handbook's own 15 features are the first, amount among them, and 60 or more in all.
    assert len(request_kinds(load_spec("handbook"))) >= 60


def test_a_model_reads_amount_attributes_and_features_in_declared_order(write) -> None:
    spec = load_spec(write(GOOD + '[source.attributes]\nmcc = {column = "m", kind="categorical"}'))
    assert request_kinds(spec) == {
        "amount": "numeric",
        "mcc": "categorical",
        "customer_transaction_count_1d": "numeric",
        "customer_transaction_count_12h": "numeric",
    }


def test_the_columns_of_the_model_may_be_chosen(write) -> None:
    chosen = "[training]\ncolumns = ['customer_transaction_count_12h', 'amount']\n[labels]"
    spec = load_spec(write(GOOD.replace("[labels]", chosen)))
    assert list(model_kinds(spec)) == ["amount", "customer_transaction_count_12h"]
    assert len(request_kinds(spec)) == 3
    assert model_kinds(load_spec("demo")) == request_kinds(load_spec("demo"))


def test_every_problem_is_reported_at_once_with_its_key_and_a_remedy(write) -> None:
    text = (
        GOOD.replace('event_time = "at"\n', "")
        .replace('maturity = "7d"', 'maturity = "a week"')
        .replace('"count"', '"average"')
        + '[training]\ntrials = "many"\nfold = 3\n[gates]\nmin_auc = 0.8\n'
    )
    found = problems(write(text))
    assert found[0] == "source.roles.event_time: missing; add it"
    assert found[1].startswith("labels.maturity: got 'a week'; 'a week' is not a duration")
    assert found[2].startswith("training.trials: got 'many'")
    assert found[3] == "training.fold: unknown key; remove it or correct its spelling"
    assert found[4] == "gates: unknown key; remove it or correct its spelling"
    assert found[5].startswith("features.windows.0.aggregates.0: got 'average'; use one of count")
    assert len(found) == 6


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('delay = "7d"\n', "", "labels.delay: missing"),
        ('column = "fraud"\ndelay = "7d"', 'path = "x"', "known_time"),
        ('entity = "customer_id"', 'entity = "card_id"', "card_id"),
        ('customer_id = "cust"', 'amount = "cust"', "'amount' is used twice or reserved"),
        ("[labels]", '[training]\ngap = "3d"\n[labels]', "training.gap: 3d is shorter than"),
        ("[labels]", '[training]\nexclude_detected = "x"\n[labels]', "not one of source.entities"),
        ("[labels]", '[training]\nexclude_window = "60d"\n[labels]', "is longer than train_window"),
        ("[labels]", '[training]\ncolumns = ["amuont"]\n[labels]', "did you mean 'amount'?"),
        ("[labels]", '[training]\ncolumns = ["fraud"]\n[labels]', "no column 'fraud'; give amount"),
        ("[labels]", '[training]\ncolumns = ["amount", "amount"]\n[labels]', "stands there twice"),
    ],
)
def test_contradictions_between_keys_are_problems(write, old: str, new: str, said: str) -> None:
    assert any(said in problem for problem in problems(write(GOOD.replace(old, new))))


BARE = GOOD[: GOOD.index("[source.entities]")]


def test_a_spec_needs_neither_entities_nor_labels(write) -> None:
    spec = load_spec(write(BARE))
    assert spec.source.entities == {}
    assert not spec.labels.is_declared
    assert spec.customer is None
    assert request_kinds(spec) == {"amount": "numeric"}
    assert not load_spec(write(BARE + '[labels]\nmaturity = "7d"\n')).labels.is_declared


WINDOW = '[[features.windows]]\nentity = "card"\naggregates = ["count"]\nwindows = ["1d"]\n'
COMPOSED = BARE.replace('"id"', '{ columns = ["at", "amt"] }')
REPORTED = 'path = "r.parquet"\ntransaction_id = "id"\nknown_time = "at"\nmaturity = "7d"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BARE + WINDOW, "'card' is not one of source.entities (there are none)"),
        (
            BARE + '[training]\nexclude_detected = "card"\n',
            "training.exclude_detected: 'card': source.entities names none; remove it",
        ),
        (BARE + '[labels]\ndelay = "7d"\n', "labels: give either column and delay, or path"),
        (BARE + '[labels]\ncolumn = "f"\ndelay = "7d"\n', "labels.maturity: missing; add it"),
        (
            GOOD[: GOOD.index("[labels]")]
            + WINDOW.replace("card", "customer_id")
            + 'measure = "is_fraud"\n',
            "features.windows.0.measure: 'is_fraud' needs labels; declare [labels], or remove",
        ),
        (
            GOOD[: GOOD.index("[labels]")]
            + 'device_id = "dev"\n[[features.links]]\nentity = "customer_id"\n'
            + 'through = "device_id"\naggregates = ["neighbour_frauds"]\nwindows = ["1d"]\n',
            "features.links.0.aggregates: 'neighbour_frauds' needs labels; declare [labels]",
        ),
        (
            COMPOSED + '[labels]\ncolumn = "amt"\ndelay = "7d"\nmaturity = "7d"\n',
            "source.roles.transaction_id.columns: 'amt' is the label, and an id would change",
        ),
        (COMPOSED + "[labels]\n" + REPORTED, "labels.path: reports name transactions by an id"),
        (COMPOSED.replace('["at", "amt"]', '["at", "at"]'), "columns: 'at' stands there twice"),
        (
            COMPOSED + '[source.types]\ntransaction_id = "integer"\n',
            "source.types.transaction_id: a composed id is text; remove it",
        ),
    ],
)
def test_what_entities_labels_and_ids_contradict_is_a_problem(write, text: str, said: str) -> None:
    assert any(said in problem for problem in problems(write(text)))


def test_overrides_change_one_run(write) -> None:
    spec = load_spec(f"{write(GOOD)}?training.trials=3&contract.amount.maximum=50")
    assert (spec.training.trials, spec.contract.amount.maximum) == (3, 50.0)
    assert load_spec("cards").training.trials != 3


def test_overrides_are_checked_like_the_file(write) -> None:
    assert problems(f"{write(GOOD)}?training.trails=3&nonsense") == (
        "override 'nonsense': write it as section.key=value",
        "training.trails: unknown key; remove it or correct its spelling",
    )


def test_what_is_not_toml_is_refused_with_its_line(write) -> None:
    with pytest.raises(InputError, match=r"cards\.toml is not TOML: .*line 2, column"):
        load_spec(write("[source]\npath = maybe\n"))


def test_an_unknown_spec_is_refused_with_the_known_ones(write) -> None:
    write(GOOD)
    with pytest.raises(InputError, match=r"no spec 'crads'\. Known: cards, demo\."):
        load_spec("crads")


FAULTY = """
[[features.conditions]]
name = "large"
sql = "amount > limit"
[[features.windows]]
entity = "card_id"
measure = "amount"
aggregates = ["average", "sum"]
windows = ["7x", "0d"]
[[features.windows]]
entity = "customer_id"
aggregates = ["sum"]
windows = ["-1d"]
[[features.windows]]
entity = "customer_id"
aggregates = ["count"]
windows = ["1d"]
[[features.links]]
entity = "customer_id"
through = "device_id"
aggregates = ["neighbours"]
windows = ["7d"]
[[features.derived]]
name = "ratio"
sql = "amount / (is_fraud + FRAUD)"
[[features.derived]]
name = "broken"
sql = "amount + * 2"
"""


def test_every_fault_of_the_features_is_reported_at_once(write) -> None:
    found = problems(write(GOOD + FAULTY))
    text = "\n".join(found)
    for said in (
        "features.windows.1.windows.0: got '7x'; '7x' is not a duration",
        "features.windows.2.windows.0: got '-1d'; '-1d' is not a duration",
        "features.windows.1.entity: 'card_id' is not one of source.entities (customer_id)",
        "features.windows.1.aggregates.0: got 'average'; use one of count, sum",
        "features.windows.1.windows.1: 0d holds nothing; use a length above zero",
        "features.windows.2.aggregates.0: 'sum' is not made of the transactions themselves",
        "features: the name 'customer_transaction_count_1d' is made 2 times, "
        "by features.windows.0 and features.windows.3; remove one",
        "features.links.0.through: 'device_id' is not one of source.entities (customer_id)",
        "features.conditions.0 (large): position 10: no column 'limit'",
        "features.derived.0 (ratio): position 11: 'is_fraud' is the label",
        "features.derived.0 (ratio): position 22: 'FRAUD' is the label",
        "features.derived.1 (broken): position 12: cannot be parsed",
    ):
        assert said in text, f"{said}\nis not in\n{text}"
    assert len(found) == 12, text


BY_CONDITION = """
[[features.conditions]]
name = "odd"
sql = "ratio > 2"
[[features.conditions]]
name = "deep"
sql = "customer_odd_count_1d > 1"
[[features.windows]]
entity = "customer_id"
measure = "odd"
aggregates = ["count"]
windows = ["1d"]
[[features.windows]]
entity = "customer_id"
where = "strange"
aggregates = ["count"]
windows = ["2d"]
[[features.windows]]
entity = "customer_id"
measure = "is_fraud"
where = "odd"
aggregates = ["rate"]
windows = ["3d"]
[[features.windows]]
entity = "customer_id"
measure = "is_genuine"
aggregates = ["count", "prior_time_since_last"]
windows = ["4d"]
[[features.derived]]
name = "ratio"
sql = "amount / customer_transaction_count_1d"
"""


def test_what_conditions_cannot_be_asked_for_is_said_at_once(write) -> None:
    text = "\n".join(problems(write(GOOD + BY_CONDITION)))
    for said in (
        "features.conditions.1 (deep): position 1: 'customer_odd_count_1d' counts rows by a "
        "condition that reads features itself; leave it out",
        "features.windows.2.where: 'strange' is not one of features.conditions (odd, deep)",
        "features.windows.2.where: it goes with is_fraud or a number (amount); for the "
        'transactions that meet it write measure = "strange"',
        "features.windows.3.aggregates.0: 'rate' is not made of is_fraud; use count, time_since",
        "features.windows.4.delay: missing; add it",
        "features.windows.4.aggregates.0: 'count' is not made of is_genuine; use time_since_first",
        "features.windows.4.aggregates.1: 'time_since_last' of is_genuine always leaves the row",
    ):
        assert said in text, f"{said}\nis not in\n{text}"
    assert len(text.splitlines()) == 7, text


def test_the_label_is_no_attribute(write) -> None:
    text = GOOD + '[source.attributes]\nbad = {column = "fraud", kind = "numeric"}'
    (problem,) = problems(write(text))
    assert problem.startswith("source.attributes.bad: 'fraud' is the label")


def test_a_pair_of_columns_has_a_history_of_its_own(write) -> None:
    text = GOOD.replace('customer_id = "cust"', 'customer_id = "cust"\nterminal_id = "term"')
    text = text.replace('entity = "customer_id"', 'entity = ["customer_id", "terminal_id"]')
    names = load_spec(write(text)).features.feature_names()
    assert names[0] == "customer_terminal_transaction_count_1d"
