#!/usr/bin/env python3
"""Commit titles: "room: what changed", at most 72 characters, no full stop.

Usage: python3 tests/house/commits.py [ROOT] [--range FROM..TO]

The default range is what HEAD has and origin/main hasn't, without an origin/main all of HEAD.
"""
import re

from common import ROOMS, Finding, git, is_work_tree, run

LENGTH = 72
PLACES = ROOMS + ("sensor", "schemas", "deploy", "helm", "tests", "build", "ci", "docs", "house", "release")
# One place or several, each with a subfolder if wanted: "decode/tunnel, meter: …".
TITLE = re.compile(r"(?P<places>[a-z][\w./-]*(?:, [a-z][\w./-]*)*): \S.*")


def judge(commit, title):
    """The findings about one title; the "path" is the commit."""
    form = TITLE.fullmatch(title)
    if not form:
        yield Finding(commit, 1, f'title "{title}"', "titles have the form `room: what changed`", "reword it")
    else:
        for place in form["places"].split(", "):
            if place.split("/")[0] not in PLACES:
                yield Finding(commit, 1, f'title "{title}"', f"{place} is none of {', '.join(PLACES)}", "reword it")
    if len(title) > LENGTH:
        yield Finding(commit, 1, f'title "{title}" has {len(title)} characters', f"the limit is {LENGTH}",
                      "move the detail into the body")
    if title.endswith("."):
        yield Finding(commit, 1, f'title "{title}" ends in a full stop', "titles are headings", "take it off")


def default_range(root):
    """What is new against the remote's main branch, else everything; None before the first commit."""
    if git(root, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        return None
    has_remote = git(root, "rev-parse", "--verify", "--quiet", "origin/main") is not None
    return "origin/main..HEAD" if has_remote else "HEAD"


def check(root, arguments):
    if not is_work_tree(root):
        return [], "no git work tree, nothing to check"
    chosen = arguments.range or default_range(root)
    if chosen is None:
        return [], "no commits yet"
    log = git(root, "log", "--no-merges", "--format=%h%x00%s", chosen, "--")
    if log is None:
        refused = Finding(str(root), 1, f"no such range {chosen}", "git log refuses it", "fetch it or name another")
        return [refused], chosen
    rows = [line.split("\0", 1) for line in log.splitlines()]
    findings = [finding for commit, title in rows for finding in judge(commit, title)]
    return findings, f"{len(rows)} commits in {chosen}"


def options(parser):
    parser.add_argument("--range", help="a range as git log takes it")


if __name__ == "__main__":
    run(check, __doc__, options)
