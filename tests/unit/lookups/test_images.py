"""Which image `image: {name, type, tag}` means, what is said when that is not one, and what is asked to find it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.errors import Diagnostic, PlanRefused
from provisioner.lookups.catalog import Catalog
from provisioner.lookups.images import Resolved, resolved
from provisioner.model.address import Address
from provisioner.model.notebook import Notebook
from provisioner.model.secrets import Secrets
from provisioner.plan import Mode, Options
from provisioner.spec.document import Declaration, Spec
from provisioner.state.document import State
from tests.builders import IMAGE, OTHER_IMAGE, notebook, parsed, record, spec, state
from tests.unit.offers import FakeOffers, image

THIRD = "00000000-0000-4000-8000-000000000003"
OLD, NEW = 1_638_000_000_000, 1_700_000_000_000
EVERYTHING = Options()


def selecting(*, key: str = "alice", **selector: Any) -> dict[str, dict[str, Any]]:
    return {key: {"image_id": None, "image": {"name": "pytorch"} | selector}}


def found(
    of: Spec,
    offers: FakeOffers | None,
    recorded: State | None = None,
    options: Options = EVERYTHING,
) -> Resolved:
    catalog = Catalog(offers, workers=4) if offers else None
    return resolved(of, recorded or state(), options, catalog)


def notebook_of(result: Resolved, key: str = "alice") -> Notebook:
    return declaration_of(result, key).notebook


def declaration_of(result: Resolved, key: str = "alice") -> Declaration:
    return result.spec.notebooks[Address(key)]


def refusal(offers: FakeOffers | None, **selector: Any) -> Diagnostic:
    with pytest.raises(PlanRefused) as caught:
        found(spec(selecting(**selector)), offers)
    (problem,) = caught.value.problems
    return problem


def catalogue(*images: Any) -> FakeOffers:
    offers = FakeOffers()
    offers.all_images = list(images)
    return offers


class TestOneMatch:
    @pytest.mark.parametrize(
        ("selector", "wanted"),
        [
            ({"tag": "1.0"}, IMAGE),
            ({"tag": "2.0"}, OTHER_IMAGE),
            ({"type": "DEDICATED"}, OTHER_IMAGE),
            ({"type": "BUILD_IN", "tag": "1.0"}, IMAGE),
        ],
    )
    def test_found(self, selector: dict[str, str], wanted: str) -> None:
        """It is as if the spec had said `image_id`, and at the same place."""
        offers = catalogue(image(), image(OTHER_IMAGE, tag="2.0", type="DEDICATED"), image(THIRD, "pytorch-2", "2.0"))
        result = found(spec(selecting(**selector)), offers)
        assert (wanted, None) == (notebook_of(result).image_id, notebook_of(result).image)
        assert wanted == notebook_of(result).attributes()["image_id"]
        assert declaration_of(result).fields["image"] == declaration_of(result).fields["image_id"]

    def test_one_active(self) -> None:
        """An image that is not ACTIVE is no match; one without a status is."""
        offers = catalogue(image(status="ERROR"), image(OTHER_IMAGE, status=None), image(THIRD, status="CREATING"))
        assert OTHER_IMAGE == notebook_of(found(spec(selecting()), offers)).image_id

    def test_names_are_exact(self) -> None:
        offers = catalogue(image(name="pytorch-2"), image(OTHER_IMAGE), image(THIRD, name="Pytorch"))
        assert OTHER_IMAGE == notebook_of(found(spec(selecting()), offers)).image_id

    def test_sensitive(self) -> None:
        """An id that was found by a sensitive name is as sensitive."""
        given = spec(selecting())
        declarations = {at: replace(each, sensitive=frozenset({"image"})) for at, each in given.notebooks.items()}
        result = found(replace(given, notebooks=declarations), catalogue(image()))
        assert frozenset({"image", "image_id"}) == declaration_of(result).sensitive


class TestRequests:
    def test_lists(self) -> None:
        """One list for preset images and one for each workspace, whatever the number of notebooks."""
        notebooks = {f"n{number}": selecting()["alice"] for number in range(30)}
        notebooks["far"] = selecting()["alice"] | {"workspace_id": "1" * 32}
        offers = catalogue(image())
        found(spec(notebooks), offers)
        assert ["images BUILD_IN 0", "images DEDICATED 0", f"images DEDICATED {'1' * 32}"] == sorted(offers.log)

    def test_only_the_type(self) -> None:
        offers = catalogue(image())
        found(spec(selecting(type="BUILD_IN")), offers)
        assert ["images BUILD_IN 0"] == offers.log

    @pytest.mark.parametrize(
        "options",
        [
            Options(mode=Mode.DESTROY),
            Options(mode=Mode.REFRESH_ONLY),
            Options(excludes=frozenset({parsed("alice")})),
            Options(targets=frozenset({parsed("bob")})),
        ],
    )
    def test_none(self, options: Options) -> None:
        """What is not planned, only removed or only looked at needs no image."""
        offers = catalogue()
        result = found(spec(selecting()), offers, options=options)
        assert ([], None) == (offers.log, notebook_of(result).image_id)

    def test_no_selector(self) -> None:
        offers = FakeOffers()
        given = spec({"alice": {}})
        assert (Resolved(given), []) == (found(given, offers), offers.log)


class TestErrors:
    def test_several(self) -> None:
        """All of them, the newest first, and how to tell them apart."""
        problem = refusal(
            catalogue(image(create_at=OLD), image(OTHER_IMAGE, tag="2.0", create_at=NEW), image(THIRD, "other"))
        )
        assert ("E612", "2 images match `pytorch`") == (problem.code, problem.summary)
        assert problem.detail.splitlines() == [
            "notebook.alice",
            f"{OTHER_IMAGE}  pytorch:2.0  BUILD_IN  created 2023-11-14",
            f"{IMAGE}  pytorch:1.0  BUILD_IN  created 2021-11-27",
        ]
        assert "say which one: `tag: 2.0`" == problem.hint
        assert spec(selecting()).notebooks[Address("alice")].fields["image"] == problem.range

    def test_several_of_one_tag(self) -> None:
        problem = refusal(catalogue(image(), image(OTHER_IMAGE, type="DEDICATED")))
        assert "say which one: `type: BUILD_IN`" == problem.hint

    def test_several_alike(self) -> None:
        problem = refusal(catalogue(image(create_at=OLD), image(OTHER_IMAGE, create_at=NEW)), tag="1.0")
        assert "2 images match `pytorch` of tag 1.0" == problem.summary
        assert f"say which one by its id: `image_id: {OTHER_IMAGE}`" == problem.hint

    def test_a_long_list_is_cut(self) -> None:
        many = [image(f"00000000-0000-4000-8000-{number:012}", tag=str(number)) for number in range(25)]
        lines = refusal(catalogue(*many)).detail.splitlines()
        assert (12, "and 15 more") == (len(lines), lines[-1])

    def test_none_of_that_tag(self) -> None:
        problem = refusal(catalogue(image(), image(OTHER_IMAGE, tag="2.0", status="ERROR")), tag="2.0", type="BUILD_IN")
        assert ("E611", "no image matches `pytorch` of type BUILD_IN and tag 2.0") == (problem.code, problem.summary)
        assert f"{OTHER_IMAGE}  pytorch:2.0  BUILD_IN  ERROR" in problem.detail
        assert f"{IMAGE}  pytorch:1.0  BUILD_IN" in problem.detail
        assert "none of its name is ACTIVE and matches; take one that is" == problem.hint

    def test_near_names(self) -> None:
        """Those of images that cannot be used are not proposed."""
        problem = refusal(catalogue(image(name="pytorch-gpu"), image(OTHER_IMAGE, "pytorch2", status="DELETED")))
        assert ("E611", "did you mean `pytorch-gpu`?") == (problem.code, problem.hint)
        assert f"notebook.alice\n{IMAGE}  pytorch-gpu:1.0  BUILD_IN" == problem.detail

    def test_nothing_near(self) -> None:
        problem = refusal(catalogue(image(name="mindspore")))
        assert ("notebook.alice", "names are matched exactly") == (problem.detail, problem.hint)

    def test_every_problem_at_once(self) -> None:
        notebooks = {**selecting(name="x"), **selecting(key="bob", name="y"), **selecting(key="carol")}
        with pytest.raises(PlanRefused) as caught:
            found(spec(notebooks), catalogue(image()))
        assert ["notebook.alice", "notebook.bob"] == [each.address for each in caught.value.problems]

    def test_secrets(self) -> None:
        given = replace(spec(selecting(name="hush-hush")), secrets=Secrets.of(["hush-hush"]))
        with pytest.raises(PlanRefused) as caught:
            found(given, catalogue())
        (problem,) = caught.value.problems
        assert "hush" not in f"{problem.summary}{problem.detail}{problem.hint}"


class TestWithoutLists:
    """Offline, or where the account may not list images."""

    def recorded(self, **answer: Any) -> State:
        return state({"alice": record(notebook(image_id=OTHER_IMAGE), **answer)})

    def test_offline_keeps_the_recorded_image(self) -> None:
        result = found(spec(selecting()), None, self.recorded())
        assert OTHER_IMAGE == notebook_of(result).image_id
        (warning,) = result.warnings
        assert ("W611", "warning") == (warning.code, warning.severity)
        assert "the image `pytorch` is the recorded one: --offline looks up none" == warning.summary
        assert f"notebook.alice\n{OTHER_IMAGE}" == warning.detail

    def test_offline_keeps_the_image_that_was_seen(self) -> None:
        """A notebook that was taken over has nothing applied."""
        seen = record(notebook(image_id=OTHER_IMAGE)).model_copy(update={"attributes": {}})
        assert OTHER_IMAGE == notebook_of(found(spec(selecting()), None, state({"alice": seen}))).image_id

    def test_offline_knows_no_other(self) -> None:
        problem = refusal(None)
        assert ("E613", "error") == (problem.code, problem.severity)
        assert "the image `pytorch` is not known: --offline looks up none" == problem.summary
        assert "write `image_id: ...`, or plan when it can be looked up" == problem.hint

    def test_a_refused_list(self) -> None:
        offers = catalogue()
        offers.refused = {"images"}
        result = found(spec(selecting()), offers, self.recorded())
        assert OTHER_IMAGE == notebook_of(result).image_id
        why = "images cannot be listed (ModelArts.0108: not authorised)"
        assert [("W612", f"the image `pytorch` is the recorded one: {why}")] == [
            (each.code, each.summary) for each in result.warnings
        ]
        assert ("E613", f"the image `pytorch` is not known: {why}") == (
            refusal(offers).code,
            refusal(offers).summary,
        )
