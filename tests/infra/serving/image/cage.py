"""Runs a program that dies when it opens a socket to anywhere, or connects one.

Usage: python cage.py PROGRAM [ARGUMENT...]

A filter in the kernel (seccomp) and no rights are needed for it; what a C library calls is seen as
well, and every child inherits it. Sockets that the program was given, and those between its own
processes, go on working. SIGSYS ends whoever tries.
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

# Of <linux/audit.h> and the system call tables: architecture, then socket, connect, io_uring_setup.
MACHINES = {"x86_64": (0xC000003E, 41, 42, 425), "aarch64": (0xC00000B7, 198, 203, 425)}
NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, KILL, UNKNOWN = 0x7FFF0000, 0x80000000, 0x00050000 | errno.ENOSYS
NUMBER, MACHINE, FIRST = 0, 4, 16  # offsets in struct seccomp_data


def filter_program(machine):
    """The filter: any connect, and any socket that is not between processes of this machine."""
    arch, make, connect, ring = MACHINES[machine]
    lines = [
        (LOAD, 0, 0, MACHINE),
        (EQUAL, 0, 7, arch),  # a call of another architecture dies
        (LOAD, 0, 0, NUMBER),
        (EQUAL, 5, 0, connect),
        # It could connect past this filter; libuv asks for it, and does without.
        (EQUAL, 5, 0, ring),
        (EQUAL, 0, 2, make),
        (LOAD, 0, 0, FIRST),
        (EQUAL, 0, 1, socket.AF_UNIX),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, KILL),
        (RETURN, 0, 0, UNKNOWN),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines), len(lines)


def main():
    library = ctypes.CDLL(None, use_errno=True)
    program, length = filter_program(platform.machine())
    held = ctypes.create_string_buffer(program)
    described = struct.pack("@HP", length, ctypes.addressof(held))
    if library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) or library.prctl(
        SET_SECCOMP, FILTER, ctypes.c_char_p(described), 0, 0
    ):
        sys.exit(f"The kernel takes no filter: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
