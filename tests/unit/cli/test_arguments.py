"""Terraform's spellings, and what the environment adds to a command line."""

from __future__ import annotations

import pytest

from provisioner.cli.arguments import added_by, understood
from provisioner.cli.main import COMMANDS
from provisioner.errors import UsageError


def words(line: str, **environ: str) -> str:
    return " ".join(understood(line.split(" "), environ, COMMANDS))


@pytest.mark.parametrize(
    ("terraform", "ours"),
    [
        ("plan -out=x -target=a -target b", "plan --out=x --target=a --target b"),
        ("plan -var k=v -var-file=f -parallelism=3", "plan --var k=v --var-file=f --parallelism=3"),
        ("plan -refresh=false", "plan --no-refresh"),
        ("plan -refresh=true -refresh", "plan --refresh --refresh"),
        ("plan -refresh-only=false -destroy=TRUE", "plan --destroy"),
        ("apply -auto-approve=1 -input=false", "apply --auto-approve --input=false"),
        ("plan -lock=false -lock-timeout=5m", "plan --lock=false --lock-timeout=5m"),
        ("plan -no-color -detailed-exitcode", "--no-color plan --detailed-exitcode"),
        ("plan -color=always", "--color=always plan"),
        ("plan --no-color=false", "plan"),
        ("-chdir=x plan -help", "--chdir=x plan --help"),
        ("show -json FILE", "show --json FILE"),
        ("plan -h -1 -Xy", "plan -h -1 -Xy"),
        ("extend -- -no-color -out=x", "extend -- -no-color -out=x"),
        ("-version", "--version"),
    ],
)
def test_spellings(terraform: str, ours: str) -> None:
    """One dash or two, switches with a value as in Go; short options and what is behind `--` are left alone."""
    assert ours == words(terraform)


def test_the_environment_adds_behind_the_verb() -> None:
    """What is for this verb alone comes first and the command line last, so that the last one wins."""
    environ = {"TF_CLI_ARGS": "-parallelism=3", "TF_CLI_ARGS_plan": "-var 'owner=li wei'", "TF_CLI_ARGS_apply": "-x"}
    assert ["plan", "--var", "owner=li wei", "--parallelism=3", "--out=f"] == understood(
        ["plan", "-out=f"], environ, COMMANDS
    )
    assert ["TF_CLI_ARGS_plan", "TF_CLI_ARGS"] == added_by(["plan"], environ, COMMANDS)


def test_ours_takes_the_place_of_terraforms() -> None:
    """Also when it is empty: that is how one says nothing to us."""
    assert "plan --offline" == words("plan", TF_CLI_ARGS="-x", PROVISIONER_CLI_ARGS="--offline")
    assert "plan" == words("plan", TF_CLI_ARGS_plan="-x", PROVISIONER_CLI_ARGS_plan="")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--chdir x --no-color plan y", "--no-color --chdir x plan --json y"),
        ("--chdir plan apply", "--chdir plan apply"),
        ("--color never plan", "--color never plan --json"),
        ("state list", "state list --list"),
        ("force-unlock ID", "force-unlock --force ID"),
        ("", ""),
        ("nonsense plan", "nonsense plan"),
    ],
)
def test_where_the_verb_is(line: str, expected: str) -> None:
    """Behind the options of the program and their values; a command of a group is two words."""
    environ = {"TF_CLI_ARGS_plan": "-json", "TF_CLI_ARGS_state_list": "--list", "TF_CLI_ARGS_force_unlock": "-force"}
    assert expected == words(line, **environ)


def test_an_open_quote() -> None:
    """Names the variable, not its value: a secret may stand there."""
    with pytest.raises(UsageError, match="TF_CLI_ARGS_plan cannot be read as a shell would") as refused:
        words("plan", TF_CLI_ARGS_plan="-var 'password=hunter2")
    assert "hunter2" not in f"{refused.value}{refused.value.detail}{refused.value.hint}"
