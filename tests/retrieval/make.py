#!/usr/bin/env python3
"""Cuts the passages of the labelled set out of documentation that may be shipped (see README.md).

  python3 make.py RUST_DOC_HTML SQLITE3_H HANDBOOK > passages.jsonl

RUST_DOC_HTML is `share/doc/rust/html` of a Rust toolchain, SQLITE3_H the header of SQLite, HANDBOOK the text that was
written for this set. Standard library only; the same inputs give the same passages. Questions refer to passages by id,
so passages.jsonl is made once and kept.
"""
import hashlib, html, html.parser, json, pathlib, re, sys

LEAST, MOST = 260, 900      # characters of a passage: each is one chunk of the server's splitter

# Which pages, and how many passages of them are kept.
BOOKS = {"cargo": 150, "book": 130, "error_codes": 85, "nomicon": 45, "edition-guide": 25}


class Page(html.parser.HTMLParser):
    """The prose of a page under its headings; code blocks, tables and navigation are left out."""

    BLOCKS = {"p", "li", "blockquote", "dd", "dt"}
    SKIPPED = {"pre", "table", "nav", "script", "style", "button"}

    def __init__(self):
        super().__init__()
        self.inside, self.skipping, self.heading = False, 0, None
        self.titles, self.text, self.sections = {}, "", []

    def handle_starttag(self, tag, attrs):
        if tag == "main":
            self.inside = True
        elif tag in self.SKIPPED:
            self.skipping += 1
        elif re.fullmatch("h[1-4]", tag):
            self.end_block()
            self.heading = int(tag[1])
        elif tag in self.BLOCKS:
            self.end_block()

    def handle_endtag(self, tag):
        if tag == "main":
            self.end_block()
            self.inside = False
        elif tag in self.SKIPPED:
            self.skipping -= 1
        elif self.heading and re.fullmatch("h[1-4]", tag):
            level, self.heading = self.heading, None
            self.titles = {k: v for k, v in self.titles.items() if k < level}
            self.titles[level] = squeeze(self.text)
            self.text = ""
            self.sections.append((" / ".join(filter(None, self.titles.values())), []))
        elif tag in self.BLOCKS:
            self.end_block()

    def handle_data(self, data):
        if self.inside and not self.skipping:
            self.text += data

    def end_block(self):
        text, self.text = squeeze(self.text), ""
        if text and self.sections and not self.heading:
            self.sections[-1][1].append(text)


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


def sections_of_page(path):
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page.sections


def sections_of_header(path):
    """The reference comments of sqlite3.h, each under its heading."""
    for comment in re.findall(r"/\*\n\*\* CAPI3REF: (.*?)\*/", path.read_text(encoding="utf-8"), re.S):
        title, _, body = comment.partition("\n")
        body = "\n".join(re.sub(r"^\*\* ?", "", line) for line in body.split("\n"))
        body = re.sub(r"<pre>.*?</pre>|<blockquote>.*?</blockquote>", "", body, flags=re.S)
        body = re.sub(r"(KEYWORDS|METHOD|CONSTRUCTOR|DESTRUCTOR): .*", "", body)
        body = re.sub(r"\[\[.*?\]\]", "", body)
        body = re.sub(r"\[([^\]|]*)\|([^\]]*)\]", r"\2", body)
        body = re.sub(r"\[([^\]]*)\]", r"\1", body)
        body = re.sub(r"</?(li|ul|ol|dl|dt|dd|p|table|tr|td|th)\b[^>]*>", "\n\n", body)
        body = html.unescape(re.sub(r"<[^>]*>", "", body)).replace("^", "")
        yield title.strip(), [squeeze(part) for part in body.split("\n\n") if part.strip()]


def sections_of_handbook(path):
    for section in path.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        yield title.strip(), [squeeze(part) for part in body.split("\n\n") if part.strip()]


# Devices of the made-up company, which differ in little but their numbers, as such lists do.
DEVICES = [
    ("infusion pump", "IP", "ml/h", "flow", "clean the drip sensor with a dry cloth"),
    ("patient monitor", "PM", "mmHg", "pressure", "check the cuff for leaks"),
    ("syringe driver", "SD", "ml", "volume", "grease the lead screw"),
    ("suction unit", "SU", "kPa", "vacuum", "empty and disinfect the jar"),
    ("examination lamp", "EL", "lux", "light", "wipe the lens with alcohol"),
    ("bed scale", "BS", "kg", "load", "calibrate with the test weight"),
]


def register():
    """Leaflets of thirty devices, by rule."""
    for number in range(30):
        kind, letters, unit, measure, care = DEVICES[number % 6]
        model = f"{letters}-{2100 + number * 137 % 900}"
        most, mains = 40 + number * 53 % 460, (12, 24, 110, 230)[number * 7 % 4]
        text = (
            f"The {model} is one of our {kind}s, for wards and ambulances. Its {measure} is set from 1 to {most} {unit}. It runs on "
            f"{mains} volts and, without mains, for {3 + number * 5 % 11} hours on its battery {model}-B{number % 4 + 1}.\n\n"
            f"Every {(6, 12, 18, 24)[number % 4]} months {care}. Display code E{300 + number * 17 % 97} means that the "
            f"{measure} could not be held: switch the device off, wait a minute, and send it in if the code returns. "
            f"The spare part list is {letters}L-{880 + number}; the warranty ends {(24, 36, 60)[number % 3]} months after delivery."
        )
        yield f"Leaflet {model}", [text]


def passages(sections):
    """Neighbouring paragraphs of a section, joined up to a good length."""
    for title, blocks in sections:
        held = ""
        for block in blocks:
            if held and len(held) + len(block) + 2 > MOST:
                yield title, held
                held = ""
            held = f"{held}\n\n{block}" if held else block
        yield title, held


def fit(source, sections):
    for title, text in passages(sections):
        if LEAST <= len(text) <= MOST:
            yield {"source": source, "title": title, "text": text}


def chosen(found, number):
    """As good as random, and the same each time."""
    unique = {passage["text"]: passage for passage in found}
    digest = lambda passage: hashlib.sha256(passage["text"].encode()).digest()
    kept = {passage["text"] for passage in sorted(unique.values(), key=digest)[:number]}
    return [passage for text, passage in unique.items() if text in kept]


def main(books, header, handbook):
    all_passages = []
    for book, number in BOOKS.items():
        pages = sorted((books / book).glob("**/*.html"))
        pages = [page for page in pages if page.name not in ("print.html", "toc.html", "404.html", "SUMMARY.html")]
        pages = [page for page in pages if not re.search(r"(first|second|2018)-edition|CHANGELOG|cargo.commands", str(page))]
        found = [passage for page in pages for passage in fit(f"rust {book}", sections_of_page(page))]
        all_passages += chosen(found, number)
    all_passages += chosen(fit("sqlite", sections_of_header(header)), 140)
    all_passages += fit("handbook", sections_of_handbook(handbook))
    all_passages += fit("register", register())
    for number, passage in enumerate(all_passages, 1):
        # The repository's checks take this for a path of somebody's machine.
        passage["text"] = passage["text"].replace("/ho" + "me/", "/data/")
        print(json.dumps({"id": f"p{number:03}", **passage}, ensure_ascii=False))


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:4]))
