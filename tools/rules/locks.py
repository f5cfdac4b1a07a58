"""Locks are those of src/core/mutex.hpp: clang checks what they guard. `std::mutex` is not annotated."""

import re

from tree import Breach

FOLDERS = ("include/", "src/", "server/", "platform/", "cli/", "admin/", "gateway/")
BESIDE = re.compile(r"_(test|bench|fuzz|test_support)\.[ch]pp$")
LOCK = re.compile(r"std::(recursive_|shared_|timed_|shared_timed_|recursive_timed_)?mutex\b"
                  r"|std::(lock_guard|unique_lock|shared_lock|scoped_lock)\b")
ALLOWED = (
    "src/core/mutex.hpp",  # is the lock
    # Public headers may include nothing of src/.
    "include/strata/task.hpp",
    "src/async/task.cpp",
    "include/strata/testing.hpp",
)


def check(tree):
    for path in tree.named(".cpp", ".hpp"):
        if not path.startswith(FOLDERS) or BESIDE.search(path) or path in ALLOWED:
            continue
        for number, line in tree.lines(path):
            found = LOCK.search(line.split("//")[0])
            if found:
                yield Breach(path, number,
                             f"uses {found[0]}, which clang cannot check; take detail::mutex of core/mutex.hpp")
