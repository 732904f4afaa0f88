"""The patch files of an environment: reading them, and which stacks each is for. What they do is in `patches`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provisioner.errors import Diagnostic
from provisioner.spec.files import StackFiles, read_bytes, shown, specs_in
from provisioner.spec.patches import Patch, astray, patches_of
from provisioner.spec.source import read_source
from provisioner.spec.stack import Assembled

_HINT = "`patches` of the environment in provisioner.yaml names it"


@dataclass(frozen=True, slots=True)
class PatchFile:
    """One file.

    stacks  the ones that it is for, as they are searched; None: every one that has the notebook
    whole   all specs of the directory that it is for are loaded, so that every KEY must be among them
    """

    name: str
    patches: tuple[Patch, ...]
    stacks: frozenset[StackFiles] | None
    whole: bool

    def is_for(self, files: StackFiles) -> bool:
        return self.stacks is None or files in self.stacks


def read_patches(
    names: Iterable[str], root: Path, stacks: Sequence[StackFiles], problems: list[Diagnostic]
) -> list[PatchFile]:
    """Every patch file that a loaded stack may need. What belongs to another stack is left out."""
    paths = [root / name for name in names]
    taken = {_real(path) for path in paths}
    found = []
    for path in paths:
        data = _read(path, root, problems)
        if data is None:
            continue
        home = _home(path, root, taken)
        own = frozenset(files for files in stacks if home and _lies_in(files, home))
        if home and not own:
            continue
        source = read_source(shown(path, root), data)
        problems += source.problems
        loaded = {_real(file) for files in own for file in files.files}
        whole = not home or all(_real(spec) in loaded | taken for spec in specs_in(home))
        patches = tuple(patches_of(source, problems))
        found.append(PatchFile(source.text.file, patches, own if home else None, whole))
    return found


def unused(files: Sequence[PatchFile], assembled: Mapping[StackFiles, Assembled]) -> list[Diagnostic]:
    """Entries of patch files that no stack takes, where every stack that could is known."""
    problems = []
    for file in files:
        mine = [stack for each, stack in assembled.items() if file.is_for(each)]
        keys = {key for stack in mine for key in stack.keys}
        addresses = {address for stack in mine for address in stack.addresses}
        if file.whole and all(stack.whole for stack in mine):
            problems += [
                astray(patch, keys)
                for patch in file.patches
                if not (patch.target in addresses or (not patch.target.each and patch.target.key in keys))
            ]
    return problems


def _read(path: Path, root: Path, problems: list[Diagnostic]) -> bytes | None:
    name = shown(path, root)
    try:
        if not _real(path).is_relative_to(_real(root)):
            problems.append(Diagnostic("E403", f"the patch file {name} lies outside of the project", hint=_HINT))
            return None
        return read_bytes(path)
    except FileNotFoundError:
        problems.append(Diagnostic("E401", f"the patch file {name} does not exist", hint=_HINT))
    except OSError as error:
        reason = error.strerror or error
        problems.append(Diagnostic("E402", f"the patch file {name} cannot be read: {reason}", hint=_HINT))
    return None


def _real(path: Path) -> Path:
    """Where links lead; unlike Path.resolve, no error when that is in circles."""
    return Path(os.path.realpath(path))


def _home(path: Path, root: Path, patches: Iterable[Path]) -> Path | None:
    """The directory of specs that a patch lies in. The root is none: other tools keep YAML there."""
    others, root = set(patches), Path(os.path.normpath(root))
    for directory in Path(os.path.normpath(path)).parents:
        if directory == root or not directory.is_relative_to(root):
            return None
        if any(_real(spec) not in others for spec in specs_in(directory)):
            return directory
    return None


def _lies_in(files: StackFiles, directory: Path) -> bool:
    return any(_real(file).parent == _real(directory) for file in files.files)
