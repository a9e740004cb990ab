"""A public file of card payments: no ids, no customers, relative seconds; labels come later.

Two nights by the commands, with one Spark: the second declares labels, trains, deploys and scores.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Installation
from tests.infra.embedded_server import EmbeddedServer
from tests.pipelines.public_cards import make_cards, write_cards

AS_OF = "2020-03-01"
ROWS = 20_000
FOLDS = {"28d": "21d", "trials = 20": "trials = 1\nfolds = 1"}
LABELS = '\n[labels]\ncolumn = "Class"\ndelay = "7d"\nmaturity = "7d"\n'

pytestmark = pytest.mark.timeout(600)


class Cards(Installation):
    """A drafted spec whose labels are left out, and the commands in its folder."""

    spec: Path

    def run(self, *words: str, code: int = 0) -> str:
        ran = self.call(*words, cwd=self.spec.parent)
        assert ran.returncode == code, f"{words}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cards]:
    folder = tmp_path_factory.mktemp("cards")
    write_cards(folder / "cards.csv", make_cards(rows=ROWS, days=60))
    server = EmbeddedServer(folder / "sagemaker")
    server.start()
    cards = Cards(folder / "home", **server.environment)
    cards.spec = folder / "cards.toml"
    try:
        yield cards
    finally:
        server.close()


def test_the_chain_runs_without_ids_entities_and_at_first_without_labels(cards: Cards) -> None:
    cards.run("new", "cards", "--from", "cards.csv")
    drafted = cards.spec.read_text()
    declared = tomllib.loads(drafted)
    assert "entities" not in declared["source"]
    assert declared["labels"]["column"] == "Class"
    assert declared["source"]["attributes"].keys() == {f"v{n}" for n in range(1, 9)}
    text = re.sub(r"\[labels\].*?\n\n", "", drafted, flags=re.DOTALL)
    for old, new in FOLDS.items():
        text = text.replace(old, new)
    cards.spec.write_text(text)

    examined = cards.run("doctor", "cards.toml")
    assert "entities  none" in examined
    assert "labels    none" in examined
    assert (
        f"in order up to the features; next: overnight run cards.toml --as-of {AS_OF}" in examined
    )

    first = cards.run("run", "cards.toml", "--as-of", AS_OF, code=2)
    assert f"{ROWS:,} rows read, {ROWS:,} kept, 0 quarantined" in first
    assert re.search(r"build_features +features@v1", first)
    assert "cards declares no labels" in first
    assert "Traceback" not in first

    cards.spec.write_text(text + LABELS)
    second = cards.run("run", "cards.toml", "--as-of", AS_OF)
    # Only what depends on labels is made: rows and features are those of the first night.
    assert re.search(r"ingest +transactions@v1\+labels@v2", second)
    assert "Kept features@v1" in second
    assert re.search(r"register +models:/cards/1", second)
    reviewed = cards.run("review", "cards.toml", "1")
    assert re.search(r"card precision@100 +not available: the spec has no entity", reviewed)

    cards.run("approve", "cards.toml", "1", "--because", "finds what the regression does not")
    assert "endpoints:/cards/1" in cards.run("deploy", "cards.toml")
    scored = cards.run("score", "cards.toml")
    assert len(re.findall(r"^ *[0-9a-f]{32} .* (pass|alert) ", scored, flags=re.MULTILINE)) == 5
    assert "models:/cards/1" in cards.run("status", "cards.toml")
