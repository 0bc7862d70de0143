#!/usr/bin/env python3
"""A file includes its own room, base/, or the room one step upstream; app/ may include all.

Of a part of a room (PARTS), files elsewhere include only the headers that are for them.

Usage: python3 tests/house/rooms.py [ROOT]
"""
from common import DATA_PATH, PARTS, ROOMS, Finding, includes, run, sources


def allowed(room):
    """The rooms whose files a file of this room may include."""
    if room == "app":
        return set(ROOMS)
    if room in DATA_PATH:
        return {room, "base", DATA_PATH[max(0, DATA_PATH.index(room) - 1)]}
    return {room}


def judge_part(source, include):
    """The finding about an include of a part's own header by a file elsewhere, None if it is fine."""
    part = include.name.rpartition("/")[0]
    doors = PARTS.get(part)
    if doors is None or include.name in doors or source.inner.rpartition("/")[0] == part:
        return None
    return Finding(source.path, include.line, f'"{include.name}" is {part}/\'s own',
                   f"files elsewhere include {', '.join(doors)} only", "say there what the user needs")


def judge(source, include):
    """The finding about one include, None if it is fine."""
    name, room = include.name, include.name.split("/")[0]
    if not include.quoted:
        if "/" in name and room in ROOMS and name.endswith((".h", ".def")):
            return Finding(source.path, include.line, f"<{name}> is in angle brackets",
                           "they are for system and foreign headers", f'write #include "{name}"')
        return None
    if "/" not in name or room not in ROOMS or ".." in name.split("/"):
        return Finding(source.path, include.line, f'"{name}" does not start with a room',
                       "the path must show which room is used", 'write #include "room/file.h"')
    if room in allowed(source.room):
        return judge_part(source, include)
    return Finding(source.path, include.line, f'{source.room}/ includes "{name}"',
                   f"it may include {', '.join(sorted(allowed(source.room)))} only ({' > '.join(DATA_PATH)})",
                   "move the declaration upstream or to base/, or wire the two in app/")


def check(root, _arguments):
    findings = []
    count = 0
    files = sources(root)
    for source in files:
        if source.room not in ROOMS:
            findings.append(Finding(source.path, 1, "file outside the rooms",
                                    f"sensor/ has {', '.join(ROOMS)} only",
                                    "move it into the room whose work it does"))
            continue
        found = includes(source.text)
        count += len(found)
        findings += filter(None, (judge(source, include) for include in found))
    return findings, f"{count} includes in {len(files)} files"


if __name__ == "__main__":
    run(check, __doc__)
