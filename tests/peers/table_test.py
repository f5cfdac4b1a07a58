"""docs/peers.md names every behaviour once, with the tests of this folder that assert it, and a reason where Strata
differs. A test names its behaviours in the comment above it: `// PEER ID: the peer's test`. Where Strata differs, the
comment says why, and `// See docs/guide/page.md#heading` names the page with the reason."""

import collections
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "peers.md"
COUNTS = {"FusionCache": 72, "HybridCache": 11, "bentocache": 17, "cachified": 12, "caffeine": 14, "symfony": 6,
          "cashews": 5}
CLAIM = re.compile(r"// (%s) (\S+): (.+)" % "|".join(COUNTS))
REASON = re.compile(r"// See docs/(\S+)")
TEST = re.compile(r"TEST\((\w+), (\w+)\)")
Row = collections.namedtuple("Row", "name verdict tests")


def rows():
    """Each row of the page by peer and id."""
    found, peer = [], None
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            peer = line[3:]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if peer in COUNTS and line.startswith("| ") and cells[0] != "id":
            found.append(((peer, cells[0]), Row(cells[1], cells[2], tuple(re.findall(r"`([^`]+)`", cells[3])))))
    return found


def claims():
    """Each behaviour that a test claims: the peer's test, our tests, and the page with the reason."""
    found = {}
    for path in sorted(ROOT.glob("tests/peers/*_test.cpp")):
        above, reason = [], None
        for line in path.read_text().splitlines():
            if claim := CLAIM.fullmatch(line):
                above.append(((claim[1], claim[2]), claim[3]))
            elif match := REASON.fullmatch(line):
                reason = match[1]
            elif match := TEST.match(line):
                for row, name in above:
                    known = found.setdefault(row, (name, [], set()))
                    known[1].append(f"{match[1]}.{match[2]}")
                    if reason:
                        known[2].add(reason)
                above, reason = [], None
    return found


class TableTest(unittest.TestCase):
    maxDiff = None

    def test_every_behaviour_is_there_once(self):
        counted = collections.Counter(row for row, _ in rows())
        self.assertEqual([row for row, times in counted.items() if times > 1], [])
        self.assertEqual(collections.Counter(peer for peer, _ in counted), COUNTS)

    def test_the_page_and_the_tests_agree(self):
        claimed = claims()
        for row, there in rows():
            name, tests, reasons = claimed.pop(row, (there.name, [], set()))
            with self.subTest(row):
                self.assertEqual(there.name, name)
                self.assertEqual(there.tests, tuple(tests))
                link = re.fullmatch(r"\[different\]\((\S+)\)", there.verdict)
                if link:
                    self.assertEqual({link[1]}, reasons)
                else:
                    self.assertIn(there.verdict, ("same", "better"))
                    self.assertFalse(reasons)
                self.assertTrue(tests)
        self.assertEqual(claimed, {})


if __name__ == "__main__":
    unittest.main()
