"""Foreign text in Markdown: what it says is seen, and nothing of it is obeyed. Pure.

Whatever is not plainly a word stands in a code span. There neither CommonMark nor what GitHub and GitLab add to it
(mentions, issues, commits, labels, emoji, links) reads anything, and a reviewer sees exactly what is in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from urllib.parse import quote

from provisioner.views.clean import one_line

# A quoted value, what is to be copied, or whatever stands between two blanks.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"[,;:.)]*|`[^`]+`[,;:.)]*|\S+')
_WORD = re.compile(r"\(?[A-Za-z]+(?:[-'][A-Za-z]+)*\)?[,.;:]?\)?|\d{1,6}[,;]?|→|—")
# Long words of these digits alone may be commits.
_HEX = re.compile(r"[a-f]{7,}")
_AROUND = re.compile(r"`([^`]+)`([,;:.)]*)")
_CLOSING = re.compile(r"[,;:.)]*\Z")
_BACKTICKS = re.compile(r"`+")
# Nothing in such an address means anything to Markdown.
_HARMLESS_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9./~%-]*)?")


def code(text: str) -> str:
    """Any text as a code span on one line; a text of nothing is shown as `""`."""
    line = one_line(text).replace("\t", " ") or '""'
    ticks = "`" * _fence_length(line, shortest=1)
    # A span must not begin or end with a backtick, and loses one blank at both ends where it has both.
    pad = " " if line.startswith(("`", " ")) or line.endswith(("`", " ")) else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def prose(text: str) -> str:
    """A sentence of ours that may have foreign text in it: words stay words, everything else becomes code."""
    groups = groupby(_TOKEN.findall(one_line(text)), key=_is_word)
    return " ".join(" ".join(tokens) if plain else " ".join(map(_span, tokens)) for plain, tokens in groups) or code("")


def cell(text: str) -> str:
    """Markdown as a cell of a table. A pipe would end it, in a code span too; and after a backslash parsers disagree,
    so that there another sign stands for it.
    """
    return text.replace("\\|", "\\¦").replace("|", "\\|")


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(cell, cells))} |"


def fenced(lines: Iterable[str], language: str) -> Iterator[str]:
    """A block of code with a fence longer than any run of backticks within."""
    held = list(lines)
    ticks = "`" * _fence_length("\n".join(held), shortest=3)
    yield f"{ticks}{language}"
    yield from held
    yield ticks


def details(summary: str, lines: Iterable[str]) -> Iterator[str]:
    """What is folded away. `summary` is ours alone: it is HTML."""
    yield f"<details><summary>{summary}</summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"


def comment(*parts: str) -> str:
    """An HTML comment of `parts`, spelt so that none of them can end it and no two lists of them are the same."""
    return f"<!-- {':'.join(quote(part, safe='', errors='backslashreplace') for part in parts)} -->"


def link(words: str, url: str) -> str:
    """A link where the address is harmless beyond doubt, else the address as text."""
    return f"[{words}]({url})" if _HARMLESS_URL.fullmatch(url) else f"{words} {code(url)}"


def _is_word(token: str) -> bool:
    return bool(_WORD.fullmatch(token)) and not _HEX.fullmatch(token.lower())


def _span(token: str) -> str:
    """One code span; punctuation behind it stays outside."""
    if around := _AROUND.fullmatch(token):
        return code(around[1]) + around[2]
    closing = _CLOSING.search(token)
    end = closing.start() if closing else len(token)
    return code(token[:end]) + token[end:] if end else code(token)


def _fence_length(text: str, *, shortest: int) -> int:
    return max([shortest - 1, *map(len, _BACKTICKS.findall(text))]) + 1
