"""Plan files: written, read back, and why a file is none. What they say is checked against nothing else here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from provisioner import __version__
from provisioner.errors import Diagnostic, PlanRefused, UsageError
from provisioner.plan import Plan
from provisioner.planfile.canonical import canonical, document_digest
from provisioner.planfile.document import FORMAT, PLAN_KEYS, Header
from provisioner.planfile.encoding import NotAPlan, decoded
from provisioner.planfile.recognition import SPEC_SUFFIXES, has_plan_key, holds_plan
from provisioner.spec.document import NAME_PATTERN
from provisioner.state import files

MAX_BYTES = 256 * 1024 * 1024
_AGAIN = "make it again: provisioner plan --out FILE"


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a plan file says. Its plan holds no secret yet."""

    plan: Plan
    header: Header
    document: Mapping[str, Any]


def read_plan(path: Path) -> SavedPlan:
    """The plan in a file. Raises PlanRefused with E704 unless it is exactly what this version wrote."""
    data = _read(path)
    document = _document(data, path)
    header = document["provisioner"]
    if header.get("format") != FORMAT:
        detail = f"Its format is {header.get('format')!r}, this version reads {FORMAT!r}."
        raise _refused(path, "cannot be read by this version", detail, "use the version of provisioner that wrote it")
    _check_intact(data, document, path)
    if header.get("version") != __version__:
        detail = f"provisioner {header.get('version')} made it, and this is {__version__}."
        raise _refused(path, "was made by another version", detail, f"use the same version; or {_AGAIN}")
    try:
        plan = decoded({name: value for name, value in header.items() if name in PLAN_KEYS})
        rest = Header.model_validate({name: value for name, value in header.items() if name not in PLAN_KEYS})
    except NotAPlan as error:
        raise _altered(path, f"provisioner.{error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, ("provisioner", *first["loc"])))
        raise _altered(path, f"{where}: {first['msg']}.") from error
    _check_stack(plan.stack, rest.environment, path)
    return SavedPlan(plan, rest, document)


def write_plan(path: Path, document: Mapping[str, Any]) -> None:
    """Write the one spelling of a plan, for its owner alone, whole or not at all."""
    _check_writable(path)
    try:
        files.replace(path, f"{canonical(document)}\n".encode())
    except OSError as error:
        detail = error.strerror or str(error)
        raise UsageError(
            f"the plan cannot be saved as {path}", detail=f"{detail}.", hint="name another file"
        ) from error


def check_place(path: Path) -> None:
    """Refuse at once a place where no plan can be saved: planning takes a while."""
    _check_writable(path)
    if not path.parent.is_dir():
        raise UsageError(f"the plan cannot be saved as {path}: there is no directory {path.parent}", hint="create it")


def _check_writable(path: Path) -> None:
    if path.is_dir():
        raise UsageError(f"the plan cannot be saved as {path}: that is a directory", hint=f"--out {path}/plan.bin")
    if path.exists() and not path.is_file():
        raise UsageError(f"the plan cannot be saved as {path}: that is no plain file", hint="name another file")
    if path.suffix.lower() in SPEC_SUFFIXES:
        hint = f"--out {path.with_suffix('.bin')}"
        raise UsageError(f"a plan is no spec: {path} would be read as one", hint=hint)
    if path.is_file() and path.stat().st_size and not holds_plan(path):
        raise UsageError(f"{path} is no plan and would be overwritten", hint="name another file, or remove it")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _refused(path, "is no plan", f"It has more than {MAX_BYTES // 1024 // 1024} MiB.", _AGAIN)
        return files.read_bytes(path) or b""
    except OSError as error:
        detail = f"{error.strerror or error}."
        raise UsageError(f"the plan {path} cannot be read", detail=detail, hint="check its name") from error


def _document(data: bytes, path: Path) -> dict[str, Any]:
    """The JSON object of a plan file."""
    if not data.strip():
        raise _refused(path, "is empty", "Writing it was cut short, or it is no plan.", _AGAIN)
    if data.startswith(b"PK\x03\x04"):
        raise _refused(path, "is a plan of Terraform", "Only a plan of provisioner can be carried out here.", _AGAIN)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        if has_plan_key(data):
            raise _altered(path, f"It is not whole: {error}.") from error
        raise _refused(path, "is no plan", f"It is not JSON: {error}.", _AGAIN) from error
    if isinstance(document, dict) and isinstance(document.get("provisioner"), dict):
        return document
    if isinstance(document, dict) and "format_version" in document:
        detail = "It has no key `provisioner`: it is Terraform's, or that key was taken out."
        raise _refused(path, "is no plan of provisioner", detail, _AGAIN)
    raise _refused(path, "is no plan", "It holds other JSON.", "a spec goes by the name FILE.yaml, or through specs/")


def _check_intact(data: bytes, document: Mapping[str, Any], path: Path) -> None:
    """The bytes are the one spelling of a document that agrees with its digest."""
    try:
        spelling = f"{canonical(document)}\n".encode()
    except (ValueError, RecursionError) as error:
        raise _altered(path, f"It holds what no plan does: {error}.") from error
    if document_digest(document) != document["provisioner"].get("digest"):
        raise _altered(path, "It does not agree with its digest.")
    if spelling != data:
        raise _altered(path, "It is not spelt as it was written: keys twice, other spaces or escapes.")


def _check_stack(stack: str, environment: str, path: Path) -> None:
    """It names a file of the state: nothing that leads elsewhere."""
    name, dot, of = stack.partition(".")
    if not all(re.fullmatch(NAME_PATTERN, part) for part in (name, of if dot else name)) or of != environment:
        raise _altered(path, "provisioner.stack: it is no name of a stack in that environment.")


def _altered(path: Path, detail: str) -> PlanRefused:
    return _refused(path, "was altered", f"{detail} Nothing was changed.", _AGAIN)


def _refused(path: Path, what: str, detail: str, hint: str) -> PlanRefused:
    return PlanRefused((Diagnostic("E704", f"the plan {path} {what}", detail, hint),))
