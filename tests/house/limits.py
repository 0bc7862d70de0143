#!/usr/bin/env python3
"""Hard limits: 450 lines a file, 60 lines and cyclomatic complexity 25 a function, and at most 40 lines for 95 of 100
functions. Prints the largest, the medians and the 95th percentile.

Usage: python3 tests/house/limits.py [ROOT]   (needs universal-ctags)

Of Python only the files are measured. Complexity is 1 plus the tokens if, for, while, case, &&, || and ? of a function's body.
"""
import json
import re
import statistics
import subprocess
from typing import NamedTuple

from common import Finding, Lines, all_files, code_only, read, run

FILE_LINES = 450
FUNCTION_LINES = 60
USUAL_FUNCTION_LINES = 40  # the 95th percentile
COMPLEXITY = 25
TOP = 10
CHECKED = ("sensor/", "tests/", "deploy/")
BRANCH = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")
# The second branch of an #if would open a brace twice.
ELSE_BRANCH = re.compile(r"^[ \t]*#[ \t]*(?:else|elif)\b.*?(?=^[ \t]*#[ \t]*endif\b)", re.MULTILINE | re.DOTALL)


class Function(NamedTuple):
    path: str
    name: str
    line: int
    end: int
    complexity: int

    @property
    def lines(self):
        return self.end - self.line + 1


def tags(root, paths):
    """Every function that ctags sees in these files."""
    if not paths:
        return []
    command = ["ctags", "--options=NONE", "--language-force=C", "--kinds-C=f", "--fields=+ne", "--output-format=json",
               "-f", "-", "-L", "-"]
    answer = subprocess.run(command, input="\n".join(paths), cwd=root, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in answer.stdout.splitlines()]


def measure(path, code, tag):
    """One function's extent and complexity; its end is 0 if ctags found none."""
    body = "\n".join(code.split("\n")[tag["line"] - 1:tag.get("end", tag["line"])])
    return Function(path, tag["name"], tag["line"], tag.get("end", 0), 1 + len(BRANCH.findall(body)))


def bodies(text):
    """The lines on which a function body opens: a brace at the outermost level after a closing parenthesis."""
    code = code_only(ELSE_BRANCH.sub(lambda hit: re.sub(r"[^\n]", " ", hit[0]), text))
    lines, depth, before = Lines(code), 0, ""
    for hit in re.finditer(r"\S", code):
        if hit[0] == "{":
            if depth == 0 and before == ")":
                yield lines.of(hit.start())
            depth += 1
        elif hit[0] == "}":
            depth = max(0, depth - 1)
        before = hit[0]


def judge(function):
    where = (function.path, function.line)
    if function.end == 0:
        yield Finding(*where, f"ctags finds no end of {function.name}()", "its size can't be checked",
                      "make its braces balance without the preprocessor")
        return
    if function.lines > FUNCTION_LINES:
        yield Finding(*where, f"{function.name}() has {function.lines} lines", f"the limit is {FUNCTION_LINES}",
                      "split it by what it does")
    if function.complexity > COMPLEXITY:
        yield Finding(*where, f"{function.name}() has cyclomatic complexity {function.complexity}",
                      f"the limit is {COMPLEXITY}", "split it, or turn the branches into a table")


def percentile_95(functions):
    """The shortest function that 95 of 100 are not longer than; None if there is none."""
    ordered = sorted(functions, key=lambda function: function.lines)
    return ordered[-(-95 * len(ordered) // 100) - 1] if ordered else None


def judge_percentile(function):
    if function and function.lines > USUAL_FUNCTION_LINES:
        yield Finding(function.path, function.line, f"the 95th percentile of functions is {function.lines} lines",
                      f"the limit is {USUAL_FUNCTION_LINES}", "split the longest ones by what they do")


def table(title, rows):
    """Prints the top rows (value, label) and gives their median."""
    rows = sorted(rows, reverse=True)
    if rows:
        print(title)
        for value, label in rows[:TOP]:
            print(f"  {value:5d}  {label}")
    return statistics.median(value for value, _ in rows) if rows else 0


def check(root, _arguments):
    paths = [path for path in all_files(root) if path.startswith(CHECKED) and path.endswith((".c", ".h", ".py"))]
    texts = {path: read(root, path) for path in paths}
    codes = {path: code_only(text) for path, text in texts.items() if not path.endswith(".py")}
    functions = [measure(tag["path"], codes[tag["path"]], tag) for tag in tags(root, list(codes))]
    usual = percentile_95(functions)
    findings = [finding for function in functions for finding in judge(function)] + list(judge_percentile(usual))
    for path, text in texts.items():
        lines = len(text.splitlines())
        if lines > FILE_LINES:
            findings.append(Finding(path, lines, f"the file has {lines} lines", f"the limit is {FILE_LINES}",
                                    "split it by what it does"))
    for path in codes:
        own = [function for function in functions if function.path == path]
        findings += [Finding(path, line, "ctags does not see the function that starts here",
                             "its size can't be checked", "write its head without macros") for line in bodies(texts[path])
                     if not any(function.line <= line <= function.end for function in own)]
    label = "{0.path}:{0.line} {0.name}()".format
    files = table("largest files, lines", [(len(text.splitlines()), path) for path, text in texts.items()])
    lengths = table("longest functions, lines", [(function.lines, label(function)) for function in functions])
    branches = table("most branched functions, complexity",
                     [(function.complexity, label(function)) for function in functions])
    return findings, (f"{len(paths)} files, {len(functions)} functions, "
                      f"medians: file {files:g} lines, function {lengths:g} lines, complexity {branches:g}; "
                      f"95th percentile: function {usual.lines if usual else 0} lines")


if __name__ == "__main__":
    run(check, __doc__)
