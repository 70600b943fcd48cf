"""Whether an outbox on PostgreSQL is as it was made, and who may do what with it: findings in words.

Whoever may call `indelible.record` can name any clinic and any actor. That is for trusted servers; an end user's role,
as hosted platforms have them, is for a function of the host's own that takes both from the user's claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from . import sql

# Roles under which hosted platforms run what their users' browsers ask for.
END_USERS = ("anon", "authenticated", "web_anon", "web_user", "webuser", "api_user", "app_user", "PUBLIC")

# What an end user's role may do is found out by the server itself, through every membership.
_FUNCTIONS = ("record", "record_imported", "anonymize", "retry", "replay", "unbind", "put")
_MAY_CALL = """
SELECT p.proname, r.rolname, r.rolcanlogin FROM pg_proc p CROSS JOIN pg_roles r
WHERE p.pronamespace = 'indelible'::regnamespace AND NOT r.rolsuper AND r.oid <> p.proowner
    AND r.rolname !~ '^(pg_|indelible_)' AND has_schema_privilege(r.oid, 'indelible', 'USAGE')
    AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
ORDER BY p.proname, r.rolname
"""
_PUBLIC_FUNCTIONS = """
SELECT p.proname FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) grants
WHERE p.pronamespace = 'indelible'::regnamespace AND grants.grantee = 0 ORDER BY p.proname
"""
_TABLES = """
SELECT c.relname, coalesce(r.rolname, 'PUBLIC'), string_agg(DISTINCT grants.privilege_type, ', ')
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) grants LEFT JOIN pg_roles r ON r.oid = grants.grantee
WHERE c.relnamespace = 'indelible'::regnamespace AND c.relkind = 'r' AND grants.grantee <> c.relowner
    AND coalesce(r.rolname, '') <> 'indelible_drainer' AND NOT coalesce(r.rolsuper, false)
GROUP BY 1, 2 ORDER BY 1, 2
"""
_SETTINGS = """
SELECT coalesce(r.rolname, 'every role') FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole,
    unnest(s.setconfig) setting
WHERE setting LIKE 'pgrst.db_schemas=%' AND setting ~ '\\mindelible\\M'
    AND (s.setdatabase = 0 OR s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY 1
"""


class Remark(NamedTuple):
    """What a look at one thing came to, in a sentence; `good` is false where something is to be mended."""

    good: bool
    text: str


def findings(connection: Any, end_users: Iterable[str] = ()) -> list[Remark]:
    """Look over the outbox in the database of a DB-API connection. `end_users` are further roles of end users."""
    found = sql.installed(connection)
    if found != sql.version("postgres"):
        return [Remark(False, _other_version(found))]
    return [
        Remark(True, f"The outbox has version {found}, as this release needs it."),
        *_codes(connection),
        *_unchanged(connection),
        *_callers(connection, {*END_USERS, *end_users}),
        *_tables(connection),
        *_exposed(connection),
        *_server(connection),
    ]


def _other_version(found: int) -> str:
    if found == 0:
        return "There is no outbox here: put what `indelible outbox sql` prints into the host's migrations."
    if found > sql.version("postgres"):
        return f"The outbox has version {found}, which this release does not know: update Indelible."
    return f"The outbox has version {found}, and this release needs {sql.version('postgres')}: install it again."


def _codes(connection: Any) -> Iterator[Remark]:
    missing = set(sql.codes()) - {code for (code,) in _rows(connection, "SELECT code FROM indelible.action")}
    if missing:
        yield Remark(False, f"Of this release's actions {len(missing)} cannot be recorded here yet, such as "
                            f"{min(missing)}: install the outbox again.")  # fmt: skip
    else:
        yield Remark(True, "Every action of this release can be recorded.")


def _unchanged(connection: Any) -> Iterator[Remark]:
    """Whether what refuses is still there."""
    enabled = _rows(
        connection,
        "SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'indelible.outbox'::regclass"
        " AND tgname = 'outbox_refuses_update' AND tgfoid = 'indelible.refuse_update'::regproc",
    )
    if not enabled:
        yield Remark(False, "The trigger that refuses changes of waiting documents is gone: install the outbox again.")
    elif enabled[0][0] not in ("A", b"A"):
        yield Remark(False, "The trigger that refuses changes of waiting documents is disabled: ALTER TABLE "
                            "indelible.outbox ENABLE ALWAYS TRIGGER outbox_refuses_update.")  # fmt: skip
    else:
        yield Remark(True, "A document that waits cannot be changed.")
    fixed = dict(_rows(
        connection,
        "SELECT proname, prosecdef AND coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)"
        " FROM pg_proc WHERE pronamespace = 'indelible'::regnamespace"
        " AND proname IN ('record', 'record_imported', 'anonymize', 'retry')",
    ))  # fmt: skip
    loose = [name for name in ("record", "record_imported", "anonymize", "retry") if not fixed.get(name)]
    if loose:
        yield Remark(False, f"{_names(loose)} is not as it was made: install the outbox again.")


def _callers(connection: Any, end_users: set[str]) -> Iterator[Remark]:
    """Who may call the functions, by whatever way the right came to them."""
    calls: dict[str, list[str]] = {name: [] for name in _FUNCTIONS}
    for (name,) in _rows(connection, _PUBLIC_FUNCTIONS):
        calls.setdefault(name, []).append("PUBLIC")
    servers = []
    for name, role, _ in _rows(connection, _MAY_CALL):
        if role in end_users:
            calls.setdefault(name, []).append(role)
        elif name == "record":
            servers.append(role)
    exposed = {name: roles for name, roles in calls.items() if roles}
    for name, roles in exposed.items():
        yield Remark(False, f"{_names(roles)} may call indelible.{name}, and so every user of the host in the name of "
                            "any clinic: revoke it, and grant a function of your own that takes clinic and actor from "
                            "the claim.")  # fmt: skip
    if not exposed:
        yield Remark(True, "No role of end users may call what records.")
    if servers:
        yield Remark(True, f"{_names(servers)} may record, for any clinic and any actor.")
    else:
        yield Remark(True, "Beside its owner nobody may record: GRANT indelible_recorder TO your servers.")
    there = {name for (name,) in _rows(connection, "SELECT rolname FROM pg_roles WHERE rolname ~ '^indelible_'")}
    for role in ("indelible_recorder", "indelible_drainer"):
        if role not in there:
            yield Remark(False, f"The role {role} is not there: have somebody who may create roles install again.")


def _tables(connection: Any) -> Iterator[Remark]:
    for table, role, rights in _rows(connection, _TABLES):
        yield Remark(False, f"{role} has rights on indelible.{table} beside its functions ({rights}): revoke them.")


def _exposed(connection: Any) -> Iterator[Remark]:
    """Where documents leave the database, or their table is offered to the web."""
    if _rows(connection, "SELECT 1 WHERE EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) grants"
                         " WHERE n.nspname = 'indelible' AND grants.grantee = 0)"):  # fmt: skip
        yield Remark(False, "The schema indelible is open to PUBLIC: REVOKE ALL ON SCHEMA indelible FROM PUBLIC.")
    for (role,) in _rows(connection, _SETTINGS):
        yield Remark(False, f"PostgREST offers the schema indelible to the web (pgrst.db_schemas of {role}).")
    published = _rows(
        connection,
        "SELECT DISTINCT pubname FROM pg_publication_tables WHERE schemaname = 'indelible'"
        " AND tablename IN ('outbox', 'held') ORDER BY 1",
    )
    for (publication,) in published:
        yield Remark(False, f"The publication {publication} streams waiting documents, in clear, to its subscribers: "
                            "leave the schema indelible out of it.")  # fmt: skip


def _server(connection: Any) -> Iterator[Remark]:
    (row,) = _rows(
        connection,
        "SELECT pg_is_in_recovery(), current_setting('fsync'), CASE WHEN to_regrole('indelible_drainer') IS NULL"
        " THEN true ELSE has_function_privilege('indelible_drainer', 'pg_catalog.pg_control_system()', 'EXECUTE') END",
    )
    standby, fsync, known = row
    if standby:
        yield Remark(False, "This is a standby, which is never drained: give the primary.")
    if fsync != "on":
        yield Remark(False, "The server does not wait for its disk (fsync is off): a crash can lose documents.")
    if not known:
        yield Remark(False, "indelible_drainer may not call pg_control_system(), so a copy on another server is told "
                            "by its transactions alone: grant it where you can.")  # fmt: skip


def _rows(connection: Any, statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def _names(names: Iterable[str]) -> str:
    listed = list(dict.fromkeys(names))
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
