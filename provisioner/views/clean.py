"""Foreign text made safe to print: what a terminal or a pipeline's log would obey or hide becomes a visible escape.
Used by every view.
"""

from __future__ import annotations

import json
import re

# C0 and C1 controls except tab and newline; line separators; bidi overrides, zero-width and tag characters; surrogates,
# which no encoding can print.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
# GitHub obeys `::command::` at the beginning of a line, `##[command]` anywhere; Azure and TeamCity `##name[command]`.
_COMMANDS = re.compile(r"(?m)^(\s*):(?=:[A-Za-z])|#(?=#\w*\[)")


def clean(text: str) -> str:
    """`text` with every control and invisible character spelt out as Python would; newlines and tabs stay. So is the
    first character of what a pipeline would take for a command: this text may stand at the beginning of a line.
    """
    return _disarmed(_visible(text))


def one_line(text: str) -> str:
    """`clean`, with newlines spelt out too: foreign text must not imitate a line of ours."""
    return _disarmed(_visible(text).replace("\n", "\\n"))


def clean_json(text: str) -> str:
    """JSON that says the same, in which nothing is invisible or obeyed by a terminal."""
    return UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _visible(text: str) -> str:
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _disarmed(text: str) -> str:
    return _COMMANDS.sub(lambda found: "\\x23" if found[0] == "#" else f"{found[1]}\\x3a", text)
