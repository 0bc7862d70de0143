#!/usr/bin/env python3
"""Pages (*.md): no sentence of more than 40 words. 30 is the aim.

A sentence ends at a full stop, question or exclamation mark before white space, and with its paragraph or list item. Code in
backticks is one word. Headings, tables, code blocks and comments are not sentences.

Usage: python3 tests/house/pages.py [ROOT] [--most WORDS]
"""
import re
from typing import NamedTuple

from common import Finding, all_files, read, run

MOST = 40
FENCE = re.compile(r"\s*(```|~~~)")
ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
CODE = re.compile(r"`[^`]*`")
TARGET = re.compile(r"\]\([^)]*\)")
END = re.compile(r"(?<!\.\.)(?<!\be\.g)(?<!\bi\.e)(?<!\betc)[.!?][])*_\"'”]*(?=\s)")
WORD = re.compile(r"[^\W_]")


class Sentence(NamedTuple):
    line: int
    words: int
    text: str


def paragraphs(text):
    """The paragraphs and list items: (number of the first line, text)."""
    found, open_block, fence, before = [], False, None, ""
    for number, line in enumerate(text.split("\n"), 1):
        mark = FENCE.match(line)
        if mark and fence in (None, mark[1]):
            fence = None if fence else mark[1]
        is_code = line.startswith(("    ", "\t")) and not open_block
        if fence or mark or is_code or not line.strip() or line.lstrip().startswith(("|", "#")):
            open_block = False
        elif open_block and not ITEM.match(line):
            found[-1][1].append(line)
        else:
            found.append((number, [ITEM.sub("", line, count=1)]))
            open_block = True
    return [(number, "\n".join(lines)) for number, lines in found]


def sentences(text):
    """Every sentence of a page. What is not language is blanked or made one word in place, so that lines stay right."""
    text = COMMENT.sub(lambda hit: re.sub(r"[^\n]", " ", hit[0]), text)
    for first, block in paragraphs(text):
        bare = CODE.sub(lambda hit: "X" * len(hit[0]), block)
        bare = TARGET.sub(lambda hit: "]" * len(hit[0]), bare)
        start = 0
        for end in [hit.end() for hit in END.finditer(bare)] + [len(bare)]:
            words = sum(1 for word in bare[start:end].split() if WORD.search(word))
            if words:
                line = first + block.count("\n", 0, end - len(bare[start:end].lstrip()))
                yield Sentence(line, words, " ".join(block[start:end].split()))
            start = end


def check(root, arguments):
    pages = [path for path in all_files(root) if path.endswith(".md")]
    findings = []
    for path in pages:
        for sentence in sentences(read(root, path)):
            if sentence.words > arguments.most:
                findings.append(Finding(path, sentence.line, f"a sentence of {sentence.words} words",
                                        "it must be read twice", f"make several of it: {sentence.text[:60]} ..."))
    return findings, f"{len(pages)} pages"


def options(parser):
    parser.add_argument("--most", type=int, default=MOST, help=f"words that a sentence may have (default: {MOST})")


if __name__ == "__main__":
    run(check, __doc__, options)
