"""`provisioner completion`: prints the script by which a shell completes what is typed. The scripts are click's, but
for bash's: click's takes the quotes from `notebook.gpu["ann"]`.
"""

from __future__ import annotations

from typing import ClassVar

import click
from click.shell_completion import BashComplete, add_completion_class, get_completion_class

_BASH = """\
%(complete_func)s() {
    local type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$(printf '%%q' "$value")") ;;
        esac
    done < <(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Bash(BashComplete):
    source_template: ClassVar[str] = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Bash splits `--target=notebook.a` at the sign."""
        words, incomplete = super().get_completion_args()
        return [word for word in words if word != "="], incomplete


def register() -> None:
    """Before click answers a shell."""
    add_completion_class(_Bash)


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> None:
    r"""Print the script that completes commands, options and addresses in SHELL.

    \b
    bash  eval "$(provisioner completion bash)"          in ~/.bashrc
    zsh   eval "$(provisioner completion zsh)"           in ~/.zshrc, after compinit
    fish  provisioner completion fish | source           in ~/.config/fish/config.fish

    Addresses come from the recorded states and the specs of the project, never from the service.
    """
    from provisioner.cli.main import COMPLETING, cli

    register()
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - one of the choices above
    click.echo(kind(cli, {}, "provisioner", COMPLETING).source(), nl=False)
