//! Pages for the import of another installation and for widgets, in a real browser.
use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use e2e::Mode;
use e2e::browser::Browser;
use e2e::visitor::{PASSWORD, Visitor};
use serde_json::json;

use crate::browser_journey::{base, fresh, fresh_with, set_up, violations, well_behaved};
use crate::import_running::copy;

#[tokio::test]
async fn an_import_is_previewed_run_and_followed_by_a_sign_in_as_before() -> Result<()> {
    let (server, _model, link) = fresh().await?;
    let base = base(&server);
    let mut keeper = Browser::start(1280, 900).await?;
    keeper.open(&link).await?;
    keeper.click("[name=mode][value=import]").await?;
    assert_eq!(keeper.run("document.querySelector('#username').checkVisibility()").await?, false);
    assert_eq!(violations(&mut keeper).await?, [""; 0]);
    keeper.fill("#password", PASSWORD).await?;
    keeper.follow("form button").await?;
    keeper.wait("location.pathname === '/admin/import'").await?;
    let place = server.storage().join("import/anythingllm");
    let shown = keeper.run("document.querySelector('#import-place').innerText").await?;
    assert_eq!(shown, place.display().to_string());
    keeper.wait_for("There is no folder yet").await?;

    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("import/storage");
    fs::create_dir_all(server.storage().join("import"))?;
    copy(&fixture, &place)?;
    keeper.follow("#import a.button").await?;
    keeper.wait("document.querySelector('#source').value === 'anythingllm'").await?;
    keeper.click("button[value=check]").await?;
    keeper.wait("document.querySelector('#import-report')?.innerText === 'Import preview'").await?;
    let users = "[...document.querySelectorAll('.table tbody tr')].find((row) => \
                 row.cells[0].innerText === 'users')?.cells[2].innerText";
    assert_eq!(keeper.run(users).await?, "3");
    assert_eq!(violations(&mut keeper).await?, [""; 0]);
    keeper.open(&format!("{base}/")).await?;
    keeper.wait_for("No workspaces yet").await?;

    keeper.open(&format!("{base}/admin/import")).await?;
    keeper.click("button[value=import]").await?;
    // The import brings accounts, so the previous owner signs in with one of them.
    keeper.wait("location.pathname === '/sign-in'").await?;
    // The server notices the new accounts within a second.
    let started = std::time::Instant::now();
    while keeper.run("!document.querySelector('#username')").await? == true {
        ensure!(started.elapsed().as_secs() < 20, "nobody is asked for a name");
        keeper.open(&format!("{base}/sign-in")).await?;
    }
    keeper.fill("#username", "keeper").await?;
    keeper.fill("#password", "harbour-pass-1").await?;
    keeper.follow("form button").await?;
    keeper.open(&format!("{base}/admin/import")).await?;
    keeper.wait("document.querySelector('#import-report').innerText === 'Import finished'").await?;
    assert_eq!(keeper.run(users).await?, "3");
    keeper.wait_for("This server already has data").await?;
    assert_eq!(keeper.run("!!document.querySelector('button[value=import]')").await?, false);
    let report = "fetch('/admin/import/report').then((file) => file.json()).then((it) => it.kind)";
    assert_eq!(keeper.run(report).await?, "anythingllm");
    keeper.complaints.retain(|said| !said.contains("401"));
    well_behaved(&keeper, &server);
    Ok(())
}

#[tokio::test]
async fn a_widget_is_created_changed_inspected_and_deleted() -> Result<()> {
    let (server, _model, link) = fresh().await?;
    let (base, admin) = (base(&server), server.admin());
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    ada.open(&format!("{base}/admin/widgets")).await?;
    ada.wait_for("No widgets yet").await?;
    assert_eq!(ada.run("!!document.querySelector('details.fold')").await?, false);
    admin.post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;

    ada.open(&format!("{base}/admin/widgets")).await?;
    // An empty list of sites is refused beside its field: it must not mean any site.
    ada.click("details.fold form .button-main").await?;
    ada.wait("!!document.querySelector('#allowlist_domains-fault')").await?;
    ada.complaints.retain(|said| !said.contains("400"));
    ada.fill("#allowlist_domains", "example.com\nhttp://127.0.0.1:9").await?;
    ada.fill("#day_limit", "50").await?;
    ada.follow("details.fold form .button-main").await?;
    ada.wait("/^\\/admin\\/widgets\\/.{36}$/.test(location.pathname)").await?;
    let snippet = ada.run("document.querySelector('#snippet').innerText").await?;
    let key = ada.run("location.pathname.split('/').pop()").await?;
    let key = key.as_str().unwrap_or_default().to_owned();
    let line = format!(
        "<script src=\"{base}/embed/carrel-widget.js\" data-embed-id=\"{key}\" defer></script>"
    );
    assert_eq!(snippet, line.as_str());
    let sites = ada.run("document.querySelector('#allowlist_domains').value").await?;
    assert_eq!(sites, "https://example.com\nhttp://127.0.0.1:9");
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    let of = |listed: &serde_json::Value| listed["embeds"][0].clone();
    let made = of(&admin.get("/v1/embed").await?.ok()?);
    assert_eq!((&made["uuid"], &made["chat_mode"]), (&json!(key), &json!("query")));

    ada.click("[name=sites][value=any]").await?;
    assert_eq!(ada.run("document.querySelector('[data-listed]').checkVisibility()").await?, false);
    ada.click("[name=enabled]").await?;
    ada.follow("form[data-guard] .button-main").await?;
    ada.wait_for("Saved.").await?;
    let changed = of(&admin.get("/v1/embed").await?.ok()?);
    assert_eq!(changed["enabled"], json!(false));
    assert_eq!(changed["allowlist_domains"], json!(null));

    ada.open(&format!("{base}/admin/widgets/{key}/chats")).await?;
    ada.wait_for("Nobody has asked anything yet").await?;
    ada.open(&format!("{base}/admin/widgets/{key}")).await?;
    ada.click(".card-danger summary").await?;
    ada.follow(".card-danger form button").await?;
    ada.wait_for("No widgets yet").await?;
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn questions_to_a_widget_are_listed_by_visitor() -> Result<()> {
    let (server, _model, _) = fresh_with("echo").await?;
    let admin = server.admin();
    let mut ada = Visitor::first(&server, Mode::Team).await?;
    admin.post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    let new = json!({ "workspace_slug": "harbour", "chat_mode": "chat" });
    let made = admin.post("/v1/embed/new", new).await?.ok()?;
    let key = made["embed"]["uuid"].as_str().unwrap_or_default().to_owned();
    let first = "00000000-0000-4000-8000-00000000000a";
    for (session, message) in [
        (first, "When <b>do</b> you open?"),
        ("00000000-0000-4000-8000-00000000000b", "And close?"),
    ] {
        let body = json!({ "sessionId": session, "message": message });
        let asked = crate::embeds::ask(server.admin(), &key, None, body).await?;
        assert_eq!(asked.status, 200, "{}", asked.body);
    }
    let all = ada.get(&format!("/admin/widgets/{key}/chats")).await?;
    assert!(
        all.says("When &#60;b&#62;do&#60;/b&#62; you open?") && all.says("And close?"),
        "{}",
        all.text
    );
    let one = ada.get(&format!("/admin/widgets/{key}/chats?session={first}")).await?;
    assert!(one.says("you open?") && !one.says("And close?"), "{}", one.text);
    assert!(ada.get("/admin/widgets").await?.says(">2</a>"));
    assert_eq!(ada.get("/admin/widgets/nope").await?.status, 404);
    Ok(())
}
