"""Requests that a page of another site could make are refused, on every port that answers."""

import asyncio
import http.client
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from infra.local.services import Ports, build_services
from infra.loopback.asgi import LoopbackMiddleware
from infra.loopback.rule import OwnAddresses, find_refusal, own_addresses
from infra.processes.service import Service, running
from infra.tracking.server import build_mlflow
from tests.infra.embedded_server import free_port, running_server


@dataclass(frozen=True, slots=True)
class Port:
    """A server of `make up`, and a request of each kind that it answers."""

    number: int
    reads: str
    writes: str | None


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Port]]:
    home = tmp_path_factory.mktemp("ports")
    numbers = [free_port() for _ in range(5)]
    free = dict(zip(("airflow", "mlflow", "sagemaker", "aws", "docs"), numbers, strict=True))
    services = build_services(
        os.environ, home=home, dags=Path("dags"), docs=home / "docs",
        tracking_uri=f"sqlite:///{home}/mlflow.db", ports=Ports(**free),
    )  # fmt: skip
    pages = [service for service in services if service.name == "Data Docs"]
    emr = free_port()
    jobs = Service(
        name="EMR Serverless",
        command=[sys.executable, "-m", "infra.emulator.emr", "--home", str(home / "runs"),
                 "--port", str(emr)],
        environment=os.environ, health=f"http://127.0.0.1:{emr}/health", log=home / "emr.log",
    )  # fmt: skip
    with running_server(home / "sagemaker") as server, running([*pages, jobs]):
        yield {
            "sagemaker": Port(server.port, "/health", "/faults"),
            "aws": Port(server.aws_port, "/moto-api/data.json", "/moto-api/reset"),
            "docs": Port(free["docs"], "/", None),
            "emr": Port(emr, "/health", "/faults"),
        }


@pytest.fixture(params=["sagemaker", "aws", "docs", "emr"])
def port(request: pytest.FixtureRequest, ports: Mapping[str, Port]) -> Port:
    return ports[request.param]


def ask(port: Port, method: str, target: str, *headers: tuple[str, str], body: bytes = b"") -> int:
    """The status of an answer; of the headers nothing is added."""
    status, _ = exchange(port, method, target, *headers, body=body)
    return status


def exchange(
    port: Port, method: str, target: str, *headers: tuple[str, str], body: bytes = b""
) -> tuple[int, Mapping[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port.number, timeout=30)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def send(port: Port, text: str) -> int:
    """The status of the answer to these very bytes."""
    with socket.create_connection(("127.0.0.1", port.number), timeout=30) as connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        line = connection.makefile("rb").readline()
    return int(line.split()[1])


def test_a_server_is_asked_by_its_own_addresses(port: Port) -> None:
    for name in ("127.0.0.1", "localhost", "LocalHost", "[::1]"):
        assert ask(port, "GET", port.reads, ("Host", f"{name}:{port.number}")) == 200, name


def test_another_host_is_refused(port: Port) -> None:
    number = port.number
    for name in (
        "evil.example", f"evil.example:{number}", f"127.0.0.1.evil.example:{number}",
        f"localhost.evil.example:{number}", f"127.0.0.1:{number + 1}", "127.0.0.1", "localhost",
        f"127.0.0.1.:{number}", f"localhost.:{number}", f"127.1:{number}", f"0.0.0.0:{number}",
        f"user@127.0.0.1:{number}", f"evil.example/.localhost:{number}", f"x@.localhost:{number}",
        f".localhost:{number}", f"10.evil.example:{number}",
    ):  # fmt: skip
        assert ask(port, "GET", port.reads, ("Host", name)) == 403, name


def test_two_hosts_or_none_are_refused(port: Port) -> None:
    own = ("Host", f"127.0.0.1:{port.number}")
    assert ask(port, "GET", port.reads, own, ("Host", "evil.example")) in {400, 403}
    assert ask(port, "GET", port.reads, ("Host", "evil.example"), own) in {400, 403}
    assert ask(port, "GET", port.reads) == 400
    assert send(port, f"GET {port.reads} HTTP/1.0\r\n\r\n") == 400


def test_an_absolute_target_names_the_host_too(port: Port) -> None:
    own = f"127.0.0.1:{port.number}"
    text = f"GET http://evil.example{port.reads} HTTP/1.1\r\nHost: {own}\r\n"
    assert send(port, f"{text}Connection: close\r\n\r\n") in {400, 403}


def test_a_page_of_another_site_is_refused(port: Port) -> None:
    own = ("Host", f"127.0.0.1:{port.number}")
    for origin in (
        "http://evil.example", "https://evil.example", "null", "",
        f"http://127.0.0.1:{port.number + 1}",
        f"http://127.0.0.1:{port.number}.evil.example", "file://", f"ftp://127.0.0.1:{port.number}",
    ):  # fmt: skip
        assert ask(port, "GET", port.reads, own, ("Origin", origin)) == 403, origin
        if port.writes is not None:
            plain = ("Content-Type", "text/plain")
            sent = ask(port, "POST", port.writes, own, ("Origin", origin), plain, body=b"[]")
            assert sent == 403, origin
    two = [("Origin", f"http://127.0.0.1:{port.number}"), ("Origin", "http://evil.example")]
    assert ask(port, "GET", port.reads, own, *two) == 403


def test_an_image_of_another_site_is_refused_and_the_servers_own_page_is_not(port: Port) -> None:
    own = ("Host", f"127.0.0.1:{port.number}")
    for site in ("cross-site", "same-site"):
        fetched = [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "no-cors")]
        assert ask(port, "GET", port.reads, own, *fetched) == 403, site
    for site in ("same-origin", "none"):
        assert ask(port, "GET", port.reads, own, ("Sec-Fetch-Site", site)) == 200, site
    origin = ("Origin", f"http://127.0.0.1:{port.number}")
    assert ask(port, "GET", port.reads, own, origin) == 200


def test_a_link_of_another_site_opens_pages_and_nothing_else(ports: Mapping[str, Port]) -> None:
    for name, port in ports.items():
        linked = [
            ("Host", f"127.0.0.1:{port.number}"), ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"),
        ]  # fmt: skip
        assert ask(port, "GET", port.reads, *linked) == (200 if name == "docs" else 403), name
        framed = [*linked[:3], ("Sec-Fetch-Dest", "iframe")]
        assert ask(port, "GET", port.reads, *framed) == 403, name


def test_no_preflight_of_another_site_is_allowed(port: Port) -> None:
    status, headers = exchange(
        port, "OPTIONS", port.writes or "/", ("Host", f"127.0.0.1:{port.number}"),
        ("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST"),
    )  # fmt: skip
    assert status >= 400
    assert "access-control-allow-origin" not in headers


def test_no_websocket_of_another_site_is_opened(port: Port) -> None:
    status = send(
        port,
        f"GET {port.reads} HTTP/1.1\r\nHost: 127.0.0.1:{port.number}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Version: 13\r\nOrigin: http://evil.example\r\n\r\n",
    )
    assert status in {400, 403}


def test_a_large_refused_body_leaves_a_server_that_answers(ports: Mapping[str, Port]) -> None:
    for port in ports.values():
        own = ("Host", f"127.0.0.1:{port.number}")
        evil = ("Origin", "http://evil.example")
        if port.writes is not None:
            assert ask(port, "POST", port.writes, own, evil, body=b"x" * 300_000) == 403
        assert ask(port, "GET", port.reads, own) == 200


def test_clients_of_s3_may_name_a_bucket_in_the_host(
    ports: Mapping[str, Port], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def resolve_localhost(host: str, *given, **named):
        """As systemd-resolved and browsers do; other resolvers know no name below localhost."""
        below = str(host).endswith(".localhost")
        return resolve("127.0.0.1" if below else host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_localhost)
    number = ports["aws"].number
    for style, host in [("path", "127.0.0.1"), ("auto", "localhost"), ("virtual", "localhost")]:
        s3 = boto3.client(
            "s3", region_name="us-east-1", endpoint_url=f"http://{host}:{number}",
            aws_access_key_id="k", aws_secret_access_key="s",
            config=Config(s3={"addressing_style": style}),
        )  # fmt: skip
        bucket = f"{style}-bucket"
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="a/b", Body=b"content")
        assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"content"
        s3.close()


def test_mlflow_is_asked_by_its_own_addresses_and_from_this_machine(tmp_path: Path) -> None:
    number = free_port()
    service = build_mlflow(
        os.environ, home=tmp_path, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", port=number
    )
    port = Port(number, "/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default", None)
    own = ("Host", f"127.0.0.1:{number}")
    with running([service]):
        assert ask(port, "GET", port.reads, own) == 200
        assert ask(port, "GET", port.reads, ("Host", f"localhost:{number}")) == 200
        for name in (
            "evil.example",
            "10.evil.example",
            f"192.168.evil.example:{number}",
            "10.0.0.1",
        ):
            assert ask(port, "GET", port.reads, ("Host", name)) == 403, name
        for origin in ("http://evil.example", "null"):
            status, headers = exchange(
                port, "POST", "/api/2.0/mlflow/experiments/create", own, ("Origin", origin),
                ("Content-Type", "text/plain"), body=b'{"name": "evil"}',
            )  # fmt: skip
            assert status == 403, origin
            assert "access-control-allow-origin" not in headers


def test_an_asgi_application_is_asked_only_for_what_is_its_own() -> None:
    passed: list[str] = []

    async def application(scope, *_: object) -> None:
        passed.append(scope["type"])

    checked = LoopbackMiddleware(application, own=OwnAddresses(own_addresses(8080)))

    def told(kind: str, *headers: tuple[bytes, bytes]) -> list[dict]:
        sent: list[dict] = []

        async def send(message) -> None:
            sent.append(message)

        scope = {"type": kind, "method": "GET", "headers": list(headers)}
        asyncio.run(checked(scope, None, send))
        return sent

    own, evil = (b"host", b"127.0.0.1:8080"), (b"origin", b"http://evil.example")
    assert told("lifespan") == told("http", own) == told("websocket", own) == []
    assert passed == ["lifespan", "http", "websocket"]
    assert told("websocket", own, evil) == [{"type": "websocket.close", "code": 1008}]
    assert told("http", own, evil)[0]["status"] == 403
    assert told("http", own, (b"host", b"evil.example"))[0]["status"] == 403
    assert told("http")[0]["status"] == 400
    assert len(passed) == 3


def test_the_rule_by_hand() -> None:
    own = OwnAddresses(own_addresses(80, ["https://airflow.bank.example/x"]))
    asked = {"host": "Airflow.Bank.example"}
    assert find_refusal(own, asked, method="GET", target="/") is None
    page = {**asked, "origin": "https://airflow.bank.example"}
    assert find_refusal(own, page, method="POST", target="/") is None
    assert find_refusal(own, {"host": "localhost"}, method="GET", target="/") is None
    broken = find_refusal(own, asked, method="GET", target="http://[")
    assert broken is not None
    assert broken.status == 403
