"""From the settings to the place of the states: which backend, and what the environment adds. Opened once a command."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.settings import Settings
from provisioner.cli.settings_file import Backend
from provisioner.errors import UsageError
from provisioner.state.local import LocalBackends

if TYPE_CHECKING:
    from provisioner.state.backend import StateBackend, StateBackends
    from provisioner.state.store import Stores

# Journals of runs whose states are far away.
JOURNALS = Path(".provisioner/journal")
_KEYS = {
    "local": {"path"},
    "http": {"address", "lock_address", "unlock_address", "update_method", "lock_method", "unlock_method"},
    "postgres": {"dsn_env", "schema_name"},
    "s3": {"bucket", "prefix", "endpoint", "region", "lock"},
}
_VARIABLE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


def state_backend(settings: Settings, stack: str) -> StateBackend:
    return state_backends(settings).of(stack)


def recorded_stacks(settings: Settings) -> list[str]:
    """The stacks that have a state, by its name; those of other environments are left out."""
    return recorded_in(state_backends(settings), settings.environment)


def recorded_in(backends: StateBackends, environment: str) -> list[str]:
    return [name for name in backends.recorded() if name.partition(".")[2] == environment]


def every_state(settings: Settings) -> list[str]:
    """The names of all states, those of other environments too."""
    return state_backends(settings).recorded()


def state_backends(settings: Settings) -> StateBackends:
    """The place of the states; connections are shared by all of a command, and closed when it ends."""
    context = click.get_current_context(silent=True)
    if context is None:
        return open_backends(settings, os.environ)
    opened = context.find_root().meta.setdefault("provisioner.backends", {})
    key = (settings.environment, settings.backend)
    if key not in opened:
        opened[key] = open_backends(settings, os.environ)
        context.find_root().call_on_close(opened[key].close)
    found: StateBackends = opened[key]
    return found


def open_backends(settings: Settings, environ: Mapping[str, str]) -> StateBackends:
    backend = _filled(_checked(settings.backend), environ)
    if backend.type == "local":
        return LocalBackends(Path(backend.path))
    from provisioner.state.remote import RemoteBackends

    return RemoteBackends(_stores(backend, environ), JOURNALS, _known(settings))


def _stores(backend: Backend, environ: Mapping[str, str]) -> Stores:
    if backend.type == "http":
        from provisioner.state.http import HttpStores
        from provisioner.state.http_settings import read_settings

        return HttpStores(read_settings({key: getattr(backend, key) for key in _KEYS["http"]}, environ))
    if backend.type == "postgres":
        from provisioner.state.postgres import PostgresStores, read_dsn

        return PostgresStores(read_dsn(backend.dsn_env, environ), backend.schema_name)
    raise UsageError(
        f"the backend {backend.type} is not supported by this version yet", hint="type: local, http or postgres"
    )


def _checked(backend: Backend) -> Backend:
    """Refuses keys that mean nothing to this type: who writes them expects something of them."""
    strange = backend.model_fields_set - {"type"} - _KEYS[backend.type]
    if strange:
        name = min(strange).removesuffix("_name")
        owner = next(kind for kind, keys in _KEYS.items() if min(strange) in keys)
        raise UsageError(
            f"the backend {backend.type} has no {name}",
            detail=f"{name} belongs to the backend {owner}.",
            hint=f"remove it from `backend` in provisioner.yaml, or write type: {owner}",
        )
    return backend


def _filled(backend: Backend, environ: Mapping[str, str]) -> Backend:
    """With what `${env:NAME}` stands for: one file serves every pipeline."""

    def value(match: re.Match[str]) -> str:
        if not environ.get(match[1]):
            raise UsageError(f"{match[1]} is not set", detail="`backend` in provisioner.yaml asks for it.")
        return environ[match[1]]

    texts = {name: text for name in backend.model_fields_set if isinstance(text := getattr(backend, name), str)}
    return backend.model_copy(update={name: _VARIABLE.sub(value, text) for name, text in texts.items()})


def _known(settings: Settings) -> Callable[[], list[str]]:
    """The stacks of the specs, for a place that cannot list its states."""

    def names() -> list[str]:
        from provisioner.cli.options import Request
        from provisioner.cli.project import project_of
        from provisioner.spec.load import DEFAULT_PATHS, outlines

        project = project_of(settings, Request(environment=settings.environment), os.environ)
        return [each.name for each in outlines(DEFAULT_PATHS, root=Path(), project=project)]

    return names
