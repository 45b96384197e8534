"""Documents of LibreOffice (flat OpenDocument) with the texts in several layouts."""
import html

from texts import TEXTS

RIGHT_TO_LEFT = ("ar",)
FONTS = {
    "en": "DejaVu Serif", "de": "DejaVu Sans", "fr": "Noto Serif", "ru": "Noto Sans", "el": "Noto Serif",
    "zh": "Noto Sans CJK SC", "ja": "Noto Serif CJK JP", "ar": "Noto Naskh Arabic", "hi": "Noto Sans Devanagari",
}
RECEIPT_FONT = "DejaVu Sans Mono"
# Width, height and margin of the paper in millimetres, and the size of letters in points.
PAPERS = {
    "page": (210, 297, 22, 11),
    "columns": (210, 297, 22, 10),
    "table": (210, 297, 22, 11),
    "small": (210, 297, 18, 7),
    "receipt": (80, 130, 5, 9),
}
NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in [
        ("office", "office"), ("style", "style"), ("text", "text"), ("table", "table"),
        ("fo", "xsl-fo-compatible"), ("svg", "svg-compatible"),
    ]
)


def paragraph(style, content):
    return f'<text:p text:style-name="{style}">{content}</text:p>'


def body(layout, title, paragraphs, rows):
    """The content of a document, and the lines of its text in reading order."""
    heading = paragraph("Title", html.escape(title))
    prose = "".join(paragraph("Body", html.escape(text)) for text in paragraphs)
    if layout == "columns":
        columns = f'<text:section text:style-name="Columns" text:name="columns">{prose * 2}</text:section>'
        return heading + columns, [title, *paragraphs, *paragraphs]
    if layout == "table":
        cells = lambda row: "".join(
            f'<table:table-cell table:style-name="Cell">{paragraph("Entry", html.escape(cell))}</table:table-cell>' for cell in row
        )
        table = "".join(f"<table:table-row>{cells(row)}</table:table-row>" for row in rows)
        columns = '<table:table-column table:style-name="Wide"/>'
        columns += '<table:table-column table:style-name="Narrow"/>' * (len(rows[0]) - 1)
        table = f'<table:table table:style-name="Table">{columns}{table}</table:table>'
        return heading + table + prose, [title, *(" ".join(row) for row in rows), *paragraphs]
    if layout == "receipt":
        sales = "".join(paragraph("Sale", f"{html.escape(row[0])}<text:tab/>{html.escape(row[-1])}") for row in rows)
        return heading + sales, [title, *(f"{row[0]} {row[-1]}" for row in rows)]
    times = 6 if layout == "small" else 3
    return heading + prose * times, [title, *paragraphs * times]


def document(language, layout):
    """A document, and the lines of its text in reading order."""
    width, height, margin, points = PAPERS[layout]
    content, lines = body(layout, *TEXTS[language])
    font = RECEIPT_FONT if layout == "receipt" else FONTS[language]
    mode = "rl-tb" if language in RIGHT_TO_LEFT else "lr-tb"
    align = "right" if language in RIGHT_TO_LEFT else "left"
    inner = width - 2 * margin

    def letters(size, weight):
        scripts = [("fo:", ""), ("style:", "-asian"), ("style:", "-complex")]
        return "<style:text-properties " + " ".join(
            f'style:font-name{script}="{font}" {prefix}font-size{script}="{size}pt" {prefix}font-weight{script}="{weight}"'
            for prefix, script in scripts
        ) + "/>"

    def style(name, size=points, weight="normal", below=3, inside=""):
        return (
            f'<style:style style:name="{name}" style:family="paragraph"><style:paragraph-properties fo:margin-bottom="{below}mm" '
            f'fo:line-height="130%" style:writing-mode="{mode}" fo:text-align="{align}">{inside}</style:paragraph-properties>'
            f"{letters(size, weight)}</style:style>"
        )

    def column(name, share):
        return (
            f'<style:style style:name="{name}" style:family="table-column">'
            f'<style:table-column-properties style:rel-column-width="{share}*"/></style:style>'
        )

    tab = f'<style:tab-stops><style:tab-stop style:type="right" style:position="{inner}mm"/></style:tab-stops>'
    styles = style("Title", points + 4, "bold") + style("Body") + style("Entry", below=0) + style("Sale", below=1, inside=tab)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document {NAMESPACES} office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.text">
<office:font-face-decls><style:font-face style:name="{font}" svg:font-family="'{font}'"/></office:font-face-decls>
<office:automatic-styles>{styles}
<style:style style:name="Columns" style:family="section"><style:section-properties>
<style:columns fo:column-count="2" fo:column-gap="10mm"/></style:section-properties></style:style>
<style:style style:name="Table" style:family="table">
<style:table-properties style:width="{inner}mm" table:align="margins" style:writing-mode="{mode}"/></style:style>
{column("Wide", 3)}{column("Narrow", 2)}
<style:style style:name="Cell" style:family="table-cell">
<style:table-cell-properties fo:padding="1mm" fo:border="0.5pt solid #000000"/></style:style>
<style:page-layout style:name="Paper"><style:page-layout-properties fo:page-width="{width}mm" fo:page-height="{height}mm"
 fo:margin="{margin}mm" style:writing-mode="{mode}"/></style:page-layout></office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="Paper"/></office:master-styles>
<office:body><office:text>{content}</office:text></office:body></office:document>""", lines


def screen(language, is_dark):
    """A page of HTML with a menu, a table and prose, and the lines of its text in reading order."""
    title, paragraphs, rows = TEXTS[language]
    ink, paper, line = ("#d8dee9", "#1e222a", "#3b4252") if is_dark else ("#24292f", "#ffffff", "#d0d7de")
    table = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    prose = "".join(f"<p>{html.escape(text)}</p>" for text in paragraphs)
    return f"""<!doctype html><meta charset="utf-8"><style>
body {{ font: 14px/1.5 "DejaVu Sans"; color: {ink}; background: {paper}; margin: 24px 40px; width: 820px }}
td {{ border-bottom: 1px solid {line}; padding: 4px 16px 4px 0 }} h1 {{ font-size: 20px }}</style>
<h1>{html.escape(title)}</h1><table>{table}</table>{prose}""", [title, *(" ".join(row) for row in rows), *paragraphs]
