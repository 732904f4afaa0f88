"""What the shell is offered while somebody types: addresses, environments and stacks, from the files of the project.

Nothing is asked of the service. What cannot be read offers nothing, and says nothing: a message would stand in the
middle of what is being typed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from provisioner.cli.settings import Settings
    from provisioner.model.address import Address

Completion = Callable[[click.Context, click.Parameter, str], list[str]]


def _completion(offers: Callable[[click.Context, str], Iterable[str]]) -> Completion:
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        offered: list[str] = []
        with suppress(Exception):  # whatever it is, a completion is no place to tell it
            if directory := context.find_root().params.get("chdir"):
                os.chdir(directory)  # this process does nothing else
            offered = sorted(offers(context, incomplete))
        return offered

    return complete


@_completion
def recorded(context: click.Context, incomplete: str) -> Iterator[str]:
    """Addresses of recorded notebooks."""
    return _spelled(_recorded(context), incomplete)


@_completion
def addresses(context: click.Context, incomplete: str) -> Iterator[str]:
    """Addresses of notebooks, recorded or declared."""
    return _spelled({*_recorded(context), *_declared(context)}, incomplete)


@_completion
def unrecorded(context: click.Context, incomplete: str) -> Iterator[str]:
    """Addresses of notebooks that are declared and not recorded."""
    return _spelled(_declared(context) - _recorded(context), incomplete)


def words_of_import(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """ADDR ID PATH, or PATH alone. An id would have to be asked for."""
    whole = context.params.get("everything") or context.params.get("terraform")
    place = 2 if whole else len(context.params.get("words") or ())
    if place == 0:
        return unrecorded(context, parameter, incomplete)
    return [CompletionItem(incomplete, type="file")] if place == 2 else []  # noqa: PLR2004 - the third word


@_completion
def environments(_context: click.Context, incomplete: str) -> Iterator[str]:
    from provisioner.cli.settings import known_environments

    return (name for name in known_environments(Path()) if name.startswith(incomplete))


@_completion
def stacks(context: click.Context, incomplete: str) -> Iterator[str]:
    """Names of recorded stacks."""
    from provisioner.cli.backends import recorded_stacks

    settings = _settings(context)
    if settings.backend.type != "local":  # a TAB waits for no network
        return iter(())
    return (name for name in recorded_stacks(settings) if name.startswith(incomplete))


def _settings(context: click.Context) -> Settings:
    from provisioner.cli.settings import load_settings

    return load_settings(Path(), context.params.get("environment") or "")


def _recorded(context: click.Context) -> set[Address]:
    from provisioner.cli.backends import recorded_stacks, state_backend
    from provisioner.cli.named import recorded as addresses_of

    settings = _settings(context)
    if settings.backend.type != "local":
        return set()
    states = (state_backend(settings, name).read().state for name in recorded_stacks(settings))
    return {address for state in states for address in addresses_of(state)}


def _declared(context: click.Context) -> set[Address]:
    """Also of specs that are wrong elsewhere: somebody is at work on them."""
    from provisioner.cli.options import Request
    from provisioner.cli.project import project_of
    from provisioner.spec.load import DEFAULT_PATHS, outlines

    found: set[Address] = set()
    with suppress(Exception):  # what is recorded can be offered without
        settings = _settings(context)
        project = project_of(settings, Request(environment=settings.environment), os.environ)
        paths: Any = context.params.get("paths") or DEFAULT_PATHS
        for each in outlines(paths, root=Path(), project=project):
            found |= each.assembled(project).addresses
    return found


def _spelled(found: Iterable[Address], incomplete: str) -> Iterator[str]:
    """Each address in the spelling that somebody has begun with."""
    for address in found:
        spellings = (str(address), str(address).removeprefix("notebook."), address.terraform)
        yield from [text for text in spellings if text.startswith(incomplete)][:1]
