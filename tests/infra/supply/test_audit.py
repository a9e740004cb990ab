"""pip-audit against a service of vulnerabilities on the loopback address."""

import contextlib
import json
import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.supply.audit import (
    Accepted,
    NotAskedError,
    Vulnerability,
    find_idle,
    main,
    read_report,
    sort_out,
)
from tests.infra.embedded_server import free_port

TODAY = "2026-03-01"
HOLE = {
    "id": "GHSA-pppp-pppp-pppp",
    "aliases": ["CVE-2026-0001"],
    "summary": "Pads to the wrong side",
    "affected": [
        {
            "package": {"name": "left-pad", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.3.1"}]}],
        }
    ],
}
NAMED = "left-pad 1.3.0: CVE-2026-0001 GHSA-pppp-pppp-pppp, fixed in 1.3.1"


@contextlib.contextmanager
def osv(holes):
    """Answers as OSV does: what is known of a package."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = holes.get(asked["package"]["name"], [])
            answer = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def audit(tools, rig, capsys):
    """Audits a project; returns the status and what was said."""

    def run(url, accepted=""):
        (rig / "accepted.toml").write_text(accepted)
        options = ["--root", str(rig), "--accepted", str(rig / "accepted.toml")]
        options += ["--today", TODAY, "--service", "osv", "--osv-url", url]
        status = main([str(tools), *options])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def test_a_planted_vulnerability_is_named_with_the_version_that_has_it_no_more(audit):
    with osv({"left-pad": [HOLE]}) as url:
        status, said = audit(url)
    assert status == 2
    assert NAMED in said
    assert "1 of 1 locks audited, 1 problems" in said


def test_an_accepted_one_stands_until_its_day_and_an_idle_acceptance_is_told():
    hole = Vulnerability("left-pad", "1.3.0", ("GHSA-p", "CVE-2026-0001"), ())
    entry = {"id": "CVE-2026-0001", "package": "left-pad", "because": "Nothing is padded."}

    def left(until, **changes):
        accepted = Accepted.model_validate(entry | changes | {"until": date(2026, 3, until)})
        todo = sort_out([hole, hole], [accepted], today=date(2026, 3, 1))
        return todo + find_idle([hole], [accepted])

    named = "left-pad 1.3.0: GHSA-p CVE-2026-0001, not fixed yet"
    assert left(2) == left(2, package="Left_Pad") == []
    over = "CVE-2026-0001 in left-pad was accepted until 2026-03-01"
    assert left(1) == [named, over]
    idle = "CVE-2026-0001 is not in right-pad any more; leave it out"
    assert left(2, package="right-pad") == [named, idle]


def test_where_one_lock_was_not_asked_about_accepted_ones_still_stand(audit, rig):
    # pip-audit answers for the first; the second is refused before it is asked about.
    (rig / "infra").mkdir()
    (rig / "infra" / "requirements.lock").write_text("right-pad>=2\n")
    entry = '[[accepted]]\nid = "%s"\npackage = "%s"\nbecause = "No harm."\nuntil = 2026-03-02\n'
    both = entry % ("CVE-2026-0001", "left-pad") + entry % ("CVE-2026-0002", "centre-pad")
    with osv({"left-pad": [HOLE]}) as url:
        status, said = audit(url, both)
    assert status == 2
    assert "right-pad is not pinned by ==" in said
    assert "left-pad 1.3.0" not in said
    assert "centre-pad" not in said  # it may be in what was not asked about
    assert "1 of 2 locks audited, 1 problems" in said


def test_acceptances_that_cannot_be_read_are_told_before_anything_is_asked(audit):
    status, said = audit("http://127.0.0.1:9", "[[accepted]]\nid = 'CVE-1'\nuntil = 'soon'\n")
    assert status == 2
    assert "accepted.toml cannot be used" in said
    assert all(f"accepted.0.{key}" in said for key in ("package", "because", "until"))


def test_a_service_that_cannot_be_reached_is_no_pass(audit):
    status, said = audit(f"http://127.0.0.1:{free_port()}/v1/query")
    assert status == 3
    assert "requirements.lock was not audited" in said
    assert "Connection refused" in said
    assert "make audit ARGS=" in said


def test_packages_that_the_service_does_not_know_are_no_pass():
    # As pip-audit 2.10 reports with status 0 and "No known vulnerabilities found".
    report = {
        "dependencies": [
            {"name": "left-pad", "skip_reason": "Dependency not found on PyPI"},
            {"name": "right-pad", "version": "2.0", "vulns": []},
        ],
        "fixes": [],
    }
    both = {"left-pad", "right-pad"}
    with pytest.raises(
        NotAskedError, match=r"1 of 2 packages of a\.lock were not audited.*left-pad"
    ):
        read_report(json.dumps(report), lock="a.lock", expected=both)
    del report["dependencies"][0]
    with pytest.raises(
        NotAskedError, match=r"1 of 2 packages of a\.lock were not audited.*left-pad"
    ):
        read_report(json.dumps(report), lock="a.lock", expected=both)
    assert read_report(json.dumps(report), lock="a.lock", expected={"right-pad"}) == []
