"""The rules of the repository: `python3 tools/rules [--root FOLDER] [RULE...]`.

Prints each breach as `file:line: why` and fails if there is one."""

import argparse
import importlib
import pathlib
import sys

sys.dont_write_bytecode = True

RULES = ("layers", "files", "formatting", "locks", "docs")


def main():
    here = pathlib.Path(__file__).resolve()
    options = argparse.ArgumentParser(prog="rules", description=__doc__)
    options.add_argument("--root", default=here.parents[2])
    options.add_argument("rules", nargs="*", metavar="RULE", help=", ".join(RULES))
    given = options.parse_args()
    unknown = set(given.rules) - set(RULES)
    if unknown:
        options.error(f"no rule {', '.join(sorted(unknown))}; there are {', '.join(RULES)}")

    from tree import Tree
    tree = Tree(given.root)
    breaches = sorted({b for rule in given.rules or RULES for b in importlib.import_module(rule).check(tree)})
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


sys.exit(main())
