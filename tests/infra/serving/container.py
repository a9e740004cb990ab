"""The real container behind a socket, as SageMaker would run it.

It is a process of this Python, or what `OVERNIGHT_SERVING=image:NAME` names: the same tests are
run for both.
"""

import atexit
import functools
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.emulator.instances.runtime import ImageRuntime, Launch, choose_runtime


@functools.cache
def runtime():
    """How containers are started; an image is unpacked once for all tests of a process."""
    home = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return choose_runtime(os.environ, home=home)


class Container:
    """Started by its constructor; `close` ends it. Its standard output goes to a file."""

    def __init__(self, folder, *, python=None, cwd=None, output=None, **environment):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        descriptor = self.listener.fileno()
        self.output = Path(output or os.devnull)
        with self.output.open("wb") as stdout:
            launch = self._launch(folder, descriptor, environment, python=python)
            self.process = subprocess.Popen(
                launch.command,
                env=launch.environment,
                cwd=cwd,
                pass_fds=[descriptor],
                stdout=stdout,
                stderr=subprocess.PIPE,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def _launch(folder, descriptor, environment, *, python):
        chosen = runtime()
        if python is None and isinstance(chosen, ImageRuntime):
            return chosen.launch(folder, descriptor=descriptor, environment=environment)
        serve = [python or sys.executable, "-m", "infra.serving", "serve", "--fd", str(descriptor)]
        return Launch(serve, os.environ | {"SM_MODEL_DIR": str(folder)} | environment)

    def ask(self, method, path, body=None, kind="application/json", **headers):
        status, content = self.ask_raw(method, path, body, {"Content-Type": kind, **headers})
        return status, json.loads(content)

    def ask_raw(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def invoke(self, instances, **asked):
        return self.ask("POST", "/invocations", json.dumps({"instances": instances, **asked}))

    @property
    def workers(self):
        """The process ids of its workers."""
        pid = self.process.pid
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.listener.close()
