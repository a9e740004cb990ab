"""What of the environment an address may name, and what is said of it."""

import os
from pathlib import Path

import pytest

from expectations.contract import InputError, ProblemsError
from pipelines.config.addresses import expand_address
from pipelines.config.installation.settings import load_settings
from pipelines.config.spec import load_spec
from pipelines.ingestion.ingest import ingest_source
from tests.pipelines.nights import SPEC

SECRET = "s3cr3t-fernet-key"


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OVERNIGHT_SPECS", str(tmp_path))
    monkeypatch.setenv("FERNET_KEY", SECRET)
    monkeypatch.delenv("OVERNIGHT_PUBLIC", raising=False)
    load_settings.cache_clear()

    def write(address: str, form: str = "parquet") -> str:
        text = SPEC.replace('path = "none.parquet"', f'format = "{form}"\npath = "{address}"')
        (tmp_path / "cards.toml").write_text(text)
        return "cards"

    yield write
    load_settings.cache_clear()


@pytest.mark.usefixtures("cards")
def test_only_variables_of_the_list_are_put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANK_FILES", "/data/bank")
    for refused in ("FERNET_KEY", "BANK_FILES"):
        with pytest.raises(InputError, match=f"{refused}.*OVERNIGHT_PUBLIC"):
            expand_address(f"${{{refused}}}/a.parquet")
    monkeypatch.setenv("OVERNIGHT_PUBLIC", " OVERNIGHT_HOME , BANK_FILES ")
    assert expand_address("${BANK_FILES}/a.parquet") == "/data/bank/a.parquet"
    with pytest.raises(InputError, match=r"OVERNIGHT_HANDBOOK.*OVERNIGHT_PUBLIC"):
        expand_address("${OVERNIGHT_HANDBOOK}")  # the list is the operator's: it adds to nothing


@pytest.mark.usefixtures("cards")
def test_a_variable_of_the_list_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OVERNIGHT_HANDBOOK", raising=False)
    with pytest.raises(InputError, match=r"OVERNIGHT_HANDBOOK.*not set"):
        expand_address("${OVERNIGHT_HANDBOOK}")


@pytest.mark.parametrize("key", ["source.path", "labels.path"])
def test_another_variable_is_refused_when_the_spec_is_read(cards, tmp_path: Path, key: str) -> None:
    reports = 'path = "${FERNET_KEY}"\ntransaction_id = "id"\nknown_time = "at"'
    name = cards("${FERNET_KEY}" if key == "source.path" else "a.parquet")
    if key == "labels.path":
        text = (tmp_path / "cards.toml").read_text()
        text = text.replace('column = "fraud"\ndelay = "2d"', reports)
        (tmp_path / "cards.toml").write_text(text)
    with pytest.raises(ProblemsError) as caught:
        load_spec(name)
    assert any(p.startswith(f"{key}: ${{FERNET_KEY}}") for p in caught.value.problems)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("form", "address"),
    [
        ("parquet", "${BANK}/none.parquet"), ("csv", "${BANK}"), ("csv", "s3://bucket/${BANK}/x"),
        ("parquet", "${BANK}/bad.parquet"), ("csv", "${BANK}/bad.csv"), ("csv", "nosuch://${BANK}"),
        ("csv", "${BANK}/empty.csv"),
    ],
)  # fmt: skip
def test_messages_show_an_address_as_it_is_written(
    cards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, address: str
) -> None:
    value = tmp_path / "in the bank"
    value.mkdir()
    for name, text in (
        ("bad.parquet", "no"),
        ("bad.csv", "id,at,amt,cust,channel,count,fraud\n1\n1,2,3\n"),
        ("empty.csv", ""),
    ):
        (value / name).write_text(text)
    monkeypatch.setenv("BANK", str(value))
    monkeypatch.setenv("OVERNIGHT_PUBLIC", "BANK")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with pytest.raises(InputError) as caught:
        ingest_source(cards(address, form), "2025-01-01")
    said = str(caught.value)
    assert "in the bank" not in said
    assert "in%20the%20bank" not in said
    assert "${BANK}" in said


def test_what_cannot_be_read_is_told_without_its_content(cards, tmp_path: Path) -> None:
    secret = tmp_path / "passwd"
    secret.write_text("root\ndaemon:x:0:0:planted-line\n" + "y" * 100_000 + ",1,2\n")
    for form in ("csv", "parquet"):
        with pytest.raises(InputError) as caught:
            ingest_source(cards(str(secret), form), "2025-01-01")
        assert "planted-line" not in str(caught.value)
        assert len(str(caught.value)) < 2_000


def test_names_of_columns_are_told_in_a_bounded_way(cards, tmp_path: Path) -> None:
    wide = tmp_path / "wide.csv"
    wide.write_text(",".join(f"{n}{'c' * 5_000}" for n in range(30)) + "\n" + "1," * 29 + "1\n")
    with pytest.raises(InputError) as caught:
        ingest_source(cards(str(wide), "csv"), "2025-01-01")
    assert len(str(caught.value)) < 20_000


@pytest.mark.usefixtures("cards")
def test_a_relative_path_and_one_without_variables_stay_as_they_are() -> None:
    assert expand_address("a/b.parquet") == "a/b.parquet"
    assert expand_address("s3://bank/$HOME/~/x") == "s3://bank/$HOME/~/x"
    assert "HOME" in os.environ
