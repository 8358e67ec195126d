"""What the program keeps: its database and the machines' directories, at the places where the real one has them."""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def home() -> Path:
    return Path(os.environ.get("SMOLVM_DATA_DIR") or os.environ["HOME"])


def database() -> Path:
    return home() / ".local/share/smolvm/server/smolvm.db"


def directory(name: str) -> Path:
    """A machine's disks."""
    return home() / ".cache/smolvm/vms" / hashlib.sha256(name.encode()).hexdigest()[:16]


@contextmanager
def _connection() -> Iterator[sqlite3.Connection]:
    database().parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database(), timeout=30)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS vms (name TEXT PRIMARY KEY, data BLOB NOT NULL)")
        yield connection


def add(name: str, record: Record) -> bool:
    """Whether the name was free."""
    try:
        with _connection() as connection:
            connection.execute("INSERT INTO vms VALUES (?, ?)", (name, json.dumps(record).encode()))
    except sqlite3.IntegrityError:
        return False
    return True


def change(name: str, **values: object) -> Record | None:
    """The record as it was before; None where there is none."""
    with _connection() as connection:
        connection.execute("BEGIN IMMEDIATE")
        row = connection.execute("SELECT data FROM vms WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        record: Record = json.loads(row[0])
        connection.execute("UPDATE vms SET data = ? WHERE name = ?", (json.dumps({**record, **values}).encode(), name))
        return record


def remove(name: str) -> None:
    with _connection() as connection:
        connection.execute("DELETE FROM vms WHERE name = ?", (name,))


def records() -> dict[str, Record]:
    """All machines, by name; one whose process has ended is stopped, whatever was written down."""
    with _connection() as connection:
        rows = connection.execute("SELECT name, data FROM vms ORDER BY name").fetchall()
    found = {name: json.loads(data) for name, data in rows}
    for record in found.values():
        if record["state"] == "running" and not _lives(record["pid"]):
            record["state"] = "stopped"
    return found


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
