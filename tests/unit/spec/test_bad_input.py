"""What a spec may not say: the second part of the matrix of bad input, each case at its line and column."""

# ruff: noqa: E501 - a case stands in one line

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.spec.specs import IMAGE, load, notebook, problems, unmarked, with_lines, words, write


def volume(text: str) -> str:
    return notebook(volume=text)


def ssh(addresses: str) -> str:
    return with_lines(f"endpoints: [{{service: SSH, key_pair_names: [k], allowed_access_ips: {addresses}}}]")


# The mark § stands where the problem must be shown; the last text is part of the mend.
CASES = {
    "B13-no-notebooks": ("§defaults: {flavor: x}\n", "E105", "write `notebooks:`"),
    "B13-comments": ("§# nothing\n", "E105", "write `notebooks:`"),
    "B30-boolean-as-text": (notebook(flavor="§true"), "E201", 'quote it: "true"'),
    "B29-text-as-boolean": (volume("{category: EVS, ownership: MANAGED, capacity: 5, read_only: §yes}"), "E201", "true"),
    "empty-script": (with_lines("hooks: {container_hooks: {pre_start: {script: §''}}}"), "E203", "give a value"),
    "B31-leading-zero": (volume("{category: EVS, ownership: MANAGED, capacity: §010}"), "E202", "write 10"),
    "B32-octal": (volume("{category: EVS, ownership: MANAGED, capacity: §0o10}"), "E202", "decimal"),
    "B32-hexadecimal": (volume("{category: EVS, ownership: MANAGED, capacity: §0x1F}"), "E202", "decimal"),
    "B32-underscore": (volume("{category: EVS, ownership: MANAGED, capacity: §1_000}"), "E202", "decimal"),
    "B33-base-60": (volume("{category: EVS, ownership: MANAGED, capacity: §1:30}"), "E202", "decimal"),
    "B37-decimal": (volume("{category: EVS, ownership: MANAGED, capacity: §50.0}"), "E202", "without . or e"),
    "B37-exponent": (volume("{category: EVS, ownership: MANAGED, capacity: §5e1}"), "E202", "whole number"),
    "B38-infinity": (volume("{category: EVS, ownership: MANAGED, capacity: §.inf}"), "E202", "whole number"),
    "B39-quoted": (volume('{category: EVS, ownership: MANAGED, capacity: §"50"}'), "E201", "remove the quotes"),
    "B42-empty": (with_lines("§description:"), "E204", "remove the line or give a value"),
    "B42-tilde": (with_lines("§pool_id: ~"), "E204", "remove the line or give a value"),
    "B42-null": (with_lines("tags: {§a: null}"), "E204", "remove the line or give a value"),
    "B42-empty-required": (notebook(flavor=None) + "    §flavor:\n", "E204", "remove the line or give a value"),
    "B42-no-map": ("§notebooks:\n", "E204", "remove the line or give a value"),
    "B45-folded-name": (with_lines("name: §>", "  x", "  y"), "E205", "one line"),
    "B46-name-of-65": (with_lines("name: §" + "n" * 65), "E206", "this has 65"),
    "B46-key-of-65": (notebook("§" + "n" * 65), "E206", "1 to 64"),
    "B47-empty-name": (with_lines('name: §""'), "E206", "1 to 64"),
    "B47-spaces": (with_lines('name: §" x"'), "E206", "letters"),
    "B48-chinese": (with_lines("name: §笔记本"), "E206", "笔"),
    "B48-emoji": (with_lines("name: §a😀"), "E206", "😀"),
    "B49-cyrillic": (with_lines("name: §\u0430bc"), "E206", "letters"),
    "B50-path-as-name": (with_lines("name: §../x"), "E206", "letters"),
    "B50-path-as-key": (notebook("§a/b"), "E206", "rename it"),
    "B50-option-as-key": (notebook("§--help"), "E206", "begins with a letter or a digit"),
    "B51-description-of-488": (with_lines("description: §" + "d" * 488), "E208", "at most 487"),
    "B53-description-with-marker": (
        with_lines("description: §x mp-abcde-abcdefg-2345672"),
        "E209",
        "looks like a marker",
    ),
    "B53-name-with-marker": (with_lines("name: §x-mp-abcde-abcdefg-2345672"), "E209", "looks like a marker"),
    "B52-description-ampersand": (with_lines("description: §a & b"), "E208", "& (position 3)"),
    "B52-description-slash": (with_lines("description: §a/b/c"), "E208", "/ (position 2), / (position 4)"),
    "B54-misspelt": (with_lines("§flavour: x"), "E210", "did you mean `flavor`?"),
    "B54-misspelt-inside": (volume("{category: EVS, ownership: MANAGED, §capacty: 5, capacity: 5}"), "E210", "`capacity`"),
    "B54-top": ("§notebook: {}\nnotebooks: {}\n", "E210", "did you mean `notebooks`?"),
    "B55-wrong-level": (with_lines("§capacity: 5"), "E210", "belongs under `volume`"),
    "B55-too-deep": (volume("{category: EVS, ownership: MANAGED, capacity: 5, §flavor: x}"), "E210", "it belongs to the notebook itself"),
    "B55-odd": (with_lines("§zzz: 1"), "E210", "the keys here are name, description"),
    "B56-flavor": ("notebooks:\n  §a:\n" + f"    image_id: {IMAGE}\n" + "    volume: {category: EFS, ownership: MANAGED}\n",
                   "E211", "flavor: modelarts.vm.cpu.2u"),
    "B56-image": (notebook("§a", image_id=None), "E211", "add `image_id: ...`"),
    "B56-volume": (notebook("§a", volume=None), "E211", "add `volume: ...`"),
    "B56-inside": (notebook(volume=None) + "    §volume: {ownership: MANAGED}\n", "E211", "add `category: ...`"),
    "B56-in-a-list": (with_lines("storages:", "  - §uri: obs://b/d/", "    mount_path: /data/x/"), "E211", "`category: ...`"),
    "B57-list-for-map": (volume("§[EVS]"), "E212", "key: value"),
    "B57-map-for-list": (with_lines("endpoints: §{service: SSH}"), "E212", "- value"),
    "B57-text-for-map": (volume("§EVS"), "E212", "key: value"),
    "B57-list-for-text": (notebook(flavor="§[x]"), "E212", "text is expected"),
    "B57-map-for-enumeration": (volume("{category: §{a: b}, ownership: MANAGED}"), "E212", "text is expected"),
    "B57-notebooks-a-list": ("notebooks: §[a]\n", "E212", "key: value"),
    "B57-notebook-a-text": ("notebooks:\n  a: §text\n", "E212", "key: value"),
    "B57-defaults-a-list": ("defaults: §[a]\nnotebooks: {}\n", "E212", "key: value"),
    "B59-case": (notebook("a") + notebook("§A").removeprefix("notebooks:\n"), "E207", "differs in case only"),
    "B63-evs-dedicated": (volume("{category: EVS, ownership: §DEDICATED, capacity: 5}"), "E301", "MANAGED"),
    "B64-efs-without-uri": (volume(f"{{category: EFS, ownership: §DEDICATED, id: {IMAGE}}}"), "E302", "`uri`"),
    "B64-efs-without-id": (volume('{category: EFS, ownership: §DEDICATED, uri: "h:/x/"}'), "E302", "`id`"),
    "B64-efs-without-pool": (notebook(volume=None) + f'    §volume: {{category: EFS, ownership: DEDICATED, uri: "h:/", id: {IMAGE}}}\n',
                             "E302", "pool_id"),
    "B65-efs-managed-uri": (volume('{category: EFS, ownership: MANAGED, uri: §"h:/"}'), "E303", "remove it"),
    "B66-evs-uri": (volume('{category: EVS, ownership: MANAGED, capacity: 5, uri: §"h:/"}'), "E303", "remove it"),
    "B67-capacity-4": (volume("{category: EVS, ownership: MANAGED, capacity: §4}"), "E304", "5 to 4096"),
    "B67-capacity-0": (volume("{category: EVS, ownership: MANAGED, capacity: §0}"), "E304", "5 to 4096"),
    "B67-capacity-minus": (volume("{category: EVS, ownership: MANAGED, capacity: §-1}"), "E304", "5 to 4096"),
    "B67-capacity-4097": (volume("{category: EVS, ownership: MANAGED, capacity: §4097}"), "E304", "5 to 4096"),
    "B67-capacity-missing": (notebook(volume=None) + "    §volume: {category: EVS, ownership: MANAGED}\n", "E304", "5 to 4096"),
    "B69-category": (volume("{category: §SSD, ownership: MANAGED}"), "E306", "EVS, EFS, OBS, OBSFS"),
    "B69-space": (volume('{category: §"EVS ", ownership: MANAGED}'), "E306", "EVS, EFS, OBS, OBSFS"),
    "B70-image-name": (notebook(image_id="§mindspore"), "E307", IMAGE),
    "B70-image-upper-case": (notebook(image_id=f"§{IMAGE.upper()}"), "E307", "lower-case"),
    "B70-image-braces": (notebook(image_id=f'§"{{{IMAGE}}}"'), "E307", "without braces"),
    "B71-six-addresses": (ssh("§[1.0.0.1, 1.0.0.2, 1.0.0.3, 1.0.0.4, 1.0.0.5, 1.0.0.6]"), "E308", "at most 5"),
    "B73-octet": (ssh("[§256.1.1.1]"), "E310", "203.0.113.7"),
    "B73-three-parts": (ssh("[§1.2.3]"), "E310", "203.0.113.7"),
    "B73-number": (ssh("[§1.2]"), "E310", "203.0.113.7"),
    "B73-leading-zero": (ssh("[§01.2.3.4]"), "E310", "203.0.113.7"),
    "B73-host-name": (ssh("[§example.com]"), "E310", "203.0.113.7"),
    "B74-prefix": (ssh("[§10.0.0.0/33]"), "E310", "203.0.113.0/24"),
    "B74-host-bits": (ssh("[§203.0.113.7/24]"), "E310", "203.0.113.0/24"),
    "B75-ipv6": (ssh('[§"2001:db8::1"]'), "E310", "IPv4 alone"),
    "B76-twice": (ssh("§[1.0.0.1, 1.0.0.1]"), "E312", "remove one"),
    "B77-no-key-pair": (with_lines("endpoints:", "  - §service: SSH", "    allowed_access_ips: [1.0.0.1]"), "E313", "key_pair_names"),
    "B79-workspace": (with_lines("workspace_id: §default"), "E315", "32 lower-case"),
    "B79-pool": (with_lines("pool_id: §My_Pool"), "E315", "metadata name"),
    "B80-duration-short": (with_lines("duration: §3599999"), "E316", "1h to 72h"),
    "B80-duration-long": (with_lines("duration: §259200001"), "E316", "1h to 72h"),
    "B80-lease-short": (with_lines("lease: {duration: §59m}"), "E316", "1h to 72h"),
    "B80-lease-idle": (with_lines("lease: {duration: §14m, type: IDLE}"), "E316", "15m to 72h"),
    "B80-lease-long": (with_lines("lease: {duration: §73h}"), "E316", "lease: never"),
    "B80-lease-unit": (with_lines("lease: {duration: §8 hours}"), "E316", "write 8h"),
    "B80-lease-word": (with_lines("lease: §forever"), "E316", "lease: {duration: 8h, type: TIMING}"),
    "B81-tags-21": (with_lines("tags: §{" + ", ".join(f"t{n}: x" for n in range(21)) + "}").replace("tags: §", "§tags: "), "E317", "at most 20"),
    "B81-tag-key-129": (with_lines("tags: {§" + "k" * 129 + ": x}"), "E317", "1 to 128"),
    "B81-tag-value-256": (with_lines("tags: {k: §" + "v" * 256 + "}"), "E317", "at most 255"),
    "B81-tag-prefix": (with_lines("tags: {§_sys_x: y}"), "E317", "service's own"),
    "B81-tag-space": (with_lines('tags: {§" k": y}'), "E317", "write 'k'"),
    "B81-tag-character": (with_lines("tags: {k: §a*b}"), "E317", "letters, digits"),
    "boolean-capacity": (volume("{category: EVS, ownership: MANAGED, capacity: §true}"), "E202", "write a number"),
    "boolean-duration": (with_lines("lease: {duration: §true}"), "E316", "write 8h"),
    "duration-list": (with_lines("lease: {duration: §[8h]}"), "E212", "a whole number"),
    "negative-lease": (with_lines("lease: {duration: §-1}"), "E316", "-1ms is out of range"),
    "cpu-text": (notebook(flavor=None, pool_id="pool41664192", custom_spec='{cpu: §"1", memory: 1024}'), "E202", "such as 0.5"),
    "cpu-map": (notebook(flavor=None, pool_id="pool41664192", custom_spec="{cpu: §{a: 1}, memory: 1024}"), "E212", "a decimal number"),
    "empty-key-pair": (with_lines('endpoints: [{service: SSH, key_pair_names: [§""]}]'), "E203", "remove the line"),
    "long-uri": (with_lines("storages: [{category: OBS, mount_path: /data/x/, uri: §obs://" + "b" * 251 + "}]"), "E203", "this has 257"),
    "list-for-an-address": (ssh("[§[1.0.0.1]]"), "E212", "text is expected"),
    "list-for-a-name": (with_lines("name: §[a]"), "E212", "text is expected"),
    "list-for-a-description": (with_lines("description: §[a]"), "E212", "text is expected"),
    "list-for-a-tag": (with_lines("tags: {k: §[a]}"), "E212", "text is expected"),
    "list-for-a-boolean": (volume("{category: EVS, ownership: MANAGED, capacity: 5, read_only: §[a]}"), "E212", "true or false"),
    "number-for-a-boolean": (volume("{category: EVS, ownership: MANAGED, capacity: 5, read_only: §1}"), "E201", "true or false"),
    "list-for-an-operator": (with_lines("pool_id: pool41664192",
                                        "affinity: {required_during_scheduling_ignored_during_execution: [{key: k, operator: §[In]}]}"),
                             "E212", "'In'"),
    "obs-managed": (volume("{category: OBS, ownership: §MANAGED, uri: obs://b/}"), "E301", "DEDICATED"),
    "obsfs-without-uri": (notebook(volume=None) + "    §volume: {category: OBSFS, ownership: DEDICATED}\n", "E302", "obs://bucket/dir/"),
    "obs-without-secret": (notebook(volume=None) + "    §volume: {category: OBS, ownership: DEDICATED, uri: obs://b/}\n", "E302", "dew_secret_name"),
    "efs-storage-without-id": (with_lines("storages:", "  - §category: EFS", '    uri: "h:/"', "    mount_path: /data/x"), "E302", "efs_id"),
    "obs-storage-with-id": (with_lines(f"storages: [{{category: OBS, uri: obs://b/, mount_path: /data/x, efs_id: §{IMAGE}}}]"), "E303", "remove it"),
    "obs-storage-elsewhere": (with_lines('storages: [{category: OBS, uri: §"h:/", mount_path: /data/x}]'), "E303", "obs://bucket/dir/"),
    "weight-of-required": (with_lines("pool_id: pool41664192",
                                      "§affinity: {required_during_scheduling_ignored_during_execution: [{key: k, operator: Exists, weight: 1}]}"),
                           "E303", "remove it"),
    "old-names-no-map": (with_lines("endpoints: [§SSH]"), "E212", "key: value"),
    "old-names-no-list": (with_lines("endpoints: §SSH"), "E212", "- value"),
    "B90-variable": (notebook(flavor="§${var.flavor}"), "E227", "declare it: `variables: {flavor: {}}`"),
    "B90-each": (with_lines("tags:", "  k: a-§${each.key}"), "E411", "give the notebook a `for_each`"),
    "B91-environment": (notebook(flavor="x-§${env.HOME}"), "E411", "variables: {name: {env: NAME}}"),
    "B91-other": (notebook(flavor="§${path.module}"), "E411", "there are ${var.NAME}"),
    "B91-function": (notebook(flavor="§${upper(var.x)}"), "E411", "no functions"),
    "B91-default": (notebook(flavor="§${X:-d}"), "E411", "there are ${var.NAME}"),
    "B92-empty": (notebook(flavor="§${}"), "E411", "there are ${var.NAME}"),
    "B92-unclosed": (notebook(flavor="a-§${var.x"), "E411", "close it with }"),
    "B92-nested": (notebook(flavor="§${var.${var.x}}"), "E411", "cannot be nested"),
    "B92-no-name": (notebook(flavor="§${var}"), "E411", "there are ${var.NAME}"),
    "B92-each-alone": (notebook(flavor="§${each}"), "E411", "there are ${var.NAME}"),
    "B92-in-a-key": (with_lines('tags: {"§${var.x}": y}'), "E411", "in a key"),
    "B92-in-stack": ("stack: §${var.x}\n" + notebook(), "E411", "`stack`"),
    "B92-in-version": ("version: §${var.x}\n" + notebook(), "E411", "`version`"),
    "B92-in-variables": ('variables: {x: {default: "§${var.y}"}}\n' + notebook(), "E411", "`variables`"),
    "B92-in-moved": ('moved: [{from: x, to: "§${var.x}"}]\n' + notebook(), "E411", "`moved`"),
    "B92-in-an-import": (f'imports: [{{to: "§${{var.x}}", id: {IMAGE}}}]\n' + notebook(), "E411", "`to` of an import"),
    "lease-and-duration": (with_lines("lease: {duration: 8h}", "duration: §8h"), "E303", "remove `duration`"),
    "flavor-and-custom-spec": (with_lines("pool_id: pool41664192", "custom_spec: §{cpu: 1, memory: 1024}")
                               .replace("custom_spec: §", "§custom_spec: "), "E303", "remove one"),
    "custom-spec-without-pool": (notebook("§a", flavor=None, custom_spec="{cpu: 1, memory: 1024}"), "E302", "pool_id"),
    "affinity-without-pool": (with_lines("§affinity: {}"), "E302", "pool_id"),
    "efs-storage-without-pool": (with_lines(f'storages: §[{{category: EFS, uri: "h:/", mount_path: /data/x/, efs_id: {IMAGE}}}]'), "E302", "pool_id"),
    "feature-default": (with_lines("feature: §DEFAULT"), "E319", "use NOTEBOOK"),
    "mount-path-of-main": (volume("{category: EVS, ownership: MANAGED, capacity: 5, mount_path: §/x}"), "E303", "data_volumes"),
    "cpu": (notebook(flavor=None, pool_id="pool41664192", custom_spec="{cpu: §0.3, memory: 1024}"), "E203", "at least 0.4"),
    "cpu-decimals": (notebook(flavor=None, pool_id="pool41664192", custom_spec="{cpu: §0.555, memory: 1024}"), "E203", "2 decimals"),
    "mount-path": (with_lines("storages: [{category: OBS, uri: obs://b/d/, mount_path: §/mnt/x}]"), "E318", "/data/"),
    "mounts-11": (with_lines("storages: §[" + ", ".join(f"{{category: OBS, uri: obs://b/d/, mount_path: /data/m{n}/}}" for n in range(11)) + "]"),
                  "E318", "at most 10"),
    "same-mount": (with_lines("storages: §[{category: OBS, uri: obs://b/, mount_path: /data/a}, {category: OBS, uri: obs://c/, mount_path: /data/a/}]"),
                   "E312", "remove one"),
    "operator": (with_lines("pool_id: pool41664192",
                            "affinity: {required_during_scheduling_ignored_during_execution: [{key: k, operator: §Is}]}"),
                 "E306", "'In'"),
    "no-security-group": (with_lines("user_vpc: {vpc_id: v, subnet_id: s, security_group_ids: §[]}"), "E203", "add one"),
    "both-endpoint-names": (with_lines("endpoints: [{service: SSH, §dev_service: SSH, key_pair_names: [k]}]"), "E303", "remove `dev_service`"),
    "version": ("version: §2\n" + notebook(), "E217", "version: 1"),
    "stack-name": ("stack: §a/b\n" + notebook(), "E206", "stack: my-stack"),
    "patches": ("§patches: [x]\n" + notebook(), "E210", "environments: {prod: {patches: [FILE]}}"),
    "environments": ("§environments: {}\n" + notebook(), "E210", "provisioner.yaml"),
    "policy": ("§policy: {}\n" + notebook(), "E210", "provisioner.yaml"),
    "for-each-in-defaults": ("defaults: {§for_each: [a]}\n" + notebook(), "E210", "below `notebooks`"),
    "for-each-misspelt": (with_lines("§foreach: [a]"), "E210", "did you mean `for_each`?"),
}  # fmt: skip

WARNINGS = {
    "B60-same-name": (notebook("a") + notebook("b", name="§a").removeprefix("notebooks:\n"), "W213", "confuse"),
    "B72-no-list": (with_lines("endpoints: [{§service: SSH, key_pair_names: [k]}]"), "W309", "allowed_access_ips"),
    "B72-empty-list": (with_lines("endpoints: [{service: SSH, key_pair_names: [k], §allowed_access_ips: []}]"), "W309", "every address"),
    "B74-everyone": (with_lines("endpoints: [{service: SSH, key_pair_names: [k], §allowed_access_ips: [0.0.0.0/0]}]"), "W309", "every address"),
    "B76-private": (with_lines("endpoints: [{service: SSH, key_pair_names: [k], §allowed_access_ips: [10.1.2.3]}]"), "W311", "public"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_bad_spec_is_refused_where_it_is_bad(case: str, tmp_path: Path) -> None:
    """One problem, with its code, line, column, source line and mend."""
    marked, code, mend = CASES[case]
    text, line, column = unmarked(marked)
    write(tmp_path, specs__a=text)
    found = [problem for problem in problems(tmp_path) if problem.severity == "error"]
    assert [(code, line, column)] == [(p.code, p.range.line, p.range.column) for p in found if p.range]
    assert text.splitlines()[line - 1] == found[0].source_line
    assert mend in words(found[0])


@pytest.mark.parametrize("case", WARNINGS)
def test_a_doubtful_spec_is_loaded_with_a_warning(case: str, tmp_path: Path) -> None:
    """The warning has its code, place and mend, and stops nothing."""
    marked, code, mend = WARNINGS[case]
    text, line, column = unmarked(marked)
    write(tmp_path, specs__a=text)
    (stack,) = load(tmp_path)
    assert [(code, line, column)] == [(w.code, w.range.line, w.range.column) for w in stack.warnings if w.range]
    assert mend in words(stack.warnings[0])


ACCEPTED = {
    "B29-name-no": (with_lines("name: no"), "no"),
    "B34-name-date": (with_lines("name: 2024-01-01"), "2024-01-01"),
    "B40-name-digits": (with_lines("name: 0123456789"), "0123456789"),
    "B40-name-exponent": (with_lines("name: 12e34567"), "12e34567"),
    "B43-name-number": (with_lines("name: -5"), "-5"),
    "B46-name-of-64": (with_lines("name: " + "n" * 64), "n" * 64),
    "key": (notebook("CON"), "CON"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_only_looks_odd_is_accepted(case: str, tmp_path: Path) -> None:
    """A text field takes any plain scalar as it is written."""
    text, name = ACCEPTED[case]
    write(tmp_path, specs__a=text)
    (stack,) = load(tmp_path)
    assert [name] == [declared.notebook.name for declared in stack.notebooks.values()]


def test_fifty_independent_problems_are_reported_in_one_run(tmp_path: Path) -> None:
    """B98: in the order of the lines."""
    lines = [f"  n{n}: {{flavor: x, image_id: {IMAGE}, volume: 3}}" for n in range(50)]
    write(tmp_path, specs__a="\n".join(["notebooks:", *lines, ""]))
    assert [("E212", n + 2) for n in range(50)] == [(p.code, p.range.line) for p in problems(tmp_path) if p.range]


def test_every_field_of_a_notebook_is_judged_at_once(tmp_path: Path) -> None:
    """Missing fields, values and combinations of fields do not hide one another."""
    write(
        tmp_path,
        specs__a="notebooks:\n  a:\n    name: a b\n    lease: {durtion: 1h}\n    duration: 1m\n    affinity: {}\n",
    )
    found = {(problem.code, problem.summary) for problem in problems(tmp_path)}
    assert {"E206", "E210", "E211", "E302", "E316"} == {code for code, _ in found}
    missing = {summary for code, summary in found if code == "E211"}
    assert {"`flavor` is missing", "`image_id` is missing", "`volume` is missing", "`duration` is missing"} == missing


def test_problems_in_a_notebook_name_its_address(tmp_path: Path) -> None:
    """For readers that are programs."""
    write(tmp_path, specs__a=with_lines("flavour: x"))
    assert ["notebook.a"] == [problem.address for problem in problems(tmp_path)]


def test_ten_thousand_notebooks_are_the_limit(tmp_path: Path) -> None:
    """B62: the first one too many is shown."""
    half = "\n".join(["notebooks:", *(f"  n{n}: {{}}" for n in range(5000))])
    rest = "\n".join(["notebooks:", *(f"  m{n}: {{}}" for n in range(5001))])
    write(tmp_path, specs__a=half, specs__b=rest)
    (found,) = [problem for problem in problems(tmp_path) if problem.code == "E214"]
    assert "specs/b.yaml:5002:3" == str(found.range)
