//! Tests of confinement: a worker that tries everything, and one that reads every kind of file.
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rustix::process::{Resource, Rlimit, Signal};

use super::super::child::watched;
use super::super::{Output, Work};
use super::*;
use crate::extract::{Limits, Opened, ReadingModels, draw_page, extract};

/// Variable with the task of a test's process: `everything`, `filter`, `landlock` or `read`.
const TASK: &str = "CARREL_TEST_CONFINED";
/// Variable with a file that the process must not reach.
const SECRET: &str = "CARREL_TEST_SECRET";
/// Variable with an address that accepts connections.
const ADDRESS: &str = "CARREL_TEST_ADDRESS";

const LIMITS: Limits = Limits { file: 8 << 20, text: 1 << 20, inflated: 64 << 20 };

fn job(extension: &str) -> Job {
    let parent = parent().cast_unsigned();
    let (memory, seconds, models) = (1 << 30, 60, ReadingModels::none());
    let (extension, limits, total_seconds) = (extension.to_owned(), LIMITS, seconds);
    Job {
        extension,
        limits,
        memory,
        seconds,
        models,
        total_seconds,
        processor_seconds: total_seconds,
        parent,
        work: Work::Read,
    }
}

/// Returns the id of the test process that started this one.
fn parent() -> i32 {
    variable("PARENT").parse().unwrap()
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Does nothing unless one of the tests below starts it.
#[test]
fn inside() {
    match variable(TASK).as_str() {
        "" => return,
        "everything" => {
            // Landlock may be missing; every kernel that runs tests supports the filter.
            let missing = confine(&job("pdf")).unwrap();
            assert!(missing.iter().all(|name| *name == "Landlock"), "{missing:?}");
            reach_for_files();
            reach_for_connections();
            reach_for_processes();
        }
        // Each alone, so that one cannot hide a defect of the other.
        "filter" => {
            filter::install().unwrap().unwrap();
            reach_for_files();
            reach_for_connections();
            reach_for_processes();
        }
        "landlock" => match landlock::restrict().unwrap() {
            Ok(()) => reach_for_files(),
            Err(feature) => println!("left out, as this kernel lacks {feature}"),
        },
        "read" => read_all(),
        other => panic!("{other} is no task"),
    }
    println!("nothing was reached");
}

fn reach_for_files() {
    let secret = PathBuf::from(variable(SECRET));
    let refused = [
        ("a file", File::open("/etc/hostname").map(drop)),
        ("the secret", fs::read(&secret).map(drop)),
        ("its own memory", File::open("/proc/self/mem").map(drop)),
        ("its parent's memory", File::open(format!("/proc/{}/mem", parent())).map(drop)),
        ("a new file", File::create(secret.with_file_name("new")).map(drop)),
        ("a folder", fs::read_dir("/").map(drop)),
        ("a removal", fs::remove_file(&secret)),
    ];
    assert_refused(refused);
}

fn reach_for_connections() {
    let address = variable(ADDRESS);
    let path = Path::new(&variable(SECRET)).with_file_name("socket");
    assert_refused([
        ("a connection", TcpStream::connect(address).map(drop)),
        ("a port", TcpListener::bind("127.0.0.1:0").map(drop)),
        ("a datagram", UdpSocket::bind("127.0.0.1:0").map(drop)),
        ("a local connection", UnixStream::connect(path).map(drop)),
        ("a pair of sockets", UnixStream::pair().map(drop)),
        ("whether a file exists", fs::metadata("/").map(drop)),
    ]);
}

fn reach_for_processes() {
    let parent = rustix::process::Pid::from_raw(parent()).unwrap();
    let traced =
        nix::sys::ptrace::attach(nix::unistd::Pid::from_raw(parent.as_raw_nonzero().get()));
    let raised = Rlimit { current: Some(64), maximum: Some(64) };
    assert_refused([
        ("a program", Command::new("/bin/true").spawn().map(drop)),
        ("tracing its parent", traced.map_err(io::Error::from)),
        ("a signal", rustix::process::kill_process(parent, Signal::USR1).map_err(io::Error::from)),
        (
            "more files",
            rustix::process::setrlimit(Resource::Nofile, raised).map_err(io::Error::from),
        ),
    ]);
}

fn assert_refused<const N: usize>(attempts: [(&str, io::Result<()>); N]) {
    for (what, outcome) in attempts {
        assert!(outcome.is_err(), "{what} was reached");
    }
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let entries = fs::read_dir(folder.join("made")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.collect();
    paths.extend(["scan.jpg", "scan.png", "scan.tiff"].map(|name| folder.join("scans").join(name)));
    let talks = ["film.mp4", "talk.mp3", "talk.opus"];
    paths.extend(talks.map(|name| folder.join("recordings").join(name)));
    paths.sort();
    paths
}

/// Opens the OCR model next to `CARREL_MODEL_DIR`, if it is installed.
fn models() -> Opened {
    let directory = std::env::var_os("CARREL_MODEL_DIR").map(PathBuf::from);
    let directory = directory.map(|models| models.with_file_name(crate::ocr_model::NAME));
    let there = directory.filter(|directory| crate::ocr_model::is_complete(directory));
    let ocr = there.map_or(crate::Ocr::NoModel, |directory| crate::Ocr::Ready {
        directory,
        seconds: 60,
        languages: String::new(),
    });
    let directory = std::env::var_os("CARREL_MODEL_DIR").map(PathBuf::from);
    let directory =
        directory.map(|models| models.with_file_name(crate::speech_model::WHISPER_BASE));
    let there = directory.filter(|directory| crate::speech_model::is_complete(directory));
    let listening = there.map_or(crate::TranscriptionMode::NoModel, |directory| {
        crate::TranscriptionMode::Ready { directory, seconds: 60, threads: 2 }
    });
    Opened::of(&ReadingModels { ocr, listening }, Arc::default(), |_| {
        Err(io::Error::other("no program"))
    })
}

fn extension(path: &Path) -> &str {
    path.extension().unwrap().to_str().unwrap()
}

fn digest(outcome: &impl std::fmt::Debug) -> u64 {
    let mut hash = DefaultHasher::new();
    format!("{outcome:?}").hash(&mut hash);
    hash.finish()
}

/// Opens all files first, because nothing can be opened after confinement.
fn read_all() {
    let paths = fixtures();
    let opened = paths.iter().map(|path| (File::open(path).unwrap(), models()));
    let pdfs: Vec<_> = paths.iter().filter(|path| extension(path) == "pdf").collect();
    let pdfs: Vec<_> = pdfs.into_iter().map(|path| (path, File::open(path).unwrap())).collect();
    let files: Vec<_> = opened.collect();
    confine(&job("pdf")).unwrap();
    for (path, (file, models)) in paths.iter().zip(files) {
        let mut job = job("");
        job.extension = extension(path).to_owned();
        let name = path.file_name().unwrap().display();
        println!("read {name} {}", digest(&watched(file, job, models, &AtomicU64::new(0))));
    }
    for (path, file) in pdfs {
        let (job, name) =
            (Job { work: Work::DrawPage(1), ..job("pdf") }, path.file_name().unwrap());
        let image = watched(file, job, models(), &AtomicU64::new(0));
        println!("read {} {}", name.display(), digest(&image));
    }
}

/// Returns the output of a process of this test program that does `task`.
fn run(task: &str, secret: &Path, address: &str) -> String {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker::confine::tests::inside", "--nocapture", "--test-threads=1"])
        .env(TASK, task)
        .env(SECRET, secret)
        .env(ADDRESS, address)
        .env("PARENT", std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{task}: {stdout}{complaints}");
    assert!(stdout.contains("nothing was reached"), "{task}: {stdout}{complaints}");
    stdout
}

#[test]
fn a_confined_worker_reaches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.key");
    fs::write(&secret, "secret").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    listener.set_nonblocking(true).unwrap();
    run("everything", &secret, &address);
    run("filter", &secret, &address);
    run("landlock", &secret, &address);
    assert!(listener.accept().is_err(), "somebody came");
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert!(!folder.path().join("new").exists());
}

#[test]
fn a_confined_worker_reads_every_kind_of_file() {
    let stdout = run("read", Path::new("/"), "");
    let read: Vec<_> = stdout.lines().filter_map(|line| line.split("read ").nth(1)).collect();
    let expected = fixtures().into_iter().map(|path| {
        let file = File::open(&path).unwrap();
        let outcome = extract(extension(&path), &file, LIMITS, models());
        let outcome = digest(&outcome.map(Output::Documents));
        format!("{} {outcome}", path.file_name().unwrap().display())
    });
    let pages = fixtures().into_iter().filter(|path| extension(path) == "pdf").map(|path| {
        let image = draw_page(&File::open(&path).unwrap(), 1, LIMITS).map(Output::Page);
        format!("{} {}", path.file_name().unwrap().display(), digest(&image))
    });
    let expected: Vec<_> = expected.chain(pages).collect();
    assert!(expected.len() > 20);
    assert_eq!(read, expected);
}
