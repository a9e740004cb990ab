"""A PostgreSQL server of one's own on the loopback address, from Debian's programs."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.e2e.services import wait_until
from tests.infra.embedded_server import free_port

SERVER_USER = "postgres"  # of Debian's package: a server does not run as root


@dataclass(frozen=True)
class Postgres:
    """Where it listens; `passwords` are those of its users."""

    port: int
    passwords: Mapping[str, str]

    def url(self, user: str, database: str, *, driver: str = "postgresql") -> str:
        """With the password in it."""
        return f"{driver}://{user}:{self.passwords[user]}@127.0.0.1:{self.port}/{database}"

    def dump(self) -> bytes:
        """Every database in SQL, as a superuser."""
        return self.run("pg_dumpall")

    def run(self, name: str, *arguments: str) -> bytes:
        """What one of its programs says, as a superuser."""
        command = [program(name), "--host=127.0.0.1", f"--port={self.port}", "--username=root"]
        known = os.environ | {"PGPASSWORD": self.passwords["root"]}
        ran = subprocess.run([*command, *arguments], env=known, capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout


def program(name: str) -> str:
    """The newest of Debian's, which stand beside the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")) or shutil.which(name)
    if not found:
        pytest.fail("There is no PostgreSQL; make test-production brings it", pytrace=False)
    return found if isinstance(found, str) else str(found[-1])


@contextlib.contextmanager
def postgres(passwords: Mapping[str, str], databases: Mapping[str, str]) -> Iterator[Postgres]:
    """Run one.

    Args:
        passwords: user to password; with `root`, the superuser.
        databases: name to owner.
    """
    with tempfile.TemporaryDirectory() as folder:
        data, secret, port = Path(folder) / "data", Path(folder) / "secret", free_port()
        secret.write_text(passwords["root"])
        as_user = _as_server_user(Path(folder), secret)
        options = ["--username=root", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync"]
        options += ["--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run(
            [*as_user, program("initdb"), f"--pgdata={data}", *options],
            capture_output=True, check=True, cwd=folder,
        )  # fmt: skip
        secret.unlink()
        command = [*as_user, program("postgres"), "-D", str(data), "-p", str(port)]
        for chosen in ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"):
            command += ["-c", chosen]
        with (Path(folder) / "log").open("wb") as output:
            server = subprocess.Popen(
                [sys.executable, "-m", "infra.processes.supervisor", *command],
                stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        made = Postgres(port, passwords)
        try:
            wait_until(lambda: _answers(made), 60)
            _create(made, databases)
            yield made
        finally:
            with contextlib.suppress(OSError, ValueError):
                # Told so, it does not wait for its clients.
                os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGINT)
            server.stdin.close()
            server.wait()


def _as_server_user(folder: Path, secret: Path) -> list[str]:
    """What goes before a command where the tests run as root."""
    if os.getuid():
        return []
    for path in (folder, secret):
        shutil.chown(path, SERVER_USER, SERVER_USER)
    return ["setpriv", f"--reuid={SERVER_USER}", f"--regid={SERVER_USER}", "--clear-groups"]


def _connect(made: Postgres) -> psycopg.Connection:
    return psycopg.connect(made.url("root", "postgres"), autocommit=True, connect_timeout=5)


def _answers(made: Postgres) -> bool:
    with contextlib.suppress(psycopg.OperationalError), _connect(made):
        return True
    return False


def _create(made: Postgres, databases: Mapping[str, str]) -> None:
    with _connect(made) as open_:
        for user, password in made.passwords.items():
            if user != "root":
                open_.execute(f"CREATE USER {user} PASSWORD '{password}'")
        for name, owner in databases.items():
            open_.execute(f"CREATE DATABASE {name} OWNER {owner}")
