"""What reading documents costs as the server does it, a process for each: python3 workers.py PROGRAM FILES...

PROGRAM is carrel in a release build. One line of JSON for each file: processor milliseconds of the whole process that
reads it, its start included, on average of twenty.
"""
import json, os, resource, subprocess, sys

READINGS = 20
program, *files = sys.argv[1:]


def read(path):
    limits = {"file": 1 << 28, "text": 1 << 28, "inflated": 1 << 29}
    job = {"extension": path.rsplit(".", 1)[1], "limits": limits, "seconds": 60, "memory": 1 << 30, "parent": os.getpid()}
    with open(path, "rb") as file:
        done = subprocess.run([program, "parse-worker", json.dumps(job)], stdin=file, capture_output=True,
                              env={"MIMALLOC_ARENA_RESERVE": "0"})
    if not done.stdout.startswith(b'{"Documents"'):
        sys.exit("%s: %s" % (path, done.stdout[:200]))


def spent():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


for path in files:
    for _ in range(3):
        read(path)
    before = spent()
    for _ in range(READINGS):
        read(path)
    value = (spent() - before) * 1000 / READINGS
    print(json.dumps({"figure": os.path.basename(path), "value": round(value, 2), "unit": "CPU ms"}))
