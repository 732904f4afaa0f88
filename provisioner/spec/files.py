"""Which files are specs, which of them make a stack, and their bytes. Nothing here reads YAML."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from provisioner.errors import Diagnostic
from provisioner.spec.text import MAX_BYTES

MAX_FILES = 10_000
MAX_DEPTH = 64
SUFFIXES = (".yaml", ".yml", ".json")
SETTINGS_FILE = "provisioner.yaml"


@dataclass(frozen=True, slots=True)
class StackFiles:
    """The files of one stack, its name unless a spec gives another, and the file or directory that it is."""

    name: str
    path: Path
    files: tuple[Path, ...]
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Every stack below the given paths, and why something there cannot be used."""

    stacks: tuple[StackFiles, ...]
    problems: tuple[Diagnostic, ...]


def find_stacks(paths: Iterable[str | Path], root: Path) -> Found:
    """A file is a stack, a directory with specs in it is one, and any other directory is searched for such ones."""
    search = _Search(root)
    for path in paths:
        search.add(root / path)
    return Found(tuple(search.stacks), tuple(search.problems))


def shown(path: Path, root: Path) -> str:
    """The name of a file in messages: relative to the root when it lies there."""
    normal = Path(os.path.normpath(path))
    return str(normal.relative_to(root)) if normal.is_relative_to(root) else str(normal)


def read_bytes(path: Path) -> bytes:
    """At most one byte more than a spec may have. Never blocks: what is no regular file is an OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError("it is no regular file")
        return stream.read(MAX_BYTES + 1)


def sources_of(diagnostics: Iterable[Diagnostic]) -> dict[str, bytes]:
    """The bytes of the files that problems stand in, as far as they are files: values may come from a pipe."""
    sources = {}
    for name in {found.range.file for found in diagnostics if found.range}:
        try:
            sources[name] = read_bytes(Path(name))
        except OSError:
            continue
    return sources


def specs_in(directory: Path) -> list[Path]:
    """The files directly in a directory that are specs; none when it cannot be listed."""
    try:
        return sorted(entry for entry in directory.iterdir() if _is_spec_name(entry.name) and entry.is_file())
    except OSError:
        return []


def _is_spec_name(name: str) -> bool:
    path = Path(name)
    is_other = name.startswith(".") or path.stem.endswith(".patch") or name == SETTINGS_FILE
    return path.suffix in SUFFIXES and not is_other


class _Search:
    """Collects stacks and problems; a file belongs to the first stack that has it."""

    def __init__(self, root: Path) -> None:
        self.stacks: list[StackFiles] = []
        self.problems: list[Diagnostic] = []
        self._root = root
        self._taken: set[Path] = set()

    def add(self, path: Path) -> None:
        """Add what the user named."""
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            hint = "name the file or the directory of your specs; the default is specs/"
            self._problem("E401", f"{self._shown(path)} does not exist", hint)
        except OSError as error:
            self._unreadable(path, error)
        else:
            if stat.S_ISDIR(mode):
                self._add_tree(path)
            else:
                self._add_file(path, mode)

    def _add_file(self, path: Path, mode: int) -> None:
        if not _is_spec_name(path.name):
            hint = f"a spec ends in {', '.join(SUFFIXES)}; dot files, patches and {SETTINGS_FILE} are none"
            self._problem("E402", f"{self._shown(path)} is no spec", hint)
        elif not stat.S_ISREG(mode):
            self._problem("E402", f"{self._shown(path)} is no regular file", "name a file or a directory")
        else:
            self._add_stack(path.stem, path, [path])

    def _add_tree(self, path: Path) -> None:
        stacks, problems = len(self.stacks), len(self.problems)
        self._add_directory(path, path.resolve(), 0)
        if (len(self.stacks), len(self.problems)) == (stacks, problems) and not self._is_taken(path):
            detail = f"searched {self._shown(path)} and its sub-directories for *{', *'.join(SUFFIXES)}"
            hint = "write a spec there, such as notebooks.yaml"
            self._problem("E401", f"no specs in {self._shown(path)}", hint, detail)

    def _is_taken(self, path: Path) -> bool:
        return any(taken.is_relative_to(path.resolve()) for taken in self._taken)

    def _add_directory(self, path: Path, top: Path, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._problem("E404", f"{self._shown(path)} is nested deeper than {MAX_DEPTH} directories", "flatten it")
            return
        specs, directories = self._entries(path, top)
        if not specs:
            for directory in directories:
                self._add_directory(directory, top, depth + 1)
            return
        self._add_stack(path.resolve().name, path, specs, self._left_out(directories))

    def _entries(self, path: Path, top: Path) -> tuple[list[Path], list[Path]]:
        """The specs and the directories in a directory, by name."""
        specs: list[Path] = []
        directories: list[Path] = []
        try:
            entries = sorted(path.iterdir())
        except OSError as error:
            self._unreadable(path, error)
            return specs, directories
        for entry in entries:
            if entry.name.startswith(".") or (entry.is_symlink() and not self._is_safe_link(entry, top)):
                continue
            if _is_spec_name(entry.name):
                if entry.is_file():
                    specs.append(entry)
                else:
                    self._problem("E402", f"{self._shown(entry)} is no regular file", "rename or remove it")
            elif entry.is_dir():
                directories.append(entry)
        return specs, directories

    def _is_safe_link(self, link: Path, top: Path) -> bool:
        """A link of a repository must not lead out of it, nor in circles."""
        if not _is_spec_name(link.name) and not link.is_dir():
            return False
        try:
            target = link.resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError is a loop, before Python 3.13
            self._problem("E403", f"the link {self._shown(link)} leads nowhere", "remove the link")
            return False
        if link.parent.resolve().is_relative_to(target):
            self._problem("E403", f"the link {self._shown(link)} leads in circles", "remove the link")
            return False
        if not target.is_relative_to(top) and not target.is_relative_to(self._root.resolve()):
            self._problem("E403", f"the link {self._shown(link)} leads out of the project", "copy the file instead")
            return False
        return True

    def _left_out(self, directories: list[Path]) -> tuple[Diagnostic, ...]:
        """A directory with specs is one stack; specs further down are easily believed to be part of it."""
        return tuple(
            Diagnostic(
                "W405",
                f"the specs in {self._shown(directory)} are not part of the stack above them",
                hint="name the directory to use them, or move the specs beside it into a directory of their own",
                severity="warning",
            )
            for directory in directories
            if os.access(directory, os.R_OK) and any(_is_spec_name(entry.name) for entry in directory.iterdir())
        )

    def _add_stack(self, name: str, path: Path, files: list[Path], warnings: tuple[Diagnostic, ...] = ()) -> None:
        fresh = [file for file in files if file.resolve() not in self._taken]
        self._taken.update(file.resolve() for file in fresh)
        if len(self._taken) > MAX_FILES:
            self._problem("E404", f"more than {MAX_FILES} spec files", "name fewer paths")
        elif fresh:
            self.stacks.append(StackFiles(name, path, tuple(fresh), warnings))

    def _shown(self, path: Path) -> str:
        return shown(path, self._root)

    def _unreadable(self, path: Path, error: OSError) -> None:
        code = "E403" if error.errno == errno.ELOOP else "E402"
        self._problem(code, f"{self._shown(path)} cannot be read: {error.strerror or error}", "check its permissions")

    def _problem(self, code: str, summary: str, hint: str, detail: str = "") -> None:
        self.problems.append(Diagnostic(code, summary, detail, hint))
