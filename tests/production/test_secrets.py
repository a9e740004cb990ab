"""After nights, approvals and failures: no secret anywhere but in the setting it stands in."""

from tests.production.house import House


def test_no_secret_is_in_a_file_of_the_installation(house: House) -> None:
    files = [path for path in house.installation.home.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"scheduler.log", "mlflow.log", "review.html"} <= names
    held = {path: path.read_bytes() for path in files}
    found = [
        f"{what} in {path}" for what, secret in house.planted.items()
        for path, content in held.items() if secret.encode() in content
    ]  # fmt: skip
    assert found == []


def test_no_secret_is_in_a_database(house: House) -> None:
    dumped = house.database.dump()
    # What has to be there shows that the dump is of everything.
    for known in (b"models:/cards/1", b"overnight.bundle_digest", b"warehouse", b"studies"):
        assert known in dumped
    assert [what for what, secret in house.planted.items() if secret.encode() in dumped] == []
