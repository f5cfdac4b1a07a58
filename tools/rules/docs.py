"""Documents are true and plain: snippets are compiled code, links resolve, pages have their parts, and no
phrase needs rewriting."""

import re
import textwrap

from tree import Breach

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"#+ +(.*)")
# Phrases that hide the actor or the verb; CONTRIBUTING.md says what to write instead.
PHRASES = re.compile(r"\b(for who|of what|whoever|nobody|is there twice|told|tells of)\b", re.IGNORECASE)
# Where the prose of a line begins, by the kind of file.
PROSE = {".md": re.compile(""), ".cpp": re.compile("(?<!:)//"), ".hpp": re.compile("(?<!:)//")}
DECISION = ("## Context", "## Decision", "## Rejected", "## Revisit when")


def blocks(text, language):
    """Each fenced block of `language`: the number of its first line, and its lines."""
    start, held = None, []
    for number, line in enumerate(text.splitlines(), start=1):
        if start is None and line.strip() == "```" + language:
            start, held = number + 1, []
        elif start is not None and line.strip() == "```":
            yield start, held
            start = None
        elif start is not None:
            held.append(line)


def dedented(lines):
    return textwrap.dedent("\n".join(line.rstrip() for line in lines)).strip("\n").split("\n")


def contains(source, snippet):
    """Whether the lines of `snippet` stand together in `source`, at whatever indentation."""
    wanted = dedented(snippet)
    return any(source[i].strip() == wanted[0].strip() and dedented(source[i:i + len(wanted)]) == wanted
               for i in range(len(source) - len(wanted) + 1))


def anchors(text):
    slug = lambda title: re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-")
    return {slug(m[1]) for m in map(HEADING.match, text.splitlines()) if m}


def check_snippets(tree, path):
    sources = [tree.text(p).splitlines() for p in tree.named(".cpp", ".hpp", under="examples/")]
    for number, lines in blocks(tree.text(path), "cpp"):
        if not any(contains(source, lines) for source in sources):
            yield Breach(path, number, "this snippet is not a part of any file in examples/")


def check_links(tree, path):
    folder = (tree.root / path).parent
    for number, line in tree.lines(path):
        for target in LINK.findall(line):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            to = (folder / name).resolve() if name else (tree.root / path)
            if not to.exists():
                yield Breach(path, number, f"links to {name}, which is not there")
            elif anchor and to.suffix == ".md" and anchor not in anchors(to.read_text()):
                yield Breach(path, number, f"links to {target}, which has no such heading")


def check_shape(tree, path):
    lines = (tree.text(path).splitlines() + [""] * 3)[:3]
    if not lines[0].startswith("# "):
        yield Breach(path, 1, "a page begins with its title")
    if path.startswith("docs/guide/") and (lines[1] or not lines[2] or lines[2].startswith(("#", "```"))):
        yield Breach(path, 3, "a guide page's first line says in one sentence what the feature does")
    if path.startswith("docs/decisions/") and re.search(r"/\d{4}-", path):
        for heading in DECISION:
            if heading not in tree.text(path).splitlines():
                yield Breach(path, 1, f"a decision has the heading '{heading}'")


def check_phrases(tree, path):
    begins = next(begins for suffix, begins in PROSE.items() if path.endswith(suffix))
    for number, line in tree.lines(path):
        prose = begins.search(line)
        phrase = PHRASES.search(line, prose.end()) if prose else None
        if phrase:
            yield Breach(path, number, f"says '{phrase[1]}'; name the actor and use the field's verb")


def check_index(tree, path):
    index = path.rpartition("/")[0] + "/README.md"
    if path.startswith(("docs/guide/", "docs/decisions/")) and path != index:
        if index not in tree.paths or f"]({path.rpartition('/')[2]})" not in tree.text(index):
            yield Breach(path, 1, f"is not linked from {index}")


def check_house(tree):
    """The map of the house in docs/architecture.md names every folder of src/, and no other."""
    path = "docs/architecture.md"
    if path not in tree.paths:
        return
    there = {p.split("/")[1] for p in tree.paths if p.startswith("src/") and p.count("/") > 1}
    for number, lines in blocks(tree.text(path), "text"):
        if lines and lines[0].startswith("include/strata/"):
            named = {m[1] for m in map(re.compile(r"  (\w+)/ ").match, lines) if m}
            for folder in sorted(there ^ named):
                yield Breach(path, number, f"the map and src/ differ in {folder}/")
            return
    yield Breach(path, 1, "has no map of the house")


def check_paths(tree):
    """The files and folders that docs/architecture.md names exist."""
    path = "docs/architecture.md"
    if path not in tree.paths:
        return
    folders = {p.partition("/")[0] for p in tree.paths if "/" in p}
    for number, line in tree.lines(path):
        for named in re.findall(r"`([\w.-]+/[\w./-]*)`", line):
            there = named in tree.paths or named.endswith("/") and any(p.startswith(named) for p in tree.paths)
            if named.partition("/")[0] in folders and not there:
                yield Breach(path, number, f"names {named}, which is not there")


def check_headers(tree):
    """The table of public headers in docs/architecture.md names every header of include/strata/, and no other."""
    path, folder = "docs/architecture.md", "include/strata/"
    there = {p[len(folder):-len(".hpp")] for p in tree.named(".hpp", under=folder)} - {"strata"}
    if path not in tree.paths or not there:
        return
    named, heading, inside = set(), 1, False
    for number, line in tree.lines(path):
        if line.startswith("## "):
            inside = line == "## Public headers"
            heading = number if inside else heading
        elif inside and line.startswith("| "):
            named |= set(re.findall(r"`(\w+)`", line.split("|")[2]))
    for header in sorted(there ^ named):
        yield Breach(path, heading, f"the table and {folder} differ in {header}.hpp")


def check(tree):
    for path in tree.named(".md"):
        yield from check_snippets(tree, path)
        yield from check_links(tree, path)
        yield from check_shape(tree, path)
        yield from check_index(tree, path)
    for path in tree.named(*PROSE):
        yield from check_phrases(tree, path)
    yield from check_house(tree)
    yield from check_paths(tree)
    yield from check_headers(tree)
