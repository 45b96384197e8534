"""Writes `storage/`, a small installation in the layout of AnythingLLM, as `tests/tests/import.rs` imports it,
and `postgres.sql`, its database as an installation on PostgreSQL has it.

All texts, names and keys in it are made up. Run it again after a change: python3 tests/import/make.py
"""
import datetime
import json
import pathlib
import shutil
import sqlite3
import struct
import uuid
import zlib

HERE = pathlib.Path(__file__).parent
STORAGE = HERE / "storage"
# bcrypt of "harbour-pass-1" and "Zweites-Paßwort", at cost 4.
FIRST = "$2b$04$abcdefghijklmnopqrstuu1Ff59zJNv.dn8EKV6ZJbKu3dlWmvmK6"
SECOND = "$2b$04$abcdefghijklmnopqrstuux9CcYVDgIZB7xU2S1YrB.X3VgjeuZay"

SCHEMA = (HERE / "schema.sql").read_text()

# 2024-02-11 08:30:15 UTC.
TIME = 1707640215000


def insert(db, table, **values):
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join("?" for _ in values)
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))


def document(folder, name, text, **fields):
    path = STORAGE / "documents" / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"file {folder}/{name}")), "url": f"file:///hotdir/{name}", "title": name,
        "docAuthor": "Unknown", "description": "Unknown", "docSource": "a text file uploaded by the user.",
        "chunkSource": "", "published": "2/11/2024, 8:30:15\u202fAM", "wordCount": len(text.split(" ")),
        "pageContent": text, "token_count_estimate": len(text) // 4,
    }
    path.write_text(json.dumps({**whole, **fields}, indent=4), encoding="utf-8")
    return f"{folder}/{name}"


def cache(docpath, chunks):
    name = uuid.uuid5(uuid.NAMESPACE_URL, docpath)
    entries = [
        {"id": str(number), "values": [0.5, 0.5], "metadata": {
            "title": "gone.txt", "url": "file:///hotdir/gone.txt",
            "text": f"<document_metadata>\nsourceDocument: gone.txt\n</document_metadata>\n\n{text}",
        }}
        for number, text in enumerate(chunks)
    ]
    (STORAGE / "vector-cache").mkdir(exist_ok=True)
    (STORAGE / "vector-cache" / f"{name}.json").write_text(json.dumps([entries]))


def picture(width, height):
    """A red PNG."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    rows = (b"\0" + b"\xc0\x20\x20" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def people(db):
    insert(db, "users", id=1, username="keeper", password=FIRST, role="admin", createdAt=TIME)
    insert(db, "users", id=2, username="Jürgen Müller", password=SECOND, role="manager", createdAt="2024-02-11 08:30:15")
    insert(db, "users", id=4, username="resting", password=FIRST, suspended=1, createdAt="2024-02-11T08:30:15.000Z")
    for number, creator in ((1, None), (2, 1), (3, 4), (4, 3)):
        insert(db, "api_keys", id=number, secret=f"KEY{number}AAA-BBBBBBB-CCCCCCC-DDDDDDD", createdBy=creator, createdAt=TIME)
    for number, (user, workspace) in enumerate(((1, 1), (2, 1), (2, 1), (3, 1), (2, 9)), 1):
        insert(db, "workspace_users", id=number, user_id=user, workspace_id=workspace)
    insert(db, "invites", id=1, code="PENDING-CODE", workspaceIds="[1]", createdBy=1)
    insert(db, "invites", id=2, code="STRANGE-CODE", workspaceIds='["1","999"]', createdBy=0)
    insert(db, "invites", id=3, code="CLAIMED-CODE", status="claimed", claimedBy=2, workspaceIds=None, createdBy=3)
    insert(db, "event_logs", event="invite_created", metadata='{"inviteCode":"PENDING-CODE"}', userId=1, occurredAt=TIME)
    insert(db, "event_logs", event="broken", metadata='{"cut', userId=None)
    insert(db, "recovery_codes", user_id=1, code_hash=FIRST)
    for user, workspace, content in [(1, None, "Prefers short answers."), (1, 1, "Counts ferries."), (99, None, "Gone.")]:
        insert(db, "memories", user_id=user, workspace_id=workspace, content=content, created_at=TIME, updated_at=TIME)
    insert(db, "browser_extension_api_keys", key="brx-AAAAAAA-BBBBBBB-CCCCCCC-DDDDDDD", user_id=1, createdAt=TIME, lastUpdatedAt=TIME)
    insert(db, "slash_command_presets", command="/tide", prompt="Say when the tide turns.", userId=1)
    db.execute("INSERT INTO an_unknown_table VALUES ('x', x'00ff')")


def answer(text, **more):
    return json.dumps({"text": text, "sources": [], "type": "chat", **more})


def conversations(db):
    insert(db, "workspaces", id=1, name="Harbour", slug="harbour", openAiHistory=0, similarityThreshold=0.0, createdAt=TIME, pfpFilename="harbour.png")
    insert(db, "workspaces", id=2, name="図書館", slug="bb7f5fa4-a9dd-48c3-8397-d40a6408c709", chatMode=None, topN=None, pfpFilename="broken.png")
    insert(db, "workspaces", id=5, name="gone", slug="gone")
    db.execute("DELETE FROM workspaces WHERE id = 5")
    insert(db, "workspace_threads", id=3, name="Tides", slug="tides-thread", workspace_id=1, user_id=1, createdAt=TIME)
    dropped = {"title": "notices.txt", "pageContent": "The quay is closed on Friday.", "token_count_estimate": 8}
    (STORAGE / "direct-uploads").mkdir()
    (STORAGE / "direct-uploads" / "notices.json").write_text(json.dumps(dropped))
    for thread in (3, None):
        insert(db, "workspace_parsed_files", filename="notices.json", workspaceId=1, userId=1, threadId=thread,
               tokenCountEstimate=8, createdAt=TIME)
    image = {"name": "boat.png", "mime": "image/png", "contentString": "data:image/png;base64,iVBORw0KGgo="}
    chats = [
        dict(prompt="first", response=answer("one", metrics={"prompt_tokens": 7, "completion_tokens": 2}), user_id=1),
        dict(prompt="with a picture", response=answer("two", attachments=[image]), user_id=1, feedbackScore=1),
        dict(prompt="in a thread", response=answer("three"), user_id=1, thread_id=3),
        dict(prompt="in a lost thread", response=answer("four"), user_id=2, thread_id=77),
        dict(prompt="of a program", response=answer("five"), api_session_id="session-a"),
        dict(prompt="hidden", response=answer("six"), user_id=1, include=0),
        dict(prompt="lone surrogate", response='{"text":"cut \\ud83d","sources":[],"type":"chat"}', user_id=1),
        dict(prompt="broken", response='{"text":"cut off here, "sources":[', user_id=1),
        dict(prompt="null", response="null", user_id=1),
        dict(prompt="empty", response="", user_id=1),
        dict(prompt="deleted workspace", response=answer("eleven"), user_id=1, workspaceId=5, thread_id=77),
        dict(prompt="deleted user", response=answer("twelve"), user_id=3),
    ]
    for number, chat in enumerate(chats, 1):
        insert(db, "workspace_chats", id=number, **{"workspaceId": 1, "createdAt": TIME + number * 1000, **chat})
    key = "0a2b34ab-1c4e-40ca-8adb-151542a6520f"
    insert(db, "embed_configs", id=1, uuid=key, enabled=1, chat_mode="chat", workspace_id=1, createdBy=1,
           allowlist_domains='["https://library.example.org","not an origin"]', max_chats_per_day=100)
    insert(db, "embed_chats", id=1, prompt="hello", response=answer("hi"), session_id="visitor-1", embed_id=1)
    insert(db, "embed_chats", id=2, prompt="broken", response='{"text":', session_id="visitor-1", embed_id=1)


def library(db):
    paths = [
        document("custom-documents", "rules.txt-1.json", "Reservations are kept for seven days. A lost book is replaced."),
        document("custom-documents", ".txt-2.json", "図書館は九時に開きます。", title="図書館のご案内.txt"),
        document("Board papers 2024", "minutes.docx-3.json", "The board decided about coffee in May.", shelf="B7"),
        document("custom-documents", "maps-4.json", "The maps move to the second floor.",
                 chunkSource="confluence://https://wiki.example.org/pages/1?payload=abcdef:0123"),
        "custom-documents\\gone.txt-5.json",
        "custom-documents/lost.txt-6.json",
    ]
    cache("custom-documents\\gone.txt-5.json", ["The ferry leaves at noon and", "and returns at dusk."])
    folder = STORAGE / "documents" / "custom-documents"
    (folder / "broken-7.json").write_text('{"id":"x","pageContent":"half of a')
    (folder / ".DS_Store").write_text("x")
    (STORAGE / "documents" / "empty folder").mkdir()
    (STORAGE / "documents" / "empty folder" / ".keep").write_text("")
    document("nested/deeper", "unused.txt-8.json", "too deep")
    for number, path in enumerate([*paths, paths[0]], 1):
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"place {number}"))
        insert(db, "workspace_documents", id=number, docId=key, filename=path, docpath=path,
               workspaceId=1, pinned=number == 2, metadata='{"broken' if number == 6 else "{}", createdAt=TIME)
    insert(db, "workspace_documents", id=8, docId=str(uuid.uuid5(uuid.NAMESPACE_URL, "place 8")), filename="x",
           docpath=paths[0], workspaceId=2)


def settings(db):
    for label, value in (
        ("multi_user_mode", "true"), ("support_email", "help@library.example.org"), ("text_splitter_chunk_size", "700"),
        ("logo_filename", "logo.png"), ("agent_sql_connections", '[{"connectionString":"postgres://reader:fakepw@db/x"}]'),
        ("users_can_login_with_google", None),
    ):
        insert(db, "system_settings", label=label, value=value)
    (STORAGE / ".env").write_text("\r\n".join([
        "# by hand", "export OPEN_AI_KEY='sk-FAKE-of-the-fixture' # ours", "GENERIC_OPEN_AI_MODEL_PREF = `fake-chat`",
        'JWT_SECRET="x"', "SIG_KEY='passphrase of the fixture'", "VECTOR_DB=pinecone", "UNKNOWN_SETTING=kept",
        "ANTHROPIC_API_KEY=not-a-key", "GROQ_API_KEY=", "",
    ]))
    (STORAGE / "assets").mkdir()
    (STORAGE / "assets" / "logo.png").write_bytes(picture(400, 200))
    (STORAGE / "assets" / "pfp").mkdir()
    (STORAGE / "assets" / "pfp" / "harbour.png").write_bytes(picture(16, 16))
    (STORAGE / "assets" / "pfp" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (STORAGE / "generated-files").mkdir()
    name = "text-b7d8dc41-395d-43cd-a1c3-de3a972abd82.md"
    (STORAGE / "generated-files" / name).write_text("made for the fixture\n")


def literal(value, kind):
    """A value of SQLite as PostgreSQL has it in a column of that kind."""
    if value is None:
        return "NULL"
    if kind == "DATETIME":
        if isinstance(value, int):
            at = datetime.datetime.fromtimestamp(value / 1000, datetime.timezone.utc)
            value = at.strftime("%Y-%m-%d %H:%M:%S.%f")
        return f"'{value}'"
    if kind == "BOOLEAN":
        return "true" if value in (1, "true") else "false"
    if kind == "BLOB":
        return f"'\\\\x{value.hex()}'"
    if isinstance(value, (int, float)):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def postgres(db):
    kinds = {"DATETIME": "TIMESTAMP(3)", "REAL": "DOUBLE PRECISION", "BLOB": "BYTEA"}
    lines = []
    tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    for (table,) in tables.fetchall():
        columns = [(row[1], row[2]) for row in db.execute(f"PRAGMA table_info({table})")]
        made = [
            f'"{name}" SERIAL PRIMARY KEY' if name == "id" and kind == "INTEGER" else f'"{name}" {kinds.get(kind, kind)}'
            for name, kind in columns
        ]
        lines.append(f'CREATE TABLE "{table}" ({", ".join(made)});')
        for row in db.execute(f"SELECT * FROM {table}"):
            values = ", ".join(literal(value, kind) for value, (_, kind) in zip(row, columns))
            lines.append(f'INSERT INTO "{table}" VALUES ({values});')
        last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", [table]).fetchone()
        if last:
            lines.append(f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), {last[0]});")
    (HERE / "postgres.sql").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    shutil.rmtree(STORAGE, ignore_errors=True)
    (STORAGE / "documents").mkdir(parents=True)
    db = sqlite3.connect(STORAGE / "anythingllm.db")
    db.executescript(SCHEMA)
    insert(db, "_prisma_migrations", id="1", migration_name="20240618224346_init")
    people(db)
    conversations(db)
    library(db)
    settings(db)
    db.commit()
    postgres(db)
    db.execute("VACUUM")
    db.close()


main()
