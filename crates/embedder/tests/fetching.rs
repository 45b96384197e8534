//! Fetching a model's files from sources that are complete, damaged, or unresponsive.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use carrel_embedder::catalog::MINILM;
use carrel_embedder::fetch::{FetchError, FetchSources, Progress, fetch, is_complete};
use carrel_embedder::testing::model_dir;

const NOWHERE: FetchSources = FetchSources { directory: None, hub: None, python: false };

fn from_directory(directory: impl Into<PathBuf>) -> FetchSources {
    FetchSources { directory: Some(directory.into()), ..NOWHERE }
}

/// Returns the names of the files in a directory, without the lock file.
fn names(directory: &Path) -> Vec<String> {
    let names = directory.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name != ".lock");
    names.sort();
    names
}

/// Serves files from `directory` by the last segment of the path, after a redirect.
fn serve(directory: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let moved = format!("{base}/moved");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap();
            let path = request.split(' ').nth(1).unwrap();
            let head = |status: &str, more: &str| {
                format!("HTTP/1.1 {status}\r\nconnection: close\r\n{more}\r\n")
            };
            if !path.starts_with("/moved") {
                let location = format!("location: {moved}{path}\r\ncontent-length: 0\r\n");
                stream.write_all(head("302 Found", &location).as_bytes()).unwrap();
                continue;
            }
            let file = directory.join(path.rsplit('/').next().unwrap());
            let Ok(content) = std::fs::read(file) else {
                stream
                    .write_all(head("404 Not Found", "content-length: 0\r\n").as_bytes())
                    .unwrap();
                continue;
            };
            let length = format!("content-length: {}\r\n", content.len());
            stream.write_all(head("200 OK", &length).as_bytes()).unwrap();
            // Writing fails if the client closes the connection because the file is too large.
            let _ = stream.write_all(&content);
        }
    });
    base
}

#[tokio::test]
async fn files_are_copied_from_a_directory_and_then_kept() {
    let into = tempfile::tempdir().unwrap();
    let target = into.path().join("models/deep/down");
    let events = Mutex::new(Vec::new());
    let record = |progress| events.lock().unwrap().push(progress);
    fetch(&MINILM, &target, &from_directory(model_dir()), record).await.unwrap();
    assert_eq!(names(&target), ["model.safetensors", "vocab.txt"]);
    assert!(is_complete(&MINILM, &target).await);
    let events = events.into_inner().unwrap();
    for file in MINILM.files {
        let (name, total) = (file.name, file.size);
        assert!(events.contains(&Progress::Read { file: name, bytes: total, total }));
        assert!(events.contains(&Progress::Placed { file: name }));
    }
    fetch(&MINILM, &target, &NOWHERE, |progress| panic!("{progress:?}")).await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_replaced_and_never_accepted() {
    let into = tempfile::tempdir().unwrap();
    let from = tempfile::tempdir().unwrap();
    for file in MINILM.files {
        std::fs::copy(model_dir().join(file.name), from.path().join(file.name)).unwrap();
    }
    let vocabulary = from.path().join("vocab.txt");
    let whole = std::fs::read(&vocabulary).unwrap();
    let mut altered = whole.clone();
    altered[1000] ^= 1;
    let longer = [&whole[..], b"x"].concat();
    for (damaged, reason) in [
        (&altered[..], "vocab.txt does not have the expected SHA-256"),
        (&whole[1..], "vocab.txt has 231507 bytes instead of 231508"),
        (&longer, "vocab.txt is larger than the 231508 bytes it should have"),
    ] {
        std::fs::write(&vocabulary, damaged).unwrap();
        std::fs::write(into.path().join("vocab.txt"), damaged).unwrap();
        let error =
            fetch(&MINILM, into.path(), &from_directory(from.path()), |_| {}).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(!is_complete(&MINILM, into.path()).await);
    }
    // Intact files are kept, and damaged ones leave nothing behind.
    assert_eq!(names(into.path()), ["model.safetensors", "vocab.txt"]);
    fetch(&MINILM, into.path(), &from_directory(model_dir()), |_| {}).await.unwrap();
    assert!(is_complete(&MINILM, into.path()).await);
}

#[tokio::test]
async fn files_are_fetched_from_a_mirror_through_redirects() {
    let into = tempfile::tempdir().unwrap();
    let sources = FetchSources { hub: Some(serve(model_dir()) + "/"), ..NOWHERE };
    fetch(&MINILM, into.path(), &sources, |_| {}).await.unwrap();
    assert!(is_complete(&MINILM, into.path()).await);
}

#[tokio::test]
async fn a_mirror_that_sends_something_else_is_refused() {
    let (into, from) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(from.path().join("model.safetensors"), vec![0; 100_000_000]).unwrap();
    let sources = FetchSources { hub: Some(serve(from.path().into())), ..NOWHERE };
    let error = fetch(&MINILM, into.path(), &sources, |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("larger than the 90868376 bytes"), "{error}");
    assert!(names(into.path()).is_empty());
}

#[tokio::test]
async fn one_source_provides_what_another_lacks() {
    let (into, from) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::copy(model_dir().join("model.safetensors"), from.path().join("model.safetensors"))
        .unwrap();
    let sources = FetchSources { hub: Some(serve(model_dir())), ..from_directory(from.path()) };
    fetch(&MINILM, into.path(), &sources, |_| {}).await.unwrap();
    assert!(is_complete(&MINILM, into.path()).await);
}

#[tokio::test]
async fn the_error_names_each_source_with_its_reason() {
    let (into, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = serve(empty.path().into());
    let sources = FetchSources { hub: Some(hub.clone()), ..from_directory(empty.path()) };
    let error = fetch(&MINILM, into.path(), &sources, |_| {}).await.unwrap_err();
    let FetchError::Sources(attempts) = &error else { panic!("{error}") };
    assert_eq!(attempts.0.len(), 2);
    let text = error.to_string();
    assert!(text.starts_with("failed to fetch the model from any source\n"), "{text}");
    assert!(text.contains(&format!("the directory {}: ", empty.path().display())), "{text}");
    assert!(text.contains(&format!("{hub}: ")) && text.contains("404"), "{text}");
}

#[tokio::test]
async fn an_unwritable_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = fetch(&MINILM, &file, &NOWHERE, |_| {}).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("failed to write to {}: ", file.display())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_fetches_do_the_work_once() {
    let into = tempfile::tempdir().unwrap();
    let placed = Mutex::new(0);
    let one = || fetch_counting(into.path(), &placed);
    let (first, second, third) = tokio::join!(one(), one(), one());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(placed.into_inner().unwrap(), MINILM.files.len());
    assert!(is_complete(&MINILM, into.path()).await);
}

async fn fetch_counting(into: &Path, placed: &Mutex<usize>) -> Result<(), FetchError> {
    let record = |progress| {
        if matches!(progress, Progress::Placed { .. }) {
            *placed.lock().unwrap() += 1;
        }
    };
    fetch(&MINILM, into, &from_directory(model_dir()), record).await
}
