"""`provisioner auth`: which credentials are used. Reads only, and no secret is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisioner.cli.options import ENVIRONMENT, SANDBOX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provisioner.cli.settings import Settings
    from provisioner.clock import Clock
    from provisioner.provider.credentials import AccessKey, Found, PasswordLogin, Scope, TokenLogin
    from provisioner.views.auth import Holder, Status

UNAUTHORIZED = 401


@click.group("auth")
def command() -> None:
    """Say which credentials are used."""


@command.command("status")
@ENVIRONMENT
@SANDBOX
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status_command(*, environment: str, sandbox: bool, as_json: bool) -> int:
    """Print where the credentials come from, whose they are, on what they are used, and when they expire.

    Fails when there are none, and when the service refuses them. No secret is printed.
    """
    import os
    from contextlib import ExitStack
    from pathlib import Path

    from provisioner.cli.embedded import embedded_sandbox
    from provisioner.cli.settings import Settings, load_settings
    from provisioner.views.auth import status_json, status_text

    with ExitStack() as stack:
        environ: Mapping[str, str] = stack.enter_context(embedded_sandbox()) if sandbox else os.environ
        status, refused = _status(environ, Settings() if sandbox else load_settings(Path(), environment))
    click.echo(status_json(status) if as_json else status_text(status), nl=False)
    return int(refused or status.holder is None)


def _status(environ: Mapping[str, str], settings: Settings) -> tuple[Status, bool]:
    """What is to be said, and whether the service refuses the credentials."""
    from provisioner.cli.identity import identify
    from provisioner.clock import SystemClock
    from provisioner.views.auth import Status

    clock = SystemClock()
    identity = identify(environ, settings)
    said = Status(
        holder=None,
        now=clock.now(),
        project_id=identity.scope.project_id,
        project_name=identity.scope.project_name,
        region=identity.scope.region,
        modelarts=_known(lambda: identity.scope.modelarts_url),
        iam=_known(lambda: identity.scope.iam_url),
        passed_over=tuple((each.name, each.reason) for each in identity.search.passed_over),
        not_asked=identity.search.not_asked,
    )
    found = identity.search.found
    return _completed(said, found, identity.scope, clock) if found else (said, False)


def _completed(said: Status, found: Found, scope: Scope, clock: Clock) -> tuple[Status, bool]:
    """With what the credentials say of themselves, and what IAM says of them."""
    from dataclasses import replace

    from provisioner.errors import ApiError, UsageError
    from provisioner.provider.account import account_of, open_iam, project_of
    from provisioner.provider.credentials import TemporaryKey

    renewed = isinstance(found.credentials, TemporaryKey)
    credentials = found.credentials.issue() if isinstance(found.credentials, TemporaryKey) else found.credentials
    problems = [f"{each.summary}: {each.detail} {each.hint}" for each in found.warnings]
    said = replace(said, holder=_holder(found.source, credentials, renewed=renewed))
    refused = False
    try:
        with open_iam(credentials, scope, clock) as iam:
            account = account_of(iam)
            said = replace(said, account_id=account.id, account_name=account.name)
            project = project_of(iam, scope)
            if project:
                said = replace(said, project_id=project.id, project_name=project.name)
            else:
                problems.append("the project is none of this account's")
    except UsageError as error:
        problems.append(f"IAM was not asked: {error.summary} ({error.hint})")
    except ApiError as error:
        refused = error.status == UNAUTHORIZED
        problems.append(f"{'refused' if refused else 'the account is not known'}: {error.summary} ({error.detail})")
    return replace(said, problems=tuple(problems)), refused


def _known(url: Callable[[], str]) -> str:
    """The URL of a host; "" without a region to make it from."""
    from provisioner.errors import UsageError

    try:
        return url()
    except UsageError:
        return ""


def _holder(source: str, credentials: AccessKey | TokenLogin | PasswordLogin, *, renewed: bool) -> Holder:
    from provisioner.provider.credentials import AccessKey, PasswordLogin
    from provisioner.views.auth import Holder, masked

    match credentials:
        case AccessKey():
            temporary = renewed or bool(credentials.security_token) or credentials.expires_at is not None
            return Holder(
                source,
                "temporary key" if temporary else "long-lived key",
                access_key=masked(credentials.access_key),
                expires_at=credentials.expires_at,
                renewed=renewed,
            )
        case PasswordLogin():
            return Holder(source, "password", user=credentials.user or credentials.user_id)
        case _:
            return Holder(source, "token")
