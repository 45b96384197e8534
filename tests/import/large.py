"""Writes a large installation in the layout of `make.py`, to measure an import with:

    python3 tests/import/large.py FOLDER [documents] [chats]
"""
import json
import pathlib
import random
import sqlite3
import sys
import uuid

WORDS = "harbour library boat tide fee shelf reader ferry lamp chart rope night morning storm quay bell letter".split()


def text(source, words):
    return " ".join(source.choices(WORDS, k=words)).capitalize() + "."


def main():
    storage = pathlib.Path(sys.argv[1])
    documents, chats = (int(value) for value in (sys.argv[2:4] if len(sys.argv) > 3 else (20_000, 100_000)))
    source = random.Random(7)
    folder = storage / "documents" / "custom-documents"
    folder.mkdir(parents=True)
    db = sqlite3.connect(storage / "anythingllm.db")
    db.executescript(pathlib.Path(__file__).with_name("schema.sql").read_text())
    db.execute("INSERT INTO workspaces (id, name, slug) VALUES (1, 'Harbour', 'harbour')")
    for number in range(documents):
        name = f"text-{number}.txt-{uuid.UUID(int=number)}.json"
        body = text(source, 200)
        (folder / name).write_text(json.dumps({
            "id": str(uuid.UUID(int=number)), "url": f"file:///hotdir/{number}.txt", "title": f"text {number}",
            "docAuthor": "Unknown", "description": "Unknown", "docSource": "made", "chunkSource": "",
            "published": "2/11/2024, 8:30:15 AM", "wordCount": 200, "pageContent": body, "token_count_estimate": 250,
        }))
        if number % 4 == 0:
            db.execute(
                "INSERT INTO workspace_documents (docId, filename, docpath, workspaceId) VALUES (?, ?, ?, 1)",
                [str(uuid.UUID(int=number + (1 << 64))), name, f"custom-documents/{name}"],
            )
    for number in range(chats):
        answer = {"text": text(source, 60), "sources": [], "type": "chat", "metrics": {"prompt_tokens": 9, "completion_tokens": 60}}
        db.execute(
            "INSERT INTO workspace_chats (workspaceId, prompt, response, createdAt, api_session_id) VALUES (1, ?, ?, ?, ?)",
            [text(source, 12), json.dumps(answer), 1707640215000 + number, f"session-{number % 500}"],
        )
    db.commit()


main()
