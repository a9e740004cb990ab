"""The error tree.

OvernightError            ours to fix; the command line exits with 1; Airflow tries again
├── OutcomeError          ours too, but trying again by itself changes nothing
└── InputError            the user's to fix; exits with 2; Airflow does not try again
    ├── ProblemsError     several of them at once
    └── UndeclaredError   a declaration that may come later; Airflow skips what needs it
"""

from collections.abc import Iterable, Sequence


class OvernightError(Exception):
    """A failure whose message says what happened, what it got, and what to do next."""


class OutcomeError(OvernightError):
    """An action that ended otherwise than wanted; somebody has to decide what comes next."""


class InputError(OvernightError):
    """A mistake that the user can fix: a spec, a source file, an argument, a setting."""


class ProblemsError(InputError):
    """Every problem found in one place, reported at once."""

    def __init__(self, where: str, problems: Sequence[str]) -> None:
        self.where = where
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        super().__init__("\n".join([f"{count} in {where}:", *(f"  - {p}" for p in self.problems)]))


class UndeclaredError(InputError):
    """A step needs what the spec may declare later; all that does not need it is done."""


class KeyedProblemsError(ValueError):
    """Several problems of one table of a spec, each with its key; pydantic adds where it stands."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def refuse_any(where: str, problems: Iterable[str]) -> None:
    """Raise one `ProblemsError` when there is at least one problem.

    >>> refuse_any("demo.toml", [])
    """
    found = tuple(problems)
    if found:
        raise ProblemsError(where, found)
