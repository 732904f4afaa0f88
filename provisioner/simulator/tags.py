"""Tags of notebooks: E18 to E20 of the API page, rules in its section 10."""

from __future__ import annotations

from dataclasses import replace

from provisioner.simulator import lifecycle, rules, validation
from provisioner.simulator.call import Answer, Call
from provisioner.simulator.record import JsonObject
from provisioner.simulator.validation import incorrect, missing, wrong_type
from provisioner.simulator.world import World

_MOST = 20


def add(world: World, call: Call) -> Answer:
    """E18. The same key again overwrites the value. 204: the provider takes nothing else."""
    notebook = world.notebook(call.ids["id"], call.now)
    lifecycle.check_allowed(notebook, "tag")
    merged = {tag["key"]: tag for tag in notebook.tags} | {tag["key"]: tag for tag in _asked(call)}
    if len(merged) > _MOST:
        raise incorrect("tags")
    world.store.put(replace(notebook, tags=tuple(merged.values())), call.now)
    return Answer(status=204)


def remove(world: World, call: Call) -> Answer:
    """E19, a DELETE with a body. An unknown key is no error; a value that is given must match."""
    notebook = world.notebook(call.ids["id"], call.now)
    lifecycle.check_allowed(notebook, "tag")
    unwanted = {tag["key"]: tag["value"] for tag in _asked(call)}
    kept = tuple(tag for tag in notebook.tags if unwanted.get(tag["key"]) not in ("", tag["value"]))
    world.store.put(replace(notebook, tags=kept), call.now)
    return Answer(status=204)


def list_in_use(world: World, call: Call) -> Answer:
    """E20. The page contradicts itself about the default workspace; here none given means all of them."""
    wanted = call.query.get("workspace_id")
    values: dict[str, set[str]] = {}
    for notebook in world.store:
        if wanted in (None, "", notebook.workspace_id) and notebook.visible_at <= call.now:
            for tag in notebook.tags:
                values.setdefault(tag["key"], set()).add(tag["value"])
    return Answer({"tags": [{"key": key, "values": sorted(values[key])} for key in sorted(values)]})


def _asked(call: Call) -> list[JsonObject]:
    rules.check_workspace(call.query.get("workspace_id") or "0")
    tags = validation.parse_object(call.body).get("tags")
    if tags is None:
        raise missing("tags")
    if not isinstance(tags, list):
        raise wrong_type("tags")
    return [_checked(tag) for tag in tags]


def _checked(tag: object) -> JsonObject:
    if not isinstance(tag, dict) or not isinstance(tag.get("value", ""), str) or not isinstance(tag.get("key"), str):
        raise wrong_type("tags")
    key, value = tag["key"], tag.get("value", "")
    if not 1 <= len(key) <= 128 or key != key.strip() or key.startswith("_sys_") or not _spelt(key, "_.:=+-@ "):
        raise incorrect("tags.key")
    if len(value) > 255 or not _spelt(value, "_.:=+-@/ "):
        raise incorrect("tags.value")
    return {"key": key, "value": value}


def _spelt(text: str, punctuation: str) -> bool:
    """Letters and digits of any language, and the punctuation given."""
    return all(character.isalnum() or character in punctuation for character in text)
