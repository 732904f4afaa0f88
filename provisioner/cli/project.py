"""What `provisioner.yaml` and the command line say of all specs together: the environment, and values of variables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.cli.options import Request
from provisioner.cli.settings import Settings, load_settings
from provisioner.errors import SpecError, UsageError
from provisioner.spec.files import SETTINGS_FILE
from provisioner.spec.load import DEFAULT_PATHS, in_order, load_stacks
from provisioner.spec.project import Given, Project
from provisioner.spec.source import read_source
from provisioner.spec.text import MAX_BYTES

if TYPE_CHECKING:
    from provisioner.spec.document import Spec


def load_specs(request: Request) -> tuple[Spec, ...]:
    """The stacks that `request` is about, with the values that it gives to their variables."""
    project = project_of(load_settings(Path(), request.environment), request, os.environ)
    return load_stacks(request.paths or DEFAULT_PATHS, root=Path(), project=project)


def project_of(settings: Settings, request: Request, environ: Mapping[str, str]) -> Project:
    return Project(
        environment=settings.environment,
        given=dict(_given(settings, request)),
        environ=environ,
        patches=settings.patches,
        default_tags=settings.default_tags,
        ignore_tags=settings.ignore_tags,
        policy=settings.policy,
    )


def _given(settings: Settings, request: Request) -> Iterator[tuple[str, Given]]:
    """Values of variables, the weakest first."""
    for name, node in settings.variables.items():
        yield name, Given(node, SETTINGS_FILE, strict=False)
    for path in request.variable_files:
        yield from _from_file(path)
    for text in request.variables:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals):  # not quoted: a value without its name may be a secret
            raise UsageError("--var needs a name and a value", hint="--var owner=alice")
        yield name.strip(), Given(value, f"--var {name.strip()}")


def _from_file(path: Path) -> Iterator[tuple[str, Given]]:
    try:
        with path.open("rb") as stream:  # it may be a pipe from what decrypts it
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        detail = error.strerror or str(error)
        raise UsageError(f"the file of variables {path} cannot be read", detail=detail) from error
    source = read_source(str(path), data, begin="NAME: value", takes_secrets=True)
    if source.problems:
        unquoted = [replace(problem, source_line="") for problem in source.problems]  # a secret may stand in the line
        raise SpecError(in_order(unquoted, [str(path)]), files=1)
    for name, node in source.root.entries().items() if source.root else ():
        yield name, Given(node, str(path))
