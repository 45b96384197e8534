"""Makes recordings whose words are known: NAME.wav and NAME.txt in a folder.

    python recordings.py FOLDER [SPEAK]

They are spoken by `espeak-ng` and `flite`, and by a voice of Piper where SPEAK names a program that takes a text and the
path of a WAV file (`cargo build --release -p carrel-speech --example speak`). `sox` adds noise to some of them.
"""

import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(sys.argv[1])
SPEAK = sys.argv[2:]

ENGLISH = [
    "The maintenance agreement begins on the first of March and ends after two years. Either party may terminate it "
    "with three months' notice. The supplier answers every request within eight hours on working days.",
    "We visited the old harbour yesterday morning. The water was calm, and several fishing boats had already returned. "
    "An elderly man sold fresh herring from a wooden table near the bridge.",
    "To replace the filter, switch off the pump and close both valves. Remove the four screws, lift the cover, and "
    "take out the used cartridge. Clean the seal before you insert the new one.",
    "The committee discussed the budget for the coming year. Most members supported the proposal to repair the school "
    "roof first. The library will have to wait until the autumn.",
    "Plants need light, water and minerals. Their leaves turn sunlight into sugar, and their roots draw water from "
    "the soil. Without bees and other insects many of them would never bear fruit.",
    "Please remember that the office is closed on Friday. Send your invoices to the accounting department before "
    "Thursday evening. Questions about travel expenses should go to the front desk.",
]
OTHERS = {
    "de": "Der Vertrag beginnt am ersten März und endet nach zwei Jahren. Beide Seiten können ihn mit einer Frist von "
    "drei Monaten kündigen. Die Werkstatt bleibt am Montag geschlossen.",
    "fr": "Le contrat commence le premier mars et se termine après deux ans. Les deux parties peuvent le résilier avec "
    "un préavis de trois mois. Le bureau est fermé le lundi.",
    "es": "El contrato empieza el primero de marzo y termina después de dos años. Las dos partes pueden rescindirlo con "
    "un aviso de tres meses. La oficina está cerrada los lunes.",
}
VOICES = {
    "espeak-us": ["espeak-ng", "-v", "en-us", "-s", "150", "-w"],
    "espeak-gb": ["espeak-ng", "-v", "en-gb", "-s", "160", "-w"],
    "flite-slt": ["flite", "-voice", "slt", "-o"],
    "flite-awb": ["flite", "-voice", "awb", "-o"],
}


def spoken(voice, text, path):
    if voice[0] == "flite":
        subprocess.run([*voice, path, "-t", text], check=True)
    else:
        subprocess.run([*voice, path, text], check=True)


def noisy(name, text, level):
    """A copy with pink noise of that loudness."""
    path = FOLDER / f"{name}.wav"
    rate = subprocess.run(["soxi", "-r", path], check=True, capture_output=True, text=True).stdout.strip()
    length = subprocess.run(["soxi", "-D", path], check=True, capture_output=True, text=True).stdout.strip()
    noise = FOLDER / "noise.tmp.wav"
    synth = ["synth", length, "pinknoise", "vol", level]
    subprocess.run(["sox", "-R", "-n", "-r", rate, "-c", "1", "-b", "16", noise, *synth], check=True)
    copy = f"{name}-noise"
    subprocess.run(["sox", "-m", "-v", "0.7", path, noise, FOLDER / f"{copy}.wav"], check=True)
    noise.unlink()
    (FOLDER / f"{copy}.txt").write_text(text)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    voices = dict(VOICES)
    if SPEAK:
        voices["piper"] = None
    for voice, command in voices.items():
        for number, text in enumerate(ENGLISH):
            name = f"en-{voice}-{number}"
            path = FOLDER / f"{name}.wav"
            if command:
                spoken(command, text, path)
            else:
                subprocess.run([*SPEAK, text, path], check=True)
            (FOLDER / f"{name}.txt").write_text(text)
            if number % 3 == 0:
                noisy(name, text, "0.05")
    for language, text in OTHERS.items():
        name = f"{language}-espeak"
        spoken(["espeak-ng", "-v", language, "-s", "145", "-w"], text, FOLDER / f"{name}.wav")
        (FOLDER / f"{name}.txt").write_text(text)


main()
