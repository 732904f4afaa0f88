"""What stands against a plan in the offers of the service: every message, and what is asked to find it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from provisioner.errors import Diagnostic
from provisioner.lookups.catalog import Catalog
from provisioner.lookups.checks import looked_up
from provisioner.model.offer import Cluster, Quota, Workspace
from provisioner.model.secrets import Secrets
from provisioner.operations import Operation, OperationKind
from provisioner.plan import Mode, Options, Plan
from tests.builders import IMAGE, OTHER_IMAGE, planned
from tests.unit.offers import FakeOffers, flavor, gpu, image

Fields = Mapping[str, Any]
POOL = {"pool_id": "pool41664192"}
EVS = {"category": "EVS", "ownership": "MANAGED"}
CUSTOM = {"flavor": None, "custom_spec": {"cpu": 2.5, "memory": 4096}, **POOL}
SSH = {"endpoints": [{"service": "SSH", "key_pair_names": ["k"]}]}


def judged(plan: Plan, offers: FakeOffers) -> Plan:
    return looked_up(plan, Catalog(offers, workers=4))


def text(remark: Diagnostic) -> str:
    return f"{remark.summary} | {remark.detail} | {remark.hint}"


def created(offers: FakeOffers, **fields: Any) -> Plan:
    return judged(planned(after={"alice": fields}), offers)


def changed(offers: FakeOffers, before: Fields, after: Fields) -> Plan:
    """Alice was applied with `before` and is to be as in `after`."""
    return judged(planned(before={"alice": before}, after={"alice": after}), offers)


def only(plan: Plan) -> Diagnostic:
    assert [] == [warning.summary for warning in plan.warnings]
    assert 1 == len(plan.refusals), plan.refusals
    return plan.refusals[0]


Tweak = Callable[[FakeOffers], Any]


def unchanged(_offers: FakeOffers) -> None:
    pass


CREATES: dict[str, tuple[Fields, Tweak, str, str, str]] = {
    # what is declared, what is on offer, code, field, and a part of what is said
    "flavor misspelt": (
        {"flavor": "modelarts.vm.cpu.2"}, unchanged, "E601", "flavor",
        ("there is no flavor modelarts.vm.cpu.2 for notebooks in the shared pool | notebook.alice | "
        "did you mean modelarts.vm.cpu.2u, modelarts.vm.cpu.8u?"),
    ),
    "flavor like no other": (
        {"flavor": "xyz"}, unchanged, "E601", "flavor",
        "| there are gpu.v100, modelarts.vm.cpu.2u, modelarts.vm.cpu.8u",
    ),
    "flavor of no pool": (
        {"flavor": "xyz", **POOL}, unchanged, "E601", "flavor", "in the pool pool41664192",
    ),
    "sold out, same card on sale": (
        {"flavor": "gpu.old"},
        lambda o: o.shared.extend([gpu("gpu.old", sold_out=True), gpu("gpu.big", 32), gpu("gpu.p4", 8, "P4")]),
        "E602", "flavor",
        ("the flavor gpu.old is sold out | notebook.alice | "
        "2 flavors with the same GPU are on sale: gpu.v100, gpu.big"),
    ),
    "sold out, other cards on sale": (
        {"flavor": "gpu.old"}, lambda o: o.shared.append(gpu("gpu.old", card="A100", sold_out=True)),
        "E602", "flavor", "| on sale are gpu.v100",
    ),
    "sold out, one of its category on sale": (
        {"flavor": "cpu.old"}, lambda o: o.shared.extend([flavor("cpu.old", sold_out=True)]),
        "E602", "flavor", "2 flavors with category CPU are on sale: modelarts.vm.cpu.2u, modelarts.vm.cpu.8u",
    ),
    "sold out, nothing like it": (
        {"flavor": "npu"},
        lambda o: o.shared.append(flavor("npu", category="ASCEND", sold_out=True, ascend={"type": "Snt9"})),
        "E602", "flavor", "no other of its kind is on sale; try again later",
    ),
    "flavor without that storage": (
        {"flavor": "efs"}, lambda o: o.shared.append(flavor("efs", storages=["efs", "obs"])),
        "E603", "volume",
        ("the flavor efs does not take volumes of category EVS | notebook.alice | "
        "it takes EFS, OBS; EVS goes with modelarts.vm.cpu.2u, modelarts.vm.cpu.8u"),
    ),
    "volume too large": (
        {"flavor": "small", "volume": {**EVS, "capacity": 600}},
        lambda o: o.shared.append(flavor("small", evs_max_size="500")),
        "E604", "volume", "a volume of 600 GB is too large for the flavor small | notebook.alice | it takes at most",
    ),
    "flavor of another feature": (
        {"flavor": "free"}, lambda o: o.shared.append(flavor("free", feature="DEFAULT")),
        "E605", "flavor", "the flavor free is for instances of feature DEFAULT, not NOTEBOOK",
    ),
    "image unknown": (
        {"image_id": "00000000-0000-4000-8000-000000000001"}, unchanged,
        "E614", "image_id", "there is no image 00000000-0000-4000-8000-000000000001",
    ),
    "image not active": (
        {"image_id": IMAGE}, lambda o: o.all_images.insert(0, image(status="ERROR")),
        "E615", "image_id", f"the image {IMAGE} is ERROR, not ACTIVE",
    ),
    "image for another category": (
        {"image_id": IMAGE}, lambda o: o.all_images.insert(0, image(resource_categories=["GPU", "ascend"])),
        "E616", "image_id",
        ("the image pytorch does not run on CPU flavors such as modelarts.vm.cpu.2u | notebook.alice | "
        "it runs on ASCEND and GPU"),
    ),
    "image for another architecture": (
        {"image_id": IMAGE}, lambda o: o.all_images.insert(0, image(arch="aarch64")),
        "E617", "image_id", "the image pytorch is for aarch64, the flavor modelarts.vm.cpu.2u is x86_64",
    ),
    "image of SSH alone": (
        {"image_id": IMAGE}, lambda o: o.all_images.insert(0, image(dev_services=["SSH"])),
        "E618", "image_id", "the image pytorch is reached by SSH alone, and no endpoint is of service SSH",
    ),
    "image of SSH alone, with an endpoint": (
        {"image_id": IMAGE, "endpoints": [{"service": "NOTEBOOK"}]},
        lambda o: o.all_images.insert(0, image(dev_services=["SSH"])),
        "E618", "endpoints", "endpoints: [{service: SSH, key_pair_names: [my-key]}]",
    ),
    "pool misspelt": (
        {"pool_id": "pool41664193"}, unchanged, "E622", "pool_id",
        "there is no pool pool41664193 for notebooks | notebook.alice | did you mean pool41664192?",
    ),
    "pool like no other": (
        {"pool_id": "zzzz"}, unchanged, "E622", "pool_id", "pools of this project: pool-gpu, pool41664192",
    ),
    "no pools at all": (
        {"pool_id": "zzzz"}, lambda o: o.all_pools.clear(), "E622", "pool_id", "pools of this project: none",
    ),
    "pool on its way out": (
        POOL, lambda o: o.all_pools.insert(0, Cluster(pool_id="pool41664192", status="DELETING")),
        "E622", "pool_id", "the pool pool41664192 takes no notebooks, it is DELETING",
    ),
    "workspace unknown": (
        {"workspace_id": "2" * 32}, unchanged, "E623", "workspace_id",
        f"there is no workspace {'2' * 32} | notebook.alice | workspaces of this project: 0, {'1' * 32} (vision)",
    ),
    "workspace misspelt": (
        {"workspace_id": "1" * 31 + "2"}, unchanged, "E623", "workspace_id", f"did you mean {'1' * 32} (vision)?",
    ),
    "workspace on its way out": (
        {"workspace_id": "3" * 32},
        lambda o: o.all_workspaces.append(Workspace(id="3" * 32, status="DELETING")),
        "E623", "workspace_id", f"the workspace {'3' * 32} takes no notebooks, it is DELETING",
    ),
}  # fmt: skip


class TestCreates:
    @pytest.mark.parametrize("case", CREATES)
    def test_refused(self, case: str) -> None:
        """One error at the field that is to be changed."""
        fields, tweak, code, at, said = CREATES[case]
        offers = FakeOffers()
        tweak(offers)
        plan = created(offers, **fields)
        remark = only(plan)
        assert said in text(remark)
        place = plan.steps[0].fields.get(at, plan.steps[0].source)
        assert (code, place, "notebook.alice") == (remark.code, remark.range, remark.address)

    @pytest.mark.parametrize(
        ("fields", "tweak"),
        [
            ({}, unchanged),
            ({**POOL}, unchanged),
            ({"workspace_id": "1" * 32}, unchanged),
            (SSH, lambda o: o.all_images.insert(0, image(dev_services=["ssh"]))),
            ({}, lambda o: o.all_images.insert(0, image(dev_services=["AI_FLOW", "SSH"]))),
            ({}, lambda o: o.all_images.insert(0, image(resource_categories=["gpu"], support_res_categories=["cpu"]))),
            ({}, lambda o: o.all_images.insert(0, image(arch=None, status=None))),
            ({"flavor": "odd"}, lambda o: o.shared.append(flavor("odd", storages=None, arch=None, category="TPU"))),
            ({"flavor": "odd"}, lambda o: o.shared.append(flavor("odd", feature=None, evs_max_size="lots"))),
            ({"flavor": "inside", **POOL}, lambda o: _in_pool(o, flavor("inside"))),
            ({"pool_id": "hidden"}, lambda o: o.unlisted.update({"hidden": Cluster(pool_id="hidden")})),
            ({"pool_id": "pool-gpu"}, lambda o: o.all_pools.insert(0, Cluster(pool_id="pool-gpu", status="PENDING"))),
            ({"image_id": OTHER_IMAGE}, lambda o: (o.all_images.clear(), o.unlisted.update({OTHER_IMAGE: image()}))),
            ({}, lambda o: setattr(o, "room", Quota(quota=-1, used=50))),
            ({}, lambda o: setattr(o, "room", Quota())),
            ({}, lambda o: setattr(o, "room", Quota(quota=10, used=9))),
        ],
    )
    def test_nothing_said(self, fields: Fields, tweak: Tweak) -> None:
        """What fits, what the service does not tell, and words of the service that nobody knows."""
        offers = FakeOffers()
        tweak(offers)
        plan = created(offers, **fields)
        assert ((), ()) == (plan.refusals, plan.warnings)

    def test_custom_spec(self) -> None:
        """Only the pool can judge a flavor of one's own: no list of flavors is asked for."""
        offers = FakeOffers()
        assert () == created(offers, **CUSTOM).refusals
        assert ["images BUILD_IN 0", "images DEDICATED 0", "pools 0", "quota"] == sorted(offers.log)

    def test_one_line_of_defaults(self) -> None:
        """What many notebooks have from one place is said once."""
        plan = planned(after={f"n{number}": {"flavor": "xyz"} for number in range(9)})
        place = plan.steps[0].fields["flavor"]
        plan = replace(plan, steps=tuple(replace(each, fields={"flavor": place}) for each in plan.steps))
        remark = only(judged(plan, FakeOffers()))
        assert (place, "notebook.n0, notebook.n1, notebook.n2 and 6 more") == (remark.range, remark.detail)

    def test_requests_do_not_grow(self) -> None:
        """Sixty notebooks are asked about like one, side by side."""
        one, many = FakeOffers(), FakeOffers()
        many.room = Quota(quota=100, used=0)
        fields = {**POOL, "workspace_id": "1" * 32}
        created(one, **fields)
        judged(planned(after={f"n{number}": fields for number in range(60)}), many)
        assert sorted(one.log) == sorted(many.log)
        assert 6 == len(many.log)

    def test_many_unlisted(self) -> None:
        """What is in no list is asked for one by one, five times; of more nothing is known."""
        offers = FakeOffers()
        ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(8)]
        offers.unlisted = {each: image(each) for each in ids}
        plan = judged(planned(after={f"n{number}": {"image_id": each} for number, each in enumerate(ids)}), offers)
        assert 5 == sum(line.startswith("image ") for line in offers.log)
        assert () == plan.refusals
        assert [("W603", "more than 5 images are in no list")] == [(each.code, each.detail) for each in plan.warnings]

    def test_secrets(self) -> None:
        """A value of a sensitive variable is in no message."""
        plan = replace(planned(after={"alice": {"flavor": "hush-hush"}}), secrets=Secrets.of(["hush-hush"]))
        remark = only(judged(plan, FakeOffers()))
        assert "hush" not in text(remark)
        assert "there is no flavor (sensitive " in remark.summary


def _in_pool(offers: FakeOffers, *flavors: Any) -> None:
    offers.all_pools.insert(0, Cluster(pool_id="pool41664192", flavors=flavors))


class TestUpdates:
    def test_nothing_is_asked(self) -> None:
        """A plan of no changes, of other changes, of deletions, for destroy and for refresh alone."""
        offers = FakeOffers()
        judged(planned(before={"alice": {}}, after={"alice": {}}), offers)
        judged(planned(before={"alice": {}}, after={"alice": {"name": "b", "tags": {"a": "1"}}}), offers)
        judged(planned(before={"alice": {}}), offers)
        judged(planned(before={"alice": {}}, options=Options(mode=Mode.DESTROY)), offers)
        judged(replace(planned(after={"alice": {}}), mode=Mode.REFRESH_ONLY), offers)
        assert [] == offers.log

    def test_flavor_in_the_shared_pool(self) -> None:
        """The list of all flavors decides."""
        offers = FakeOffers()
        plan = changed(offers, {}, {"flavor": "modelarts.vm.cpu.4u"})
        assert "there is no flavor modelarts.vm.cpu.4u" in only(plan).summary
        assert [] == [line for line in offers.log if line.startswith("switch")]

    def test_flavor_in_a_dedicated_pool(self) -> None:
        """What the instance may change to decides; one instance is asked for all with its flavor."""
        offers = FakeOffers()
        offers.switchable = [flavor("modelarts.vm.cpu.2u"), flavor("inside")]
        before = {f"n{number}": POOL for number in range(20)}
        after = {key: {**POOL, "flavor": "modelarts.vm.cpu.8u"} for key in before}
        plan = judged(planned(before=before, after=after), offers)
        assert {
            ("E606", "the instance cannot change to the flavor modelarts.vm.cpu.8u in its pool",
             "it can change to modelarts.vm.cpu.2u"),
        } == {(each.code, each.summary, each.hint) for each in plan.refusals}  # fmt: skip
        assert 1 == sum(line.startswith("switch") for line in offers.log)
        assert () == changed(offers, POOL, {**POOL, "flavor": "inside"}).refusals

    def test_instances_that_are_not_alike(self) -> None:
        """What an instance may change to may depend on its volume."""
        offers = FakeOffers()
        before: dict[str, Fields] = {"a": POOL, "b": {**POOL, "volume": {"category": "EFS", "ownership": "MANAGED"}}}
        after = {key: {**fields, "flavor": "modelarts.vm.cpu.8u"} for key, fields in before.items()}
        judged(planned(before=before, after=after), offers)
        assert 2 == sum(line.startswith("switch") for line in offers.log)

    def test_flavor_for_the_image_it_has(self) -> None:
        offers = FakeOffers()
        offers.all_images = [image(resource_categories=["CPU"])]
        remark = only(changed(offers, {}, {"flavor": "gpu.v100"}))
        assert ("E616", "it runs on CPU") == (remark.code, remark.hint)

    def test_flavor_for_the_volume_it_has(self) -> None:
        offers = FakeOffers()
        offers.shared.append(flavor("efs", storages=["EFS"]))
        assert "does not take volumes of category EVS" in only(changed(offers, {}, {"flavor": "efs"})).summary

    def test_image_for_the_flavor_it_has(self) -> None:
        offers = FakeOffers()
        offers.all_images = [image(), image(OTHER_IMAGE, arch="aarch64")]
        assert "E617" == only(changed(offers, {}, {"image_id": OTHER_IMAGE})).code

    def test_image_that_is_kept(self) -> None:
        """An image or a flavor that is no longer on offer may be kept."""
        offers = FakeOffers()
        offers.all_images, offers.shared = [], [flavor("modelarts.vm.cpu.8u")]
        assert () == changed(offers, {}, {"flavor": "modelarts.vm.cpu.8u"}).refusals
        offers.all_images = [image(OTHER_IMAGE)]
        assert () == changed(offers, {}, {"image_id": OTHER_IMAGE}).refusals

    def test_endpoints_of_an_image_of_ssh_alone(self) -> None:
        offers = FakeOffers()
        offers.all_images = [image(dev_services=["SSH"])]
        assert "E618" == only(changed(offers, SSH, {"endpoints": []})).code

    def test_endpoints_that_are_left_alone(self) -> None:
        """A notebook that has SSH keeps it when its spec does not speak of endpoints."""
        offers = FakeOffers()
        offers.all_images = [image(), image(OTHER_IMAGE, dev_services=["SSH"])]
        assert () == changed(offers, SSH, {"image_id": OTHER_IMAGE}).refusals

    @pytest.mark.parametrize("capacity", [500, 501])
    def test_growth(self, capacity: int) -> None:
        """A volume grows to what its flavor takes, and not further."""
        offers = FakeOffers()
        offers.shared[0] = flavor(evs_max_size="500")
        plan = changed(offers, {}, {"volume": {**EVS, "capacity": capacity}})
        assert [code for code in ("E604",) if capacity > 500] == [each.code for each in plan.refusals]
        assert ["flavors MANAGED"] == offers.log

    def test_growth_under_the_flavor_that_it_has_then(self) -> None:
        """While it runs it grows before its flavor changes."""
        offers = FakeOffers()
        offers.shared[:2] = [flavor(evs_max_size="500"), flavor("modelarts.vm.cpu.8u", evs_max_size="900")]
        after = {"flavor": "modelarts.vm.cpu.8u", "volume": {**EVS, "capacity": 800}}
        assert "the flavor modelarts.vm.cpu.2u" in only(changed(offers, {}, after)).summary

    def test_custom_spec_instead_of_a_flavor(self) -> None:
        offers = FakeOffers()
        assert () == changed(offers, POOL, CUSTOM).refusals
        assert [] == offers.log

    def test_flavor_instead_of_a_custom_spec(self) -> None:
        offers = FakeOffers()
        offers.switchable = []
        assert "E606" == only(changed(offers, CUSTOM, POOL)).code


class TestRoom:
    def count(self, plan: Plan, *, quota: int, used: int) -> list[tuple[str, str, str]]:
        offers = FakeOffers()
        offers.room = Quota(quota=quota, used=used)
        plan = judged(plan, offers)
        return [(each.code, each.summary, each.detail) for each in (*plan.refusals, *plan.warnings)]

    def test_too_many(self) -> None:
        plan = planned(after={"a": {}, "b": {}, "c": {}})
        said = "9 of 10 instances exist, this plan creates 3"
        assert [("E621", "the quota has no room for 2 of the instances", said)] == self.count(plan, quota=10, used=9)
        assert [] == self.count(plan, quota=12, used=9)

    def test_deletions_make_room(self) -> None:
        """But not at once: both run side by side."""
        plan = planned(before={"old": {}}, after={"a": {}, "b": {}})
        said = "9 of 10 instances exist, this plan creates 2 and deletes 1 others"
        summary = "there is room for all instances only once others are deleted"
        assert [("W621", summary, said)] == self.count(plan, quota=10, used=9)
        assert [("E621", "the quota has no room for 1 of the instances", said.replace("9 of", "10 of"))] == self.count(
            plan, quota=10, used=10
        )

    def test_replacement(self) -> None:
        """It makes its own room, unless the new one is created first."""
        plan = planned(before={"a": {}}, after={"a": {"workspace_id": "1" * 32}})
        assert [] == self.count(plan, quota=10, used=10)
        first = replace(plan.steps[0], operations=(_CREATE, Operation(OperationKind.DELETE, {"id": "x"})))
        assert ["E621"] == [code for code, _, _ in self.count(replace(plan, steps=(first,)), quota=10, used=10)]
        assert [] == self.count(replace(plan, steps=(first,)), quota=10, used=9)

    def test_waiting_for_a_deletion(self) -> None:
        """An instance that is being deleted goes before its successor comes."""
        plan = planned(before={"a": {}}, after={"a": {}}, live={"a": {"status": "DELETING"}})
        assert [] == self.count(plan, quota=10, used=10)


_CREATE = Operation(OperationKind.CREATE, {"flavor": "modelarts.vm.cpu.2u", "image_id": IMAGE})


class TestRefusedLookups:
    @pytest.mark.parametrize(
        ("method", "code", "what"),
        [
            ("flavors", "W601", "flavors"),
            ("images", "W603", "images"),
            ("quota", "W604", "the quota of instances"),
            ("pools", "W605", "dedicated pools"),
            ("workspaces", "W606", "workspaces"),
        ],
    )
    def test_one_warning(self, method: str, code: str, what: str) -> None:
        """Whatever the account may not read is said once, with the service's reason, and is no failure."""
        offers = FakeOffers()
        offers.refused = {method}
        fields = {**POOL, "workspace_id": "1" * 32}
        plan = judged(planned(after={f"n{number}": fields for number in range(5)}), offers)
        assert () == plan.refusals
        remark = plan.warnings[0]
        assert (1, code, "warning") == (len(plan.warnings), remark.code, remark.severity)
        assert f"{what} could not be looked up" == remark.summary
        assert "ModelArts.0108: not authorised\nGET /v1/p/x" == remark.detail

    def test_switchable_flavors(self) -> None:
        offers = FakeOffers()
        offers.refused = {"switchable_flavors"}
        plan = changed(offers, POOL, {**POOL, "flavor": "xyz"})
        assert () == plan.refusals
        said = "the flavors that an instance may change to could not be looked up"
        assert [("W602", said)] == [(warning.code, warning.summary) for warning in plan.warnings]

    def test_the_rest_is_checked(self) -> None:
        """A refused list hides no error that another one shows."""
        offers = FakeOffers()
        offers.refused = {"images", "quota"}
        plan = created(offers, flavor="xyz")
        assert (["E601"], ["W603", "W604"]) == ([e.code for e in plan.refusals], [w.code for w in plan.warnings])

    def test_a_flavor_of_an_unreadable_pool(self) -> None:
        """It may stand with the pool alone, so that no list has it says nothing."""
        offers = FakeOffers()
        offers.refused = {"pools"}
        plan = created(offers, flavor="inside", **POOL)
        assert ([], ["W605"]) == ([e.code for e in plan.refusals], [w.code for w in plan.warnings])
