"""What we know of the pipeline that runs us, and what we hand to it: annotations, a summary, outputs for later steps.

A pipeline is known by its variables. What cannot be handed over is a warning: no plan fails for that.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.terminal import is_set

if TYPE_CHECKING:
    from provisioner.errors import Diagnostic
    from provisioner.plan import Plan
    from provisioner.views.reported import Origin, Reported

# GitHub aborts the upload of a longer summary.
SUMMARY_BYTES = 1024 * 1024
# The variables in which a pipeline says where it checked the repository out.
_ROOTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")


class Pipeline(Enum):
    """Who runs us. OTHER: a pipeline without ways of its own to be told something."""

    NONE = "none"
    GITHUB = "github"
    GITLAB = "gitlab"
    OTHER = "other"


def pipeline(environ: Mapping[str, str]) -> Pipeline:
    if environ.get("GITHUB_ACTIONS") == "true":
        return Pipeline.GITHUB
    if environ.get("GITLAB_CI") == "true":
        return Pipeline.GITLAB
    return Pipeline.OTHER if is_set("CI", environ) else Pipeline.NONE


@dataclass(frozen=True, slots=True)
class _Names:
    """The variables in which one kind of pipeline tells of the change, the best first; `mark` is always there."""

    mark: str
    commit: tuple[str, ...]
    author: tuple[str, ...]
    branch: tuple[str, ...]
    url: tuple[str, ...]


_KINDS = (
    _Names("GITHUB_ACTIONS", ("GITHUB_SHA",), ("GITHUB_ACTOR",), ("GITHUB_HEAD_REF", "GITHUB_REF_NAME"), ()),
    _Names(
        "GITLAB_CI",
        ("CI_COMMIT_SHA",),
        ("CI_COMMIT_AUTHOR", "GITLAB_USER_LOGIN"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"),
        ("CI_JOB_URL",),
    ),
    _Names("ATLANTIS_TERRAFORM_VERSION", ("HEAD_COMMIT",), ("USER_NAME",), ("HEAD_BRANCH_NAME",), ("PULL_URL",)),
    _Names(
        "JENKINS_URL",
        ("GIT_COMMIT",),
        ("CHANGE_AUTHOR",),
        ("CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"),
        ("BUILD_URL",),
    ),
)
# GitHub says in parts where its job is.
_GITHUB_URL = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")


def origin(environ: Mapping[str, str]) -> Origin:
    """Where the change comes from. An address that is not https is left out: it is shown as a link."""
    from provisioner.views.reported import Origin

    names = next((each for each in _KINDS if environ.get(each.mark)), None)
    if names is None:
        return Origin()
    url = job_url(environ) or _first(environ, names.url)
    return Origin(
        commit=_first(environ, names.commit),
        author=_first(environ, names.author).partition(" <")[0],
        branch=_first(environ, names.branch),
        job_url=url if url.startswith("https://") else "",
    )


def job_url(environ: Mapping[str, str]) -> str:
    """Where the job that we are part of can be looked at, "" when nobody says."""
    if all(environ.get(name) for name in _GITHUB_URL):
        server, repository, run = (environ[name] for name in _GITHUB_URL)
        return f"{server}/{repository}/actions/runs/{run}"
    return _first(environ, ("CI_JOB_URL", "BUILD_URL"))


def _first(environ: Mapping[str, str], names: Sequence[str]) -> str:
    return next((environ[name] for name in names if environ.get(name)), "")


def outputs(plans: Sequence[Plan], digest: str) -> dict[str, str]:
    """What later steps may ask for: sums over all stacks; the digest of a saved plan when it is the only one."""
    summaries = [plan.summary for plan in plans]
    pending, refused = any(plan.pending for plan in plans), any(plan.refused for plan in plans)
    counts = {
        "to_add": sum(each.add for each in summaries),
        "to_change": sum(each.change for each in summaries),
        "to_destroy": sum(each.destroy for each in summaries),
        "to_import": sum(each.take_over for each in summaries),
        "to_forget": sum(each.forget for each in summaries),
    }
    return {name: str(number) for name, number in counts.items()} | {
        "has_changes": str(pending).lower(),
        "plan_digest": digest,
        "exitcode": "1" if refused else "2" if pending else "0",
    }


def publish(reported: Sequence[Reported], environ: Mapping[str, str] = os.environ) -> None:
    """Hand the plans of one command to the pipeline."""
    if pipeline(environ) is not Pipeline.GITHUB or not reported:
        return
    digest = reported[0].digest if len(reported) == 1 and reported[0].approvable else ""
    values = outputs([each.plan for each in reported], digest)
    _append(environ.get("GITHUB_OUTPUT", ""), "".join(_assignment(*pair) for pair in values.items()))
    _summarize(reported, environ.get("GITHUB_STEP_SUMMARY", ""))


def _summarize(reported: Sequence[Reported], name: str) -> None:
    from provisioner.views.markdown import markdown

    room = SUMMARY_BYTES - (Path(name).stat().st_size if name and Path(name).is_file() else 0)
    share = room // len(reported) - 2
    for each in reported:
        text = f"{markdown(each, limit=share)}\n" if share > 0 else ""
        if len(text.encode()) <= share:
            _append(name, text)


def _assignment(name: str, value: str) -> str:
    """A line of $GITHUB_OUTPUT. Several lines stand between two of which nobody can guess the text."""
    if "\n" not in value and "\r" not in value:
        return f"{name}={value}\n"
    end = f"end-{uuid.uuid4()}"
    return f"{name}<<{end}\n{value}\n{end}\n"


def _append(name: str, text: str) -> None:
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        click.echo(f"Warning: {name} cannot be written: {error.strerror or error}", err=True)


def annotate(diagnostics: Sequence[Diagnostic], environ: Mapping[str, str] = os.environ) -> None:
    """Show problems beside the lines of a change in review, errors first."""
    if pipeline(environ) is not Pipeline.GITHUB:
        return
    from provisioner.views.findings.findings import in_repository
    from provisioner.views.findings.github import annotation_lines

    directory = Path.cwd()
    root = repository(directory, environ)
    lines, left = annotation_lines(diagnostics, lambda file: in_repository(file, directory, root))
    for line in lines:
        click.echo(line, err=True)
    if left:
        click.echo(f"{left} more in the text above, without an annotation.", err=True)


def repository(directory: Path, environ: Mapping[str, str]) -> Path:
    """The root of the repository that we work in, as the pipeline says; without one we stand in it."""
    roots = [Path(environ[name]).resolve() for name in _ROOTS if environ.get(name)]
    return next((root for root in roots if directory.is_relative_to(root)), directory)
