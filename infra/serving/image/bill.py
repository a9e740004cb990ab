"""Write the image's bill of materials: its Debian and Python packages as CycloneDX JSON.

It runs inside the build, on the image's own Python, so it needs the standard library alone. Equal
content gives equal bytes.
"""

import json
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageMetadata, distributions
from pathlib import Path
from urllib.parse import quote

from infra.serving.image.dpkg import STATUS, DebianPackage, read_stanzas, read_status

SPEC_VERSION = "1.6"
COPYRIGHT = "usr/share/doc/{}/copyright"


def build_bill(root: Path, packages: Iterable[Path]) -> dict[str, object]:
    """List what a tree holds.

    Args:
        root: the tree, with dpkg's record in it.
        packages: folders of Python packages.
    """
    debian = [_describe_debian(package, root) for package in read_status(root / STATUS)]
    python = [_describe_python(each) for each in distributions(path=[*map(str, packages)])]
    components = sorted([*debian, *python], key=lambda component: str(component["bom-ref"]))
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "overnight-serving"}},
        "components": components,
    }


def _describe_debian(package: DebianPackage, root: Path) -> dict[str, object]:
    name, version = quote(package.name, safe=""), quote(package.version, safe="")
    return _describe(
        package.name,
        package.version,
        f"pkg:deb/debian/{name}@{version}?arch={package.architecture}",
        [{"license": {"name": each}} for each in read_licences(package.name, root)],
    )


def _describe_python(package: Distribution) -> dict[str, object]:
    name = package.metadata["Name"]
    address = f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(package.version, safe='')}"
    return _describe(name, package.version, address, _read_python_licences(package.metadata))


def _describe(
    name: str, version: str, address: str, licences: list[dict[str, object]]
) -> dict[str, object]:
    described: dict[str, object] = {
        "type": "library", "bom-ref": address, "name": name, "version": version, "purl": address,
    }  # fmt: skip
    return {**described, "licenses": licences} if licences else described


def read_licences(package: str, root: Path) -> list[str]:
    """List the names of licences in a Debian copyright file; none where it is plain text."""
    path = root / COPYRIGHT.format(package)
    stanzas = list(read_stanzas(path.read_text(encoding="utf-8", errors="replace")))
    if not any("Format" in fields for fields in stanzas[:1]):
        return []
    return sorted({fields["License"] for fields in stanzas if fields.get("License")})


def _read_python_licences(metadata: PackageMetadata) -> list[dict[str, object]]:
    if "License-Expression" in metadata:
        return [{"expression": metadata["License-Expression"]}]
    classified = [c for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    texts = metadata.get_all("License") or []
    named = classified or [line for line in texts if "\n" not in line]
    return [{"license": {"name": name}} for name in sorted(named)]


def main(root: str, output: str, *packages: str) -> None:
    """Write the bill of the tree at `root`."""
    bill = build_bill(Path(root), map(Path, packages))
    Path(output).write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
