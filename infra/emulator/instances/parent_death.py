"""Parent-death wrapper: runs a command that dies with its parent, even by SIGKILL.

`python -m infra.emulator.instances.parent_death PARENT_PID COMMAND …` asks Linux for SIGKILL at
the end of its
parent, then replaces itself: one process, and none survives the server. Elsewhere than on Linux
there is no such call, and only an orderly stop takes the command along.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Tie this process to its parent and run the command in its place."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("The starter has ended already.")
    os.execv(command[0], command)  # noqa: S606 -- our own command, no shell


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
