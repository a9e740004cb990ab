"""Packages under licences that nobody allowed, and lists that are not true."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from expectations.contract import InputError
from infra.supply.declared import read_declared
from infra.supply.expression import is_allowed
from infra.supply.licences import LIST, POLICY, LicencePolicy, judge, main
from infra.supply.lock import find_locks, read_lock

ROOT = Path(__file__).parents[3]
TAKEN = LicencePolicy(
    allowed=frozenset({"MIT", "Apache-2.0"}),
    names={"License :: OSI Approved": "", "Apache Software License": "Apache-2.0"},
    exceptions={},
    elsewhere={},
)


def stated(*terms):
    """What CycloneDX writes of a package's licences."""
    kinds = {"expression": lambda text: {"expression": text}}
    return [
        kinds.get(kind, lambda text, kind=kind: {"license": {kind: text}})(text)
        for kind, text in terms
    ]


def bill(**licences):
    return {
        "components": [
            {"name": name, **({"licenses": found} if found else {})}
            for name, found in licences.items()
        ]
    }


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_an_expression_is_met_as_python_says_of_the_same_words(size):
    # The oracle: Python's own `and` and `or` bind alike.
    allowed = {"ISC", "Zlib"}
    known = ("ISC", "MIT", "Zlib")
    for names in itertools.product(known, repeat=size):
        for words in itertools.product(["AND", "OR"], repeat=size - 1):
            for closing in (None, *range(1, size)):
                parts = [names[0]]
                for word, name in zip(words, names[1:], strict=True):
                    parts += [word, name]
                if closing:
                    parts[0], parts[2 * closing] = f"({parts[0]}", f"{parts[2 * closing]})"
                text = " ".join(parts)
                values = {"AND": "and", "OR": "or"} | {n: str(n in allowed) for n in known}
                python = re.sub(r"\w+", lambda word, values=values: values[word[0]], text)
                assert is_allowed(text, allowed) == eval(python), text  # of the words above only


@pytest.mark.parametrize(
    "text", ["", "AND", "MIT MIT", "(MIT", "MIT)", "MIT OR", "WITH MIT", "()", "nonsense OR MIT"]
)
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(InputError, match="is no licence expression"):
        is_allowed(text, {"MIT"})


def test_a_licence_may_be_spelled_in_any_letters():
    assert is_allowed("gpl-2.0-ONLY or (mit with llvm-EXCEPTION)", {"MIT WITH LLVM-exception"})
    assert not is_allowed("mit with llvm-exception", {"MIT"})


def test_everything_that_is_misspelled_in_the_policy_is_told_at_once(tmp_path):
    policy = tmp_path / "licences.toml"
    policy.write_text(
        'allowed = ["mit", "Apache-3.0"]\n[names]\n[elsewhere]\nwaitress = "ZPL"\n[exceptions]\n'
    )
    with pytest.raises(InputError, match=r"licences\.toml cannot be used") as caught:
        read_declared(policy, LicencePolicy)
    for said in ("SPDX spells it MIT", "'Apache-3.0' is no licence", "waitress", "'ZPL' is no"):
        assert said in str(caught.value)


def test_a_lock_that_cannot_be_read_is_told_without_a_traceback(tmp_path, capsys):
    (tmp_path / "requirements.lock").write_text("left-pad>=1\n")
    (tmp_path / "bill.json").write_text('{"components": []}')
    assert main([str(tmp_path / "bill.json"), "--root", str(tmp_path)]) == 2
    assert "left-pad is not pinned" in capsys.readouterr().err


def test_an_environment_that_cannot_be_listed_ends_make_licences_with_what_was_said(tmp_path):
    lister = tmp_path / "list.sh"
    lister.write_text("#!/bin/sh\necho no such environment >&2\nexit 7\n")
    lister.chmod(0o755)
    there = [word for name in ("", "-infra", "-audit") for word in ("-o", f".venv{name}/ready")]
    ran = subprocess.run(
        ["make", "licences", f"LIST={lister}", *there],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode != 0
    assert "no such environment" in ran.stderr
    assert "is locked" not in ran.stderr


def test_a_package_under_a_licence_that_is_not_allowed_is_named():
    found = judge(
        [bill(fine=stated(("id", "MIT")), planted=stated(("id", "AGPL-3.0-only")))],
        {"fine": True, "planted": True},
        TAKEN,
    )
    assert found.licences == {"fine": "MIT", "planted": "AGPL-3.0-only"}
    assert found.problems == [
        "planted has AGPL-3.0-only, which is not allowed; replace it or justify it"
    ]


def test_who_says_two_things_of_its_licence_has_to_meet_both():
    two = stated(("id", "MIT"), ("name", "GNU General Public License"))
    found = judge([bill(one=two)], {"one": True}, TAKEN)
    assert found.problems == [
        "one says 'GNU General Public License AND MIT', which is no identifier; say in [names] "
        "what it means"
    ]
    either = stated(("id", "Apache-2.0"), ("expression", "GPL-2.0-only OR MIT"))
    found = judge([bill(one=either)], {"one": True}, TAKEN)
    assert found.licences == {"one": "Apache-2.0 AND (GPL-2.0-only OR MIT)"}
    assert not found.problems


def test_a_package_that_names_no_licence_is_taken_only_with_a_reason():
    bills, locked = [bill(one=[], two=stated(("name", "License :: OSI Approved")))], ("one", "two")
    found = judge(bills, dict.fromkeys(locked, True), TAKEN)
    assert [p.split(";")[0] for p in found.problems] == [
        "one names no licence",
        "two names no licence",
    ]
    reasons = {name: {"licence": "MIT", "because": "Its file says so."} for name in locked}
    justified = LicencePolicy.model_validate({**TAKEN.model_dump(), "exceptions": reasons})
    found = judge(bills, dict.fromkeys(locked, True), justified)
    assert (found.licences, found.problems) == (dict.fromkeys(locked, "MIT"), [])


def test_a_locked_package_that_no_environment_has_is_named_and_so_is_a_reason_that_is_over():
    reasons = {"gone": {"licence": "MIT", "because": "Its file says so."}}
    policy = LicencePolicy.model_validate({**TAKEN.model_dump(), "exceptions": reasons})
    found = judge([bill()], {"here": True, "windows": False}, policy)
    assert [p.split(",")[0].split(";")[0] for p in found.problems] == [
        "here is locked",
        "windows is locked for other systems",
        "gone is locked no more",
    ]


def test_the_shipped_list_has_every_locked_package_once():
    names = [line.split(",")[0] for line in LIST.read_text().splitlines()[1:]]
    locked = {package.name for path in find_locks(ROOT) for package in read_lock(path)}
    assert names == sorted(locked)
    assert all(entry.because for entry in read_declared(POLICY, LicencePolicy).exceptions.values())


def test_a_planted_package_is_found_in_a_real_environment(tools, tmp_path, capsys):
    planted = tmp_path / "planted"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", planted], check=True)
    (site,) = planted.glob("lib/python*/site-packages")
    for name, licence in (("left_pad", "MIT"), ("viral", "AGPL-3.0-only")):
        (site / f"{name}-1.0.dist-info").mkdir()
        (site / f"{name}-1.0.dist-info" / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n"
        )
    found = tmp_path / "bill.json"
    script = ROOT / "infra" / "supply" / "sbom.sh"
    subprocess.run([script, tools, planted, found, "--no-validate"], check=True)
    assert {each["name"] for each in json.loads(found.read_text())["components"]} == {
        "left_pad",
        "viral",
    }
    hashed = f"--hash=sha256:{'0' * 64}"
    (tmp_path / "requirements.lock").write_text(f"left-pad==1.0 {hashed}\nviral==1.0 {hashed}\n")
    (tmp_path / "list.csv").write_text("package,licence\nleft-pad,MIT\nviral,MIT\n")
    listed = ["--root", str(tmp_path), "--list", str(tmp_path / "list.csv")]
    assert main([str(found), *listed]) == 2
    said = capsys.readouterr().err
    assert "viral has AGPL-3.0-only, which is not allowed" in said
    assert "viral has AGPL-3.0-only, and had MIT: read it" in said
    assert "left-pad" not in said
