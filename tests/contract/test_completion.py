"""`provisioner completion`: what real shells offer while somebody types."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from tests.contract.lab import SMALL
from tests.contract.project import Project
from tests.contract.sandbox import PROVISIONER

BASH = shutil.which("bash")
GPU = SMALL | {"for_each": ["ann", "ann b", "ben"]}

pytestmark = pytest.mark.skipif(BASH is None, reason="needs bash: apt-get install bash")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Declared, not recorded: alice and three of gpu. The command is on the PATH, as after an install."""
    tools = tmp_path / "bin"
    tools.mkdir()
    command = tools / "provisioner"
    command.write_text(f'#!/bin/sh\nexec {shlex.join(PROVISIONER)} "$@"\n')
    command.chmod(0o755)
    project = Project(tmp_path / "my project", {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"})
    project.declare(alice={}, gpu=GPU)
    return project


def script(project: Project, shell: str) -> str:
    said = project.run("completion", shell)
    assert (0, "") == (said.returncode, said.stderr)
    return said.stdout


def offered(project: Project, *words: str) -> list[str]:
    """What bash would offer for the last word, as bash would insert it. The words are as bash splits them."""
    line = f"""
{script(project, "bash")}
COMP_WORDS=({shlex.join(["provisioner", *words])}) COMP_CWORD={len(words)}
compopt() {{ printf 'files of %s\\n' "$2"; }}
_provisioner_completion provisioner
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    said = subprocess.run(
        [str(BASH), "--norc", "-c", line],
        cwd=project.root,
        env=project.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "" == said.stderr
    return said.stdout.splitlines()


def record(project: Project, state: str, key: str) -> None:
    path = project.root / "state" / f"{state}.json"
    path.parent.mkdir(exist_ok=True)
    resources = f'{{"notebook.{key}": {{"id": "f9937afa-4451-42db-a76b-72d624749f66", "status": "RUNNING"}}}}'
    path.write_text(
        '{"format": "provisioner.state/1", "lineage": "7a3e8f52-5b1b-4f61-9dd1-25a5b6a1f0aa", "serial": 1, '
        f'"stack": "{state}", "resources": {resources}}}'
    )


def test_commands_and_options_are_completed(project: Project) -> None:
    """Also those below another command."""
    assert ["stacks", "start", "state"] == offered(project, "sta")
    assert ["--detailed-exitcode"] == offered(project, "plan", "--det")
    assert ["show"] == offered(project, "state", "sh")
    assert ["bash"] == offered(project, "completion", "ba")


def test_addresses_come_from_the_specs(project: Project) -> None:
    """In the spelling that was begun, quoted for the shell; also after a sign of equality, where bash splits."""
    gpu = [rf"notebook.gpu\[\"{each}\"\]" for each in (r"ann\ b", "ann", "ben")]
    assert ["notebook.alice", *gpu] == offered(project, "plan", "--target", "")
    assert ["alice"] == offered(project, "plan", "--target", "al")
    assert gpu == offered(project, "plan", "--target", "=", "notebook.g")
    assert ["huaweicloud_modelarts_notebook.alice"] == offered(
        project, "plan", "--exclude", "huaweicloud_modelarts_notebook.a"
    )


def test_what_is_recorded_comes_from_the_states(project: Project) -> None:
    """Where only that can be meant; with --env that environment's. Nothing is asked of the service."""
    assert [""] == offered(project, "stop", "")
    record(project, "lab", "old")
    record(project, "lab.prod", "live")
    (project.root / "provisioner.yaml").write_text("version: 1\nenvironments: {prod: {}, test: {}}\n")
    assert ["notebook.old"] == offered(project, "stop", "")
    assert ["notebook.live"] == offered(project, "stop", "--env", "prod", "")
    assert ["old"] == offered(project, "state", "mv", "o")
    assert ["prod", "test"] == offered(project, "plan", "--env", "")
    assert ["lab"] == offered(project, "state", "pull", "--stack", "")
    assert ["notebook.old"] == offered(project, "--chdir", ".", "start", "")


def test_an_import_is_offered_what_is_not_recorded(project: Project) -> None:
    """Its first word is an address; the id is known to the service alone; the path is the shell's affair."""
    gpu = [rf"notebook.gpu\[\"{each}\"\]" for each in (r"ann\ b", "ann", "ben")]
    assert ["notebook.alice", *gpu] == offered(project, "import", "notebook.")
    assert [""] == offered(project, "import", "notebook.alice", "")
    assert ["files of default", ""] == offered(project, "import", "notebook.alice", "f9937afa", "sp")
    assert ["files of default", ""] == offered(project, "import", "--all", "sp")
    record(project, "lab", "alice")
    assert gpu == offered(project, "import", "notebook.")


@pytest.mark.parametrize("spec", ["notebooks: [", "version: 1\nnotebooks: {alice: {flavr: 1}}\n", "\x00"])
def test_a_broken_spec_is_no_error_while_typing(spec: str, project: Project) -> None:
    """What can be read is offered, and nothing is said."""
    (project.root / "specs" / "lab" / "notebooks.json").unlink()
    (project.root / "specs" / "lab" / "notebooks.yaml").write_text(spec)
    expected = ["notebook.alice"] if "flavr" in spec else [""]
    assert expected == offered(project, "plan", "--target", "")


def test_a_path_is_completed_by_the_shell(project: Project) -> None:
    """It knows best which files there are."""
    assert ["files of default", ""] == offered(project, "plan", "sp")


def test_a_line_is_completed_in_a_terminal(project: Project) -> None:
    """Typed, not called: an address with quotes in it can be gone on with, and arrives as it is."""
    (project.root / "load").write_text(script(project, "bash"))
    shell = pexpect.spawn(
        str(BASH),
        ["--norc", "-i"],
        cwd=str(project.root),
        env=project.environ | {"PS1": "$ ", "TERM": "dumb"},
        encoding="utf-8",
        timeout=20,
        dimensions=(24, 200),
    )
    shell.sendline("bind 'set enable-bracketed-paste off'; . ./load; echo rea''dy")
    shell.expect("\nready")
    shell.send("provisioner plan --target notebook.gp\t")
    shell.expect_exact(r"u\[\"")
    shell.send("be\t")
    shell.expect_exact(r"ben\"\]")
    shell.send("\x01set -- \x05")
    shell.sendline(r'; printf "<%s>" "$4"')
    shell.expect_exact('<notebook.gpu["ben"]>')
    shell.sendline("exit")
    shell.expect(pexpect.EOF)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_load_their_script(shell: str, project: Project) -> None:
    """And are answered in their own format."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"needs {shell}: apt-get install {shell}")
    text = script(project, shell)
    prepared = "autoload -U compinit; compinit -D; " if shell == "zsh" else ""
    check = (
        "functions _provisioner_completion"
        if shell == "zsh"
        else 'complete -C "provisioner plan --target notebook.gpu"'
    )
    environ = project.environ
    said = subprocess.run(
        [program, "-c", f"{prepared}{text}\n{check}"],
        cwd=project.root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (said.returncode, said.stderr)
    assert ("zsh_complete" if shell == "zsh" else "notebook.gpu") in said.stdout


def test_names_of_commands_cost_no_import(project: Project) -> None:
    """Neither the model nor any command's module is loaded for them."""
    environ = project.environ | {"_PROVISIONER_COMPLETE": "bash_complete"}
    environ |= {"COMP_WORDS": "provisioner st", "COMP_CWORD": "1", "PYTHONPROFILEIMPORTTIME": "1"}
    said = subprocess.run(PROVISIONER, env=environ, cwd=project.root, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in said.stderr.splitlines()}
    assert "click.shell_completion" in loaded
    assert set() == loaded & {"pydantic", "yaml", "httpx", "provisioner.cli.state", "provisioner.cli.options"}
    assert "plain,stop" in said.stdout
