"""Files of one machine."""

from infra.files.decoded_names import link_decoded
from infra.files.modes import close_umask, make_private, narrow, share
from infra.files.sqlite import PATIENCE_SECONDS, find_path, make_whole, sqlite_url, with_patience
from infra.files.tarball import TarballError, pack, read_member, unpack

__all__ = [
    "PATIENCE_SECONDS",
    "TarballError",
    "close_umask",
    "find_path",
    "link_decoded",
    "make_private",
    "make_whole",
    "narrow",
    "pack",
    "read_member",
    "share",
    "sqlite_url",
    "unpack",
    "with_patience",
]
