"""The questions before anything is changed, in Terraform's words, and which answer is a yes. Asking is the command's.

Where a destroy deletes volumes, `yes` is typed too easily: the answer is then what names them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from provisioner.plan import Mode, Plan, Step

ANSWER = "yes"

_FEW = 5
_NAME = r'[^\s,\["]+(?:\["[^"]*"\])?'
_NAMES = re.compile(rf"[\s,]*{_NAME}(?:[\s,]+{_NAME})*[\s,]*")

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


def question(plan: Plan, losers: Sequence[Step] = ()) -> str:
    """The text before the answer; the answer follows it on the same line. `losers` lose volumes that nobody agreed to
    lose yet.
    """
    asked, meaning, condition = _QUESTIONS[plan.mode]
    if losers:
        condition = f"There is no undo: {demand(plan, losers)}"
    return f"{asked}\n  {meaning}\n  {condition}\n\n  Enter a value: "


def demand(plan: Plan, losers: Sequence[Step]) -> str:
    """What is to be typed, and why."""
    volumes = sum(len(step.losing) for step in losers)
    die = f"{volumes} volumes are deleted" if volumes > 1 else "1 volume is deleted"
    if len(losers) > _FEW:
        return f"{die}. To confirm, type the name of the stack: {plan.stack}"
    keys = " ".join(str(step.address).removeprefix("notebook.") for step in losers)
    what = "the keys of the notebooks" if len(losers) > 1 else "the key of the notebook"
    return f"{die}. To confirm, type {what}: {keys}"


def is_consent(answer: str, plan: Plan, losers: Sequence[Step] = ()) -> bool:
    """Whether `answer` says yes to everything that was asked."""
    if not losers:
        return answer.strip() == ANSWER
    if len(losers) > _FEW:
        return answer.strip() == plan.stack
    if not _NAMES.fullmatch(answer):
        return False
    typed = set(re.findall(_NAME, answer))
    spellings = [_spellings(step, losers) for step in losers]
    return typed <= set().union(*spellings) and all(typed & each for each in spellings)


def _spellings(step: Step, losers: Sequence[Step]) -> set[str]:
    """How a notebook may be named; by its name only where no other has it."""
    address = step.address
    known = {str(address), str(address).removeprefix("notebook."), address.terraform}
    name = str(step.before.get("name", ""))
    names = Counter(str(each.before.get("name", "")) for each in losers)
    keys = {str(each.address).removeprefix("notebook.") for each in losers if each is not step}
    return known | ({name} if names[name] == 1 and name not in keys else set())
