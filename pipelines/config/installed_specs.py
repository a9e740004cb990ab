"""The specs of an installation: those that load, and the error of each that does not.

Several people share a folder of specs. A broken file stops the nights of its own model only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from expectations.contract import InputError, OvernightError, refuse_any
from pipelines.config.spec import (
    SETTING,
    ApprovalPolicy,
    ModelSpec,
    find_spec,
    list_specs,
    load_spec,
    spec_folders,
)

# Tag of a run and of its version: the spec's section `[approval]` at training, as JSON.
APPROVAL_RULES = "overnight.approval_rules"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All specs in the folders of an installation.

    Attributes:
        specs: name to spec, of those that load.
        broken: name of the file, or of the setting, to the error message, of all others.
    """

    specs: Mapping[str, ModelSpec]
    broken: Mapping[str, str]

    def refuse_broken(self) -> None:
        """Raise one error that names everything that does not load, if anything does not."""
        refuse_any("the specs of this installation", self.broken.values())


def load_catalogue() -> Catalogue:
    """Read every spec of this installation; an error in one of them is recorded, not raised."""
    specs: dict[str, ModelSpec] = {}
    broken: dict[str, str] = {}
    for folder in spec_folders():
        if not folder.is_dir():
            broken[SETTING] = f"{SETTING}: {folder} is no folder; make it, or name another"
    for name in list_specs():
        try:
            specs[name] = load_spec(name)
        except OvernightError as error:
            broken[name] = str(error)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is this spec's alone
            broken[name] = f"{name}.toml cannot be read: {type(error).__name__}: {error}"
    return Catalogue(specs, broken)


def load_registered(reference: str) -> ModelSpec:
    """Read the spec that decisions about a model are based on: the one of this installation.

    Args:
        reference: a name or a path. A path that is not the installation's own file counts only
            where the installation has no spec of that name.

    Raises:
        InputError: when the reference changes the spec for one run, or names another file.
    """
    name, changed, _ = reference.partition("?")
    if changed:
        raise InputError(
            f"{reference} changes the spec for one run, and this goes by the spec as it stands. "
            f"Leave out the question mark and what is behind it: {name}."
        )
    spec = load_spec(name)
    if name.endswith(".toml") and spec.name in list_specs():
        own = find_spec(spec.name)
        if not _is_same(own, Path(name)):
            raise InputError(
                f"{name} is not the spec {spec.name} of this installation, which is {own}. Give "
                f"its name, {spec.name}, or give the other file a name of its own."
            )
    return spec


def approval_rules(spec: ModelSpec, tags: Mapping[str, str]) -> ApprovalPolicy:
    """Return the approval rules of a version: those of the installation's own spec.

    Where the installation has no spec of that name, they come from a file elsewhere, which anybody
    may write. Then the stricter of these rules and of those that the model was made under apply.

    Args:
        spec: as `load_registered` gives it.
        tags: of the version.
    """
    made_under = tags.get(APPROVAL_RULES)
    if made_under is None or spec.name in list_specs():
        return spec.approval
    earlier = ApprovalPolicy.model_validate_json(made_under)
    return spec.approval.model_copy(
        update={
            "four_eyes": spec.approval.four_eyes or earlier.four_eyes,
            "expires": min(spec.approval.expires, earlier.expires),
        }
    )


def _is_same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False
