"""What the http backend makes of answers that are no protocol: each from a real socket, each in words that help."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from provisioner.errors import ProvisionerError, StateError, StateLocked, StateUnreachable, UsageError
from provisioner.state.http import MAX_BODY, HttpStore, HttpStores
from provisioner.state.http_settings import Certificates, Retries, Settings, read_settings
from tests.contract.test_remote_state import content, info, numbered

AT_ONCE = Retries(2, 0.0, 0.0)


@dataclass(frozen=True)
class Said:
    """One answer: its body is sent so many times."""

    status: int
    body: bytes = b""
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Script:
    """A server that answers what it was told, one after the other; the last one for ever."""

    port: int = 0
    answers: list[Said] = field(default_factory=list)
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)

    def next(self) -> Said:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving(script: Script, wrap: Callable[[ThreadingHTTPServer], None] = lambda _: None) -> Iterator[Script]:
    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            try:
                self.raw_requestline = self.rfile.readline()
            except ssl.SSLError:  # a client that does not believe us
                self.close_connection = True
                return
            if not self.raw_requestline or not self.parse_request():
                return
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.asked.append((self.command, self.path, dict(self.headers)))
            said = script.next()
            self.send_response(said.status)
            for name, value in {"Content-Length": str(len(said.body) * said.times), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # who asks may have heard enough
                for _ in range(said.times):
                    self.wfile.write(said.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    wrap(server)
    script.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def script() -> Iterator[Script]:
    with serving(Script()) as served:
        yield served


@pytest.fixture
def store(script: Script) -> Iterator[HttpStore]:
    address = f"http://127.0.0.1:{script.port}/s/{{stack}}?token=canary-44dd"
    stores = HttpStores(Settings(address, username="ci", password="canary-55ee", retries=AT_ONCE))
    yield stores.of("lab")
    stores.close()


def told(error: ProvisionerError) -> str:
    return f"{error}\n{error.detail}\n{error.hint}"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Said(401, b'{"message":"401 Unauthorized"}'), ("401", "TF_HTTP_PASSWORD")),
        (Said(403, b'{"message":"403 Forbidden"}'), ("403 Forbidden", "Maintainer writes")),
        (Said(413, b"too large"), ("413", "too large", "limits the size of states")),
        (Said(422, b'{"message":"Version has already been taken"}'), ("422", "has already been taken")),
        (Said(302, headers={"Location": "https://sso.example/in?x=canary"}), ("redirects to https://sso.example/in,",)),
        (Said(405, b"<html>\n<p>no"), ("405 Method Not Allowed", "Terraform's http protocol")),
        (Said(503, b"maintenance\nuntil noon"), ("503 Service Unavailable", "maintenance")),
    ],
)
def test_each_refusal_has_its_words(script: Script, store: HttpStore, said: Said, words: tuple[str, ...]) -> None:
    """Reading, locking and unlocking alike: the place, what the server said, and what to do."""
    script.answers = [said]
    for call in (store.read, lambda: store.lock(info(1)), lambda: store.unlock(info(1))):
        with pytest.raises(StateError) as caught:
            call()
        assert f"http://127.0.0.1:{script.port}/s/lab cannot be" in told(caught.value)
        for each in words:
            assert each in told(caught.value)
        assert "canary" not in told(caught.value)
        assert "<html>" not in told(caught.value)
        assert (said.status >= 500) == isinstance(caught.value, StateUnreachable)
        assert not isinstance(caught.value, StateLocked)


@pytest.mark.parametrize("nothing", [Said(404), Said(204), Said(200)])
def test_three_ways_to_say_that_there_is_none(script: Script, store: HttpStore, nothing: Said) -> None:
    script.answers = [nothing]
    assert None is store.read()


def test_a_read_is_repeated(script: Script, store: HttpStore) -> None:
    """After an error of the server, twice; a change is sent once."""
    script.answers = [Said(500), Said(502), Said(200, b"{}")]
    found = store.read()
    assert found
    assert (b"{}", 3) == (found.data, len(script.asked))
    script.answers = [Said(200, b"{}"), Said(500)]
    with pytest.raises(StateUnreachable):
        store.write(content(numbered(2), info(1)), expected=found.version)
    assert ["GET"] * 4 + ["POST"] == [method for method, _, _ in script.asked]
    with pytest.raises(StateUnreachable):
        store.lock(info(1))
    assert 6 == len(script.asked)


def test_a_state_that_was_damaged_on_the_way(script: Script, store: HttpStore) -> None:
    script.answers = [Said(200, b"{}", headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})]
    with pytest.raises(StateUnreachable, match="damaged on the way"):
        store.read()


def test_a_write_names_what_it_replaces(script: Script, store: HttpStore) -> None:
    """The ETag of what was read goes along, unless it is a weak one; 412 is a change by another run."""
    script.answers = [Said(200, b"{}", headers={"ETag": '"7"'})]
    found = store.read()
    assert found
    script.answers = [Said(200, b"{}", headers={"ETag": '"7"'}), Said(412)]
    with pytest.raises(StateError, match="changed by another run"):
        store.write(content(numbered(2), info(1)), expected=found.version)
    method, path, headers = script.asked[-1]
    assert ("POST", '"7"', "application/json") == (method, headers["If-Match"], headers["Content-Type"])
    assert "/s/lab?token=canary-44dd&ID=lock-1" == path
    script.answers = [Said(200, b"{}", headers={"ETag": 'W/"7"'}), Said(200)]
    store.write(content(numbered(2), info(1)), expected=found.version)
    assert "If-Match" not in script.asked[-1][2]


@pytest.mark.parametrize("status", [409, 423])
def test_a_lock_that_was_lost(script: Script, store: HttpStore, status: int) -> None:
    """The write is refused, with who has it now; it is not tried again."""
    script.answers = [Said(404), Said(status, b'{"ID":"other","Who":"bob@desk","Operation":"OperationTypeApply"}')]
    with pytest.raises(StateError, match="not ours any more") as caught:
        store.write(content(numbered(1), info(1)), expected=None)
    assert "bob@desk" in caught.value.detail
    assert not isinstance(caught.value, StateUnreachable)


@pytest.mark.parametrize("body", [b"", b"held", b"[]", b'{"ID":7}', b'{"ID":""}', b"[" * 5000])
def test_a_holder_that_is_not_named(script: Script, store: HttpStore, body: bytes) -> None:
    """Held is held, whatever the record says; nothing is broken that nobody can name."""
    script.answers = [Said(423, body)]
    with pytest.raises(StateLocked, match="locked by another run"):
        store.lock(info(1))
    seen = store.holder(trying=True)
    assert seen
    with pytest.raises(StateError, match="does not say who holds"):
        store.break_lock(seen)


def test_an_answer_without_an_end(script: Script, store: HttpStore) -> None:
    """It is not read to its end."""
    script.answers = [Said(200, bytes(MAX_BODY // 64), times=65)]
    with pytest.raises(StateError, match="more than 256 MiB"):
        store.read()


OPENSSL = shutil.which("openssl") or ""


def openssl(directory: Path, *arguments: str) -> None:
    subprocess.run([OPENSSL, *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority that is its own server and its own client."""
    directory = tmp_path_factory.mktemp("tls")
    openssl(
        directory,
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "own.pem", "-days", "2"),
        *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
    )
    return directory


@pytest.mark.skipif(not OPENSSL, reason="needs the openssl command in PATH")
def test_certificates_of_ones_own(certificates: Path) -> None:
    """The server is believed for the authority that is named, and believes us for our certificate."""

    def wrap(server: ThreadingHTTPServer) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "own.pem", certificates / "key.pem")
        context.load_verify_locations(certificates / "own.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)

    own, key = (certificates / "own.pem").read_text(), (certificates / "key.pem").read_text()
    with serving(Script(answers=[Said(200, b"{}")]), wrap) as script:
        address = f"https://127.0.0.1:{script.port}/s"
        known = read_settings(
            {"address": address},
            {
                "TF_HTTP_CLIENT_CA_CERTIFICATE_PEM": own,
                "TF_HTTP_CLIENT_CERTIFICATE_PEM": own,
                "TF_HTTP_CLIENT_PRIVATE_KEY_PEM": key,
            },
        )
        stores = HttpStores(known)
        assert stores.of("lab").read()
        stores.close()
        strangers = HttpStores(Settings(address, retries=Retries(0, 0.0, 0.0)))
        with pytest.raises(StateUnreachable, match="gave no answer") as caught:
            strangers.of("lab").read()
        assert "CERTIFICATE_VERIFY_FAILED" in caught.value.detail
        strangers.close()


def test_a_certificate_that_is_none() -> None:
    stores = HttpStores(Settings("https://127.0.0.1:9/s", certificates=Certificates(authority="/etc/ca.pem")))
    with pytest.raises(UsageError, match="cannot be used") as caught:
        stores.of("lab")
    assert "not the name of a file" in caught.value.hint
