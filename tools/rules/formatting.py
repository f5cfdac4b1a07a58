"""C++ is formatted by clang-format 19 and .clang-format; `./dev fmt` does it."""

import re
import subprocess

from tree import Breach

FOUND = re.compile(r"(.+?):(\d+):\d+: error: code should be clang-formatted")


def check(tree):
    files = tree.named(".cpp", ".hpp")
    if not files:
        return
    run = subprocess.run(["clang-format-19", "--dry-run", "--Werror", *files],
                         cwd=tree.root, capture_output=True, text=True)
    found = sorted({(m[1], int(m[2])) for m in FOUND.finditer(run.stderr)})
    if run.returncode != 0 and not found:
        yield Breach(".clang-format", 1, run.stderr.strip())
    for path, line in found:
        yield Breach(path, line, "is not formatted; run ./dev fmt")
