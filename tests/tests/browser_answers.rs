//! What an answer looks like, and where its citations lead, in a real browser.
use anyhow::{Result, ensure};
use e2e::browser::Browser;
use e2e::visitor::Visitor;
use e2e::{Backend, Mode, TestServer};
use serde_json::json;

use crate::browser_journey::{PASSWORD, base, fresh_with, set_up, violations, well_behaved};
use crate::browser_rows::ask;

/// Markdown with everything that GitHub renders, code in two languages and formulas.
const MARKDOWN: &str = "# One\n\n## Two\n\n### Three\n\nText with ~~an error~~, \
    https://example.com/a?b=c and a note[^1].\n\n| left | middle | right |\n|:--|:-:|--:|\n| a | b | c |\n| d | e | f |\n\n\
    - [x] done\n- [ ] open\n\n```rust\nfn main() { let lamp = \"lit\"; } // end\n```\n\n\
    ```mermaid\ngraph TD;\n```\n\n$$x^2$$ and \\(y_1\\)\n\n[^1]: The note.\n";

/// A conversation about three documents, with an answer that is replaced by `text`.
async fn answered(text: &str) -> Result<(TestServer, e2e::model_server::ModelServer, Browser)> {
    let (server, model, link) = fresh_with("echo").await?;
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    for name in ["crane.txt", "ferry.txt", "tower.txt"] {
        let note = format!("The {name}: the crane in the old harbour is called Berta.");
        admin.upload(name, note.as_bytes(), &[("addToWorkspaces", "harbour")]).await?.ok()?;
    }
    ada.open(&format!("{}/w/harbour", base(&server))).await?;
    ask(&mut ada, "What is the crane in the old harbour called?").await?;
    let mut visitor = Visitor::new(admin)?;
    visitor.post("/sign-in", &[("username", "ada"), ("password", PASSWORD)]).await?;
    let fields = [("response", text), ("base", "/w/harbour")];
    assert_eq!(visitor.post("/w/harbour/chats/1/correct", &fields).await?.status, 303);
    ada.open(&format!("{}/w/harbour", base(&server))).await?;
    Ok((server, model, ada))
}

#[tokio::test]
async fn an_answer_is_set_as_github_sets_it_with_code_and_formulas() -> Result<()> {
    let (server, _model, mut ada) = answered(MARKDOWN).await?;
    for part in [
        "del",
        "a[href='https://example.com/a?b=c']",
        "sup.footnote",
        "input[type=checkbox][disabled]:checked",
        "input[type=checkbox][disabled]:not(:checked)",
        "math msup",
        "math msub",
        "figure.code:has(.hl-k) [data-copy-code]",
    ] {
        let there =
            format!("!!document.querySelector({})", json!(format!(".answered .prose {part}")));
        ensure!(ada.run(&there).await? == true, "there is no {part}");
    }
    let languages =
        "[...document.querySelectorAll('figure.code figcaption span')].map((it) => it.innerText)";
    assert_eq!(ada.run(languages).await?, json!(["rust", "mermaid"]));
    let aligned = "[...document.querySelectorAll('.prose tbody tr:first-child td')].map((it) => getComputedStyle(it).textAlign)";
    assert_eq!(ada.run(aligned).await?, json!(["start", "center", "end"]));
    let sizes = "['h1', 'h2', 'h3', 'p'].map((it) => getComputedStyle(document.querySelector('.prose ' + it)).fontSize)";
    assert_eq!(ada.run(sizes).await?, json!(["22px", "18px", "16px", "16px"]));
    // Every row of a table has its line, the last one too, and the head is tinted.
    let lines = "[...document.querySelectorAll('.prose tr > :first-child')].map((it) => getComputedStyle(it).borderBottomWidth)";
    assert_eq!(ada.run(lines).await?, json!(["1px", "1px", "1px"]));
    let tinted = "getComputedStyle(document.querySelector('.prose th')).backgroundColor !== getComputedStyle(document.querySelector('.prose td')).backgroundColor";
    assert_eq!(ada.run(tinted).await?, true);
    // Highlighting is made on the server; a copy is of the code alone.
    ada.run("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }").await?;
    ada.click("figure.code [data-copy-code]").await?;
    ada.wait("window.copied === 'fn main() { let lamp = \"lit\"; } // end'").await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn every_way_to_cite_leads_to_its_source_and_light_is_kept_for_evidence() -> Result<()> {
    let (server, _model, mut ada) =
        answered("Both [1][2]. A list [1, 2], a range [1-3], and 【1】. Not [99].").await?;
    let cites = "[...document.querySelectorAll('.prose .cite')]";
    let numbers = format!("{cites}.map((it) => it.innerText).join()");
    assert_eq!(ada.run(&numbers).await?, "1,2,1,2,1,2,3,1");
    let leads = format!(
        "{cites}.every((it) => it.href === document.querySelector(`.source[data-number=\"${{it.innerText}}\"]`).href)"
    );
    assert_eq!(ada.run(&leads).await?, true);
    ensure!(
        ada.run("document.querySelector('.prose').innerText")
            .await?
            .to_string()
            .contains("Not [99].")
    );
    // A citation that is looked at lights its source, and the other way round.
    ada.run("document.querySelector('.prose .cite').focus()").await?;
    ada.wait("document.querySelector('.source[data-number=\"1\"]').hasAttribute('data-lit')")
        .await?;
    assert_eq!(ada.run("document.querySelectorAll('.source[data-lit]').length").await?, 1);
    ada.press("Escape").await?;
    assert_eq!(ada.run("document.querySelectorAll('[data-lit]').length").await?, 0);
    // Amber is evidence, green is what can be done, and they are not mixed.
    let colour = |of: &str| format!("getComputedStyle(document.querySelector('{of}')).color");
    // The one with the focus is drawn the other way round.
    let lamp = ada.run(&colour(".prose .cite:not(:focus)")).await?;
    assert_eq!(ada.run(&colour(".source[data-number=\"2\"]")).await?, lamp);
    for other in [".button-main", ".tabs a[aria-current]", ".nav a[aria-current]"] {
        ensure!(ada.run(&colour(other)).await? != lamp, "{other} has the colour of evidence");
    }
    // Sources stand by document, each document once.
    let titles = "[...document.querySelectorAll('.source-title')].map((it) => it.innerText)";
    let titles = ada.run(titles).await?;
    let titles: Vec<_> = titles.as_array().into_iter().flatten().collect();
    ensure!(
        titles.iter().enumerate().all(|(at, title)| !titles[..at].contains(title)),
        "{titles:?}"
    );
    // The line below the answer tells what it took.
    let about = ada.run("document.querySelector('.turn-about').innerText").await?.to_string();
    ensure!(about.contains("echo") && about.contains("passages"), "{about}");
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn the_reader_shows_the_sentence_and_leads_to_the_next_source() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let mut ada = Browser::start(1440, 900).await?;
    set_up(&mut ada, &link).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    let crane = "# Harbour\n\n## Cranes\n\nShips announce themselves on channel twelve. The crane in the old harbour is called Berta. \
                 It was painted last year.\n\n| berth | depth |\n|---|---|\n| north | 9 m |\n| south | 7 m |\n";
    let ferry = "# Ferry\n\nThe ferry passes the crane Berta at nine.\n";
    for (name, text) in [("crane.md", crane), ("ferry.md", ferry)] {
        admin.upload(name, text.as_bytes(), &[("addToWorkspaces", "harbour")]).await?.ok()?;
    }
    ada.open(&format!("{}/w/harbour", base(&server))).await?;
    ask(&mut ada, "What is the crane in the old harbour called?").await?;
    let mut visitor = Visitor::new(admin)?;
    visitor.post("/sign-in", &[("username", "ada"), ("password", PASSWORD)]).await?;
    let cited = "The crane in the old harbour is called Berta [1].";
    let fields = [("response", cited), ("base", "/w/harbour")];
    visitor.post("/w/harbour/chats/1/correct", &fields).await?;
    ada.open(&format!("{}/w/harbour", base(&server))).await?;
    ada.click(".source[data-number='1']").await?;
    let sentence = "document.querySelector('.reader-panel .passage .lit')?.innerText";
    ada.wait(&format!("{sentence}?.includes('is called Berta')")).await?;
    ensure!(!ada.run(sentence).await?.to_string().contains("painted"));
    // It is set as it was written, in a panel beside the answer.
    let shown = "[!!document.querySelector('.reader-panel h2, .reader-panel h3'), !!document.querySelector('.reader-panel table'), \
                 Math.round(document.querySelector('.reader-panel').getBoundingClientRect().width)]";
    assert_eq!(ada.run(shown).await?, json!([true, true, 520]));
    let last = "[...document.querySelectorAll('.reader-panel tr:last-child td')].map((it) => getComputedStyle(it).borderBottomWidth).join()";
    assert_eq!(ada.run(last).await?, "1px,1px");
    let before = ada.run("document.querySelector('.reader-panel h1').innerText").await?;
    ada.click(".reader-panel nav a:last-of-type").await?;
    ada.wait(&format!("document.querySelector('.reader-panel h1').innerText !== {before}")).await?;
    assert_eq!(ada.run("document.querySelector('.reader-panel .cite').innerText").await?, "2");
    ada.click(".reader-panel nav a").await?;
    ada.wait(&format!("document.querySelector('.reader-panel h1').innerText === {before}")).await?;
    assert_eq!(ada.run("location.pathname").await?, "/w/harbour");
    // On a phone it is a sheet, above which the answer is still seen.
    ada.resize(390, 844, true).await?;
    let sheet = "(() => { const at = document.querySelector('.reader-panel').getBoundingClientRect(); return [at.left, at.width, at.top > 60, Math.round(at.bottom)]; })()";
    assert_eq!(ada.run(sheet).await?, json!([0, 390, true, 844]));
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn without_a_model_every_citation_has_its_source_also_after_another_question() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let mut owner = Visitor::first(&server, Mode::Owner).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let text = "The crane in the old harbour is called Berta.";
    admin.upload("crane.txt", text.as_bytes(), &[("addToWorkspaces", "alpha")]).await?.ok()?;
    for question in
        ["What is the crane in the old harbour called?", "Quantum chromodynamics xylophone?"]
    {
        assert_eq!(owner.post("/w/alpha/ask", &[("message", question)]).await?.status, 303);
    }
    let page = owner.get("/w/alpha").await?.text;
    let turns: Vec<_> = page.split("<article class=\"turn\"").skip(1).collect();
    assert_eq!(turns.len(), 2);
    ensure!(
        turns[0].contains("class=\"cite\" href=") && turns[0].contains("Berta"),
        "{}",
        turns[0]
    );
    // What is quoted is among the sources; without sources nothing is quoted.
    let shown: Vec<_> = turns[1].split('<').filter_map(|part| part.split_once('>')).collect();
    let shown: String = shown.into_iter().map(|(_, text)| text).collect();
    let is_sourced = turns[1].contains("class=\"sources\"");
    ensure!(is_sourced || !shown.contains("Berta"), "{shown}");
    ensure!(!shown.contains("[1]") && !turns[1].contains("<span class=\"cite\">"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn a_long_conversation_begins_with_its_end_and_shows_the_rest_on_request() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    let mut visitor = Visitor::new(server.admin())?;
    visitor.post("/sign-in", &[("username", "ada"), ("password", PASSWORD)]).await?;
    for number in 1..=24 {
        let question = format!("Question number{number}?");
        visitor.post("/w/harbour/ask", &[("message", &question)]).await?;
    }
    ada.open(&format!("{base}/w/harbour")).await?;
    let turns = "[...document.querySelectorAll('.turn[id^=turn-]')].map((it) => it.id.slice(5))";
    let numbers = |from: usize| (from..=24).map(|number| number.to_string()).collect::<Vec<_>>();
    assert_eq!(ada.run(turns).await?, json!(numbers(5)));
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    // What is read keeps its place while the rest comes above it.
    let place = "document.querySelector('#turn-6').getBoundingClientRect().top";
    ada.run("document.querySelector('#turn-6').scrollIntoView()").await?;
    let before = ada.run(place).await?.as_f64().unwrap_or_default();
    ada.click(".earlier a").await?;
    ada.wait("!document.querySelector('.earlier')").await?;
    assert_eq!(ada.run(turns).await?, json!(numbers(1)));
    let after = ada.run(place).await?.as_f64().unwrap_or(f64::MAX);
    ensure!((after - before).abs() < 40.0, "{before} {after}");
    // What came later can be worked on like the rest: by its menu, and by its thumbs.
    ada.click("#turn-1 [value=up]").await?;
    ada.wait("document.querySelector('#turn-1 [value=up]').ariaPressed === 'true'").await?;
    // Without scripts it is a link, and what was found by a search is on its page.
    let page = visitor.get("/w/harbour").await?;
    ensure!(page.says("href=\"/w/harbour?earlier=1\"") && !page.says("number1?"));
    let found = visitor.get("/find?q=number3").await?;
    ensure!(found.says("/w/harbour?earlier=1#turn-3\""), "{}", found.text);
    let whole = visitor.get("/w/harbour?earlier=1").await?;
    ensure!(whole.says("number3?") && whole.says("number24?") && !whole.says("class=\"earlier\""));
    well_behaved(&ada, &server);
    Ok(())
}
