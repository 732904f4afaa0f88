"""The questions before anything is changed, in Terraform's words. Asking and reading the answer is the command's."""

from __future__ import annotations

from provisioner.plan import Mode

ANSWER = "yes"

_QUESTIONS = {
    Mode.NORMAL: (
        "Do you want to perform these actions?",
        "provisioner will perform the actions described above.",
        "Only 'yes' will be accepted to approve.",
    ),
    Mode.DESTROY: (
        "Do you really want to destroy all resources?",
        "provisioner will destroy all your managed notebooks, as shown above.",
        "There is no undo. Only 'yes' will be accepted to confirm.",
    ),
    Mode.REFRESH_ONLY: (
        "Would you like to update the provisioner state to reflect these detected changes?",
        "provisioner will write these changes to the state without modifying any real notebook.",
        "There is no undo. Only 'yes' will be accepted to confirm.",
    ),
}


def question(mode: Mode) -> str:
    """The text before the answer; the answer follows it on the same line."""
    asked, meaning, condition = _QUESTIONS[mode]
    return f"{asked}\n  {meaning}\n  {condition}\n\n  Enter a value: "
