"""Includes go downward only, and never in a circle: tools/layers.toml says who may include whom."""

import posixpath
import re
import tomllib

from tree import Breach

TABLE = "tools/layers.toml"
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
BESIDE = re.compile(r"(_(test|bench|fuzz)|test_support)\.[ch]pp$")


def longest(prefixes, name):
    """The key in `prefixes`, a map of keys to lists of beginnings, whose match with `name` is longest."""
    best, size = None, 0
    for key, beginnings in prefixes.items():
        for beginning in beginnings:
            if name.startswith(beginning) and len(beginning) > size:
                best, size = key, len(beginning)
    return best


class Layers:
    def __init__(self, tree):
        self.tree = tree
        table = tomllib.loads(tree.text(TABLE))
        self.rooms = table["room"]
        self.third = table["third"]
        self.beside = table.get("beside", {})
        self.forbidden = table.get("forbidden", [])
        self.sources = set(tree.named(".cpp", ".hpp"))
        self.paths = {name: room["paths"] for name, room in self.rooms.items()}
        self.graph = {}

    def room_of(self, path):
        return longest(self.paths, path)

    def resolve(self, path, name):
        """The project's file that `#include` of `name` in `path` means, or None."""
        folder = path.rpartition("/")[0]
        for candidate in (f"{folder}/{name}", f"include/{name}", f"src/{name}", name):
            candidate = posixpath.normpath(candidate.lstrip("/"))
            if candidate in self.sources:
                return candidate
        return None

    def may_see(self, path, target):
        room, other = self.room_of(path), self.room_of(target)
        seen = list(self.rooms[room].get("sees", []))
        if BESIDE.search(path):
            seen += self.beside.get("sees", [])
        return other == room or any(
            target.startswith(s) if "/" in s else other == s for s in seen)

    def may_use(self, path, group):
        used = list(self.rooms[self.room_of(path)].get("third", []))
        if BESIDE.search(path):
            used += self.beside.get("third", [])
        return group in used

    def check_file(self, path):
        room = self.room_of(path)
        if room is None:
            yield Breach(path, 1, f"belongs to no room of {TABLE}")
            return
        for number, line in self.tree.lines(path):
            for ban in self.forbidden:
                exempt = path in ban.get("except", []) or (ban.get("but_beside") and BESIDE.search(path))
                if room in ban["rooms"] and not exempt and re.search(ban["text"], line):
                    yield Breach(path, number, f"{room} {ban['why']}")
            found = INCLUDE.match(line)
            if found:
                yield from self.check_include(path, number, room, found[1], found[2])

    def check_include(self, path, number, room, bracket, name):
        target = self.resolve(path, name)
        if target:
            self.graph.setdefault(path, []).append((target, number))
            if not self.may_see(path, target):
                yield Breach(path, number, f"{room} may not include {target} of {self.room_of(target)}")
        elif bracket == '"' or name.startswith("strata/"):
            yield Breach(path, number, f"includes {name}, which is not there")
        elif "." in name or "/" in name:
            group = longest(self.third, name)
            if group is None:
                yield Breach(path, number, f"includes <{name}>, which no group of {TABLE} names")
            elif not self.may_use(path, group):
                yield Breach(path, number, f"{room} may not use {group} (<{name}>)")

    def circles(self, edges, tell):
        """Every edge that closes a circle; `edges` maps a node to pairs of a node and a line."""
        done, open_ = set(), []

        def visit(node):
            open_.append(node)
            for target, line in edges.get(node, []):
                if target in open_:
                    yield tell(node, line, open_[open_.index(target):] + [target])
                elif target not in done:
                    yield from visit(target)
            done.add(open_.pop())

        for node in list(edges):
            if node not in done:
                yield from visit(node)

    def check(self):
        for path in sorted(self.sources):
            yield from self.check_file(path)
        yield from self.circles(
            self.graph, lambda path, line, way: Breach(path, line, "includes itself: " + " -> ".join(way)))
        rooms = {name: [(s, 1) for s in room.get("sees", []) if "/" not in s]
                 for name, room in self.rooms.items()}
        yield from self.circles(
            rooms, lambda _room, _line, way: Breach(TABLE, 1, "rooms see each other: " + " -> ".join(way)))


def check(tree):
    return Layers(tree).check()
