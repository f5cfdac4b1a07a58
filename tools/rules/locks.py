"""Locks are those of src/core/mutex.hpp: clang checks what they guard. `std::mutex` is not annotated."""

import re

from tree import Breach

# Files from before this rule. None may be added.
OLDER = ("admin/event_streams.cpp", "platform/maintenance.cpp", "platform/maintenance.hpp", "platform/passwords.cpp",
         "platform/passwords.hpp", "platform/sessions.cpp", "server/body_stream.cpp", "server/body_stream.hpp",
         "server/server.cpp")
FOLDERS = ("src/", "server/", "platform/", "cli/", "admin/", "gateway/")
BESIDE = re.compile(r"_(test|bench|fuzz|test_support)\.[ch]pp$")
LOCK = re.compile(r"std::(recursive_|shared_|timed_|shared_timed_|recursive_timed_)?mutex\b"
                  r"|std::(lock_guard|unique_lock|shared_lock|scoped_lock)\b")
ALLOWED = (
    "src/core/mutex.hpp",  # is the lock
    "src/async/task.cpp",  # of include/strata/task.hpp, which is public and may include nothing of src/
)


def check(tree):
    for path in tree.named(".cpp", ".hpp"):
        if not path.startswith(FOLDERS) or BESIDE.search(path) or path in ALLOWED + OLDER:
            continue
        for number, line in tree.lines(path):
            found = LOCK.search(line.split("//")[0])
            if found:
                yield Breach(path, number,
                             f"uses {found[0]}, which clang cannot check; take detail::mutex of core/mutex.hpp")
