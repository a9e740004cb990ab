"""The MLflow server's guard: what each role may do, asked of a real server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from expectations.contract import InputError, ProblemsError
from infra.tracking.roles import read_roles, refusal
from tests.infra.guarded_server import Server, serving


@pytest.mark.parametrize(
    ("role", "alias", "tags", "said"),
    [
        ("reviewer", "approved", (), None),
        ("author", "approved", (), "only a reviewer"),
        ("author", "Approved", (), "only a reviewer"),
        ("reviewer", " APPROVED", (), "the alias is spelled approved"),
        ("deployer", "approved", (), None),
        ("deployer", "champion", (), None),
        ("reviewer", "champion", (), "only the deployer may move the alias champion"),
        ("author", "Challenger", (), "only the deployer may move the alias challenger"),
        ("author", "mine", (), None),
        ("author", None, ("note",), None),
        (
            "reviewer",
            None,
            ("Overnight.gate",),
            "only the deployer may change what overnight noted",
        ),
        ("deployer", None, ("overnight.gate",), None),
        ("reviewer", None, ("overnight.asked.3",), None),
        ("reviewer", None, ("overnight.asked.3x",), "only the deployer may change"),
        ("author", None, ("overnight.asked.3",), "only the deployer may change"),
    ],
)
def test_what_each_role_may_do(
    role: str, alias: str | None, tags: tuple[str, ...], said: str | None
) -> None:
    found = refusal(frozenset({role}), alias=alias, tags=frozenset(tags))
    assert (found is None) if said is None else (found is not None and said in found)


def test_everything_wrong_with_the_roles_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    path.write_text('reviewer = "rita"\nboss = ["x"]\ndeployer = ["n"]\nauthor = ["n"]')
    with pytest.raises(ProblemsError) as caught:
        read_roles(path)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["boss", "n", "reviewer"]
    path.write_text("reviewer = rita")
    with pytest.raises(InputError, match="is not TOML"):
        read_roles(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_roles(tmp_path / "none.toml")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("tracking")) as made:
        yield made


def test_an_author_is_told_who_approves(server: Server) -> None:
    move = {"name": "cards", "alias": "approved", "version": "1"}
    assert server.ask("alice", "registered-models/alias", move) == (
        "403 alice: only a reviewer may move the alias approved\n"
    )
    spelled = move | {"alias": "Approved"}
    assert server.ask("rita", "registered-models/alias", spelled).startswith("403 rita: the alias")
    assert server.ask("nobody", "registered-models/alias", move).startswith("401")


def test_who_approved_is_noted_where_only_the_server_and_the_deployer_write(server: Server) -> None:
    move = {"name": "cards", "alias": "approved", "version": "2"}
    assert server.ask("rita", "registered-models/alias", move) == "{}"
    model = json.loads(server.ask("alice", "registered-models/search", {}, method="GET"))
    (held,) = model["registered_models"]
    assert held["tags"] == [{"key": "overnight.approved_by.2", "value": "rita (MLflow)"}]
    assert held["aliases"] == [{"alias": "approved", "version": "2"}]
    forged = {"name": "cards", "key": "overnight.approved_by.1", "value": "rita (MLflow)"}
    assert server.ask("alice", "registered-models/set-tag", forged).startswith("403 alice: only")
    wish = {"name": "cards", "key": "overnight.asked.2", "value": "{}"}
    assert server.ask("alice", "registered-models/set-tag", wish).startswith("403 alice: only")
    assert server.ask("rita", "registered-models/set-tag", wish) == "{}"
    model = json.loads(server.ask("alice", "registered-models/search", {}, method="GET"))
    tags = {t["key"]: t["value"] for t in model["registered_models"][0]["tags"]}
    assert tags["overnight.asked_by.2"] == "rita (MLflow)"
    gone = {"name": "cards", "version": "2", "key": "overnight.gate"}
    assert server.ask("rita", "model-versions/delete-tag", gone, method="DELETE").startswith("403")


def test_only_the_deployer_names_the_champion(server: Server) -> None:
    move = {"name": "cards", "alias": "champion", "version": "1"}
    for user in ("alice", "rita"):
        assert server.ask(user, "registered-models/alias", move).startswith(f"403 {user}: only the")
    assert server.ask("night", "registered-models/alias", move) == "{}"
    away = {"name": "cards", "alias": "champion"}
    assert server.ask("rita", "registered-models/alias", away, method="DELETE").startswith("403")
