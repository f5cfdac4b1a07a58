"""The files of the repository, and how a breach of a rule is reported."""

import pathlib
import subprocess
from dataclasses import dataclass

SKIPPED = {".git", "build", "run", "__pycache__"}


@dataclass(frozen=True, order=True)
class Breach:
    path: str
    line: int
    why: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.why}"


class Tree:
    """The files under a root that are part of the project: what git knows or would add, or, outside
    a git checkout, everything but build folders."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.paths = sorted(self._git() if (self.root / ".git").exists() else self._walk())
        self._texts = {}

    def _git(self):
        listed = subprocess.run(
            ["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True).stdout.decode()
        return {p for p in listed.split("\0") if p and (self.root / p).is_file()}

    def _walk(self):
        for path in self.root.rglob("*"):
            relative = path.relative_to(self.root)
            if path.is_file() and not SKIPPED.intersection(relative.parts):
                yield relative.as_posix()

    def text(self, path):
        """The text of `path`; None if it is not UTF-8."""
        if path not in self._texts:
            try:
                self._texts[path] = (self.root / path).read_bytes().decode()
            except UnicodeDecodeError:
                self._texts[path] = None
        return self._texts[path]

    def lines(self, path):
        """Pairs of a line's number and its text."""
        return enumerate((self.text(path) or "").splitlines(), start=1)

    def named(self, *suffixes, under=""):
        return [p for p in self.paths if p.endswith(suffixes) and p.startswith(under)]
