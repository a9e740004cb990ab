"""A chain of steps in a home, copied before each step, so that a step can be repeated and cut off.

Paths of a home stand in MLflow's database, so a copy is of use only at the path it was copied from.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines import steps
from tests.crashes import bank
from tests.crashes.account import Account
from tests.crashes.processes import Ended, Job, run
from tests.crashes.state import describe, differences


@dataclass(frozen=True, slots=True)
class Link:
    """A step of a chain as it goes when nothing disturbs it.

    Attributes:
        before: a copy of the home.
        account: what AWS held before.
        kinds: of its effects, in order, with the end of the step.
        state: afterwards.
    """

    job: Job
    before: Path
    account: Mapping[str, Any]
    kinds: tuple[str, ...]
    value: str
    state: Mapping[str, Any]


class Place:
    """A home at one path, its account of AWS, and a chain of steps that went undisturbed."""

    def __init__(self, folder: Path, spec: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.home = folder, folder / "home"
        self.environment = dict(environment)
        self.account = Account(environment)
        self.home.mkdir(parents=True)
        self.spec = spec
        self.links: dict[str, Link] = {}

    def job(self, call: Callable[..., Any], *arguments: str) -> Job:
        return Job(call, arguments, self.home, self.folder / "job", self.environment)

    def must(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """The result of a call that nothing disturbs."""
        return succeeded(run(self.job(call, *arguments))).value

    def state(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.must(describe, str(self.home))
        return {**found, "account": self.account.describe()}

    def walk(self, name: str, call: Callable[..., Any], *arguments: str) -> str:
        """Run the next step undisturbed, as the link of that name."""
        kept = self.folder / "kept" / name
        shutil.copytree(self.home, kept, symlinks=True)
        account, job = self.account.keep(), self.job(call, *arguments)
        ended = succeeded(run(job))
        self.links[name] = Link(job, kept, account, ended.effects, ended.value, self.state())
        return str(ended.value)

    def walk_night(self, spec: str, *, prefix: str = "") -> str:
        """Every step of a night."""
        known = {"spec": spec, "as_of": bank.AS_OF, "since": "", "until": ""}
        known |= {"ask": "yes", "author": "schedule"}
        for link in steps.NIGHTLY:
            name = prefix + link.name
            known[link.output] = self.walk(name, link.step, *link.arguments(known))
        return known[link.output]

    def go_before(self, link: Link) -> None:
        """Make home and account what they were before a step."""
        shutil.rmtree(self.home)
        shutil.copytree(link.before, self.home, symlinks=True)
        self.account.put_back(link.account)

    def problems_of(self, name: str, *, kill_at: int) -> list[str]:
        """What differs when a step is killed before an effect and then run again."""
        link = self.links[name]
        self.go_before(link)
        killed = run(replace(link.job, kill_at=kill_at))
        found = [] if killed.is_killed else [f"ended with {killed.code}: {killed.error}"]
        found += [f"left running: {command}" for command in killed.left]
        found += self.problems_again(link)
        place = f"{name}, killed between [{link.kinds[kill_at - 1]}] and [{link.kinds[kill_at]}]"
        return [f"{place} (effect {kill_at}): {problem}" for problem in found]

    def problems_again(self, link: Link) -> list[str]:
        """What differs when a step is run on what a cut one left."""
        again = run(link.job)
        if again.error or again.code:
            return [f"run again, it ended with {again.code}: {again.error}"]
        found = list(differences(link.state, self.state()))
        return found + [f"left running by the second: {command}" for command in again.left]


def succeeded(ended: Ended) -> Ended:
    assert (ended.code, ended.error, ended.left) == (0, "", ()), f"{ended}\n{ended.log}"
    return ended


def told(place: Place, name: str, job: Job) -> Ended:
    """How a job ended that a step's link was made of, and that nothing went wrong for good."""
    link = place.links[name]
    place.go_before(link)
    ended = run(job)
    assert (ended.code, ended.left) == (0, ()), ended.log
    assert place.problems_again(link) == []
    return ended


def with_environment(job: Job, **environment: str) -> Job:
    return replace(job, environment={**job.environment, **environment})
