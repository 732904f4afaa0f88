"""Keys that a program of the user's prints: the way to Vault, single sign-on and keychains. No shell runs it."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial

from provisioner.errors import UsageError
from provisioner.provider.credentials import Absent, AccessKey, Found, Surroundings, TemporaryKey
from provisioner.provider.issued import NoKey, issued_key

VARIABLE = "PROVISIONER_CREDENTIAL_COMMAND"
SECONDS = 60.0
_SHAPE = '{"access": "…", "secret": "…", "securitytoken": "…", "expires_at": "2030-01-31T12:00:00Z"}'


def from_command(surroundings: Surroundings) -> Found | Absent:
    """The command is run when a key is needed, and again before that key expires."""
    text = surroundings.environ.get(VARIABLE, "").strip()
    if not text:
        return Absent(f"{VARIABLE} is not set")
    try:
        arguments = shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"{VARIABLE} cannot be split into words", detail=f"{error}.", hint="quote as in a shell"
        ) from None
    return Found(TemporaryKey(partial(run_command, arguments, surroundings.environ)), VARIABLE)


def run_command(arguments: Sequence[str], environ: Mapping[str, str], seconds: float = SECONDS) -> AccessKey:
    """The key that the command prints. What it says on its standard error goes to ours."""
    # No message shows the arguments: a secret may stand among them.
    try:
        with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=dict(environ)) as child:
            try:
                printed, _ = child.communicate(timeout=seconds)
            except BaseException:
                child.kill()  # what it started may hold its output open: nobody waits for that
                raise
    except subprocess.TimeoutExpired:
        raise _failed(f"It did not end within {seconds:g} s.", "run it by hand: it must not ask anything") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise _failed(
            f"It cannot be started: {reason or 'its words cannot be those of a command'}.",
            "give the program's full path; no shell runs it, so variables, pipes and ~ mean nothing",
        ) from None
    if child.returncode != 0:
        ended = f"by signal {-child.returncode}" if child.returncode < 0 else f"with status {child.returncode}"
        raise _failed(f"It ended {ended}. What it said stands above.", "run it by hand and mend what it says")
    return _key(printed)


def _key(printed: bytes) -> AccessKey:
    try:
        return issued_key(json.loads(printed))
    except NoKey as error:
        problem = f"holds no key: {error}"
    except json.JSONDecodeError as error:
        problem = f"is no JSON at line {error.lineno}, column {error.colno}"
    except UnicodeDecodeError:
        problem = "is no UTF-8"
    except RecursionError:
        problem = "is nested too deeply"
    # Outside the blocks above, whose errors carry the text: it holds the secret.
    raise _failed(f"What it prints {problem}.", f"it must print {_SHAPE}")


def _failed(detail: str, hint: str) -> UsageError:
    return UsageError("the credential command gave no key", detail=f"{VARIABLE}: {detail}", hint=hint)
