"""The command line on its way to click: Terraform's spellings become ours, and what the environment adds stands behind
the verb. Pure; nothing is known here of what an option means.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence

from provisioner.errors import UsageError

# Ours first: whoever has TF_CLI_ARGS for Terraform in the same job can say something else to us.
_PREFIXES = ("PROVISIONER_CLI_ARGS", "TF_CLI_ARGS")
_GROUPS = frozenset({"auth", "stacks", "state"})
# Switches have no value here; in Go one may write `=true` and `=false`.
_SWITCHES = frozenset(
    {
        *("--auto-approve", "--compact-warnings", "--destroy", "--detailed-exitcode"),
        *("--json", "--no-color", "--refresh", "--refresh-only"),
    }
)
_ON, _OFF = frozenset({"true", "t", "1"}), frozenset({"false", "f", "0"})
_WITH_VALUE = frozenset({"--chdir", "--color", "--profile"})
# Options of the whole program that may stand behind the verb, as in Terraform.
_GLOBAL = re.compile(r"--no-color|--color=.*")


def understood(arguments: Sequence[str], environ: Mapping[str, str], verbs: Collection[str]) -> list[str]:
    """`arguments` in our spelling, with what the environment adds."""
    given = list(_respelled(arguments))
    end = _end_of_verb(given, verbs)
    added = [word for name, text in _additions(given[:end], environ) for word in _split(name, text)]
    return _global_first([*given[:end], *_respelled(added), *given[end:]])


def added_by(arguments: Sequence[str], environ: Mapping[str, str], verbs: Collection[str]) -> list[str]:
    """The variables that add something to this command line."""
    given = list(_respelled(arguments))
    return [name for name, text in _additions(given[: _end_of_verb(given, verbs)], environ) if text]


def _additions(begin: Sequence[str], environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is said to the verb that `begin` ends with. Those of this verb alone come first, and what comes later on the
    line wins, as in Terraform.
    """
    if not begin:
        return
    verb = begin[-2:] if len(begin) > 1 and begin[-2] in _GROUPS else begin[-1:]
    for suffix in ("_" + "_".join(verb).replace("-", "_"), ""):
        names = [f"{prefix}{suffix}" for prefix in _PREFIXES if f"{prefix}{suffix}" in environ]
        yield from ((name, environ[name]) for name in names[:1])


def _respelled(words: Sequence[str]) -> Iterator[str]:
    """`-out=FILE` is ours with two dashes (we have no groups of short options)."""
    end = words.index("--") if "--" in words else len(words)
    for word in words[:end]:
        doubled = f"-{word}" if re.match(r"-[a-z][a-z-]+(=|$)", word) else word
        name, _, value = doubled.partition("=")
        if name not in _SWITCHES or value.lower() not in _ON | _OFF:
            yield doubled
        elif value.lower() in _ON:
            yield name
        elif name == "--refresh":
            yield "--no-refresh"
    yield from words[end:]


def _end_of_verb(words: Sequence[str], verbs: Collection[str]) -> int:
    """How many words there are up to the verb and with it; 0 when there is none."""
    is_value = False
    for number, word in enumerate(words):
        if is_value:
            is_value = False
        elif word.startswith("-"):
            is_value = word in _WITH_VALUE
        else:
            return (number + (2 if word in _GROUPS else 1)) if word in verbs else 0
    return 0


def _global_first(words: Sequence[str]) -> list[str]:
    end = words.index("--") if "--" in words else len(words)
    moved = [word for word in words[:end] if _GLOBAL.fullmatch(word)]
    return [*moved, *(word for word in words[:end] if not _GLOBAL.fullmatch(word)), *words[end:]]


def _split(name: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        hint = f"{name}='-lock-timeout=5m -var \"owner=li wei\"'"
        raise UsageError(f"{name} cannot be read as a shell would: {error}", hint=hint) from error
