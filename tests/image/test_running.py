"""How the image runs: confined, on a tree that is only read, told by its environment alone."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.embedded_server import free_port, wait_for
from tests.infra.serving.container import Container


def run(launch, **more):
    return subprocess.run(
        launch.command, env=launch.environment, capture_output=True, text=True, check=False, **more
    )


def look(image, code, *, model=None, **environment):
    """Run Python code in the image; what it prints as JSON."""
    # A server may be in groups of its own.
    done = run(image.enter(["python", "-c", code], environment, model=model), extra_groups=[4, 27])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("folder", ["/", "/opt/overnight", "/opt/ml/model", "/etc", "/var/tmp"])
def test_nothing_of_the_tree_can_be_written_not_even_its_modes(image, bundles, folder):
    code = f"""
import json, os
try:
    open({folder!r} + "/x", "w")
    wrote = True
except OSError as error:
    wrote = error.errno
print(json.dumps([wrote, os.statvfs({folder!r}).f_flag & os.ST_RDONLY]))
"""
    wrote, is_read_only = look(image, code, model=bundles["v1"].folder)
    assert wrote is not True
    assert is_read_only


def test_a_container_has_no_rights_and_its_images_environment_alone(image, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the server")
    code = """
import json, os
for left in (os.setuid, os.setgid):
    try:
        left(0)
        raise SystemExit("became root")
    except PermissionError:
        pass
print(json.dumps([os.getuid(), os.getgid(), os.getgroups(), dict(os.environ)]))
"""
    user, group, groups, environment = look(image, code, GIVEN="1")
    assert (user, group, groups) == (10001, 10001, [])
    environment.pop("LC_CTYPE", None)  # Python's own, PEP 538
    assert environment == {**image.config.environment, "GIVEN": "1"}


def test_a_models_variables_lead_nothing_outside_of_its_tree(image, tmp_path):
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    variables = {"PYTHONPATH": str(planted), "PYTHONHOME": "", "LD_LIBRARY_PATH": str(planted)}
    assert look(image, "print(1)", **variables) == 1
    assert not (tmp_path / "ran").exists()


def test_a_container_reaches_no_network_and_sees_no_other_file(image, tmp_path):
    (tmp_path / "secret").write_text("of the server")
    code = f"""
import json, os, socket
reached = []
for address in (("127.0.0.1", 22), ("192.0.2.1", 80)):
    try:
        socket.create_connection(address, timeout=1)
        reached.append(address)
    except OSError as error:
        reached.append(error.errno == 101)
print(json.dumps([reached, os.path.exists({str(tmp_path)!r}), sorted(os.listdir("/dev"))]))
"""
    reached, sees, devices = look(image, code)
    assert reached == [True, True]
    assert not sees
    assert devices == ["full", "null", "random", "urandom", "zero"]


def test_its_own_command_serves_on_the_port_that_it_is_told_and_is_healthy(
    image_with_network, bundles
):
    image, port = image_with_network, free_port()
    environment = {"SAGEMAKER_BIND_TO_PORT": str(port), "OVERNIGHT_WORKERS": "1"}
    command = [*image.config.entrypoint, *image.config.command]
    launch = image.enter(command, environment, model=bundles["v1"].folder)

    def health():
        return run(image.enter([*image.config.health], environment, model=None)).returncode

    assert health() == 1
    with subprocess.Popen(
        launch.command, env=launch.environment, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert wait_for(lambda: health() == 0)
        finally:
            process.terminate()
        assert process.wait(timeout=30) == 0


def test_golden_vectors_score_in_it_bit_for_bit_with_reasons(bundles):
    folder = bundles["v1"].folder
    golden = json.loads((folder / "bundle.json").read_text())["golden"]
    container = Container(folder)
    try:
        status, answer = container.invoke(
            [vector["features"] for vector in golden], unknown_categories="missing", reasons="all"
        )
    finally:
        container.close()
    assert status == 200
    found = [(p["score"], p["probability"]) for p in answer["predictions"]]
    assert found == [(vector["score"], vector["probability"]) for vector in golden]
    assert all(p["reasons"] for p in answer["predictions"])


def test_a_container_and_its_workers_end_with_their_starter_even_when_it_is_killed(image, bundles):
    listener = socket.create_server(("127.0.0.1", 0))
    code = f"""
import subprocess, sys, time
from pathlib import Path
from infra.emulator.instances.runtime import ImageRuntime
from infra.serving.image.archive import ImageConfig
image = ImageRuntime(Path({str(image.root)!r}), {image.config!r})
launch = image.launch(Path({str(bundles["v1"].folder)!r}), descriptor=int(sys.argv[1]),
                      environment={{"OVERNIGHT_WORKERS": "1"}})
child = subprocess.Popen(launch.command, env=launch.environment, pass_fds=[int(sys.argv[1])],
                         stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(600)
"""
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(listener.fileno())],
        pass_fds=[listener.fileno()],
        stdout=subprocess.PIPE,
    )
    child = int(starter.stdout.readline())
    children = Path(f"/proc/{child}/task/{child}/children")
    assert wait_for(lambda: children.read_text().split())
    (worker,) = children.read_text().split()
    starter.kill()
    starter.wait()
    starter.stdout.close()
    listener.close()
    assert wait_for(lambda: not Path(f"/proc/{child}").exists())
    assert wait_for(lambda: not Path(f"/proc/{worker}").exists())


def test_a_tree_that_is_gone_is_an_error_and_no_container_starts_outside_of_it(image, tmp_path):
    root = tmp_path / "tree"
    shutil.copytree(image.root / "opt/overnight", root)
    done = run(type(image)(root, image.config).enter(["python", "-c", "print(1)"], {}, model=None))
    assert (done.returncode, done.stdout) == (1, "")
    assert "No such file or directory" in done.stderr
