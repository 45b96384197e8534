"""Makes pictures with known texts: `make.py FOLDER`.

LibreOffice lays pages out, `pdftoppm` draws them at 100, 150 and 300 dpi, and ImageMagick turns, compresses and photographs them.
Chromium makes pictures of screens. Each picture LANGUAGE-LAYOUT-TREATMENT.png or .jpg has its text beside it in a file .txt, with
its lines in the order in which a person reads them.
"""
import pathlib
import shutil
import subprocess
import sys

from layouts import document, screen
from texts import TEXTS

LATIN = ("en", "de", "fr")
NOISE = ["-attenuate", "0.35", "+noise", "Gaussian", "-quality", "35"]
# A sheet of paper on a table, seen from one side, unevenly lit, by a small camera.
PHOTOGRAPH = [
    "-virtual-pixel", "background", "-background", "#8a7f70", "-distort", "Perspective",
    "0,0 60,40  {w},0 {w:-90},70  0,{h} 20,{h:-30}  {w},{h} {w:-20},{h:-80}",
    "(", "-size", "{w}x{h}", "gradient:#ffffff-#b9b4a8", ")", "-compose", "multiply", "-composite",
    "-attenuate", "0.15", "+noise", "Gaussian", "-blur", "0x0.6", "-quality", "70",
]
# The treatments of a layout: the resolution in dpi, the arguments of ImageMagick, and the file type.
TREATMENTS = {
    "100": (100, None, "png"),
    "150": (150, None, "png"),
    "300": (300, None, "png"),
    "turned2": (150, ["-background", "white", "-rotate", "2"], "png"),
    "turned90": (150, ["-rotate", "90"], "png"),
    "noise": (150, NOISE, "jpg"),
    "photograph": (200, PHOTOGRAPH, "jpg"),
}
LAYOUTS = {
    "page": list(TREATMENTS),
    "columns": ["150", "300"],
    "table": ["150", "300"],
    "small": ["150", "300"],
    "receipt": ["150", "noise", "photograph"],
}
# Of other scripts.
OTHER_LAYOUTS = {"page": ["100", "150", "300", "turned2", "noise"], "table": ["150"]}


class Length(int):
    """A number of pixels that a format such as `{w:-90}` adds to."""

    def __format__(self, change):
        return str(int(self) + int(change or 0))


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def draw(pdf, dpi, path):
    run("pdftoppm", "-r", str(dpi), "-png", "-singlefile", str(pdf), str(path.with_suffix("")))


def treat(path, arguments, kind):
    """Changes a picture by ImageMagick, and gives the new one."""
    size = subprocess.run(["identify", "-format", "%w %h", str(path)], check=True, capture_output=True, text=True)
    width, height = (Length(number) for number in size.stdout.split())
    treated = path.with_suffix(f".treated.{kind}")
    # The noise of every run is the same.
    run("convert", str(path), "-seed", "7", *(argument.format(w=width, h=height) for argument in arguments), str(treated))
    path.unlink()
    treated.rename(path.with_suffix(f".{kind}"))


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / "work"
    work.mkdir(exist_ok=True)
    layouts = {language: LAYOUTS if language in LATIN else OTHER_LAYOUTS for language in TEXTS}
    texts = {}
    for language, wanted in layouts.items():
        for layout in wanted:
            content, lines = document(language, layout)
            (work / f"{language}-{layout}.fodt").write_text(content, encoding="utf-8")
            texts[language, layout] = "\n".join(lines)
    files = sorted(map(str, work.glob("*.fodt")))
    run("soffice", f"-env:UserInstallation={(work / 'profile').resolve().as_uri()}", "--headless", "--convert-to", "pdf", "--outdir", str(work), *files)
    for (language, layout), text in texts.items():
        for treatment in layouts[language][layout]:
            dpi, arguments, kind = TREATMENTS[treatment]
            path = folder / f"{language}-{layout}-{treatment}.png"
            draw(work / f"{language}-{layout}.pdf", dpi, path)
            if arguments:
                treat(path, arguments, kind)
            path.with_suffix(".txt").write_text(text, encoding="utf-8")
    for language in LATIN:
        for shade in ("light", "dark"):
            content, lines = screen(language, shade == "dark")
            page, path = work / f"{language}-{shade}.html", folder / f"{language}-screen-{shade}.png"
            page.write_text(content, encoding="utf-8")
            run("chromium", "--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=960,720", f"--screenshot={path}", page.resolve().as_uri())
            path.with_suffix(".txt").write_text("\n".join(lines), encoding="utf-8")
    shutil.rmtree(work)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
