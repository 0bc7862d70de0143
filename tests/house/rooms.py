#!/usr/bin/env python3
"""A file includes its own room, base/, or the room one step upstream; app/ may include all, feature/ what BESIDE says.

The rooms within app/ have an order (APP_ROOMS): each includes only itself and those after it.

Of a part of a room (PARTS), files elsewhere include only the headers that are for them. No folders include each other in
a circle, and no files: NAME.c and NAME.h count as one, and a header without a .c file as a part of whoever includes it.
No two files have one name, but for NAMESAKES.

Usage: python3 tests/house/rooms.py [ROOT]
"""
from common import APP_ROOMS, BESIDE, DATA_PATH, NAMESAKES, PARTS, ROOMS, Finding, includes, run, sources


def allowed(room):
    """The rooms, or parts of them, whose files a file of this room may include."""
    if room == "app":
        return set(ROOMS)
    if room in BESIDE:
        return {room, "base", *BESIDE[room]}
    if room in DATA_PATH:
        return {room, "base", DATA_PATH[max(0, DATA_PATH.index(room) - 1)]}
    return {room}


def is_allowed(room, name):
    """Whether a file of this room may include that file."""
    return any(name.startswith(f"{place}/") for place in allowed(room))


def judge_part(source, include):
    """The finding about an include of a part's own header by a file elsewhere, None if it is fine."""
    part = include.name.rpartition("/")[0]
    doors = PARTS.get(part)
    if doors is None or include.name in doors or source.inner.rpartition("/")[0] == part:
        return None
    return Finding(source.path, include.line, f'"{include.name}" is {part}/\'s own',
                   f"files elsewhere include {', '.join(doors)} only", "say there what the user needs")


def app_room(inner):
    """The room within app/ of a file there, None for files elsewhere and app/'s own (main.c)."""
    folders = inner.split("/")[:-1]
    return folders[1] if len(folders) > 1 and folders[0] == "app" else None


def judge_app(source, include):
    """The finding about an include within app/ that goes against the order, None if it is fine."""
    user, used = app_room(source.inner), app_room(include.name)
    if user is None or used is None or used in APP_ROOMS[APP_ROOMS.index(user):]:
        return None
    return Finding(source.path, include.line, f'app/{user}/ includes "{include.name}"',
                   f"the order is {' > '.join(APP_ROOMS)}",
                   f"declare a plain struct in app/{user}/ that app/{used}/ fills, or move what both need down")


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
    if is_allowed(source.room, name):
        return judge_part(source, include) or judge_app(source, include)
    return Finding(source.path, include.line, f'{source.room}/ includes "{name}"',
                   f"it may include {', '.join(sorted(allowed(source.room)))} only ({' > '.join(DATA_PATH)})",
                   "move the declaration upstream or to base/, or wire the two in app/")


def folder_of(inner):
    return inner.rpartition("/")[0]


def stem_of(inner):
    return inner.rpartition(".")[0]


def inner_includes(source):
    """The includes of a file that the order of the rooms allows; the others are findings already."""
    return [include for include in includes(source.text)
            if include.quoted and is_allowed(source.room, include.name)]


def folder_graph(files):
    """Folder to {folder it includes from: [(path, line), ...]}."""
    graph = {folder_of(source.inner): {} for source in files}
    for source in files:
        for include in inner_includes(source):
            user, used = folder_of(source.inner), folder_of(include.name)
            if used in graph and used != user:
                graph[user].setdefault(used, []).append((source.path, include.line))
    return graph


def file_graph(files):
    """The same for NAME of each NAME.c, with what NAME.h includes; headers without a .c file are seen through."""
    known = {source.inner: inner_includes(source) for source in files}
    graph = {stem_of(name): {} for name in known if name.endswith(".c")}

    def reached(name, seen):
        for include in known[name]:
            if stem_of(include.name) in graph:
                yield stem_of(include.name)
            elif include.name in known and include.name not in seen:
                seen.add(include.name)
                yield from reached(include.name, seen)

    for source in files:
        user = stem_of(source.inner)
        for include in known[source.inner] if user in graph else ():
            direct = stem_of(include.name)
            through = [direct] if direct in graph else reached(include.name, set()) if include.name in known else []
            for used in through:
                if used != user:
                    graph[user].setdefault(used, []).append((source.path, include.line))
    return graph


def circles(graph):
    """The sets of two or more nodes each of which leads to each other one (Tarjan's strongly connected components)."""
    found, numbers, lowest, stack = [], {}, {}, []

    def visit(node):
        numbers[node] = lowest[node] = len(numbers)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in numbers:
                visit(other)
            if other in stack:
                lowest[node] = min(lowest[node], lowest[other])
        if lowest[node] == numbers[node]:
            start = stack.index(node)
            members, stack[start:] = stack[start:], []
            if len(members) > 1:
                found.append(frozenset(members))

    for node in sorted(graph):
        if node not in numbers:
            visit(node)
    return found


def judge_circles(graph, what):
    """One finding for each circle, at the first include of its weakest arrow."""
    for circle in circles(graph):
        arrows = [(len(places), user, used) for user in circle for used, places in graph[user].items() if used in circle]
        count, user, used = min(arrows)
        path, line = min(graph[user][used])
        yield Finding(path, line, f"circle of {what} {' > '.join(sorted(circle))}",
                      f"none of them can be read or changed alone; {user} includes {used} {count} times",
                      "move what both need to a header below them")


def judge_names(files):
    """The findings about files of one name in different folders."""
    first = {}
    for source in files:
        name, folder = stem_of(source.inner).rpartition("/")[2], folder_of(source.inner)
        if source.inner.endswith(".def") or first.setdefault(name, folder) == folder or name in NAMESAKES:
            continue
        yield Finding(source.path, 1, f"{first[name]}/ has a file {name} too", "a name should say which is meant",
                      "give one of them a name of its own")


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
        if app_room(source.inner) not in (None, *APP_ROOMS):
            findings.append(Finding(source.path, 1, "a room of app/ without a place in the order",
                                    f"app/ has {', '.join(APP_ROOMS)} only", "add it to APP_ROOMS in tests/house/common.py"))
            continue
        found = includes(source.text)
        count += len(found)
        findings += filter(None, (judge(source, include) for include in found))
    findings += judge_circles(folder_graph(files), "folders")
    findings += judge_circles(file_graph(files), "files")
    findings += judge_names(files)
    return findings, f"{count} includes in {len(files)} files"


if __name__ == "__main__":
    run(check, __doc__)
