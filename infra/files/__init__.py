"""Files of one machine."""

from infra.files.modes import close_umask, make_private, narrow, share
from infra.files.sqlite import PATIENCE_SECONDS, find_path, make_whole, with_patience
from infra.files.tarball import TarballError, pack, read_member, unpack

__all__ = [
    "PATIENCE_SECONDS",
    "TarballError",
    "close_umask",
    "find_path",
    "make_private",
    "make_whole",
    "narrow",
    "pack",
    "read_member",
    "share",
    "unpack",
    "with_patience",
]
