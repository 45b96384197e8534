//! The library without scripts: listing, adding, organizing and following documents.
use anyhow::{Context, Result};
use e2e::visitor::{PASSWORD, Page, Visitor};
use e2e::{Backend, Client, Mode, TestServer, hostile, in_both_modes, on_both_databases};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;

in_both_modes!(
    a_library_is_browsed_page_by_page,
    many_documents_are_organized_at_once,
    files_are_indexed_by_a_job_whose_progress_is_shown,
    a_large_job_is_filtered_by_state,
    invalid_requests_are_refused_with_a_message,
    omitted_parts_of_a_file_are_named,
);
on_both_databases!(the_library_is_for_managers_and_admins);

/// Starts a server with a workspace, and signs in its owner, or mia with a role in the team.
async fn visited(backend: Backend, mode: Mode, role: &str) -> Result<(TestServer, Visitor)> {
    let server = TestServer::start(backend).await?;
    let first = Visitor::first(&server, mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    if mode == Mode::Owner {
        return Ok((server, first));
    }
    let user = json!({ "username": "mia", "password": PASSWORD, "role": role });
    admin.post("/v1/admin/users/new", user).await?.ok()?;
    let mia = Visitor::signed_in(&server, "mia").await?;
    Ok((server, mia))
}

async fn add(admin: &Client, title: &str) -> Result<String> {
    let text = format!("The text of {title}.");
    let raw = json!({ "textContent": text, "metadata": { "title": title } });
    let added = admin.post("/v1/document/raw-text", raw).await?.ok()?;
    let location = added["documents"][0]["location"].as_str().context("no location")?;
    Ok(location.to_owned())
}

/// Sends files like a form.
async fn send(visitor: &mut Visitor, path: &str, files: &[(&str, &str)]) -> Result<Page> {
    let mut form = Form::new();
    for (name, content) in files {
        let part = Part::bytes(content.as_bytes().to_vec()).file_name((*name).to_owned());
        form = form.part("file", part);
    }
    visitor.send(visitor.request(Method::POST, path).multipart(form)).await
}

/// Waits until a page contains a text.
async fn until(visitor: &mut Visitor, path: &str, text: &str) -> Result<Page> {
    for _ in 0..600 {
        let page = visitor.get(path).await?;
        if page.says(text) {
            return Ok(page);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("{path} never says {text}: {}", visitor.get(path).await?.text)
}

async fn omitted_parts_of_a_file_are_named(backend: Backend, mode: Mode) -> Result<()> {
    let (server, mut mia) = visited(backend, mode, "manager").await?;
    let admin = server.admin();
    let mail = "Subject: Plans\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=x\r\n\r\n\
        --x\r\nContent-Type: text/plain\r\n\r\nSee there.\r\n--x\r\n\
        Content-Disposition: attachment; filename=\"<b>.dwg\"\r\n\r\n1\r\n--x--\r\n";
    let into = [("addToWorkspaces", "alpha")];
    let added = admin.upload("plans.eml", mail.as_bytes(), &into).await?.ok()?;
    let expected =
        json!(["The embedded file <b>.dwg was not read: files of type .dwg are not read."]);
    assert_eq!(added["documents"][0]["warnings"], expected);
    let name = added["documents"][0]["name"].as_str().context("no name")?;
    let found = admin.get(&format!("/v1/document/{name}")).await?.ok()?;
    assert_eq!(found["document"]["warnings"], expected);
    let listed = admin.get("/v1/documents/folder/custom-documents").await?.ok()?;
    assert_eq!(listed["documents"][0]["warnings"], expected);
    // The other dialect does not return warnings.
    let found = admin.get(&format!("/api/v1/document/{name}")).await?.ok()?;
    assert!(found["document"].get("warnings").is_none(), "{found}");
    add(admin, "Whole").await?;

    let list = mia.get("/documents").await?;
    assert_eq!(list.text.matches("1 part not read").count(), 1, "{}", list.text);
    assert!(mia.get("/w/alpha/documents").await?.says("1 part not read"));
    let location = added["documents"][0]["location"].as_str().context("no location")?;
    let page = mia.get(&format!("/documents/text?in={location}")).await?;
    let sentence = "The embedded file &#60;b&#62;.dwg was not read: files of type .dwg";
    assert!(page.says("not in the text") && page.says(sentence), "{}", page.text);
    Ok(())
}

async fn a_library_is_browsed_page_by_page(backend: Backend, mode: Mode) -> Result<()> {
    let (server, mut mia) = visited(backend, mode, "manager").await?;
    assert!(mia.get("/documents").await?.says("No documents yet"));
    for number in 0..51 {
        add(server.admin(), &format!("Note {number:02}")).await?;
    }
    let location = add(server.admin(), "Über <b>Kräne</b>").await?;
    let first = mia.get("/documents").await?;
    assert!(first.says("52 documents") && first.says("1 / 2"), "{}", first.text);
    assert!(first.says("Note 50") && !first.says("Note 01"));
    let second = mia.get("/documents?page=2").await?;
    assert!(second.says("Note 01") && !second.says("Note 50"));
    // A number beyond the end shows the last page.
    for page in ["3", "99999999999999999999", "x", "0"] {
        assert_eq!(mia.get(&format!("/documents?page={page}")).await?.status, 200, "{page}");
    }
    assert!(mia.get("/documents?page=77").await?.says("Note 01"));
    let found = mia.get("/documents?q=%C3%9CBER").await?;
    assert!(found.says("&#60;b&#62;Kräne") && found.says("1 document<"), "{}", found.text);
    assert!(mia.get("/documents?q=nothing").await?.says("No titles match"));
    let of_folder = mia.get("/documents?folder=custom-documents&q=note").await?;
    assert!(
        of_folder.says("51 documents")
            && of_folder.says("folder=custom-documents&#38;q=note&#38;page=2"),
        "{}",
        of_folder.text
    );

    let text = mia.get(&format!("/documents/text?in={}", location.replace('/', "%2F"))).await?;
    assert!(text.says("The text of Über") && text.says("Not in a workspace"), "{}", text.text);
    assert!(!text.says("<b>Kräne"));
    Ok(())
}

async fn many_documents_are_organized_at_once(backend: Backend, mode: Mode) -> Result<()> {
    let (server, mut mia) = visited(backend, mode, "manager").await?;
    let mut paths = Vec::new();
    for title in ["One", "Two", "Three"] {
        paths.push(add(server.admin(), title).await?);
    }
    let with = |more: &[(&'static str, &'static str)]| -> Vec<(String, String)> {
        let ticked = paths.iter().map(|path| ("path".to_owned(), path.clone()));
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ticked.chain(more).collect()
    };
    async fn post(mia: &mut Visitor, fields: Vec<(String, String)>) -> Result<Page> {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        mia.post("/documents", &fields).await
    }
    let placed = post(&mut mia, with(&[("do", "place"), ("workspace", "alpha")])).await?;
    let job = placed.leads_to().to_owned();
    assert!(job.starts_with("/jobs/"), "{}", placed.text);
    until(&mut mia, &job, "Finished").await?;
    let shelf = mia.get("/w/alpha/documents?q=tw").await?;
    assert!(shelf.says("Two") && shelf.says("1 document<"));
    assert!(mia.get("/documents").await?.says("class=\"tag\" href=\"/w/alpha/documents\""));
    let nearest = json!({ "query": "The text of Two", "topN": 1 });
    let nearest = server.admin().post("/v1/workspace/alpha/vector-search", nearest).await?.ok()?;
    assert!(nearest.to_string().contains("The text of Two"), "{nearest}");

    let made = mia.post("/documents/folders", &[("name", "Old & new")]).await?;
    assert_eq!(made.leads_to(), "/documents?folder=Old%20%26%20new&done=created");
    assert_eq!(mia.post("/documents/folders", &[("name", "Old & new")]).await?.status, 409);
    assert!(mia.get("/documents?folder=Old%20%26%20new").await?.says("This folder is empty"));
    let moved = with(&[("do", "move"), ("to", "Old & new"), ("folder", "custom-documents")]);
    let moved = post(&mut mia, moved).await?;
    assert_eq!(moved.leads_to(), "/documents?folder=custom-documents&done=moved");
    let folder = mia.get("/documents?folder=Old%20%26%20new").await?;
    assert!(folder.says("3 documents") && folder.says("/w/alpha/documents"), "{}", folder.text);

    let moved: Vec<_> =
        paths.iter().map(|path| path.replace("custom-documents/", "Old & new/")).collect();
    let one = [("path", moved[0].as_str()), ("do", "withdraw"), ("workspace", "alpha")];
    assert!(mia.post("/documents", &one).await?.leads_to().ends_with("done=withdrawn"));
    assert!(mia.get("/w/alpha/documents").await?.says("2 documents"));
    assert_eq!(mia.post("/w/alpha/documents/withdraw", &[]).await?.status, 400);
    for (pinned, is_said) in [("1", true), ("0", false)] {
        let pin = [("path", moved[1].as_str()), ("pinned", pinned)];
        let saved = mia.post("/w/alpha/documents/pin", &pin).await?;
        assert_eq!(saved.leads_to(), "/w/alpha/documents?done=saved", "{}", saved.text);
        let shelf = mia.get("/w/alpha/documents").await?;
        assert_eq!(shelf.says("Stop including"), is_said, "{}", shelf.text);
        assert_eq!(shelf.says("Always included"), is_said, "{}", shelf.text);
    }
    let elsewhere = [("path", "custom-documents/never.json"), ("pinned", "1")];
    assert_eq!(mia.post("/w/alpha/documents/pin", &elsewhere).await?.status, 404);
    let one = [("path", moved[1].as_str()), ("do", "delete")];
    assert!(mia.post("/documents", &one).await?.leads_to().ends_with("done=deleted"));
    assert!(mia.get("/w/alpha/documents").await?.says("1 document<"));
    let unsure = mia.post("/documents/folders/remove", &[("name", "Old & new")]).await?;
    assert!(unsure.status == 400, "{}", unsure.text);
    let sure = [("name", "Old & new"), ("sure", "1")];
    assert_eq!(mia.post("/documents/folders/remove", &sure).await?.status, 303);
    assert_eq!(mia.post("/documents/folders/remove", &sure).await?.status, 404);
    assert!(mia.get("/documents").await?.says("No documents yet"));
    let default = [("name", "custom-documents"), ("sure", "1")];
    assert_eq!(mia.post("/documents/folders/remove", &default).await?.status, 400);
    Ok(())
}

async fn files_are_indexed_by_a_job_whose_progress_is_shown(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let (server, mut mia) = visited(backend, mode, "manager").await?;
    let files =
        [("one.txt", "The first text."), ("bad.pdf", "no PDF at all"), ("two.md", "The second.")];
    let sent = send(&mut mia, "/w/alpha/documents/upload", &files).await?;
    let job = sent.leads_to().to_owned();
    assert!(job.starts_with("/jobs/"), "{} {}", sent.status, sent.text);
    // The job can be opened again at any time, with the unreadable files.
    let over = until(&mut mia, &job, "Finished with problems").await?;
    assert!(over.says("one.txt") && over.says("two.md") && over.says("bad.pdf"), "{}", over.text);
    assert!(over.says("Could not be read") && over.says("data-state=\"done\""));
    let events = mia.get(&format!("{job}/events")).await?;
    assert_eq!(events.header("content-type"), "text/event-stream");
    assert!(events.text.starts_with("event: end\ndata: "), "{}", events.text);
    assert!(mia.get("/w/alpha/documents").await?.says("bad.pdf"));
    // A file that can be read after all is no longer listed as failed, and is added to the others.
    let number = job.rsplit('/').next().unwrap_or_default().to_owned();
    let good = hostile::printed_pdf(&["The third text."]);
    for (content, leads_to) in [(b"It was a text.".to_vec(), ""), (good, job.as_str())] {
        let part = Part::bytes(content).file_name("bad.pdf");
        let again = Form::new().text("job", number.clone()).part("file", part);
        let request = mia.request(Method::POST, "/w/alpha/documents/upload").multipart(again);
        let sent = mia.send(request).await?;
        assert_eq!(sent.leads_to(), leads_to, "{} {}", sent.status, sent.text);
    }
    let over = until(&mut mia, &job, "Finished").await?;
    assert!(over.says("3 of 3 documents") && !over.says("Could not be read"), "{}", over.text);

    let bad = send(&mut mia, "/w/alpha/documents/upload", &[("empty.txt", "")]).await?;
    assert!(bad.status == 422 && bad.says("empty"), "{} {}", bad.status, bad.text);
    assert_eq!(send(&mut mia, "/w/alpha/documents/upload", &[]).await?.status, 400);
    // A selected folder becomes a folder of the library.
    let within = [("Plans/2026/a.txt", "Plan A."), ("Plans/b.txt", "Plan B.")];
    let sent = send(&mut mia, "/documents/upload", &within).await?;
    assert_eq!(sent.leads_to(), "/documents?done=added");
    let plans = mia.get("/documents?folder=Plans").await?;
    assert!(plans.says("a.txt") && plans.says("b.txt") && plans.says("Not in a workspace"));
    let text = [("title", "Pasted"), ("text", "A pasted text."), ("folder", "Plans")];
    let pasted = mia.post("/documents/paste", &text).await?;
    assert_eq!(pasted.leads_to(), "/documents?folder=Plans&done=added");
    assert!(!server.log()?.contains("panicked"));
    Ok(())
}

async fn a_large_job_is_filtered_by_state(backend: Backend, mode: Mode) -> Result<()> {
    let (server, mut mia) = visited(backend, mode, "manager").await?;
    let mut fields = vec![("do", "place"), ("workspace", "alpha")];
    let mut paths = vec!["custom-documents/never.json".to_owned()];
    for number in 0..105 {
        paths.push(add(server.admin(), &format!("Note {number:03}")).await?);
    }
    fields.extend(paths.iter().map(|path| ("path", path.as_str())));
    let job = mia.post("/documents", &fields).await?.leads_to().to_owned();
    let over = until(&mut mia, &job, "Finished with problems").await?;
    assert!(over.says("105 of 106 documents, 1 failed") && over.says("after=99"), "{}", over.text);
    assert!(over.says("Note 098") && !over.says("Note 099"));
    let rest = mia.get(&format!("{job}?state=&after=99")).await?;
    assert!(rest.says("Note 104") && !rest.says("Note 098"), "{}", rest.text);
    let failed = mia.get(&format!("{job}?state=failed")).await?;
    assert!(failed.says("no document matches") && !failed.says("Note 001"), "{}", failed.text);
    assert!(mia.get(&format!("{job}?state=queued")).await?.says("No documents."));
    assert_eq!(mia.get(&format!("{job}?after=x")).await?.status, 400);
    // The list of documents shows the failed ones, and nothing else.
    let list = mia.get("/w/alpha/documents?q=nothing").await?;
    assert!(list.says("never.json") && !list.says("Note 001"), "{}", list.text);
    Ok(())
}

async fn invalid_requests_are_refused_with_a_message(backend: Backend, mode: Mode) -> Result<()> {
    let (server, mut mia) = visited(backend, mode, "manager").await?;
    let path = add(server.admin(), "One").await?;
    let path = path.as_str();
    let unknown = "custom-documents/never.json";
    for (fields, status) in [
        (vec![], 400),
        (vec![("do", "delete")], 400),
        (vec![("path", path)], 400),
        (vec![("path", path), ("do", "burn")], 400),
        (vec![("path", "../../etc/passwd"), ("do", "delete")], 400),
        (vec![("path", path), ("do", "place")], 400),
        (vec![("path", path), ("do", "place"), ("workspace", "never")], 404),
        (vec![("path", path), ("do", "withdraw"), ("workspace", "never")], 404),
        (vec![("path", path), ("do", "move")], 400),
        (vec![("path", path), ("do", "move"), ("to", "never")], 404),
        (vec![("path", path), ("do", "move"), ("to", "../x")], 400),
        (vec![("path", unknown), ("do", "move"), ("to", "custom-documents")], 404),
        (vec![("path", unknown), ("do", "delete")], 303),
    ] {
        let refused = mia.post("/documents", &fields).await?;
        assert_eq!(refused.status, status, "{fields:?}: {}", refused.text);
    }
    for (path, status) in [
        ("/documents?folder=never", 404),
        ("/documents?folder=..", 400),
        ("/documents?folders=x", 200),
        ("/documents?folders=4294967295", 200),
        ("/documents/text", 400),
        ("/documents/text?in=..%2F..%2Fetc%2Fpasswd", 400),
        ("/documents/text?in=custom-documents%2Fnever.json", 404),
        ("/jobs/1", 404),
        ("/jobs/x", 404),
        ("/jobs/99999999999999999999/events", 404),
        ("/w/alpha/documents?page=-1&q=%25", 200),
    ] {
        assert_eq!(mia.get(path).await?.status, status, "{path}");
    }
    for (path, fields, status) in [
        ("/jobs/1/cancel", vec![], 404),
        ("/jobs/1/retry", vec![], 404),
        ("/documents/folders", vec![("name", "a/b")], 400),
        ("/documents/folders", vec![("name", "")], 400),
        ("/documents/link", vec![("link", "")], 400),
        ("/documents/link", vec![("link", "file:///etc/passwd")], 400),
        ("/w/alpha/documents/link", vec![("link", "not a link")], 400),
        ("/documents/paste", vec![("title", ""), ("text", "x")], 400),
        ("/documents/paste", vec![("title", "x"), ("text", "x"), ("folder", "../x")], 400),
    ] {
        let refused = mia.post(path, &fields).await?;
        assert_eq!(refused.status, status, "{path} {fields:?}: {}", refused.text);
    }
    // The server fetches nothing from its own network.
    let inside = [("link", "http://127.0.0.1:1/")];
    let refused = mia.post("/documents/link", &inside).await?;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    assert!(!server.log()?.contains("panicked"));
    Ok(())
}

async fn the_library_is_for_managers_and_admins(backend: Backend) -> Result<()> {
    let (server, mut bob) = visited(backend, Mode::Team, "default").await?;
    let path = add(server.admin(), "Secret").await?;
    let mut nobody = Visitor::new(server.admin())?;
    for path in
        ["/documents", "/documents/text?in=custom-documents%2Fx.json", "/jobs/1", "/jobs/1/events"]
    {
        let refused = bob.get(path).await?;
        assert!(refused.status == 403 && !refused.says("Secret"), "{path}");
        assert!(nobody.get(path).await?.leads_to().starts_with("/sign-in"), "{path}");
    }
    let fields =
        [("path", path.as_str()), ("do", "delete"), ("name", "custom-documents"), ("sure", "1")];
    for path in [
        "/documents",
        "/documents/upload",
        "/documents/paste",
        "/documents/link",
        "/documents/folders",
        "/documents/folders/remove",
        "/jobs/1/cancel",
        "/jobs/1/retry",
        "/w/alpha/documents/link",
    ] {
        assert_eq!(bob.post(path, &fields).await?.status, 403, "{path}");
        assert!(nobody.post(path, &fields).await?.leads_to().starts_with("/sign-in"), "{path}");
    }
    assert!(!bob.get("/").await?.says("href=\"/documents\""));
    let documents = server.admin().get("/v1/documents").await?.ok()?;
    assert!(documents.to_string().contains("Secret"));
    Ok(())
}
