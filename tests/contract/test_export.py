"""What is live becomes a spec and a state: `export`, `import --all`. Afterwards there is nothing to do."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from provisioner.model.marker import Marking
from provisioner.provider.modelarts import ModelArtsNotebooks
from provisioner.spec.load import load_stacks
from provisioner.state.document import Pending
from provisioner.state.local import LocalBackend
from tests.contract.kinds import KINDS, VISION, make, make_all, spoil
from tests.contract.project import Project
from tests.contract.sandbox import Sandbox

NO_CHANGES = "No changes. Your infrastructure matches the configuration."
FILE = "specs/imported/imported.yaml"


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    return Project(tmp_path, sandbox.environ)


def done(project: Project, *arguments: str) -> str:
    """What a command prints that must end well."""
    result = project.run(*arguments)
    assert result.returncode == 0, result.stderr + result.stdout
    return result.stdout


def recorded(project: Project, stack: str = "imported") -> dict[str, str]:
    """The recorded ids by KEY."""
    resources: dict[str, Any] = json.loads((project.root / "state" / f"{stack}.json").read_text())["resources"]
    return {address.removeprefix("notebook."): record["id"] for address, record in resources.items()}


def spec_of(project: Project) -> str:
    return (project.root / FILE).read_text(encoding="utf-8")


def declared(project: Project, key: str) -> dict[str, Any]:
    (spec,) = load_stacks([Path(FILE).parent], root=project.root)
    return next(each.notebook for each in spec.notebooks.values() if each.address.key == key).attributes()


def test_what_is_exported_leads_to_an_empty_plan(
    project: Project, sandbox: Sandbox, provider: ModelArtsNotebooks
) -> None:
    """Every kind of notebook, in two workspaces: validated, adopted by its `imports`, and then there is nothing to do;
    not one call changed anything.
    """
    ids = make_all(provider)
    sandbox.forget()
    assert done(project, "export", "--workspace", VISION, "--out", FILE).startswith(f"Wrote {FILE}: {len(KINDS)} of")
    done(project, "validate")
    done(project, "apply", "--auto-approve")
    assert sorted(ids.values()) == sorted(recorded(project).values())
    assert NO_CHANGES in done(project, "plan", "--detailed-exitcode")
    assert [] == sandbox.calls()


def test_import_all_leads_to_an_empty_plan(project: Project, sandbox: Sandbox, provider: ModelArtsNotebooks) -> None:
    """The same in one run: the spec is written, the state too, and neither holds what the service keeps secret."""
    ids = make_all(provider)
    sandbox.forget()
    said = done(project, "import", "--all", "--auto-approve")
    assert f"Imported {len(KINDS) - 1} notebooks into the stack imported. The state has serial 1." in said
    assert sorted(identifier for name, identifier in ids.items() if name != "elsewhere") == sorted(
        recorded(project).values()
    )
    running = sum(each["status"] == "RUNNING" and each["workspace_id"] == "0" for each in sandbox.notebooks())
    asked = [entry["operation"] for entry in sandbox.log()]
    assert (1, running) == (asked.count("list"), asked.count("list-storages"))
    assert NO_CHANGES in done(project, "plan", "--detailed-exitcode")
    assert [] == sandbox.calls()
    kept = spec_of(project) + (project.root / "state/imported.json").read_text()
    for live in sandbox.notebooks():
        assert live["token"] not in kept
        assert live["url"] not in kept


def test_keys_come_from_names(project: Project, provider: ModelArtsNotebooks) -> None:
    """Made valid; of two that differ in case only the younger carries a part of its id."""
    ids = {name: make(provider, name) for name in ("Twin", "twin", "_-_", "123")}
    done(project, "import", "--all", "--auto-approve")
    suffix = ids["twin"][:8]
    assert {"Twin": ids["Twin"], f"twin-{suffix}": ids["twin"], "notebook": ids["_-_"], "123": ids["123"]} == recorded(
        project
    )
    assert "twin" == declared(project, f"twin-{suffix}")["name"]


def test_what_no_spec_says_is_left_as_it_is(project: Project, sandbox: Sandbox, provider: ModelArtsNotebooks) -> None:
    """A name, a description, a tag, a lease; what is not well has its power left alone; what never came up is left out.
    Each with its reason in the file or on the screen, and the plan is empty.
    """
    odd = spoil(sandbox, provider)
    result = project.run("import", "--all", "--auto-approve")
    assert 0 == result.returncode, result.stderr
    assert f"the notebook {odd['failed']} is left out" in result.stderr
    assert odd["failed"] not in recorded(project).values()
    text = spec_of(project)
    assert "# name is left as it is: the character '研' is not allowed in a name" in text
    assert "# description is left as it is: a description must not hold / (position 6), & (position 9)" in text
    assert "# tags.token is left as it is: its key token looks like a secret" in text
    assert "# lease is left as it is: 20m is out of range: a lease of type TIMING lasts 1h to 72h" in text
    assert "# whether it is to run cannot be told while it is FROZEN" in text
    assert "    lifecycle: {ignore_changes: [tags.token]}" in text
    plan = project.run("plan", "--detailed-exitcode")
    assert 0 == plan.returncode, plan.stdout + plan.stderr
    assert NO_CHANGES in plan.stdout
    assert {odd["frozen"], odd["broken"]} <= set(recorded(project).values())


def test_an_import_that_no_spec_declares_tells_what_comes_of_it(project: Project, provider: ModelArtsNotebooks) -> None:
    """The next apply deletes it: with a typing error in the address that is news."""
    project.declare()
    one = make(provider, "one")
    said = done(project, "import", 'gpu["bo b"]', one)
    assert 'No spec declares notebook.gpu["bo b"], so the next apply deletes it.' in said
    assert "provisioner state rm 'gpu[\"bo b\"]' --stack lab" in said
    project.declare(one={})
    done(project, "state", "rm", 'gpu["bo b"]', "--stack", "lab")
    assert "provisioner plan shows how the notebook differs from its spec." in done(project, "import", "one", one)


def test_ids_choose_what_is_exported(project: Project, provider: ModelArtsNotebooks) -> None:
    """In whatever workspace they are, on the standard output."""
    make(provider, "one")
    two = make(provider, "two", workspace_id=VISION)
    text = done(project, "export", two)
    assert f"imports:\n  - {{to: two, id: {two}}}\n" in text
    assert "one" not in text
    assert text.startswith("# yaml-language-server: $schema=../../schema/spec.schema.json\n")


def test_an_id_that_does_not_exist_is_an_error(project: Project) -> None:
    """Which names it."""
    missing = "0aa1b2c3-0000-4000-8000-00000000000a"
    result = project.run("export", missing)
    assert 1 == result.returncode
    assert f"the notebook {missing} does not exist" in result.stderr
    assert "without ids all are exported" in result.stderr


def test_export_overwrites_nothing(project: Project, provider: ModelArtsNotebooks) -> None:
    """The file is named, and left as it is."""
    make(provider, "one")
    (project.root / "kept.yaml").write_text("mine")
    result = project.run("export", "--out", "kept.yaml")
    assert 1 == result.returncode
    assert "kept.yaml exists already" in result.stderr
    assert "such as kept-2.yaml" in result.stderr
    assert "mine" == (project.root / "kept.yaml").read_text()


def test_import_all_imports_what_is_new(project: Project, provider: ModelArtsNotebooks) -> None:
    """Once more it has nothing to do; later ones go into a file of their own, the KEYs of the stack are respected."""
    first = make(provider, "lab")
    done(project, "import", "--all", "--auto-approve")
    assert "Nothing to import: 1 live, all of them recorded in the stack imported already." in done(
        project, "import", "--all", "--auto-approve"
    )
    second = make(provider, "lab")
    result = project.run("import", "--all", "--auto-approve")
    assert 1 == result.returncode
    assert f"{FILE} exists already" in result.stderr
    assert "such as specs/imported/imported-2.yaml" in result.stderr
    done(project, "import", "--all", "specs/imported/more.yaml", "--auto-approve")
    assert {"lab": first, f"lab-{second[:8]}": second} == recorded(project)
    assert NO_CHANGES in done(project, "plan", "--detailed-exitcode")


def test_filters_choose(project: Project, provider: ModelArtsNotebooks) -> None:
    """All of them must hold."""
    make(provider, "team-a", tags={"team": "vision"})
    wanted = make(provider, "team-b", tags={"team": "vision"}, flavor="modelarts.vm.cpu.8u")
    make(provider, "team-c", tags={"team": "speech"}, flavor="modelarts.vm.cpu.8u")
    make(provider, "other", tags={"team": "vision"}, flavor="modelarts.vm.cpu.8u")
    filters = [f"--filter={text}" for text in ("name=team-*", "flavor=modelarts.vm.cpu.8u", "tag.team=vision")]
    done(project, "import", "--all", *filters, "--auto-approve")
    assert {"team-b": wanted} == recorded(project)


def test_a_filter_for_a_workspace_looks_there(project: Project, provider: ModelArtsNotebooks) -> None:
    """And not in the default one."""
    make(provider, "here")
    there = make(provider, "there", workspace_id=VISION)
    done(project, "import", "--all", f"--filter=workspace_id={VISION}", "--auto-approve")
    assert {"there": there} == recorded(project)


def test_what_another_stack_has_is_left_out(project: Project, provider: ModelArtsNotebooks) -> None:
    """It is named, with the stack."""
    theirs, ours = make(provider, "theirs"), make(provider, "ours")
    done(project, "import", "--all", "specs/others", "--filter=name=theirs", "--auto-approve")
    result = project.run("import", "--all", "specs/mine", "--auto-approve")
    assert 0 == result.returncode
    assert "1 notebook left out: recorded in the stack others" in result.stderr
    assert f"{theirs}  theirs" in result.stderr
    assert {"ours": ours} == recorded(project, "mine")


def test_a_declared_import_is_recorded_where_it_is_declared(project: Project, provider: ModelArtsNotebooks) -> None:
    """What `imports` of the stack names gets no second declaration: this is how a run that died in between converges,
    and no file is written where none is needed.
    """
    one = make(provider, "one")
    done(project, "export", "--out", FILE)
    before = spec_of(project)
    said = done(project, "import", "--all", "--auto-approve")
    assert "Declared already, to be recorded" in said
    assert {"one": one} == recorded(project)
    assert before == spec_of(project)
    assert NO_CHANGES in done(project, "plan", "--detailed-exitcode")


def test_a_state_that_cannot_be_written_loses_nothing(project: Project, provider: ModelArtsNotebooks) -> None:
    """The spec is written first: it names the ids, so that the same command, or an apply, goes on from there."""
    one = make(provider, "one")
    in_the_way = project.root / "state" / ".imported.json.new"  # where the state is written before it gets its name
    in_the_way.mkdir(parents=True)
    assert 1 == project.run("import", "--all", "--auto-approve").returncode
    assert f"id: {one}" in spec_of(project)
    in_the_way.rmdir()
    assert "1 to import" in done(project, "plan")
    assert "Declared already, to be recorded" in done(project, "import", "--all", "--auto-approve")
    assert {"one": one} == recorded(project)


def test_an_import_whose_address_is_recorded_is_left_out(project: Project, provider: ModelArtsNotebooks) -> None:
    """What stands there stays; the one that has no place is named."""
    first = make(provider, "one")
    done(project, "import", "--all", "--auto-approve")
    second = make(provider, "two")
    (project.root / FILE).write_text(spec_of(project).replace(first, second))
    result = project.run("import", "--all", "--auto-approve")
    assert 0 == result.returncode
    assert f"{second} is left out: notebook.one, which imports it, is recorded already" in result.stderr
    assert {"one": first} == recorded(project)


def test_what_a_create_without_an_answer_may_have_made_is_left_out(
    project: Project, sandbox: Sandbox, provider: ModelArtsNotebooks
) -> None:
    """It is that create's: an apply finds out. Neither is its KEY anybody else's."""
    mark = Marking.of("imported", sandbox.project_id, "cn-north-4", "description").fresh("notebook.one")
    awaited, other = make(provider, "one", description=mark), make(provider, "one")
    backend = LocalBackend(project.root / "state", "imported")
    pending = Pending(address="notebook.one", at=time.time(), body={"name": "one", "description": mark})
    snapshot = backend.read()
    backend.write(snapshot.state.with_pending((pending,)).next(None), replacing=snapshot)
    result = project.run("import", "--all", "--auto-approve")
    assert 0 == result.returncode, result.stderr
    assert f"the notebook {awaited} is left out: a create that got no answer may have made it" in result.stderr
    assert {f"one-{other[:8]}": other} == recorded(project)


def test_an_import_that_is_being_deleted_is_left_out(
    project: Project, sandbox: Sandbox, provider: ModelArtsNotebooks
) -> None:
    """Though the specs declare it."""
    one = make(provider, "one")
    done(project, "export", "--out", FILE)
    sandbox.pace(delete_ms=60_000)
    provider.delete(one)
    result = project.run("import", "--all", "--auto-approve")
    assert "It is left out because it is being deleted." in result.stderr
    assert (
        "Nothing to import: 1 live, 0 recorded in the stack imported already, the others are left out." in result.stdout
    )


def test_an_environment_has_a_state_of_its_own(project: Project, provider: ModelArtsNotebooks) -> None:
    """And what it has recorded is left out elsewhere."""
    one = make(provider, "one")
    (project.root / "provisioner.yaml").write_text("environments: {prod: {}}\n")
    done(project, "import", "--all", "--env", "prod", "--auto-approve")
    assert {"one": one} == recorded(project, "imported.prod")
    assert NO_CHANGES in done(project, "plan", "--env", "prod", "--detailed-exitcode")
    result = project.run("import", "--all", "specs/mine", "--auto-approve")
    assert "1 notebook left out: recorded in the stack imported.prod" in result.stderr
    assert not (project.root / "specs/mine").exists()


def test_ignored_tags_of_the_project_are_left_out(project: Project, provider: ModelArtsNotebooks) -> None:
    """Others put them on."""
    make(provider, "one", tags={"cost-centre": "7", "team": "a"})
    (project.root / "provisioner.yaml").write_text("ignore_tags: [cost-centre]\n")
    done(project, "import", "--all", "--auto-approve")
    assert {"team": "a"} == declared(project, "one")["tags"]
    assert NO_CHANGES in done(project, "plan", "--detailed-exitcode")


def test_it_asks(project: Project, provider: ModelArtsNotebooks) -> None:
    """Whatever is not yes changes nothing."""
    one = make(provider, "one")
    no = project.run("import", "--all", answer="no\n")
    assert (1, True) == (no.returncode, "Import cancelled" in no.stderr)
    assert "Do you want to import these notebooks?" in no.stderr
    assert not (project.root / "specs").exists()
    assert not (project.root / "state/imported.json").exists()
    assert 0 == project.run("import", "--all", answer="yes\n").returncode
    assert {"one": one} == recorded(project)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--all", "--input=false"], "nobody can be asked to approve the import"),
        (["--all", "--filter", "nam=x"], "'nam=x' is no filter"),
        (["--all", "--filter", "name="], "the filter 'name=' has no value"),
        (["a", "b", "--filter", "name=x"], "--filter goes with --all alone"),
        (["--all", "--from-terraform", "x.tfstate"], "--all and --from-terraform exclude each other"),
        (["--all", "a", "b"], "--all takes one PATH, there are 2"),
        (["--from-terraform", "x.tfstate", "a", "b"], "--from-terraform takes one PATH, there are 2"),
        (["alice"], "which notebook is to be imported, and under which address?"),
        (["--all", "specs/a b", "--auto-approve"], "'a b' cannot be the name of a stack"),
        (["--all", "specs", "--auto-approve"], "a spec in specs would hide the stacks in its sub-directories"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(project: Project, arguments: list[str], message: str) -> None:
    """Before anything is read or written."""
    project.declare(one={})
    result = project.run("import", *arguments)
    assert 1 == result.returncode
    assert message in result.stderr
    assert ["lab"] == [path.name for path in (project.root / "specs").iterdir()]


def test_a_file_that_the_stack_refuses_does_not_stay(project: Project, provider: ModelArtsNotebooks) -> None:
    """The specs are as they were, and the problem is told."""
    make(provider, "one")
    directory = project.root / "specs" / "lab"
    directory.mkdir(parents=True)
    (directory / "defaults.yaml").write_text("defaults: {volume: {uri: obs://b/}}\nnotebooks: {}\n")
    result = project.run("import", "--all", "specs/lab", "--auto-approve")
    assert 1 == result.returncode
    assert "`uri` is for DEDICATED volumes, this one is MANAGED" in result.stderr
    assert not (project.root / "state/lab.json").exists()
    assert ["defaults.yaml"] == [path.name for path in directory.iterdir()]


def test_defaults_of_the_stack_change_nothing_that_is_imported(project: Project, provider: ModelArtsNotebooks) -> None:
    """Neither are notebooks stopped, nor replaced in another pool or workspace."""
    make(provider, "plain")
    make(provider, "shared", volume={"category": "EFS", "ownership": "MANAGED"}, stopped=True)
    directory = project.root / "specs" / "lab"
    directory.mkdir(parents=True)
    defaults = f"""
        {{name: common, description: common, desired_status: STOPPED, pool_id: pool41664192, workspace_id: {VISION},
         volume: {{category: EVS, ownership: MANAGED, capacity: 60}}, lease: never, run_user: {{uid: 1000, gid: 100}},
         endpoints: [{{service: SSH, key_pair_names: [k]}}], flavor: modelarts.vm.cpu.8u,
         storages: [{{category: OBSFS, uri: "obs://bucket/a/", mount_path: /data/a/}}]}}"""
    (directory / "defaults.yaml").write_text(f"defaults:{defaults}\nnotebooks: {{}}\n")
    assert "otherwise" not in done(project, "import", "--all", "specs/lab", "--auto-approve")
    assert NO_CHANGES in done(project, "plan", "--detailed-exitcode")


def test_default_tags_are_not_put_on_by_the_way(project: Project, provider: ModelArtsNotebooks) -> None:
    """Those of the stack and of the project that a notebook does not have are left off, and its spec says how to have
    them; a value of its own stays.
    """
    make(provider, "one", tags={"team": "speech"})
    make(provider, "two")
    directory = project.root / "specs" / "lab"
    directory.mkdir(parents=True)
    (directory / "defaults.yaml").write_text("defaults: {tags: {team: vision}}\nnotebooks: {}\n")
    (project.root / "provisioner.yaml").write_text("default_tags: {managed-by: provisioner}\n")
    assert "otherwise" not in done(project, "import", "--all", "specs/lab", "--auto-approve")
    assert NO_CHANGES in done(project, "plan", "--detailed-exitcode")
    written = (directory / "imported.yaml").read_text()
    assert "tags.managed-by is left as it is: it does not have this default; take the line away to give it" in written
