"""Copies of the running interpreter that run from any folder.

A virtual environment names its interpreter by path, and a cluster's machines need not have one
there. Python itself finds its library from where its program stands, so a copy can be moved.
"""

import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from expectations.contract import OvernightError

# What no worker imports; a third of the library.
LEFT_OUT = (
    "test", "tests", "idlelib", "idle_test", "turtledemo", "tkinter", "ensurepip", "lib2to3",
    "site-packages", "dist-packages", "__pycache__", "config-*",
)  # fmt: skip
PROGRAM = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$here/../lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
export LD_LIBRARY_PATH
unset PYTHONHOME
exec "$here/{name}" "$@"
"""


def copy_interpreter(target: Path) -> Path:
    """Copy program, shared library and standard library; returns the folder for packages.

    Args:
        target: becomes the interpreter's prefix: `bin/python`, `lib/python3.x`.

    Raises:
        OvernightError: when the interpreter's shared library is not where it says.
    """
    name = f"python{platform.python_version_tuple()[0]}.{platform.python_version_tuple()[1]}"
    program = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    (target / "bin").mkdir(parents=True)
    shutil.copy(program, target / "bin" / name)
    wrapper = target / "bin/python"
    wrapper.write_text(PROGRAM.format(name=name))
    wrapper.chmod(0o755)
    shutil.copytree(
        library, target / "lib" / name, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=False
    )
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        shared = str(sysconfig.get_config_var("INSTSONAME"))
        folders = [Path(str(sysconfig.get_config_var("LIBDIR"))), program.parents[1] / "lib"]
        for folder in folders:
            if (folder / shared).is_file():
                shutil.copy(folder / shared, target / "lib" / shared)
                break
        else:
            raise OvernightError(f"{shared} is not in {' or '.join(map(str, folders))}.")
    return _packages_of(wrapper)


def _packages_of(python: Path) -> Path:
    """Return the package folder of a copied interpreter; Debian's is not `site-packages`."""
    asking = [str(python), "-I", "-c", "import site; print(site.getsitepackages()[-1])"]
    said = subprocess.run(asking, capture_output=True, text=True, check=True).stdout  # noqa: S603 -- our own copy
    packages = Path(said.strip())
    packages.mkdir(parents=True, exist_ok=True)
    return packages
