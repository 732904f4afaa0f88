"""A Terraform state of thirty notebooks becomes a spec and a state of ours, and then there is nothing to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from provisioner.provider.modelarts import ModelArtsNotebooks
from provisioner.spec.load import load_stacks
from tests.contract.kinds import KINDS, make, make_all
from tests.contract.project import Project
from tests.contract.sandbox import Sandbox

NOTEBOOK = "huaweicloud_modelarts_notebook"
MOUNT = f"{NOTEBOOK}_mount_storage"
PROVIDER = 'provider["registry.terraform.io/huaweicloud/huaweicloud"]'
NO_CHANGES = "No changes. Your infrastructure matches the configuration."
SPEC = "specs/imported/imported.yaml"
MISSING = "0aa1b2c3-0000-4000-8000-00000000000a"

Json = dict[str, Any]


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    return Project(tmp_path, sandbox.environ)


def attributes(live: Json, **differing: Any) -> Json:
    """What the provider keeps of a notebook (API page 3 to 6, under the provider's names)."""
    ssh: Json = next((each for each in live["endpoints"] if each.get("service") == "SSH"), {})
    volume = live["volume"]
    known = {
        "id": live["id"],
        "region": "cn-north-4",
        "name": live["name"],
        "description": live["description"],
        "flavor_id": live["flavor"],
        "image_id": live["image"]["id"],
        "image_name": live["image"]["name"],
        "key_pair": ssh.get("key_pair_names", [""])[0],
        "allowed_access_ips": ssh.get("allowed_access_ips", []),
        "pool_id": live.get("pool", {}).get("id", ""),
        "workspace_id": live["workspace_id"],
        "status": live["status"],
        "auto_stop_enabled": live["lease"]["enable"],
        "url": f"{live['url']}?token={live['token']}",
        "tags": {tag["key"]: tag["value"] for tag in live["tags"]} or None,
        "volume": [
            {
                "type": volume["category"],
                "ownership": volume["ownership"],
                "size": volume.get("capacity", 0),
                "uri": volume.get("uri", ""),
                "id": volume.get("id", ""),
                "mount_path": volume["mount_path"],
            }
        ],
    }
    return known | differing


def resource(kind: str, name: str, *instances: Json, module: str = "") -> Json:
    described = {"mode": "managed", "type": kind, "name": name, "provider": PROVIDER, "instances": list(instances)}
    return {"module": module, **described} if module else described


def instance(held: Json, index: str | int | None = None, **more: Any) -> Json:
    return {**({} if index is None else {"index_key": index}), "schema_version": 0, "attributes": held, **more}


def mounts(live: Json) -> list[Json]:
    return [
        instance(
            {
                "id": f"{live['id']}/{each['id']}",
                "region": "cn-north-4",
                "notebook_id": live["id"],
                "mount_id": each["id"],
                "storage_path": each["uri"],
                "local_mount_directory": each["mount_path"],
                "type": each["category"],
                "status": each["status"],
            },
            number,
        )
        for number, each in enumerate(live["storages"])
    ]


def write(project: Project, *resources: Json, version: int = 4) -> Path:
    path = project.root / "terraform.tfstate"
    head = {"version": version, "terraform_version": "1.11.4", "serial": 9, "lineage": "3f9c", "outputs": {}}
    path.write_text(json.dumps(head | {"resources": list(resources), "check_results": None}, indent=2))
    return path


def thirty(sandbox: Sandbox, ids: dict[str, str]) -> list[Json]:
    """By count, by for_each, in modules and alone; with their mounts, and something that is no notebook."""
    live = {each["id"]: each for each in sandbox.notebooks()}
    held = {name: live[identifier] for name, identifier in ids.items()}
    names = list(held)
    counted = [instance(attributes(held[name]), number) for number, name in enumerate(names[:8])]
    keyed = [instance(attributes(held[name]), name) for name in names[8:16]]
    found = [
        resource("huaweicloud_vpc", "net", instance({"id": "v", "secret_key": "s"})),
        resource(NOTEBOOK, "lab", *counted),
        resource(NOTEBOOK, "team", *keyed, module='module.ml["a b"]'),
        *(resource(NOTEBOOK, f"n{number}", instance(attributes(held[name]))) for number, name in enumerate(names[16:])),
    ]
    return [*found, *(resource(MOUNT, f"m-{name}", *mounts(each)) for name, each in held.items() if each["storages"])]


def recorded(project: Project) -> dict[str, str]:
    resources: Json = json.loads((project.root / "state/imported.json").read_text())["resources"]
    return {address.removeprefix("notebook."): record["id"] for address, record in resources.items()}


def test_thirty_notebooks_of_terraform_lead_to_an_empty_plan(
    project: Project, sandbox: Sandbox, provider: ModelArtsNotebooks
) -> None:
    """Every kind, with its mounts. Nothing was sent but reads, the Terraform state is as it was, and the commands are
    printed by which Terraform forgets each of them.
    """
    ids = make_all(provider)
    assert len(KINDS) == len(ids) == 30
    path = write(project, *thirty(sandbox, ids))
    before = path.read_bytes()
    sandbox.forget()
    done = project.run("import", "--from-terraform", path.name, "--auto-approve")
    assert 0 == done.returncode, done.stderr
    assert ['module.ml["a b"].huaweicloud_modelarts_notebook.team["open"] is not as Terraform knows it'] == re.findall(
        r"warning\[W63\d\]: (.*)", done.stderr
    )  # its provider knows one key pair
    assert sorted(ids.values()) == sorted(recorded(project).values())
    plan = project.run("plan", "--detailed-exitcode")
    assert (0, True) == (plan.returncode, NO_CHANGES in plan.stdout), plan.stdout
    assert [] == sandbox.calls()
    assert before == path.read_bytes()
    assert {"lab-0", "ml-a-b-team-mounted", "n0"} <= set(recorded(project))
    (spec,) = load_stacks([Path(SPEC).parent], root=project.root)
    mounted = {each.address.key for each in spec.notebooks.values() if each.notebook.storages}
    assert 3 == len(mounted)
    forgotten = re.findall(r"(?m)^  terraform state rm (.*)$", done.stdout)
    assert 30 + 4 == len(forgotten)
    assert f"""'module.ml["a b"].{NOTEBOOK}.team["mounted"]'""" in forgotten
    for each in sandbox.notebooks():
        assert each["token"] not in (project.root / SPEC).read_text() + done.stdout


def test_what_differs_is_told(project: Project, sandbox: Sandbox, provider: ModelArtsNotebooks) -> None:
    """The spec says what is live; Terraform would have said otherwise."""
    make(provider, "lab", tags={"team": "vision"})
    held = attributes(sandbox.only(), flavor_id="modelarts.vm.cpu.8u", tags={"team": "speech"})
    path = write(project, resource(NOTEBOOK, "lab", instance(held)))
    done = project.run("import", "--from-terraform", path.name, "--auto-approve")
    assert f"{NOTEBOOK}.lab is not as Terraform knows it" in done.stderr
    assert 'flavor: "modelarts.vm.cpu.8u" there, "modelarts.vm.cpu.2u" live' in done.stderr
    assert 'tags.team: "speech" there, "vision" live' in done.stderr
    assert "flavor: modelarts.vm.cpu.2u" in (project.root / SPEC).read_text()


def test_what_cannot_be_imported_is_told(project: Project, sandbox: Sandbox, provider: ModelArtsNotebooks) -> None:
    """One that does not exist, one that is there twice, one that is deposed, a mount without its notebook; one that is
    tainted is imported all the same.
    """
    one, two = make(provider, "one"), make(provider, "two")
    live = {each["id"]: each for each in sandbox.notebooks()}
    lost = {"id": f"{MISSING}/m", "local_mount_directory": "/data/a/", "storage_path": "obs://b/", "type": "OBSFS"}
    path = write(
        project,
        resource(NOTEBOOK, "one", instance(attributes(live[one]), status="tainted")),
        resource(NOTEBOOK, "again", instance(attributes(live[one]))),
        resource(NOTEBOOK, "old", instance(attributes(live[two]), deposed="0a1b2c3d")),
        resource(NOTEBOOK, "gone", instance(attributes(live[two], id="0aa1b2c3-0000-4000-8000-00000000000b"))),
        resource(MOUNT, "lost", instance(lost)),
    )
    done = project.run("import", "--from-terraform", path.name, "--auto-approve")
    assert 0 == done.returncode, done.stderr
    assert {"one": one} == recorded(project)
    for message in (
        f"{NOTEBOOK}.one is tainted: Terraform meant to replace the notebook {one}",
        f"{NOTEBOOK}.again is left out: {NOTEBOOK}.one is the same notebook, {one}",
        f"a deposed notebook of {NOTEBOOK}.old is left out: {two}",
        f"{NOTEBOOK}.gone is left out: its notebook 0aa1b2c3-0000-4000-8000-00000000000b does not exist",
        f"{MOUNT}.lost is left out: its notebook is not in the Terraform state",
    ):
        assert message in " ".join(done.stderr.split()), done.stderr


def test_once_more_it_only_says_how_terraform_forgets(
    project: Project, sandbox: Sandbox, provider: ModelArtsNotebooks
) -> None:
    """For who lost that screen."""
    make(provider, "one")
    path = write(project, resource(NOTEBOOK, "one", instance(attributes(sandbox.only()))))
    project.run("import", "--from-terraform", path.name, "--auto-approve")
    done = project.run("import", "--from-terraform", path.name, "--auto-approve")
    assert 0 == done.returncode
    assert "Nothing to import: 1 live, all of them recorded in the stack imported already." in done.stdout
    assert f"  terraform state rm {NOTEBOOK}.one\n" in done.stdout


def test_another_region_is_an_error(project: Project, sandbox: Sandbox, provider: ModelArtsNotebooks) -> None:
    """All of its notebooks would look as if they did not exist."""
    make(provider, "one")
    path = write(project, resource(NOTEBOOK, "one", instance(attributes(sandbox.only(), region="cn-east-3"))))
    done = project.run("import", "--from-terraform", path.name, "--auto-approve")
    assert 1 == done.returncode
    assert f"{NOTEBOOK}.one is in the region cn-east-3, this run is for cn-north-4" in done.stderr
    assert "HW_REGION_NAME=cn-east-3" in done.stderr
    assert not (project.root / "state/imported.json").exists()


@pytest.mark.parametrize(
    ("resources", "version", "message", "detail"),
    [
        ((), 3, "is no Terraform state of format 4", "Its version is 3"),
        ((), 4, "has no ModelArts notebook", "It is empty."),
        ((resource("huaweicloud_vpc", "net", instance({"id": "v"})),), 4, "has no ModelArts notebook", "1 resource"),
        ((resource(NOTEBOOK, "one", instance({})),), 4, "is damaged", f"{NOTEBOOK}.one.id: Field required."),
    ],
)
def test_a_file_without_notebooks_is_an_error(
    project: Project, resources: tuple[Json, ...], version: int, message: str, detail: str
) -> None:
    """Each with its reason, before anything is asked of the service."""
    write(project, *resources, version=version)
    done = project.run("import", "--from-terraform", "terraform.tfstate", "--auto-approve")
    assert 1 == done.returncode
    assert f"terraform.tfstate {message}" in done.stderr
    assert detail in done.stderr


def test_a_file_that_is_not_there_is_an_error(project: Project) -> None:
    """Which names it."""
    done = project.run("import", "--from-terraform", "none.tfstate", "--auto-approve")
    assert (1, True) == (done.returncode, "none.tfstate cannot be read" in done.stderr)
