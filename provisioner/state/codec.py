"""How a state is spelt at rest: in clear so far. Journals are spelt line by line."""

from __future__ import annotations

from typing import Protocol

from provisioner.state.document import State, parse_state


class Codec(Protocol):
    def encode(self, state: State) -> bytes: ...

    def decode(self, data: bytes, place: str) -> State:
        """StateDamaged when the data cannot be trusted; `place` names it in errors."""
        ...

    def seal_line(self, text: bytes) -> bytes:
        """One line of a journal, without line ends."""
        ...

    def open_line(self, text: bytes, place: str) -> bytes: ...


class Clear:
    """JSON that people read in a diff."""

    def encode(self, state: State) -> bytes:
        return state.dumps().encode()

    def decode(self, data: bytes, place: str) -> State:
        return parse_state(data, place)

    def seal_line(self, text: bytes) -> bytes:
        return text

    def open_line(self, text: bytes, place: str) -> bytes:
        del place
        return text


CLEAR = Clear()
