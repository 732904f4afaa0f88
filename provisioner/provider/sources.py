"""Where credentials may come from, in order, and the search through it: the first that has some wins.

What somebody chose comes before what merely lies about, and what costs nothing before files and the network.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from provisioner.errors import UsageError
from provisioner.provider.credential_command import from_command
from provisioner.provider.credentials import Absent, Agency, File, Found, Scope, Source, Surroundings
from provisioner.provider.environment import (
    access_key_from_environment,
    password_from_environment,
    token_from_environment,
)
from provisioner.provider.profiles import current_profile, named_profile, sdk_file

MAX_BYTES = 1024 * 1024

_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH

SOURCES: tuple[tuple[str, Source], ...] = (
    ("chosen profile", named_profile),
    # The environment in the Terraform provider's order of preference (API page 17.2).
    ("token in the environment", token_from_environment),
    ("access key in the environment", access_key_from_environment),
    ("password in the environment", password_from_environment),
    ("credential command", from_command),
    ("file of the SDK", sdk_file),
    ("current profile of KooCLI", current_profile),
)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A source that had nothing, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, what was looked at before, and what was not looked at because of it."""

    found: Found | None
    passed_over: tuple[PassedOver, ...]
    not_asked: tuple[str, ...] = ()

    def result(self) -> Found:
        if self.found is not None:
            return self.found
        reasons = "\n".join(f"  {each.name}: {each.reason}" for each in self.passed_over)
        raise UsageError(
            "no credentials for Huawei Cloud",
            detail=f"Looked at in this order:\n{reasons}",
            hint="set HW_ACCESS_KEY and HW_SECRET_KEY; or try the tool without an account: --sandbox",
        )


def surroundings_of(environ: Mapping[str, str], scope: Scope) -> Surroundings:
    """The real ones: the user's home, and the files of this machine."""
    return Surroundings(environ, _home(environ), read_file, scope)


def search(surroundings: Surroundings) -> Search:
    passed_over: list[PassedOver] = []
    for place, (name, source) in enumerate(SOURCES, start=1):
        match source(surroundings):
            case Found(agency=Agency()) as found:
                raise _not_assumed(found)
            case Found() as found:
                return Search(found, tuple(passed_over), tuple(later for later, _ in SOURCES[place:]))
            case Absent(reason):
                passed_over.append(PassedOver(name, reason))
    return Search(None, tuple(passed_over))


def find_credentials(surroundings: Surroundings) -> Found:
    return search(surroundings).result()


def read_file(path: Path) -> File | None:
    """A file of credentials, None when there is none."""
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise UsageError(
            f"{str(path)!r} cannot be read", detail=f"{reason}.", hint="name a file that the user of this run may read"
        ) from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path} cannot be read", detail="It is larger than 1 MiB.", hint="it holds no credentials")
    return File(data, open_to_others=os.name == "posix" and bool(mode & _OTHERS))


def _not_assumed(found: Found) -> UsageError:
    # Its key alone would act on another account than the one that is meant.
    return UsageError(
        "the profile acts as an agency of another account, which is not possible",
        detail=f"It is {found.source}.",
        hint="choose another profile, or let PROVISIONER_CREDENTIAL_COMMAND print the agency's keys",
    )


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home())
