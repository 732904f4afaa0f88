"""Where a new spec file stands, which stack it becomes a part of, and how it gets there: whole, and over no other."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.errors import UsageError

if TYPE_CHECKING:
    from provisioner.cli.options import Request
    from provisioner.spec.document import Spec

FILE_NAME = "imported.yaml"
DEFAULT_FILE = Path("specs/imported") / FILE_NAME
_SUFFIXES = {".yaml", ".yml"}
_SCHEMA = Path("schema/spec.schema.json")


def new_file(path: Path | None) -> Path:
    """The file that `path` means: itself, or one in the directory of a stack."""
    if path is None:
        return DEFAULT_FILE
    return path if path.suffix in _SUFFIXES and not path.is_dir() else path / FILE_NAME


def schema_of(file: Path) -> str:
    """Where the schema of specs stands, as seen from `file`."""
    return Path(os.path.relpath(_SCHEMA, file.parent)).as_posix()


def stack_of(file: Path, request: Request) -> Spec:
    """The stack that `file` is or is going to be a part of; it may be empty."""
    from provisioner.cli.project import load_specs
    from provisioner.spec.document import Spec
    from provisioner.spec.files import find_stacks
    from provisioner.spec.project import state_name

    directory = file.parent
    stacks = find_stacks([directory], Path().absolute()).stacks if directory.is_dir() else ()
    if any(spec.parent.resolve() != directory.resolve() for stack in stacks for spec in stack.files):
        hint = f"name a directory below it, such as {directory / 'imported'}"
        raise UsageError(f"a spec in {directory} would hide the stacks in its sub-directories", hint=hint)
    if not stacks:
        return Spec(state_name(_valid_name(directory), request.environment), {})
    (spec,) = load_specs(replace(request, paths=(directory,)))
    return spec


def _valid_name(directory: Path) -> str:
    import re

    from provisioner.spec.document import NAME_PATTERN

    name = directory.resolve().name
    if not re.fullmatch(NAME_PATTERN, name):
        hint = "name a directory of letters, digits, - and _, such as specs/imported"
        raise UsageError(f"{name!r} cannot be the name of a stack", hint=hint)
    return name


def check_free(file: Path) -> None:
    if file.exists() or file.is_symlink():
        raise _exists(file)


def write_new(file: Path, text: str) -> None:
    """A reader sees all of it or nothing, and so does who comes after a crash."""
    temporary = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        _name(temporary, file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written", detail=error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _name(temporary: Path, file: Path) -> None:
    """Give the finished file its name. A link never takes another file's place; not every file system has links."""
    try:
        file.hardlink_to(temporary)
    except FileExistsError as error:
        raise _exists(file) from error
    except OSError:
        check_free(file)
        temporary.rename(file)


def _exists(file: Path) -> UsageError:
    hint = f"nothing is ever overwritten: name another file, such as {file.with_stem(file.stem + '-2')}"
    return UsageError(f"{file} exists already", hint=hint)
