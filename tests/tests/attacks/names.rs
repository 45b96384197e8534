//! Names used as paths: in the path, in the query, and in forms. Names in bodies are in `bodies`.
use std::path::Path;

use anyhow::Result;
use e2e::openapi::{Operation, encoded};
use e2e::send;

use super::{Target, assert_unbroken, backend};

/// Paths that lead out of a directory, in every notation that some program has followed.
pub const NAMES: [&str; 30] = [
    "..",
    ".",
    "/",
    "../",
    "../canary.json",
    "../../canary.json",
    "custom-documents/../../canary.json",
    "custom-documents/../canary.json",
    "....//....//canary.json",
    "..././..././canary.json",
    "..\\canary.json",
    "custom-documents\\..\\..\\canary.json",
    "/etc/passwd",
    "//etc/passwd",
    "\\\\server\\share",
    "C:\\Windows\\win.ini",
    "file:///etc/passwd",
    "%2e%2e%2fcanary.json",
    "%252e%252e%252fcanary.json",
    "..%c0%afcanary.json",
    "．．／canary.json",
    "..\u{2215}canary.json",
    "custom-documents/canary.json\u{0}.txt",
    "carrel.db",
    "../carrel.db",
    "carrel.db-wal",
    ".env",
    "../.env",
    "../secret.key",
    "-rf --help `id` $(id)",
];

async fn attack(target: &Target, operation: &Operation, path: &str, what: &str) -> Result<()> {
    let request = target.server.admin().request(operation.method.clone(), path);
    let request = match operation.takes("application/json") {
        true => request.json(&operation.body),
        false => request,
    };
    assert_unbroken(operation, &send(request).await?, what);
    Ok(())
}

#[tokio::test]
async fn no_name_in_a_path_or_query_leads_outside() -> Result<()> {
    let target = Target::new(backend()).await?;
    let before = target.guarded().await?;
    let documents = target.server.document_files()?;
    let mut tried = 0;
    for operation in &target.operations {
        let others = ["' OR 1=1 --", "-1", "99999999999999999999", "NaN", "é", " ", "{}", "[]"];
        for name in NAMES.iter().chain(&others) {
            if operation.path.contains('{') {
                // As one segment and as several.
                let path = operation.path_with(|_| (*name).to_owned());
                attack(&target, operation, &path, &path).await?;
                let path = path.replace("%2F", "/").replace("%5C", "\\");
                attack(&target, operation, &path, &path).await?;
                tried += 2;
            }
            for query in &operation.query {
                let path = format!("{}?{query}={}", target.path(operation), encoded(name));
                attack(&target, operation, &path, &path).await?;
                tried += 1;
            }
        }
        for query in &operation.query {
            let twice = format!(
                "{0}?{query}=1&{query}=9999&{query}[]=1&{query}[$ne]=1",
                target.path(operation)
            );
            attack(&target, operation, &twice, &twice).await?;
        }
        assert_eq!(target.failures()?, [""; 0], "{} {}", operation.method, operation.path);
    }
    assert!(tried > 2000, "{tried}");
    let after = target.guarded().await?;
    assert_eq!((after.admins, after.files), (before.admins, before.files));
    let left = target.server.document_files()?;
    assert!(documents.iter().all(|file| left.contains(file)), "{documents:?} {left:?}");
    Ok(())
}

#[tokio::test]
async fn no_name_of_an_uploaded_file_leads_outside() -> Result<()> {
    let target = Target::new(backend()).await?;
    let before = target.guarded().await?;
    let mut names: Vec<Vec<u8>> = NAMES.iter().map(|name| name.as_bytes().to_vec()).collect();
    // Latin-1, overlong UTF-8, and characters that become `../` when their upper bytes are dropped.
    names.extend(
        [&b"\xe9\xe8.txt"[..], b"..\xc0\xaf..\xc0\xafx.txt", b"\xff\xfe.txt"].map(Vec::from),
    );
    names.push("丮丮\u{4e2f}x.txt".as_bytes().to_vec());
    names.push(vec![b'x'; 70_000]);
    for operation in target.operations.iter().filter(|o| o.takes("multipart/form-data")) {
        for name in &names {
            for (before, after) in [
                (&b"filename=\""[..], &b"\""[..]),
                (b"filename=", b""),
                (b"filename*=UTF-8''", b""),
                (b"filename=\"a.txt\"; filename*=UTF-8''", b""),
                (b"filename=\"a.txt\"; filename=\"", b"\""),
                (b"filename*=ISO-8859-1'en'", b""),
                (b"filename*0=\"..\"; filename*1=\"", b"\""),
            ] {
                let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; ".to_vec();
                body.extend([before, name, after].concat());
                body.extend(b"\r\nContent-Type: text/plain\r\n\r\nhoney\r\n--b--\r\n");
                let path = target.path(operation);
                let request = target.server.admin().request(operation.method.clone(), &path);
                let request = request.header("content-type", "multipart/form-data; boundary=b");
                let what = String::from_utf8_lossy(name).chars().take(60).collect::<String>();
                assert_unbroken(operation, &send(request.body(body)).await?, &what);
            }
        }
    }
    assert_eq!(target.failures()?, [""; 0]);
    assert_eq!(target.guarded().await?.files, before.files);
    // Directly in a folder of the library.
    let root = target.server.storage().join("documents");
    for file in target.server.document_files()? {
        let folder = file.parent().and_then(Path::parent);
        assert_eq!(folder, Some(&*root), "{}", file.display());
        assert!(file.extension().is_some_and(|kind| kind == "json"), "{}", file.display());
    }
    Ok(())
}
