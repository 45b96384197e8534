//! Pages behind sign-in, without scripts: who may open them, and what their forms do.
use anyhow::{Context, Result};
use e2e::visitor::{PASSWORD, Visitor};
use e2e::{Backend, TestServer, on_both_databases};
use serde_json::json;

on_both_databases!(
    each_role_sees_only_its_pages,
    conversations_are_private_and_work_without_scripts,
    an_administrator_manages_users_and_keys,
    settings_are_validated_with_messages,
);

/// A team: the administrator ada, the manager mia, and bob, a member of Alpha.
struct Team {
    server: TestServer,
    ada: Visitor,
    mia: Visitor,
    bob: Visitor,
}

async fn team(backend: Backend) -> Result<Team> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let first = json!({ "username": "ada", "password": PASSWORD });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    for (name, role) in [("mia", "manager"), ("bob", "default")] {
        let user = json!({ "username": name, "password": PASSWORD, "role": role });
        admin.post("/v1/admin/users/new", user).await?.ok()?;
    }
    for name in ["Alpha", "Beta"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    let text = b"The crane in the old harbour is called Berta.";
    admin.upload("crane.txt", text, &[("addToWorkspaces", "alpha")]).await?.ok()?;
    let mut visitors = Vec::new();
    for name in ["ada", "mia", "bob"] {
        let mut visitor = Visitor::new(admin)?;
        let fields = [("username", name), ("password", PASSWORD)];
        assert_eq!(visitor.post("/sign-in", &fields).await?.status, 303);
        visitors.push(visitor);
    }
    let [mut ada, mia, bob] = <[Visitor; 3]>::try_from(visitors).ok().context("three")?;
    assert_eq!(ada.post("/w/alpha/members", &[("user", "3")]).await?.status, 303);
    Ok(Team { server, ada, mia, bob })
}

async fn each_role_sees_only_its_pages(backend: Backend) -> Result<()> {
    let Team { server, mut ada, mut mia, mut bob } = team(backend).await?;
    let mut nobody = Visitor::new(server.admin())?;
    // The path and the statuses for bob, mia and ada.
    for (path, statuses) in [
        ("/", [200, 200, 200]),
        ("/search?q=crane", [200, 200, 200]),
        ("/account", [200, 200, 200]),
        ("/w/alpha", [200, 200, 200]),
        ("/w/alpha/documents", [200, 200, 200]),
        ("/documents", [403, 200, 200]),
        ("/jobs/99", [403, 404, 404]),
        ("/w/beta", [404, 200, 200]),
        ("/w/beta/documents", [404, 200, 200]),
        ("/search?q=crane&w=beta", [200, 200, 200]),
        ("/w/alpha/settings", [403, 200, 200]),
        ("/w/alpha/members", [403, 200, 200]),
        ("/workspaces/new", [403, 200, 200]),
        ("/welcome", [403, 403, 200]),
        ("/admin", [403, 403, 303]),
        ("/admin/users", [403, 403, 200]),
        ("/admin/users/1", [403, 403, 200]),
        ("/admin/users/99", [403, 403, 404]),
        ("/admin/users/x", [403, 403, 404]),
        ("/admin/invites", [403, 403, 200]),
        ("/admin/keys", [403, 403, 200]),
        ("/admin/models/language", [403, 403, 200]),
        ("/admin/models/images", [403, 403, 200]),
        ("/admin/models/nope", [403, 403, 404]),
        ("/admin/import", [403, 403, 200]),
        ("/admin/import/report", [403, 403, 404]),
        ("/admin/widgets", [403, 403, 200]),
        ("/admin/widgets/nope", [403, 403, 404]),
        ("/w/alpha/models", [403, 200, 200]),
        ("/w/alpha/documents/titles", [200, 200, 200]),
        ("/w/beta/documents/titles", [404, 200, 200]),
        ("/admin/settings", [403, 403, 200]),
        ("/admin/appearance", [403, 403, 200]),
        ("/admin/chats", [403, 403, 200]),
        ("/admin/chats/export?type=csv", [403, 403, 200]),
        ("/admin/chats/export?type=nope", [403, 403, 400]),
        ("/admin/jobs", [403, 403, 200]),
        ("/admin/audit", [403, 403, 200]),
        ("/admin/audit?verify=1", [403, 403, 200]),
        ("/admin/system", [403, 403, 200]),
        ("/w/nope", [404, 404, 404]),
        ("/w/alpha/t/nope", [404, 404, 404]),
        ("/w/alpha/source?in=..%2F..%2Fetc%2Fpasswd", [400, 400, 400]),
        ("/w/alpha/source?in=custom-documents%2Fnope.json", [404, 404, 404]),
    ] {
        for (visitor, status) in [&mut bob, &mut mia, &mut ada].into_iter().zip(statuses) {
            let page = visitor.get(path).await?;
            assert_eq!(page.status, status, "{path}: {}", page.text);
        }
        let page = nobody.get(path).await?;
        assert!(page.leads_to().starts_with("/sign-in?next=") || path == "/", "{path}");
    }
    // Changes are refused in the same way, whatever the fields are.
    let fields = [("name", "Evil"), ("username", "eve"), ("password", PASSWORD), ("role", "admin")];
    for (path, managers_may) in [
        ("/workspaces/new", true),
        ("/w/alpha/settings", true),
        ("/w/alpha/members", true),
        ("/w/alpha/delete", true),
        ("/w/alpha/documents/paste", true),
        ("/w/alpha/documents/upload", true),
        ("/w/alpha/documents/withdraw", true),
        ("/w/alpha/documents/link", true),
        ("/documents", true),
        ("/documents/folders", true),
        ("/welcome/key", false),
        ("/welcome/sample", false),
        ("/admin/users", false),
        ("/admin/users/open", false),
        ("/admin/users/3", false),
        ("/admin/users/1/delete", false),
        ("/admin/invites", false),
        ("/admin/invites/1/disable", false),
        ("/admin/keys", false),
        ("/admin/keys/1/revoke", false),
        ("/admin/models/language", false),
        ("/admin/models/language/test", false),
        ("/admin/settings", false),
        ("/admin/appearance", false),
        ("/admin/chats/1/delete", false),
        ("/admin/system/backup", false),
    ] {
        assert_eq!(bob.post(path, &fields).await?.status, 403, "{path}");
        // The target of a form is not a page to return to.
        assert_eq!(nobody.post(path, &fields).await?.leads_to(), "/sign-in", "{path}");
        if !managers_may {
            assert_eq!(mia.post(path, &fields).await?.status, 403, "{path}");
        }
    }
    assert_eq!(bob.post("/w/beta/ask", &[("message", "Hi")]).await?.status, 404);
    let users = server.admin().get("/v1/admin/users").await?.ok()?;
    assert_eq!(users["users"].as_array().map(Vec::len), Some(3));
    Ok(())
}

async fn conversations_are_private_and_work_without_scripts(backend: Backend) -> Result<()> {
    let Team { server: _server, mut ada, mut bob, .. } = team(backend).await?;
    let question = [("message", "What is the crane called?")];
    let asked = bob.post("/w/alpha/ask", &question).await?;
    assert_eq!(asked.leads_to(), "/w/alpha#latest");
    let page = bob.get("/w/alpha").await?;
    assert!(page.says("What is the crane called?") && page.says("Berta"), "{}", page.text);
    let source = page.text.split('"').find(|text| text.starts_with("/w/alpha/source?"));
    let source = source.context("no source")?.replace("&#38;", "&").replace("&amp;", "&");
    let source = bob.get(source.split('#').next().unwrap_or_default()).await?;
    assert!(source.says("id=\"passage\"") && source.says("The crane"), "{}", source.text);
    assert!(!ada.get("/w/alpha").await?.says("What is the crane called?"));

    let thread = bob.post("/w/alpha/threads", &[]).await?.leads_to().to_owned();
    bob.post(&format!("{thread}/ask"), &question).await?;
    assert!(bob.get(&thread).await?.says(">What is the crane called?</h1>"));
    assert_eq!(ada.get(&thread).await?.status, 404);
    assert_eq!(ada.post(&format!("{thread}/delete"), &[]).await?.status, 404);
    bob.post(&format!("{thread}/rename"), &[("name", "<b>Cranes</b>")]).await?;
    let renamed = bob.get(&thread).await?;
    assert!(renamed.says("&#60;b&#62;Cranes") && !renamed.says("<b>Cranes"));
    assert_eq!(bob.post(&format!("{thread}/delete"), &[]).await?.status, 303);
    assert_eq!(bob.get(&thread).await?.status, 404);
    assert_eq!(bob.post("/w/alpha/reset", &[]).await?.status, 303);
    assert!(!bob.get("/w/alpha").await?.says("Berta"));
    assert_eq!(bob.post("/w/alpha/ask", &[("message", " ")]).await?.status, 400);
    Ok(())
}

async fn an_administrator_manages_users_and_keys(backend: Backend) -> Result<()> {
    let Team { server, mut ada, mut bob, .. } = team(backend).await?;
    let new = [("username", "eve"), ("password", PASSWORD), ("role", "default")];
    assert_eq!(ada.post("/admin/users", &new).await?.leads_to(), "/admin/users?done=created");
    let taken = ada.post("/admin/users", &new).await?;
    assert!(taken.status == 400 && taken.says("already exists"));
    // Suspending a user ends their sessions.
    let bobs = [("username", "bob"), ("role", "default"), ("suspended", "1"), ("limit", "5")];
    assert_eq!(ada.post("/admin/users/3", &bobs).await?.status, 303);
    assert_eq!(bob.get("/").await?.status, 303);
    let last = [("username", "ada"), ("role", "default")];
    let refused = ada.post("/admin/users/1", &last).await?;
    assert!(refused.status == 400 && refused.says("No system admins will remain"));
    assert_eq!(ada.post("/admin/users/4/delete", &[("name", "other")]).await?.status, 400);
    assert_eq!(ada.post("/admin/users/4/delete", &[("name", "eve")]).await?.status, 303);

    ada.post("/admin/invites", &[("days", "7"), ("workspace", "1")]).await?;
    let invites = ada.get("/admin/invites").await?;
    let link = invites.text.split(['<', '>']).find(|text| text.contains("/invite/"));
    let path = link.and_then(|link| link.find("/invite/").map(|at| &link[at..]));
    let path = path.context("no link")?.to_owned();
    assert_eq!(ada.post("/admin/invites/1/disable", &[]).await?.status, 303);
    assert!(Visitor::new(server.admin())?.get(&path).await?.says("no longer works"));

    let key = ada.post("/admin/keys", &[("name", "robot"), ("scope", "read")]).await?;
    let start = key.text.find("crl_").context("no key")?;
    let secret: String =
        key.text[start..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let robot = server.admin().with_key(&secret);
    assert_eq!(robot.get("/v1/workspaces").await?.status, 200);
    assert_eq!(robot.post("/v1/workspace/new", json!({ "name": "X" })).await?.status, 403);
    let id = server.carrel().run(&["api-key", "list"])?.stdout;
    let id = id.lines().find(|line| line.contains("robot")).context("not listed")?;
    let id = id.split_whitespace().next().unwrap_or_default();
    assert_eq!(ada.post(&format!("/admin/keys/{id}/revoke"), &[]).await?.status, 303);
    assert_eq!(robot.get("/v1/workspaces").await?.status, 403);
    assert!(ada.get("/admin/audit?verify=1").await?.says("are intact"));
    let backup = ada.post("/admin/system/backup", &[]).await?;
    assert_eq!((backup.status, backup.header("content-type")), (200, "application/x-tar"));
    assert!(backup.header("content-disposition").starts_with("attachment; filename=\"carrel-"));
    assert!(backup.says("ustar"), "what came is no archive");
    Ok(())
}

async fn settings_are_validated_with_messages(backend: Backend) -> Result<()> {
    let Team { server, mut ada, .. } = team(backend).await?;
    let with = |name: &'static str, value: &'static str| {
        let mut fields = vec![
            ("name", "Alpha"),
            ("mode", "query"),
            ("history", "5"),
            ("least_similarity", "0.2"),
            ("passages", "3"),
            ("search_mode", "default"),
        ];
        fields.retain(|(field, _)| *field != name);
        fields.push((name, value));
        fields
    };
    for (name, value) in [
        ("name", ""),
        ("mode", "nope"),
        ("history", "-1"),
        ("least_similarity", "2"),
        ("passages", "0"),
        ("passages", "many"),
        ("temperature", "-1"),
        ("temperature", "NaN"),
    ] {
        let refused = ada.post("/w/alpha/settings", &with(name, value)).await?;
        assert_eq!(refused.status, 400, "{name}={value}: {}", refused.text);
    }
    ada.post("/w/alpha/settings", &with("prompt", "Be brief, {user.name}.")).await?;
    let alpha = server.admin().get("/v1/workspace/alpha").await?.ok()?.to_string();
    assert!(alpha.contains("Be brief, {user.name}.") && alpha.contains("query"), "{alpha}");
    assert_eq!(ada.post("/w/alpha/delete", &[("name", "alpha")]).await?.status, 400);
    assert_eq!(
        ada.post("/w/alpha/delete", &[("name", "Alpha")]).await?.leads_to(),
        "/?done=deleted"
    );
    assert_eq!(ada.get("/w/alpha").await?.status, 404);

    ada.post("/admin/appearance", &[("custom_app_name", "<i>Desk</i>"), ("support_email", "")])
        .await?;
    let home = ada.get("/").await?;
    assert!(home.says("&#60;i&#62;Desk") && !home.says("<i>Desk"));
    let bad = ada.post("/admin/appearance", &[("support_email", "nobody")]).await?;
    assert!(bad.status == 400 && bad.says("must be an e-mail address"), "{}", bad.text);
    let wrong = [("LLMProvider", "openai"), ("OpenAiKey", "wrong"), ("OpenAiModelPref", "m")];
    let refused = ada.post("/admin/models/language", &wrong).await?;
    assert!(refused.status == 400 && refused.says("must start with sk-"), "{}", refused.text);
    let tested = ada.post("/admin/models/embedding/test", &[]).await?;
    assert!(tested.says("384 dimensions"), "{}", tested.text);
    let unknown = ada.post("/admin/settings", &[("name", "Nope"), ("value", "x")]).await?;
    assert_eq!(unknown.status, 400);
    Ok(())
}
