"""One installation for all tests here; see `rig`.

They are one story, in the order of their files and lines: what a night left, later ones look at.
"""

from collections.abc import Iterator

import pytest

from pipelines.config.spec import SPECS
from tests.e2e.conftest import make_installation  # noqa: F401 -- a fixture
from tests.production import debit
from tests.production.mail import receiving
from tests.production.postgres import postgres
from tests.production.rig import DATABASES, Rig, plant, serving

# Fewer trials lose to the logistic regression on so few customers, and the gate says so.
CARDS = """name = "cards"
{declared}
nightly = "0 2 12 3 *"
retries = 2
retry_delay = "1s"
deadline = "20s"
[gate]
resamples = 200
"""


@pytest.fixture(scope="session")
def rig(make_installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:  # noqa: F811
    """Everything runs; the spec `cards` has data, `debit` none; nothing was trained yet."""
    specs = tmp_path_factory.mktemp("specs")
    declared = (SPECS / "demo.toml").read_text(encoding="utf-8")
    declared = declared.replace("trials = 12", "trials = 4").replace("as_of = ", "# as_of = ")
    cards = CARDS.format(declared=declared)
    (specs / "cards.toml").write_text(cards, encoding="utf-8")
    debit.write_spec(specs)
    installation = make_installation("production", OVERNIGHT_SPECS=str(specs))
    installation.overnight("simulate", "--days", "70", "--customers", "300")
    backend = tmp_path_factory.mktemp("backend") / "connections.json"
    planted = plant()
    owners = dict.fromkeys(DATABASES.values())
    passwords = {user: planted[f"{user} in PostgreSQL"] for user in ("root", *owners)}
    with (
        postgres(passwords, DATABASES) as database,
        receiving() as mailbox,
        serving(installation, planted, database, mailbox, backend=backend) as made,
    ):
        yield made
