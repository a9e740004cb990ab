"""Temporary."""

from dataclasses import dataclass, field


@dataclass
class Compared:
    new: list
    changed: list = field(default_factory=list)
    unchanged: list = field(default_factory=list)
    vanished: list = field(default_factory=list)


class Manifest:
    latest_as_of = None

    @classmethod
    def load(cls, lake):
        return cls()

    def compare(self, table, files, *, fingerprint):
        return Compared(list(files))

    def arrival(self, file, *, now):
        return file.modified
