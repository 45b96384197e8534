"""Compares what is read of the files in a folder with what other programs read of them.

    corpus.py READER FOLDER [--most N] [--formats docx,pptx] [--worst N]

READER is the example `read_file` of this crate. Peers that are not installed are left out. For each
format it prints:

recall     share of the words that two peers with libraries of their own (or the only ones) agree
           on, tenth percentile
precision  share of the words read that any peer reads too, median
order      longest common order of the agreed words beside the best peer's text, median
pairs      the same for neighbouring words, share of the best peer's pairs, median
cpu, mem   processor milliseconds and peak memory of a reading, median and maximum
"""
import argparse
import bisect
import collections
import csv
import importlib.util
import io
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import unicodedata

TIMEOUT = 60
IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{IDEOGRAPHS}]|[^\W_{IDEOGRAPHS}]+")


BROKEN_WORD = re.compile(r"([^\W\d_])-(?:[ \t]*\r?\n\s*)?(?=[^\W\d_])")
ADDRESS = re.compile(r'\]\((?:<[^>\n]*>|(?:[^()\s]|\([^()\s]*\))*)(?:\s+"(?:[^"\\]|\\.)*")?\)')
SHEETS = ("xlsx", "xlsm", "xls", "xlsb", "ods")
GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(%?)(?![\w])")


def words(text, kind=""):
    """The words of a text, in forms that do not depend on its program: words that are divided at
    the end of a line are whole, in sheets `12.0` and `12` are one number, and so are `10.00%` and
    `0.1`, `12,553` and `12553`, and dates with and without the time of midnight."""
    text = unicodedata.normalize("NFKC", text or "").replace("\u00ad", "-")
    text = BROKEN_WORD.sub(r"\1", text)
    if kind in SHEETS:
        text = re.sub(r"(\d{4}-\d\d-\d\d)[ T]00:00:00", r"\1", text)
        text = GROUPED.sub(lambda found: found[0].replace(",", ""), text)
        text = NUMBER.sub(number, text)
    return WORD.findall(text.lower())


def number(found):
    shown, percent = found[0].rstrip("%"), found[1]
    is_whole = shown.isdigit() and len(shown) < 15
    if is_whole and not percent:
        return shown
    return f"{float(shown) / (100 if percent else 1):.6g}"


def cells(text):
    """Comma-separated values with a bar between them: other commas are within a number."""
    rows = csv.reader(io.StringIO(text.replace("\r", "\n"), newline=""))
    return "\n".join(" | ".join(row) for row in rows)


def without_additions(peer, kind, text):
    """What a peer has read, without what it has made up: names for columns, words for empty cells,
    counts of slides, addresses of links. None when it has copied bytes that it could not read."""
    if "\0" in text:
        return None
    if peer == "markitdown":
        if kind in SHEETS:
            text = re.sub(r"(?m)^## .*$|\bUnnamed: \d+\b|\bNaN\b", "", text)
        if kind == "pptx":
            text = re.sub(r"<!-- Slide number: \d+ -->|(?m:^### Notes:$)", "", text)
        if kind == "epub" and text.startswith("**"):
            text = text.partition("\n\n")[2]
        text = ADDRESS.sub("]", text)
    return text


def by_python(code, module):
    """A peer in Python, run in a process of its own: `code` has the file's name in `path`."""
    if importlib.util.find_spec(module) is None:
        return None

    def run(path):
        program = f"import sys, warnings\nwarnings.simplefilter('ignore')\npath = sys.argv[1]\n{code}"
        return output([sys.executable, "-c", program, path])

    return run


def output(command):
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def by_program(name, arguments):
    if shutil.which(name) is None:
        return None
    return lambda path: output([name, *[part.replace("PATH", path) for part in arguments]])


PYTHON = {
    "markitdown": ("markitdown", "from markitdown import MarkItDown\nprint(MarkItDown().convert(path).text_content)"),
    "python-docx": (
        "docx",
        "import docx\nd = docx.Document(path)\n"
        "for b in d.iter_inner_content():\n"
        "    if hasattr(b, 'rows'):\n"
        "        for r in b.rows: print(' | '.join(c.text for c in r.cells))\n"
        "    else: print(b.text)",
    ),
    "python-pptx": (
        "pptx",
        "import pptx\n"
        "def show(shapes):\n"
        "    for s in shapes:\n"
        "        if s.shape_type == 6: show(s.shapes)\n"
        "        if s.has_text_frame: print(s.text_frame.text)\n"
        "        if getattr(s, 'has_table', False) and s.has_table:\n"
        "            for r in s.table.rows: print(' | '.join(c.text for c in r.cells))\n"
        "for s in pptx.Presentation(path).slides:\n"
        "    show(s.shapes)\n"
        "    if s.has_notes_slide: print(s.notes_slide.notes_text_frame.text)",
    ),
    "openpyxl": (
        "openpyxl",
        "import openpyxl\nb = openpyxl.load_workbook(path, data_only=True, read_only=False)\n"
        "for s in b.worksheets:\n"
        "    for r in s.iter_rows(values_only=True):\n"
        "        print(' '.join(str(c) for c in r if c is not None))",
    ),
    "xlrd": (
        "xlrd",
        "import xlrd\nb = xlrd.open_workbook(path)\n"
        "for s in b.sheets():\n"
        "    for r in range(s.nrows): print(' '.join(str(c) for c in s.row_values(r) if c != ''))",
    ),
    "odfpy": (
        "odf",
        "from odf import teletype\nfrom odf.opendocument import load\n"
        "def show(node):\n"
        "    for child in node.childNodes:\n"
        "        if getattr(child, 'qname', ('', ''))[1] in ('p', 'h'): print(teletype.extractText(child))\n"
        "        else: show(child)\n"
        "show(load(path).body)",
    ),
    "beautifulsoup": (
        "bs4",
        "import bs4\ns = bs4.BeautifulSoup(open(path, 'rb').read(), 'lxml')\n"
        "[t.extract() for t in s(['script', 'style', 'template'])]\nprint(s.get_text(' '))",
    ),
    "trafilatura": ("trafilatura", "import trafilatura\nprint(trafilatura.html2txt(open(path, 'rb').read()))"),
    "charset-normalizer": ("charset_normalizer", "import charset_normalizer\nprint(str(charset_normalizer.from_path(path).best()))"),
    "email": (
        "email",
        "import email, email.policy, sys\n"
        "m = email.message_from_binary_file(open(path, 'rb'), policy=email.policy.default)\n"
        "print(*filter(None, (m[name] for name in ('subject', 'from', 'to'))))\n"
        "for p in m.walk():\n"
        "    if p.get_content_type() == 'text/plain':\n"
        "        try: print(p.get_content())\n"
        "        except Exception: pass",
    ),
    "email, last alternative": (
        "bs4",
        "import bs4, email, email.policy\n"
        "m = email.message_from_binary_file(open(path, 'rb'), policy=email.policy.default)\n"
        "print(*filter(None, (m[name] for name in ('subject', 'from', 'to'))))\n"
        "def show(part):\n"
        "    kind = part.get_content_type()\n"
        "    parts = part.get_payload() if part.is_multipart() else []\n"
        "    for p in parts[-1:] if kind == 'multipart/alternative' else parts: show(p)\n"
        "    try: text = '' if parts or not kind.startswith('text/') else part.get_content()\n"
        "    except Exception: return\n"
        "    if kind == 'text/html':\n"
        "        page = bs4.BeautifulSoup(text, 'lxml')\n"
        "        [t.extract() for t in page(['script', 'style', 'title'])]\n"
        "        text = page.get_text(' ')\n"
        "    print(text)\n"
        "show(m)",
    ),
    "spine": (
        "bs4",
        "import bs4, posixpath, urllib.parse, zipfile\n"
        "z = zipfile.ZipFile(path)\n"
        "read = lambda name: bs4.BeautifulSoup(z.read(name), 'lxml-xml')\n"
        "package = read('META-INF/container.xml').find('rootfile')['full-path']\n"
        "book = read(package)\n"
        "items = {i['id']: i for i in book.find_all('item')}\n"
        "for i in book.find_all('itemref'):\n"
        "    item = items[i['idref']]\n"
        "    while item and not any(k in item['media-type'] for k in ('html', 'svg', 'dtbook')):\n"
        "        item = items.get(item.get('fallback'))\n"
        "    if not item: continue\n"
        "    name = posixpath.join(posixpath.dirname(package), urllib.parse.unquote(item['href']))\n"
        "    page = bs4.BeautifulSoup(z.read(posixpath.normpath(name)), 'lxml')\n"
        "    hidden = page.select('[hidden], [style*=\"display:none\"], [style*=\"display: none\"]')\n"
        "    [t.extract() for t in page(['script', 'style', 'title']) + hidden]\n"
        "    print(page.get_text(' '))",
    ),
    "pymupdf": ("pymupdf", "import pymupdf\n[print(p.get_text()) for p in pymupdf.open(path)]"),
    "pypdf": ("pypdf", "import pypdf\n[print(p.extract_text()) for p in pypdf.PdfReader(path).pages]"),
    "striprtf": ("striprtf", "from striprtf.striprtf import rtf_to_text\nprint(rtf_to_text(open(path, encoding='latin-1').read(), errors='ignore'))"),
}
# Shows cells in their formats, as Excel does.
SHEETJS = (
    "const xlsx = require('xlsx'), book = xlsx.readFile(process.argv[1]);"
    "for (const name of book.SheetNames)"
    " console.log(xlsx.utils.sheet_to_csv(book.Sheets[name], { FS: ' | ' }));"
)
OFFICE = ["soffice", ["--headless", "--cat", "PATH"]]
PEERS = {
    "docx": ["markitdown", "python-docx", "pandoc", "soffice"],
    "docm": ["pandoc", "soffice"],
    "pptx": ["markitdown", "python-pptx", "soffice"],
    "xlsx": ["markitdown", "openpyxl", "sheetjs", "soffice"],
    "xlsm": ["openpyxl", "sheetjs", "soffice"],
    "xls": ["markitdown", "xlrd", "sheetjs", "soffice"],
    "odt": ["odfpy", "pandoc", "soffice"],
    "odp": ["odfpy", "soffice"],
    "epub": ["markitdown", "spine", "pandoc"],
    "html": ["markitdown", "beautifulsoup", "trafilatura", "pandoc"],
    "xhtml": ["markitdown", "beautifulsoup"],
    "txt": ["charset-normalizer"],
    "eml": ["email", "email, last alternative"],
    "msg": ["markitdown"],
    "pdf": ["pymupdf", "pypdf", "pdftotext"],
    "rtf": ["striprtf", "pandoc", "soffice"],
}


# The library that a peer reads a format with, where that is a peer of its own: both agree always.
READS_WITH = {("markitdown", "xlsx"): "openpyxl", ("markitdown", "xls"): "xlrd", ("markitdown", "pptx"): "python-pptx"}


def peers_of(kind):
    found = {}
    for name in PEERS.get(kind, []):
        if name in PYTHON:
            module, code = PYTHON[name]
            peer = by_python(code, module)
        elif name == "sheetjs":
            has_it = shutil.which("node") and output(["node", "-e", "require('xlsx')"]) is not None
            peer = by_program("node", ["-e", SHEETJS, "PATH"]) if has_it else None
        elif name == "soffice":
            peer = by_program(*OFFICE)
        elif name == "pdftotext":
            peer = by_program(name, ["PATH", "-"])
        else:
            peer = by_program(name, ["-t", "plain", "--wrap=none", "PATH"])
        if peer:
            found[name] = peer
    return found


def share(part, whole):
    """Which share of the words of `whole` is in `part`."""
    total = sum(whole.values())
    return sum((part & whole).values()) / total if total else 1.0


def order(text, reference):
    """The longest run of common words that come in the same order, as a share of the common words."""
    places = collections.defaultdict(list)
    for at, word in enumerate(reference):
        places[word].append(at)
    seen, line, common = collections.Counter(), [], 0
    for word in text:
        known = places.get(word, [])
        if seen[word] < len(known):
            at = known[seen[word]]
            seen[word] += 1
            common += 1
            slot = bisect.bisect_left(line, at)
            line[slot : slot + 1] = [at]
    return len(line) / common if common else 1.0


def pairs(text):
    return collections.Counter(zip(text, text[1:]))


def read_by_us(reader, path):
    try:
        done = subprocess.run([reader, path], capture_output=True, timeout=TIMEOUT, check=False)
        return json.loads(done.stdout)
    except (ValueError, subprocess.TimeoutExpired) as error:
        return {"text": "", "refusal": f"no answer: {error}"[:200], "cpu_ms": 0, "memory_kb": 0}


def quiet(peer, path):
    try:
        return peer(path)
    except (OSError, subprocess.TimeoutExpired):
        return None


def measure(reader, path, peers):
    kind = path.rpartition(".")[2].lower()
    ours, theirs = read_by_us(reader, path), {}
    for name, peer in peers.items():
        text = quiet(peer, path)
        text = text and without_additions(name, kind, text)
        if text is not None:
            theirs[name] = words(text, kind)
    own = words(cells(ours["text"]) if kind in SHEETS else ours["text"], kind)
    counted = {name: collections.Counter(text) for name, text in theirs.items()}
    if not any(counted.values()):
        return None, ours
    lists = list(counted.items())
    library = lambda peer: READS_WITH.get((peer, kind), peer)
    is_one = len({library(peer) for peer in counted}) == 1
    agreed = collections.Counter()
    for at, (peer, one) in enumerate(lists):
        for other_peer, other in lists[at + 1 :]:
            if is_one or library(peer) != library(other_peer):
                agreed |= one & other
    if len(lists) == 1:
        agreed = lists[0][1]
    everything = collections.Counter()
    for _, one in lists:
        everything |= one
    best = max(theirs.values(), key=lambda text: share(collections.Counter(text), agreed))
    result = {
        "recall": share(collections.Counter(own), agreed),
        "precision": share(everything, collections.Counter(own)),
        "order": order(own, best),
        "pairs": share(pairs(own), pairs(best)),
        "missing": list((agreed - collections.Counter(own)).elements())[:12],
        "peers": {name: share(one, agreed) for name, one in counted.items()},
    }
    return result, ours


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("reader")
    arguments.add_argument("folder")
    arguments.add_argument("--most", type=int, default=10**9)
    arguments.add_argument("--formats", default="")
    arguments.add_argument("--worst", type=int, default=8)
    given = arguments.parse_args()
    files = collections.defaultdict(list)
    for folder, _, names in os.walk(given.folder):
        for name in sorted(names):
            kind = name.rpartition(".")[2].lower()
            files[kind].append(os.path.join(folder, name))
    wanted = set(filter(None, given.formats.split(",")))
    print("format files refused recall-p10 precision order pairs cpu-ms cpu-max mem-MB | peers' recall-p10")
    for kind in sorted(files):
        if wanted and kind not in wanted:
            continue
        peers, results, costs, refused = peers_of(kind), [], [], []
        step = max(1, len(files[kind]) // given.most)
        for path in files[kind][::step]:
            result, ours = measure(given.reader, path, peers)
            costs.append((ours["cpu_ms"] or 0, (ours["memory_kb"] or 0) / 1024))
            if ours["refusal"]:
                refused.append((path, ours["refusal"]))
            if result:
                results.append((result, path))
        middle = lambda key: statistics.median([result[key] for result, _ in results]) if results else float("nan")
        recall = percentile([result["recall"] for result, _ in results], 0.1)
        theirs = [
            f"{name} {percentile([result['peers'].get(name, 0) for result, _ in results], 0.1):.3f}" for name in peers
        ]
        print(
            f"{kind} {len(costs)} {len(refused)} {recall:.3f} {middle('precision'):.3f} {middle('order'):.3f} "
            f"{middle('pairs'):.3f} {statistics.median(c for c, _ in costs):.1f} {max(c for c, _ in costs):.0f} "
            f"{max(m for _, m in costs):.0f} | {', '.join(theirs)}"
        )
        for result, path in sorted(results, key=lambda pair: pair[0]["recall"])[: given.worst]:
            print(f"    {result['recall']:.3f} {os.path.basename(path)}: without {' '.join(result['missing'])}")
        for path, refusal in refused[: given.worst]:
            print(f"    refused {os.path.basename(path)}: {refusal[:160]}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
