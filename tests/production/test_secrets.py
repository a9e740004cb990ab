"""After nights, approvals and failures: no secret anywhere but in the setting it stands in.

They are looked for as they are, and as a part of what `name:password` becomes in a header.
"""

import base64
import gzip
import zipfile
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from tests.production.rig import Rig


def test_no_secret_is_in_a_file_of_the_installation(rig: Rig) -> None:
    files = [path for path in rig.installation.home.rglob("*") if path.is_file()]
    names, kinds = {path.name for path in files}, {path.suffix for path in files}
    assert {"scheduler.log", "mlflow.log", "review.html", "mlflow-auth.ini"} <= names
    assert {".parquet", ".log", ".json"} <= kinds
    assert [f"{what} in {path}" for path in files for what in secrets_in(rig, plain(path))] == []


def test_no_secret_is_in_a_database(rig: Rig) -> None:
    dumped = rig.database.dump()
    # What has to be there shows that the dump is of everything.
    for known in (b"models:/cards/1", b"overnight.bundle_digest", b"warehouse", b"trial_values"):
        assert known in dumped
    with psycopg.connect(rig.database.url("studies", "studies")) as studies:
        assert studies.execute("SELECT count(*) > 0 FROM studies").fetchone() == (True,)
    assert secrets_in(rig, dumped) == []


def test_no_secret_is_in_a_mail(rig: Rig) -> None:
    assert rig.mailbox.messages
    for message in rig.mailbox.messages:
        said = f"{message['subject']}\n{message.get_body().get_content()}"
        assert secrets_in(rig, said.encode()) == []


def test_a_password_in_a_header_is_found() -> None:
    for name in ("a", "ab", "abc"):
        header = base64.b64encode(f"{name}:planted0123456789abcdef01234567".encode())
        assert any(each in header for each in spellings("planted0123456789abcdef01234567"))


def test_what_is_compressed_is_looked_into(tmp_path: Path) -> None:
    secret = "planted" + 40 * "0a"
    held = pa.table({"text": [secret]})
    pq.write_table(held, tmp_path / "a.parquet", compression="zstd", write_statistics=False)
    (tmp_path / "a.gz").write_bytes(gzip.compress(secret.encode()))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside", secret)
    for path in tmp_path.iterdir():
        assert secret.encode() in plain(path)
        assert secret.encode() not in path.read_bytes()


def secrets_in(rig: Rig, content: bytes) -> list[str]:
    """What the secrets in some bytes are for."""
    return [
        what
        for what, secret in rig.planted.items()
        if any(spelled in content for spelled in spellings(secret))
    ]


def spellings(secret: str) -> list[bytes]:
    """A secret as it is, and what is left of it in base64 after a name of any length."""
    held = secret.encode()
    # Three bytes become four letters; those at both ends depend on what stands beside them.
    inner = [base64.b64encode(b"?" * ahead + held)[4:-4] for ahead in range(3)]
    return [held, *inner]


def plain(path: Path) -> bytes:
    """What is in a file, uncompressed."""
    if path.suffix == ".parquet":
        sink = pa.BufferOutputStream()
        table = pq.ParquetFile(path).read()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return sink.getvalue().to_pybytes()
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return b"".join(archive.read(name) for name in archive.namelist())
    return path.read_bytes()
