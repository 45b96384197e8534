//! Conversations without scripts: files, failed questions, actions on exchanges.
use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::visitor::{Page, Visitor};
use e2e::{Backend, Mode, Options, TestServer, in_both_modes, model_server};
use reqwest::Method;
use serde_json::json;

use crate::browser_chat::DOT;
use crate::browser_journey::PASSWORD;
use crate::browser_lasting::{asked, ends, listen};

in_both_modes!(
    files_are_sent_with_a_question_by_a_plain_form,
    a_failed_question_is_still_in_the_box,
    questions_and_answers_are_edited_by_links_and_forms,
    a_thread_is_named_by_its_first_question_unless_it_was_renamed_first,
);

/// The visitor who asks in the workspace `alpha` (the owner, or the member bob) and the others:
/// ada, who administers.
async fn asking(options: impl Into<Options>, mode: Mode) -> Result<Asking> {
    let server = TestServer::start(options).await?;
    let mut first = Visitor::first(&server, mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let text = b"The crane in the old harbour is called Berta.";
    admin.upload("crane.txt", text, &[("addToWorkspaces", "alpha")]).await?.ok()?;
    if mode == Mode::Owner {
        return Ok(Asking { server, asker: first, others: Vec::new() });
    }
    let second = json!({ "username": "bob", "password": PASSWORD, "role": "default" });
    admin.post("/v1/admin/users/new", second).await?.ok()?;
    first.post("/w/alpha/members", &[("user", "2")]).await?;
    let bob = Visitor::signed_in(&server, "bob").await?;
    Ok(Asking { server, asker: bob, others: vec![first] })
}

struct Asking {
    server: TestServer,
    asker: Visitor,
    others: Vec<Visitor>,
}

/// Asks like a form with files.
async fn ask(visitor: &mut Visitor, question: &str, files: &[(&str, &str, &[u8])]) -> Result<Page> {
    let mut body = Vec::new();
    let mut part = |head: String, content: &[u8]| {
        body.extend_from_slice(
            format!("--edge\r\ncontent-disposition: form-data; {head}").as_bytes(),
        );
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    };
    part("name=\"message\"".into(), question.as_bytes());
    for (name, kind, content) in files {
        let head = format!("name=\"attachment\"; filename=\"{name}\"\r\ncontent-type: {kind}");
        part(head, content);
    }
    body.extend_from_slice(b"--edge--\r\n");
    let request = visitor.request(Method::POST, "/w/alpha/ask");
    let request = request.header("content-type", "multipart/form-data; boundary=edge");
    visitor.send(request.body(body)).await
}

async fn files_are_sent_with_a_question_by_a_plain_form(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let Asking { server: _server, asker: mut bob, mut others } = asking(backend, mode).await?;
    let dot = STANDARD.decode(DOT)?;
    let notes = b"The ferry to the island leaves at nine.";
    // A form without a selected file sends one without a name.
    let none = ("", "application/octet-stream", &b""[..]);
    let asked = ask(&mut bob, "What is the crane called?", &[none]).await?;
    assert_eq!(asked.leads_to(), "/w/alpha#latest", "{}", asked.text);
    let files: [(&str, &str, &[u8]); 2] =
        [("dot.png", "image/png", &dot), ("notes.txt", "text/plain", notes)];
    let asked = ask(&mut bob, "When does the ferry to the island leave?", &files).await?;
    assert_eq!(asked.leads_to(), "/w/alpha#latest", "{}", asked.text);
    let page = bob.get("/w/alpha").await?;
    assert!(page.says("notes.txt") && page.says("alt=\"dot.png\""), "{}", page.text);
    let picture = page.text.split('"').find(|text| text.contains("/shown/"));
    let picture = picture.context("no picture")?.to_owned();
    let shown = bob.get(&picture).await?;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/png"));
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    for other in &mut others {
        assert_eq!(other.get(&picture).await?.status, 404);
    }
    for missing in ["/w/alpha/chats/2/shown/9", "/w/alpha/chats/2/shown/x"] {
        assert_eq!(bob.get(missing).await?.status, 404, "{missing}");
    }
    // A refused file is reported; the question is still in the box.
    let huge = vec![b'x'; 17 << 20];
    let many = vec![("a.txt", "text/plain", &b"x"[..]); 17];
    for (files, status, words) in [
        (vec![("fake.png", "image/png", &b"words"[..])], 422, "fake.png must be a PNG"),
        (vec![("empty.txt", "text/plain", &b""[..])], 422, "empty.txt is empty"),
        (vec![("broken.pdf", "application/pdf", &b"%PDF-1.7 no"[..])], 422, "broken.pdf"),
        (vec![("huge.txt", "text/plain", &huge[..])], 413, "larger than the"),
        (many, 400, "must not be more than 16"),
    ] {
        let refused = ask(&mut bob, "And what of this?", &files).await?;
        assert_eq!(refused.status, status, "{words}: {}", refused.text);
        assert!(refused.says(words) && refused.says("And what of this?"), "{}", refused.text);
    }
    Ok(())
}

async fn a_failed_question_is_still_in_the_box(backend: Backend, mode: Mode) -> Result<()> {
    let Asking { server, asker: mut bob, mut others } = asking(backend, mode).await?;
    let change = json!({ "chatMode": "query", "similarityThreshold": 0.9 });
    server.admin().post("/v1/workspace/alpha/update", change).await?.ok()?;
    let question = "Who won the match on Sunday?";
    assert_eq!(bob.post("/w/alpha/ask", &[("message", question)]).await?.status, 303);
    let page = bob.get("/w/alpha").await?;
    assert!(page.says(&format!(">{question}</textarea>")), "{}", page.text);
    assert!(page.says("There is no relevant information"), "{}", page.text);
    for other in &mut others {
        assert!(!other.get("/w/alpha").await?.says(question));
    }
    assert_eq!(bob.post("/w/alpha/forget", &[]).await?.leads_to(), "/w/alpha");
    assert!(!bob.get("/w/alpha").await?.says(question));
    assert_eq!(bob.post("/w/alpha/ask", &[("message", " ")]).await?.status, 400);
    Ok(())
}

async fn questions_and_answers_are_edited_by_links_and_forms(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let Asking { server: _server, asker: mut bob, mut others } = asking(backend, mode).await?;
    bob.post("/w/alpha/ask", &[("message", "What is the crane called?")]).await?;
    let reword = bob.get("/w/alpha?reword=1").await?;
    assert!(reword.says("name=\"instead_of\" value=\"1\""), "{}", reword.text);
    assert!(reword.says(">What is the crane called?</textarea>"), "{}", reword.text);
    for other in &mut others {
        assert_eq!(other.get("/w/alpha?reword=1").await?.status, 404);
    }
    assert_eq!(bob.get("/w/alpha?reword=x").await?.status, 400);
    // A refused question deletes nothing.
    let refused = bob.post("/w/alpha/ask", &[("message", ""), ("instead_of", "1")]).await?;
    assert_eq!(refused.status, 400);
    assert!(bob.get("/w/alpha").await?.says("id=\"turn-1\""));
    let anew = [("message", "How is the crane called?"), ("instead_of", "1")];
    for other in &mut others {
        assert_eq!(other.post("/w/alpha/ask", &anew).await?.status, 404);
    }
    assert_eq!(bob.post("/w/alpha/ask", &anew).await?.status, 303);
    let page = bob.get("/w/alpha").await?;
    assert!(page.says("id=\"turn-2\"") && !page.says("id=\"turn-1\""), "{}", page.text);

    let form = bob.get("/w/alpha/chats/2/correct?base=/w/alpha").await?;
    assert!(form.says("<textarea") && form.says("Berta"), "{}", form.text);
    let words = [("response", "It is **Berta**."), ("base", "/w/alpha")];
    for other in &mut others {
        assert_eq!(other.post("/w/alpha/chats/2/correct", &words).await?.status, 404);
    }
    let saved = bob.post("/w/alpha/chats/2/correct", &words).await?;
    assert_eq!(saved.leads_to(), "/w/alpha?done=saved#turn-2");
    assert!(bob.get("/w/alpha").await?.says("<strong>Berta</strong>"));
    assert_eq!(bob.post("/w/alpha/chats/2/correct", &[("response", "")]).await?.status, 400);
    let elsewhere = [("response", "x"), ("base", "https://evil.example/")];
    let saved = bob.post("/w/alpha/chats/2/correct", &elsewhere).await?;
    assert!(saved.leads_to().starts_with("/?done"), "{}", saved.leads_to());
    assert_eq!(bob.post("/w/alpha/chats/2/delete", &[("base", "/w/alpha")]).await?.status, 303);
    assert!(!bob.get("/w/alpha").await?.says("id=\"turn-2\""));
    Ok(())
}

async fn a_thread_is_named_by_its_first_question_unless_it_was_renamed_first(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let model = model_server::start().await?;
    let options = Options::from(backend).answered_by(model.base_url(), "pausing", "4096");
    let Asking { server: _server, asker: mut bob, .. } = asking(options, mode).await?;
    for (given, name) in [(None, "Is anybody there?"), (Some("Harbour cranes"), "Harbour cranes")] {
        let thread = bob.post("/w/alpha/threads", &[]).await?.leads_to().to_owned();
        let answer = asked(&mut bob, &thread).await?;
        let told = listen(&bob, &answer, "tail").await?;
        if let Some(given) = given {
            bob.post(&format!("{thread}/rename"), &[("name", given)]).await?;
        }
        bob.post(&format!("{answer}/stop"), &[]).await?;
        ends(told).await?;
        let page = bob.get(&thread).await?;
        assert!(page.says(&format!(">{name}</h1>")), "{}", page.text);
    }
    // A thread deleted meanwhile stays deleted.
    let thread = bob.post("/w/alpha/threads", &[]).await?.leads_to().to_owned();
    let answer = asked(&mut bob, &thread).await?;
    let told = listen(&bob, &answer, "tail").await?;
    bob.post(&format!("{thread}/delete"), &[]).await?;
    bob.post(&format!("{answer}/stop"), &[]).await?;
    ends(told).await?;
    assert_eq!(bob.get(&thread).await?.status, 404);
    Ok(())
}
