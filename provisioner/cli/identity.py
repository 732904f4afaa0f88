"""Who this run is, and on what: the credentials that are found, and the scope that all places together give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from provisioner.cli.settings import Settings
from provisioner.provider.credentials import Scope
from provisioner.provider.environment import read_scope
from provisioner.provider.sources import Search, search, surroundings_of


@dataclass(frozen=True, slots=True)
class Identity:
    """`scope` comes from the environment first, then from `provisioner.yaml`, then from where the credentials are."""

    search: Search
    scope: Scope


def identify(environ: Mapping[str, str], settings: Settings) -> Identity:
    looked = search(surroundings_of(environ, _scope(environ, settings, Scope())))
    return Identity(looked, _scope(environ, settings, looked.found.scope if looked.found else Scope()))


def _scope(environ: Mapping[str, str], settings: Settings, found: Scope) -> Scope:
    cloud = settings.cloud
    scope = read_scope(environ)
    if not scope.region:
        # The region has a part in the choice of variables.
        scope = read_scope(environ, region=cloud.region or found.region)
    said = replace(
        scope,
        project_id=scope.project_id or cloud.project_id,
        endpoint=scope.endpoint or cloud.endpoint,
        iam_endpoint=scope.iam_endpoint or cloud.iam_endpoint,
        ca_bundle=scope.ca_bundle or cloud.ca_bundle,
    )
    return said.filled_from(found)
