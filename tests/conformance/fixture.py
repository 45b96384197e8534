#!/usr/bin/env python3
"""Writes the state that no request can create into a server's SQLite database, while it runs.

Reads one fixture as JSON from standard input: python3 fixture.py carrel.db < fixture.json
Ids are those of the running server, `at_ms` is Unix time in milliseconds. Exit status 1: not applied.
"""
import json
import sqlite3
import sys
from datetime import datetime, timezone
from time import sleep


def time(at_ms):
    return datetime.fromtimestamp(at_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")


def without_word_index(database):
    """Drops the triggers that index words, and returns their SQL: Python's SQLite may be too old for the index."""
    triggers = database.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'chats' AND sql LIKE '%chat_words%'"
    ).fetchall()
    for name, _ in triggers:
        database.execute(f"DROP TRIGGER {name}")
    return [sql for _, sql in triggers]


def chats(database, rows):
    database.execute("BEGIN IMMEDIATE")
    indexing = without_word_index(database)
    # What is counted of chats is kept by the other triggers.
    for row in rows:
        feedback = row["feedbackScore"]
        database.execute(
            "INSERT INTO chats (workspace_id, thread_id, user_id, session, include, feedback,"
            " created_at, updated_at, prompt, response) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row["workspaceId"], row["thread_id"], row["user_id"], row["api_session_id"], row["include"],
             feedback, time(row["at_ms"]), time(row["at_ms"]), row["prompt"], row["response"]))
    for sql in indexing:
        database.execute(sql)


def embed_chats(database, rows):
    for row in rows:
        database.execute(
            "INSERT INTO embed_chats (embed_id, session, include, created_at, connection, prompt, response)"
            " SELECT id, ?, ?, ?, ?, ?, ? FROM embeds WHERE key = ?",
            (row["session_id"], row["include"], time(row["at_ms"]), row["connection_information"],
             row["prompt"], row["response"], row["embed_uuid"]))


def main():
    fixture = json.load(sys.stdin)
    database = sqlite3.connect(sys.argv[1], timeout=15)
    kind = fixture["fixture"]
    if kind == "workspace_chats":
        chats(database, fixture["rows"])
    elif kind == "embed_chats":
        embed_chats(database, fixture["rows"])
    elif kind == "invite_claimed":
        database.execute("UPDATE invites SET status = 'claimed', claimed_by = ? WHERE id = ?",
                         (fixture["claimedBy"], fixture["invite"]))
    elif kind == "mode_single_user":
        database.execute("UPDATE settings SET value = 'false' WHERE key = 'multi_user_mode'")
    else:
        return 1
    database.commit()
    # A running server learns of another's changes to its mode within a second.
    sleep(1.2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
