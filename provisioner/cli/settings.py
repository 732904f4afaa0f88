"""The settings of one run: what `provisioner.yaml` says for one environment. No environment variable is read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from provisioner.cli.settings_file import Backend, Cloud, Environment, File, Section
from provisioner.errors import SpecError, UsageError
from provisioner.spec.check import validated
from provisioner.spec.files import SETTINGS_FILE, read_bytes
from provisioner.spec.load import in_order
from provisioner.spec.project import Policy
from provisioner.spec.source import read_source
from provisioner.spec.tree import Node

Part = TypeVar("Part", bound=Section)


@dataclass(frozen=True, slots=True)
class Settings:
    """What `provisioner.yaml` says for `environment`, "" for none. `variables` keep their places in the file."""

    environment: str = ""
    cloud: Cloud = field(default_factory=Cloud)
    backend: Backend = field(default_factory=Backend)
    variables: Mapping[str, Node] = field(default_factory=dict)
    patches: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    default_tags: Mapping[str, str] = field(default_factory=dict)
    ignore_tags: frozenset[str] = frozenset()

    @property
    def defaulted(self) -> frozenset[str]:
        """Paths of notebooks that have a default in it."""
        return frozenset(f"tags.{key}" for key in self.default_tags)


def load_settings(root: Path, environment: str = "") -> Settings:
    """The settings of the project at `root`; the defaults when it has no `provisioner.yaml` or an empty one."""
    given, tree = _read(root)
    own = _environment(given, environment)
    return Settings(
        environment=environment,
        cloud=_over(given.cloud, own.cloud),
        backend=_over(given.backend, own.backend),
        variables=_variables(tree, environment),
        patches=own.patches,
        policy=given.policy.policy,
        default_tags=given.default_tags,
        ignore_tags=frozenset(given.ignore_tags),
    )


def known_environments(root: Path) -> list[str]:
    return sorted(_read(root)[0].environments)


def _read(root: Path) -> tuple[File, Node | None]:
    try:
        data = read_bytes(root / SETTINGS_FILE)
    except FileNotFoundError:
        return File(), None
    except OSError as error:
        raise UsageError(f"{SETTINGS_FILE} cannot be read", detail=error.strerror or str(error)) from error
    source = read_source(SETTINGS_FILE, data, begin="version: 1")
    problems = source.problems
    settings: File | None = File()
    if source.root:
        settings, refusals = validated(File, source.root)
        problems += refusals
    if problems or not settings:
        raise SpecError(in_order(problems, [SETTINGS_FILE]))
    return settings, source.root


def _environment(given: File, name: str) -> Environment:
    if not name:
        return Environment()
    if name not in given.environments:
        known = ", ".join(sorted(given.environments))
        raise UsageError(
            f"there is no environment {name!r}",
            detail=(
                f"{SETTINGS_FILE} declares {known or 'none'}. The name comes from --env, without it from TF_WORKSPACE."
            ),
            hint=f"--env {known.split(', ')[0]}" if known else f"declare it below `environments` of {SETTINGS_FILE}",
        )
    return given.environments[name]


def _over(base: Part, own: Part) -> Part:
    """`base` with every key that `own` sets."""
    return base.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})


def _variables(tree: Node | None, environment: str) -> dict[str, Node]:
    """As they stand in the file: the declaration of a variable decides what is right, and problems need their place."""
    node = tree
    for key in ("environments", environment, "variables"):
        node = node.entry(key) if node else None
    return node.entries() if node else {}
