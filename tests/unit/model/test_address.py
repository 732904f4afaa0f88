"""Addresses: every spelling is read, and what is written is read back as the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.model.address import EACH_PATTERN, Address

KEYS = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
EACHES = st.just("") | st.from_regex(rf"\A(?:{EACH_PATTERN})\Z")


@given(key=KEYS, each=EACHES)
def test_what_is_written_is_read_back(key: str, each: str) -> None:
    """Under both types, for every key that a spec may have."""
    address = Address(key, each)
    assert address == Address.parse(str(address))
    assert address == Address.parse(address.terraform)
    assert address == Address.parse(str(address).removeprefix("notebook."))


@given(text=st.text(max_size=20) | st.text(alphabet='ab_-."[] \n\\', max_size=20))
def test_any_text_is_an_address_or_none(text: str) -> None:
    """One that is, is written as one of three spellings."""
    if address := Address.parse(text):
        spelled = str(address)
        assert text in {spelled, spelled.removeprefix("notebook."), address.terraform}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        "a[b]",
        'a[""]',
        "a['b']",
        'a["b"',
        'a["b"]["c"]',
        'a["b\\"c"]',
        'a[" b"]',
        'a["b "]',
        'a["b\nc"]',
        'a["b\\c"]',
        'a["b[0]"]',
        f'a["{"n" * 65}"]',
        "notebook.",
        "disk.a",
        "a\n",
    ],
)
def test_what_is_no_address(text: str) -> None:
    """Nothing is cut off or guessed."""
    assert Address.parse(text) is None
