"""A plan as a comment on a pull or merge request: risk first, below a limit of bytes. Pure.

What does not fit is left out in steps and never within a line: first the diffs of what is safe, then all diffs, then
rows. A comment that was cut says so, and shows no digest: nobody approves what they were not shown.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from provisioner.plan import Mode, Plan, Reason
from provisioner.views.block import step_lines
from provisioner.views.drift import HEADING, drift_paragraph
from provisioner.views.markdown_text import code, comment, details, fenced, link, prose, row
from provisioner.views.paint import Paint
from provisioner.views.reported import Reported
from provisioner.views.review import Caution, Review, Risk, Row, counts_text, review_of
from provisioner.views.text import summary_line
from provisioner.views.values import count

LIMIT = 60_000  # GitHub takes 65,536 characters, and tools in between cut at 60,000
LEAST = 2_000  # the shortest comment fits in so much, whatever the plan

_FEW_ROWS = 50
_FEW_CAUTIONS = 20
_LONGEST_NAME = 80
_SHORT_COMMIT = 12
_WIDTH = 80
_MARKED = re.compile(r"( *)(-/\+|\+/-|[-+~.])( .*)")
_DATA_LOSS = "DATA LOSS"


class Flavour(StrEnum):
    """Whose Markdown it is: what is not known to show alerts gets a plain quotation."""

    GITHUB = "github"
    GITLAB = "gitlab"
    PLAIN = "plain"


class _Depth(IntEnum):
    """How much is told."""

    COUNTS = 0
    FEW_ROWS = 1
    ROWS = 2
    RISKY_DIFFS = 3
    FULL = 4


_LEFT_OUT = {
    _Depth.RISKY_DIFFS: "only the diffs of what is deleted or replaced are shown",
    _Depth.ROWS: "no diffs are shown",
    _Depth.FEW_ROWS: f"no diffs and at most {_FEW_ROWS} rows are shown",
    _Depth.COUNTS: "only numbers are shown",
}


def markdown(reported: Reported, *, limit: int = LIMIT, flavour: Flavour = Flavour.GITHUB) -> str:
    """The comment, in at most `limit` bytes of UTF-8; no limit below LEAST can be kept."""
    review = review_of(reported.plan)
    comments = (_Comment(reported, review, flavour, depth).text() for depth in sorted(_Depth, reverse=True))
    text = ""
    for text in comments:
        if len(text.encode()) <= limit:
            break
    return text


@dataclass(frozen=True, slots=True)
class _Comment:
    """The comment at one depth."""

    reported: Reported
    review: Review
    flavour: Flavour
    depth: _Depth

    @property
    def plan(self) -> Plan:
        return self.reported.plan

    def text(self) -> str:
        blocks = [
            [comment("provisioner", "plan", self.plan.stack, self.reported.region)],
            [self._heading()],
            list(self._alert()),
            list(self._cautions()),
            [prose(summary_line(self.plan))],
            list(self._table()),
            list(self._diffs()),
            list(self._drift()),
            list(self._calm()),
            [self._cut()] if self.depth < _Depth.FULL else [],
            [" · ".join(self._footer())],
        ]
        return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"

    def _heading(self) -> str:
        where = [_name(name) for name in (self.plan.stack, self.reported.region) if name]
        return f"### provisioner plan · {' · '.join(where)} — {counts_text(self.plan)}"

    def _alert(self) -> Iterator[str]:
        """What dies."""
        deadly = [caution for caution in self.review.cautions if caution.word == _DATA_LOSS]
        if not deadly:
            return
        if self.flavour is not Flavour.PLAIN:
            yield "> [!WARNING]"
        volumes = sum(len(each.losing) for each in self.plan.steps)
        yield f"> **Data loss: {count(volumes, 'volume')} of {count(len(deadly), 'notebook')}.**"
        yield from (f"> - {code(each.address)}: {prose(each.paragraphs[0])}" for each in deadly[: self._few])
        yield from self._more(deadly, "> ")

    def _cautions(self) -> Iterator[str]:
        """What else is to be read first. Of what dies the alert told the worst; here stands the rest of it."""
        told = list(self._told())
        if told:
            yield from ("**Read this first**", "", *told)

    def _told(self) -> Iterator[str]:
        cautions = self.review.cautions
        if self.depth is _Depth.COUNTS:
            words = [caution.word for caution in cautions]
            yield from (f"- **{word}**: {words.count(word)}" for word in dict.fromkeys(words))
            return
        for each in cautions[: self._few]:
            yield from _caution(each)
        yield from self._more(cautions, "")

    @property
    def _few(self) -> int | None:
        """How many of a list are told; None: all."""
        return {_Depth.COUNTS: 0, _Depth.FEW_ROWS: _FEW_CAUTIONS}.get(self.depth)

    def _more(self, listed: Sequence[Caution], indent: str) -> Iterator[str]:
        if self._few and len(listed) > self._few:
            yield f"{indent}- and {len(listed) - self._few} more"

    def _table(self) -> Iterator[str]:
        rows = self.review.rows
        if not rows or self.depth is _Depth.COUNTS:
            return
        shown = rows[:_FEW_ROWS] if self.depth is _Depth.FEW_ROWS else rows
        yield row(["", "notebook", "what", "where"])
        yield "|---|---|---|---|"
        yield from (row(_cells(each)) for each in shown)
        if len(shown) < len(rows):
            yield row(["", f"and {len(rows) - len(shown)} more", "", ""])

    def _diffs(self) -> Iterator[str]:
        if self.depth < _Depth.RISKY_DIFFS:
            return
        rows = [each for each in self.review.rows if self.depth is _Depth.FULL or each.risk <= Risk.REPLACE]
        if rows:
            what = "Full diff" if self.depth is _Depth.FULL else "Diff of what is deleted or replaced"
            blocks = ("\n".join(map(_marked, _block(each))) for each in rows)
            yield from details(f"{what} ({count(len(rows), 'notebook')})", fenced(["\n\n".join(blocks)], "diff"))

    def _drift(self) -> Iterator[str]:
        paragraph = drift_paragraph(self.plan, Paint(color=False))
        if paragraph and self.depth >= _Depth.ROWS:
            lines = paragraph.removeprefix(HEADING).strip("\n").split("\n")
            yield from details("Changed outside of provisioner", fenced(map(_marked, lines), "diff"))

    def _calm(self) -> Iterator[str]:
        """What is left as it is, and why."""
        calm = [step for step in self.plan.steps if step.note and step.reason is Reason.UNCHANGED]
        if calm and self.depth >= _Depth.ROWS:
            yield "Left as it is:"
            yield ""
            yield from (f"- {code(str(step.address))}: {prose(step.note)}" for step in calm)

    def _cut(self) -> str:
        """That it was cut, and where the rest is."""
        places = []
        if self.reported.saved_as:
            places.append(_name(f"provisioner show {shlex.quote(self.reported.saved_as)}"))
        if self.reported.origin.job_url:
            places.append(link("the log of the job", _short(self.reported.origin.job_url, _LONGEST_NAME * 4)))
        whole = f"The whole plan: {' or '.join(places)}." if places else "The whole plan is in the output of the job."
        return f"**This comment was cut** to keep below its limit: {_LEFT_OUT[self.depth]}. {whole}"

    def _footer(self) -> Iterator[str]:
        origin = self.reported.origin
        if origin.commit:
            yield f"Commit {_name(origin.commit[:_SHORT_COMMIT])}"
        if origin.author:
            yield f"by {_name(origin.author)}"
        if origin.branch:
            yield f"on {_name(origin.branch)}"
        yield f"serial {self.plan.serial}"
        if origin.job_url and self.depth is _Depth.FULL:
            yield link("job", _short(origin.job_url, _LONGEST_NAME * 4))
        if self.depth is _Depth.FULL and self.reported.approvable:
            yield from self._approval()

    def _approval(self) -> Iterator[str]:
        """How exactly this is approved. Only for who was shown all of it."""
        reported = self.reported
        yield f"digest {code(reported.digest)}"
        if self.plan.pending or self.plan.mode is Mode.REFRESH_ONLY:
            apply = f"provisioner apply {shlex.quote(reported.saved_as)} --approved-digest {reported.digest}"
            yield f"to apply exactly this: {code(apply)}"


def _caution(caution: Caution) -> Iterator[str]:
    about = f" {code(caution.address)}" if caution.address else ""
    told = caution.paragraphs[1:] if caution.word == _DATA_LOSS else caution.paragraphs
    if not told:
        return
    yield f"- **{caution.word}**{about}: {prose(told[0])}"
    yield from (f"  - {prose(paragraph)}" for paragraph in told[1:])


def _cells(each: Row) -> tuple[str, str, str, str]:
    loss = f" — **loses** {prose(each.loss)}" if each.risk is Risk.DATA_LOSS else ""
    mark = code(each.mark) if each.mark else ""
    return mark, code(each.address), prose(each.words) + loss, code(each.place) if each.place else ""


def _block(each: Row) -> Iterator[str]:
    return step_lines(each.step, Paint(color=False), _WIDTH)


def _marked(line: str) -> str:
    """A line with its mark in the first column, where the colours of a diff are decided: `!` is a change there."""
    found = _MARKED.fullmatch(line)
    if not found:
        return line
    before, mark, rest = found.groups()
    return {"~": "!", ".": " "}.get(mark, mark) + before + rest


def _name(text: str) -> str:
    """A name that may be long, as code."""
    return code(_short(text, _LONGEST_NAME))


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
