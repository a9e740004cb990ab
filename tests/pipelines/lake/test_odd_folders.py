"""Lakes below folders whose names look like parts of a URL."""

from pathlib import Path

import pytest

from expectations.contract import InputError
from infra.files import find_path, sqlite_url
from pipelines.lake import Lake
from tests.pipelines.banks import Bank, delivery


@pytest.mark.parametrize("name", ["a%20b", "a b", "a#b", "aü", "a%2520b", "a%zz", "a%20b/c%23d"])
def test_a_lake_is_filed_and_read_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    home.mkdir(parents=True)
    bank = Bank(home)
    bank.deliver(delivery())
    bank.deliver(delivery(25))
    again = Lake(str(home / "lake"), spec="cards")
    at = again.latest("transactions")
    assert at is not None
    assert again.read(at).num_rows == 25
    # All of it lies in the folder itself.
    assert all(path.is_relative_to(home) for path in tmp_path.rglob("*.parquet"))


def test_a_lake_is_refused_where_its_decoded_name_is_another_folder(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a%20b").mkdir()
    bank = Bank(tmp_path / "a%20b")
    with pytest.raises(InputError, match="a b is another folder"):
        bank.deliver(delivery())


@pytest.mark.parametrize("name", ["a[b", "a]b", "a^b", "a|b", "a%2Fb"])
def test_a_lake_is_refused_where_its_library_cannot_be(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="Choose another OVERNIGHT_HOME"):
        Lake(str(tmp_path / name), spec="cards").latest("transactions")


@pytest.mark.parametrize("name", ["a%20b", "a b", "a#b", "aü", "a?b", "a%3Fb"])
def test_the_url_of_a_database_is_that_of_its_file(tmp_path: Path, name: str) -> None:
    assert find_path(sqlite_url(tmp_path / name / "x.db")) == tmp_path / name / "x.db"
