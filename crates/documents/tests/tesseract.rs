//! Reads pictures with the real Tesseract, and checks the refusals when it fails.
//!
//! These tests need Debian's packages `tesseract-ocr`, `tesseract-ocr-deu` and `tesseract-ocr-ara`.
//! A test that lacks one is skipped and says so.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use carrel_documents::{Limits, Ocr, Tesseract, extract_with_pictures};
use carrel_domain::Result;
use carrel_domain::document::Extracted;

const LIMITS: Limits = Limits { file: 8 << 20, text: 1 << 20, inflated: 64 << 20 };

fn scan(name: &str) -> Vec<u8> {
    let scans = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/scans");
    fs::read(scans.join(name)).unwrap()
}

/// Returns the program, if it is installed with these languages.
fn program(languages: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join("tesseract"));
    let Some(program) = found.into_iter().find(|path| path.is_file()) else {
        eprintln!("skipped: tesseract is not installed (apt-get install tesseract-ocr)");
        return None;
    };
    let listed = Command::new(&program).arg("--list-langs").output().unwrap().stdout;
    let listed = String::from_utf8(listed).unwrap();
    for language in languages {
        if !listed.lines().any(|line| line == *language) {
            eprintln!(
                "skipped: tesseract lacks a language (apt-get install tesseract-ocr-{language})"
            );
            return None;
        }
    }
    Some(program)
}

fn read(name: &str, content: &[u8], program: PathBuf, languages: &str) -> Result<Vec<Extracted>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    let tesseract = Tesseract { program, languages: languages.to_owned() };
    let ocr = Ocr::Tesseract { tesseract, seconds: 60 };
    extract_with_pictures(name, file.path(), LIMITS, &ocr)
}

fn refusal(content: &[u8], program: PathBuf, languages: &str) -> String {
    read("a.png", content, program, languages).unwrap_err().to_string()
}

/// Creates a program that runs the script when it is given a picture.
fn script(directory: &Path, body: &str) -> PathBuf {
    let path = directory.join("tesseract");
    let listing = "if [ \"$1\" = --list-langs ]; then echo 'eng'; exit; fi";
    fs::write(&path, format!("#!/bin/sh\n{listing}\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_page_is_read_with_its_table() {
    let Some(program) = program(&["eng", "deu"]) else { return };
    for name in ["scan.png", "scan.jpg", "scan.heic"] {
        let documents = read(name, &scan(name), program.clone(), "eng,deu").unwrap();
        let text = &documents[0].text;
        assert!(text.contains("Maintenance agreement no. 2026-0417"), "{name}: {text}");
        assert!(text.contains("Prüfung der Verträge übernimmt Frau Größe"), "{name}: {text}");
        assert!(text.contains("Bearing 6204"), "{name}: {text}");
        assert_eq!(documents[0].warnings, [""; 0]);
    }
}

#[test]
fn scripts_are_read_in_their_direction() {
    let Some(program) = program(&["ara"]) else { return };
    let documents = read("a.png", &scan("arabic.png"), program, "ara").unwrap();
    let text = &documents[0].text;
    assert!(text.contains("هذا عقد جديد بين الطرفين"), "{text}");
}

#[test]
fn a_language_that_is_not_installed_is_named_with_its_package() {
    let Some(program) = program(&["eng"]) else { return };
    let documents = read("a.png", &scan("scan.png"), program.clone(), "eng,xyz").unwrap();
    let expected = "Text in its pictures that is in the language xyz was not read: tesseract lacks the language xyz \
                    (on Debian, `apt-get install tesseract-ocr-xyz` installs it).";
    assert_eq!(documents[0].warnings, [expected]);
    let refused = refusal(&scan("scan.png"), program, "xyz");
    assert!(refused.contains("lacks the language xyz"), "{refused}");
    assert!(refused.contains("`apt-get install tesseract-ocr-xyz`"), "{refused}");
}

#[test]
fn a_missing_program_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), scan("scan.png")).unwrap();
    let ocr = Ocr::NoProgram { languages: "eng,ara".to_owned() };
    let refused =
        extract_with_pictures("a.png", file.path(), LIMITS, &ocr).unwrap_err().to_string();
    let command = "`apt-get install tesseract-ocr tesseract-ocr-eng tesseract-ocr-ara`";
    assert!(
        refused.contains("tesseract is not installed") && refused.contains(command),
        "{refused}"
    );
}

#[test]
fn a_failure_of_the_program_is_a_refusal() {
    let directory = tempfile::tempdir().unwrap();
    let failed = "a.png cannot be read as a picture: tesseract failed to read it (the log of the server has the \
                  reason).";
    for body in ["exit 3", "kill -SEGV $$", "printf '\\377\\376'", "exec yes"] {
        let program = script(directory.path(), body);
        assert_eq!(refusal(&scan("scan.png"), program, "eng"), failed, "{body}");
    }
    let nonsense = script(directory.path(), "cat >/dev/null; echo nonsense");
    let empty = refusal(&scan("scan.png"), nonsense, "eng");
    assert_eq!(empty, "No text content found in a.png. No text was found in the picture.");
}

/// Says what it has reached, as a row of the table.
const REACH: &str = r#"cat >/dev/null
reached=nothing
cat SECRET >/dev/null 2>&1 && reached=secret
(: >SECRET.new) 2>/dev/null && reached=writing
ls /etc >/dev/null 2>&1 && reached=folders
cat /proc/$PPID/environ >/dev/null 2>&1 && reached=environment
kill -0 $PPID 2>/dev/null && reached=signals
perl -e 'use Socket; exit !socket(my $s, PF_INET, SOCK_STREAM, 0)' && reached=sockets
perl -e 'use Socket; exit !socket(my $s, PF_UNIX, SOCK_DGRAM, 0)' && reached=sockets
printf '5\t1\t1\t1\t1\t1\t10\t10\t100\t20\t95\t%s\n' "$reached""#;

#[test]
#[cfg(target_os = "linux")]
fn a_program_that_tries_reaches_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret.key");
    fs::write(&secret, "secret").unwrap();
    let program = script(directory.path(), &REACH.replace("SECRET", secret.to_str().unwrap()));
    let free = Command::new(&program).stdin(std::process::Stdio::null()).output().unwrap();
    assert!(String::from_utf8(free.stdout).unwrap().ends_with("\tsockets\n"), "it can try");
    fs::remove_file(directory.path().join("secret.key.new")).unwrap();
    let documents = read("a.png", &scan("scan.png"), program, "eng").unwrap();
    assert_eq!(documents[0].text.trim(), "nothing");
    assert!(!directory.path().join("secret.key.new").exists());
}

#[test]
fn a_program_that_takes_too_long_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let program = script(directory.path(), "exec sleep 1000");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), scan("scan.png")).unwrap();
    let tesseract = Tesseract { program, languages: "eng".to_owned() };
    let ocr = Ocr::Tesseract { tesseract, seconds: 1 };
    let start = Instant::now();
    let refused =
        extract_with_pictures("a.png", file.path(), LIMITS, &ocr).unwrap_err().to_string();
    assert!(refused.contains("1 seconds allowed (CARREL_OCR_TIMEOUT)"), "{refused}");
    assert!(start.elapsed().as_secs() < 30);
}
