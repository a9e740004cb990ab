"""Links under the names that delta-rs takes for those of folders with percent signs.

It writes to `a%20b` and reads from `a b`: on its way to the file a name is decoded once too often.
A link of that name, beside the folder, makes both the same.
"""

import os
from pathlib import Path
from urllib.parse import unquote

from expectations.contract import InputError

# At these delta-rs ends the process, or takes one folder for two.
_IMPOSSIBLE = "[]^|\\"


def link_decoded(folder: str) -> None:
    """Link each folder on a path whose name holds an escape such as `%20` under its decoded name.

    Raises:
        InputError: when a name cannot be used at all, or something else has the decoded one.
    """
    if "://" in folder:
        return
    path = Path(folder).absolute()
    found = next((sign for sign in _IMPOSSIBLE if sign in str(path)), None)
    if found is not None:
        raise InputError(
            f"Tables cannot be stored below {path}: its name holds {found}. Choose another "
            "OVERNIGHT_HOME, or OVERNIGHT_LAKE."
        )
    for place in (*reversed(path.parents), path):
        decoded = unquote(place.name, errors="surrogateescape")
        if decoded != place.name and place.exists():
            _link(place, decoded)


def _link(place: Path, decoded: str) -> None:
    link = place.parent / decoded
    remedy = "Choose another OVERNIGHT_HOME, or OVERNIGHT_LAKE."
    if "/" in decoded or "\0" in decoded:
        raise InputError(f"Tables cannot be stored below {place}: its name is no path. {remedy}")
    try:
        link.symlink_to(place.name, target_is_directory=True)
    except FileExistsError:
        if not link.exists() or not os.path.samefile(link, place):  # noqa: PTH121 -- follows links
            raise InputError(
                f"Tables cannot be stored below {place}: {link} is another folder. {remedy}"
            ) from None
    except OSError as error:
        raise InputError(
            f"Tables cannot be stored below {place}: a link to it, {link}, cannot be made: "
            f"{error.strerror}. {remedy}"
        ) from error
