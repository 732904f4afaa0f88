"""States in PostgreSQL: three tables in a schema of our own, and an advisory lock of the session.

The lock ends with its connection, however that ends, so one connection serves a run from its lock to its unlock. Who
holds it stands in a table beside it: a row whose lock nobody holds is of a run that died.
"""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, LiteralString, Self

from pydantic import ValidationError

from provisioner.errors import StateError, StateUnreachable, UsageError
from provisioner.state.backend import LockInfo, Seen, locked_by
from provisioner.state.store import Content, Kept, Stored

if TYPE_CHECKING:
    import psycopg

KEPT = 10
CONNECT_SECONDS = 10
TERMINATE_SECONDS = 5.0
# Since this version a server may end sessions that wait.
_ENDS_IDLE = 140000
_TABLES: tuple[LiteralString, ...] = (
    """CREATE TABLE IF NOT EXISTS {schema}.states (name text PRIMARY KEY, version text NOT NULL, serial bigint NOT NULL,
    digest text NOT NULL, data bytea NOT NULL, written timestamptz NOT NULL DEFAULT now())""",
    """CREATE TABLE IF NOT EXISTS {schema}.history (name text, serial bigint, digest text, data bytea NOT NULL,
    written timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (name, serial, digest))""",
    """CREATE TABLE IF NOT EXISTS {schema}.locks (name text PRIMARY KEY, info text NOT NULL,
    taken timestamptz NOT NULL DEFAULT now())""",
)
# An advisory lock of one 64-bit key, as the server lists it.
_HOLDERS: LiteralString = """SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid::bigint << 32) | objid::bigint = %s"""


class PostgresStores:
    """The states in one schema of one database."""

    def __init__(self, dsn: str, schema: str) -> None:
        self._dsn = dsn
        self._schema = schema
        self._opened: list[Session] = []
        self.place = _place(dsn, schema)

    def of(self, stack: str) -> PostgresStore:
        return PostgresStore(self._session(), stack)

    def stacks(self) -> list[str] | None:
        with self._session() as session:
            if not session.has_tables():
                return []
            rows = session.run("SELECT name FROM {schema}.states UNION SELECT name FROM {schema}.locks")
            return sorted(row[0] for row in rows)

    def close(self) -> None:
        for session in self._opened:
            session.close()

    def _session(self) -> Session:
        session = Session(self._dsn, self._schema, self.place)
        self._opened.append(session)
        return session


class PostgresStore:
    """One stack."""

    def __init__(self, session: Session, stack: str) -> None:
        self._session = session
        self._stack = stack
        self._key = _key(f"{session.schema}\0{stack}")
        self._held: LockInfo | None = None
        self.place = f"{session.place} {stack}"

    def close(self) -> None:
        self._session.close()

    def read(self) -> Stored | None:
        if not self._session.has_tables():
            return None
        rows = self._session.run("SELECT data, version FROM {schema}.states WHERE name = %s", self._stack)
        return Stored(zlib.decompress(rows[0][0]), rows[0][1]) if rows else None

    def write(self, content: Content, *, expected: str | None) -> str:
        self._session.make_tables()
        if content.lock:
            self._check_held()
        version = f"{content.serial}.{hashlib.sha256(content.data).hexdigest()[:32]}"
        data = zlib.compress(content.data, 1)
        with self._session.transaction():
            if expected is None:
                rows = self._session.run(
                    "INSERT INTO {schema}.states (name, version, serial, digest, data) VALUES (%s, %s, %s, %s, %s) "
                    "ON CONFLICT DO NOTHING RETURNING name",
                    *(self._stack, version, content.serial, content.digest, data),
                )
            else:
                rows = self._session.run(
                    "UPDATE {schema}.states SET version = %s, serial = %s, digest = %s, data = %s, written = now() "
                    "WHERE name = %s AND version = %s RETURNING name",
                    *(version, content.serial, content.digest, data, self._stack, expected),
                )
            if not rows:
                raise StateError(
                    "the state was changed by another run", detail=self.place, hint="run the command again"
                )
            if content.keep:
                self._keep(content, data)
        return version

    def _keep(self, content: Content, data: bytes) -> None:
        self._session.run(
            "INSERT INTO {schema}.history (name, serial, digest, data) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            *(self._stack, content.serial, content.digest, data),
        )
        self._session.run(
            "DELETE FROM {schema}.history WHERE name = %s AND serial < (SELECT min(serial) FROM (SELECT serial "
            "FROM {schema}.history WHERE name = %s ORDER BY serial DESC LIMIT %s) AS kept)",
            *(self._stack, self._stack, KEPT),
        )

    def lock(self, info: LockInfo) -> LockInfo | None:
        self._session.make_tables()
        if self._held is not None or not self._take():
            raise locked_by(self.holder())
        rows = self._session.run("SELECT info FROM {schema}.locks WHERE name = %s", self._stack)
        self._say(info)
        self._held = info
        return _parsed(rows[0][0]) if rows else None

    def _take(self) -> bool:
        """Two statements: a pooler that gives each one another connection would lock for nobody."""
        if not self._session.run("SELECT pg_try_advisory_lock(%s)", self._key)[0][0]:
            return False
        if not self._is_held():
            raise StateError(
                f"the lock of {self.place} does not hold",
                detail="A pooler in transaction mode stands before the database.",
                hint="connect to the server itself, or to a pool in session mode",
            )
        return True

    def _say(self, info: LockInfo) -> None:
        self._session.run(
            "INSERT INTO {schema}.locks (name, info) VALUES (%s, %s) "
            "ON CONFLICT (name) DO UPDATE SET info = excluded.info, taken = now()",
            *(self._stack, info.model_dump_json(by_alias=True)),
        )

    def _is_held(self) -> bool:
        return bool(self._session.run(_HOLDERS + " AND pid = pg_backend_pid()", self._key))

    def _check_held(self) -> None:
        """With the connection the lock was lost. It is taken again unless somebody has it; what was written meanwhile
        the version tells.
        """
        if self._is_held():
            return
        if self._held is None or not self._take():
            raise StateError(
                "the lock of the state is not ours any more",
                detail=seen.lines() if (seen := self.holder()) else self.place,
                hint="see what the other run does before you go on",
            )
        self._say(self._held)

    def unlock(self, info: LockInfo) -> None:
        if self._held is None or self._held.id != info.id or not self._is_held():
            self._held = None
            raise StateError(
                "the lock of the state is not ours any more",
                detail=seen.lines() if (seen := self.holder()) else self.place,
                hint="what this run recorded is stored; see what the other one does before you go on",
            )
        self._held = None
        self._session.run("DELETE FROM {schema}.locks WHERE name = %s", self._stack)
        self._session.run("SELECT pg_advisory_unlock(%s)", self._key)

    def holder(self, *, trying: bool = False) -> Seen | None:
        del trying  # a look is enough
        if not self._session.has_tables() or not self._session.run(_HOLDERS, self._key):
            return None
        rows = self._session.run("SELECT info FROM {schema}.locks WHERE name = %s", self._stack)
        return Seen(self.place, _parsed(rows[0][0]) if rows else None)

    def break_lock(self, seen: Seen) -> None:
        """Ends the connection that holds it."""
        now = self.holder()
        if now is None or now.info != seen.info:
            detail = now.lines() if now else "It is free."
            raise StateError("the lock is not held by that run any more", detail=detail)
        pids = [row[0] for row in self._session.run(_HOLDERS, self._key)]
        try:
            for pid in pids:
                self._session.run("SELECT pg_terminate_backend(%s)", pid)
        except StateError as error:
            raise StateError(
                f"the connection that holds {self.place} cannot be ended by this user",
                detail=error.detail,
                hint=f"ask for the right pg_signal_backend, or end it on the server: pid {', '.join(map(str, pids))}",
            ) from error
        until = time.monotonic() + TERMINATE_SECONDS
        while self._session.run(_HOLDERS, self._key):
            if time.monotonic() > until:
                raise StateError(f"the connection that holds {self.place} does not end", hint="try again")
            time.sleep(0.05)
        self._session.run("DELETE FROM {schema}.locks WHERE name = %s", self._stack)

    def history(self) -> list[Kept]:
        if not self._session.has_tables():
            return []
        rows = self._session.run(
            "SELECT serial, digest, extract(epoch FROM written)::float8 FROM {schema}.history WHERE name = %s "
            "ORDER BY serial DESC, written DESC",
            self._stack,
        )
        return [Kept(f"{serial}.{digest}", serial, digest[:8], written) for serial, digest, written in rows]

    def generation(self, kept: Kept) -> bytes:
        serial, _, digest = kept.name.partition(".")
        rows = self._session.run(
            "SELECT data FROM {schema}.history WHERE name = %s AND serial = %s AND digest = %s",
            *(self._stack, int(serial), digest),
        )
        if not rows:
            raise StateError(f"the history of {self.place} has no serial {serial} any more")
        return zlib.decompress(rows[0][0])


class Session:
    """One connection, opened when first needed and again after it was lost. `{schema}` in a statement is ours."""

    def __init__(self, dsn: str, schema: str, place: str) -> None:
        self.schema = schema
        self.place = place
        self._dsn = dsn
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._made = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def run(self, statement: LiteralString, *values: object) -> Sequence[tuple[Any, ...]]:
        from psycopg import sql

        with self._told():
            connection = self._alive()
            query = sql.SQL(statement).format(schema=sql.Identifier(self.schema))
            cursor = connection.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._told(), self._alive().transaction():
            yield

    def has_tables(self) -> bool:
        if not self._made:
            wanted = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'locks'"
            self._made = bool(self.run(wanted, self.schema))
        return self._made

    def make_tables(self) -> None:
        """One at a time: even IF NOT EXISTS fails when two create the same."""
        if self.has_tables():
            return
        with self.transaction():
            self.run("SELECT pg_advisory_xact_lock(%s)", _key(f"{self.schema}\0tables\0"))
            if not self.run("SELECT 1 FROM pg_namespace WHERE nspname = %s", self.schema):
                self.run("CREATE SCHEMA {schema}")
            for table in _TABLES:
                self.run(table)
        self._made = True

    def _alive(self) -> psycopg.Connection[tuple[Any, ...]]:
        import psycopg

        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._dsn,
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                application_name="provisioner",
                keepalives=1,
                keepalives_idle=30,
                keepalives_interval=10,
                keepalives_count=3,
            )
            if self._connection.info.server_version >= _ENDS_IDLE:
                self._connection.execute("SET idle_session_timeout = 0")
        return self._connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the library as ours. What the server says of a connection holds no password."""
        import psycopg

        try:
            yield
        except psycopg.errors.InsufficientPrivilege as error:
            raise StateError(
                f"{self.place}: the user may not do this", detail=str(error), hint="grant it, or name another schema"
            ) from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            with suppress(psycopg.Error):
                self.close()
            self._connection = None
            raise StateUnreachable(
                f"{self.place} gave no answer", detail=str(error).strip(), hint="see whether the server can be reached"
            ) from error
        except psycopg.Error as error:
            raise StateError(f"{self.place} refuses", detail=str(error), hint="mend it and run again") from error


def read_dsn(name: str, environ: Mapping[str, str]) -> str:
    """The connection string; "" leaves everything to libpq's own variables."""
    dsn = environ.get(name, "")
    if not dsn and not (environ.get("PGHOST") or environ.get("PGSERVICE")):
        raise UsageError(
            f"{name} is not set", detail="It holds the connection string of the postgres backend.", hint=f"set {name}"
        )
    return dsn


def _place(dsn: str, schema: str) -> str:
    """The database without its password."""
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ModuleNotFoundError as error:
        raise UsageError(
            "the postgres backend is not installed", hint="pip install 'modelarts-provisioner[postgres]'"
        ) from error
    try:
        known = conninfo_to_dict(dsn)
    except ProgrammingError:
        # Outside the block: the library quotes what it cannot read, and a password may be in it.
        known = None
    if known is None:
        raise UsageError(
            "the connection string of the postgres backend cannot be read", hint="postgresql://HOST/DATABASE"
        )
    host, port = known.get("host") or "localhost", known.get("port") or 5432
    return f"postgresql://{host}:{port}/{known.get('dbname') or ''} schema {schema}"


def _key(text: str) -> int:
    """A signed 64-bit number that stands for the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def _parsed(text: str) -> LockInfo | None:
    try:
        return LockInfo.model_validate_json(text)
    except ValidationError:
        return None
