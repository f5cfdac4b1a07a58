"""What holds for every file: its length, its bytes, and what may not be written in it."""

import re

from tree import Breach

LONG = 400  # a longer file says why in its first comment
LIMIT = 800
REASON = "Long because"
COUNTED = (".cpp", ".hpp", ".py", ".md", ".toml", ".cmake", ".sh", ".sql", ".html", ".css", ".js", ".in",
           "CMakeLists.txt", "dev")
BINARY = (".png", ".ico", ".zst", ".gz")
SEEDS = "tests/seeds/"
# Files that must name what they forbid or test.
EXEMPT = ("tools/rules/files.py", "tests/rules/rules_test.py")

MARKUP = re.compile(r"<!--[\s\S]*?-->")
CODE = re.compile(r'^[ \t]*(?://|--|#(?=\s)).*(?:\n[ \t]*(?://|--|#).*)*|"""[\s\S]*?"""|/\*[\s\S]*?\*/', re.MULTILINE)

FORBIDDEN = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "says {0}; file an issue, or do it"),
    (re.compile(r"(?<![\w.])/(work|home/\w+|root|Users/\w+)/"), "names a path of one machine: {0}"),
    (re.compile(r"https?://[\w.-]*(deb\.debian|npmjs|pypi|artifactory|nexus|proxy)[\w.-]*"),
     "names a package registry: {0}"),
    (re.compile(r"\b(GTEST_SKIP|DISABLED_\w*|SKIP_RETURN_CODE|SKIP_REGULAR_EXPRESSION)\b|@unittest\.skip"),
     "skips a test; a skipped test is a failure"),
]


def first_comment(path, text):
    """The first comment of a file as one line, without its marks; empty if there is none."""
    found = (MARKUP if path.endswith((".md", ".html")) else CODE).search(text)
    return " ".join(re.sub(r"^[ \t]*(?://[/!]?|#|--|\*)", "", found[0], flags=re.MULTILINE).split()) if found else ""


def check_length(path, text):
    count = text.count("\n")
    if count > LIMIT:
        yield Breach(path, LIMIT + 1, f"has {count} lines; {LIMIT} is the most")
    elif count > LONG and REASON not in first_comment(path, text):
        yield Breach(path, LONG + 1, f'has {count} lines; above {LONG} the first comment says "{REASON} ..."')


def check_text(tree, path):
    text = tree.text(path)
    if text is None:
        yield Breach(path, 1, "is not UTF-8")
        return
    if path.endswith(COUNTED):
        yield from check_length(path, text)
    if text and not text.endswith("\n"):
        yield Breach(path, text.count("\n") + 1, "does not end with a line feed")
    for number, line in tree.lines(path):
        if "\r" in line:
            yield Breach(path, number, "has a carriage return")
        if line != line.rstrip() and path != "LICENSE":
            yield Breach(path, number, "ends with white space")
        if path in EXEMPT:
            continue
        for pattern, why in FORBIDDEN:
            found = pattern.search(line)
            if found:
                yield Breach(path, number, why.format(found[0]))


def check_header(tree, path):
    lines = tree.text(path).splitlines() + ["", ""]
    if lines[0] != "#pragma once":
        yield Breach(path, 1, "a header begins with #pragma once")
    elif not lines[1].startswith("/// "):
        yield Breach(path, 2, "a header's second line says what it is for, as a /// comment")
    public = path.startswith("include/") and path != "include/strata/strata.hpp"
    if public and not any(line.startswith("/// Threads:") for line in lines):
        yield Breach(path, 2, "a public header opens with its threading: /// Threads:")


def check(tree):
    for path in tree.paths:
        if path.endswith(BINARY) or path.startswith(SEEDS):
            continue
        yield from check_text(tree, path)
        if path.endswith(".hpp") and tree.text(path) is not None:
            yield from check_header(tree, path)
