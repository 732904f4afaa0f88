"""What an import shows before it asks."""

from __future__ import annotations

from provisioner.model.address import Address
from provisioner.views.adoption import adoption_question, adoption_text
from tests.builders import instance, instance_id, notebook


def test_what_is_written_and_what_is_declared_stand_apart() -> None:
    """Each with its address, id, status, flavor and name; a name imitates no line of ours."""
    custom = notebook("gpu", flavor=None, custom_spec={"cpu": 1, "memory": 600}, pool_id="pool41664192")
    written = [(Address("alice"), instance(name="al\nice")), (Address("gpu"), instance(custom, 2))]
    declared = [(Address("bob"), instance(notebook("bob", desired_status="STOPPED"), 3))]
    assert (
        adoption_text("lab", written, declared, "specs/lab/imported.yaml")
        == f"""\
Stack lab: 3 notebooks to import

Written to specs/lab/imported.yaml, and recorded
  notebook.alice  {instance_id(1)}  RUNNING  modelarts.vm.cpu.2u  al\\nice
  notebook.gpu    {instance_id(2)}  RUNNING  custom               gpu

Declared already, to be recorded
  notebook.bob  {instance_id(3)}  STOPPED  modelarts.vm.cpu.2u  bob
"""
    )


def test_the_question_says_what_is_written() -> None:
    """A file only where there is one to write."""
    assert "will write a.yaml and record these notebooks; no notebook is changed" in adoption_question(
        "a.yaml", writes=True
    )
    assert "provisioner will record these notebooks; no notebook is changed" in adoption_question("a", writes=False)
