//! Pages without scripts: the first start, signing in and out, invites, and refusals.
use anyhow::{Context, Result};
use e2e::browser::{Browser, NAMED_HOST};
use e2e::visitor::{PASSWORD, Page, Visitor};
use e2e::{Backend, Options, TestServer, on_both_databases};
use reqwest::Method;
use serde_json::json;

on_both_databases!(
    the_setup_link_sets_the_server_up_for_a_team,
    the_owner_of_a_server_without_users_signs_in,
    an_invite_admits_one_person,
    a_setup_link_works_once,
);

/// Returns the path of the link in a text.
fn link(text: &str) -> Result<String> {
    let start = text.rfind("/setup?token=").context("no link")?;
    let end = text[start..].find(char::is_whitespace).unwrap_or(text.len() - start);
    Ok(text[start..start + end].to_owned())
}

fn token(link: &str) -> &str {
    link.rsplit('=').next().unwrap_or_default()
}

async fn fresh(backend: Backend) -> Result<(TestServer, String)> {
    let server = TestServer::start(backend).await?;
    server.wait_for_log("/setup?token=").await?;
    let link = link(&server.log()?)?;
    Ok((server, link))
}

async fn set_up(visitor: &mut Visitor, link: &str, mode: &str, name: &str) -> Result<Page> {
    let fields =
        [("token", token(link)), ("mode", mode), ("username", name), ("password", PASSWORD)];
    visitor.post("/setup", &fields).await
}

async fn the_setup_link_sets_the_server_up_for_a_team(backend: Backend) -> Result<()> {
    let (server, link) = fresh(backend).await?;
    let mut ada = Visitor::new(server.admin())?;
    // Before the setup, no page is accessible.
    for path in ["/", "/welcome", "/account", "/workspaces/new", "/w/x", "/admin"] {
        let page = ada.get(path).await?;
        assert!(page.status == 303 || page.status == 404, "{path}: {}", page.status);
        assert!(page.status == 404 || page.leads_to().starts_with("/sign-in"), "{path}");
    }
    let door = ada.get("/sign-in").await?;
    assert!(door.says("carrel setup-link") && !door.says("name=\"password\""));
    for wrong in ["/setup", "/setup?token=", "/setup?token=crl_wrong"] {
        assert_eq!(ada.get(wrong).await?.status, 422, "{wrong}");
        assert_eq!(set_up(&mut ada, wrong, "many", "eve").await?.status, 422, "{wrong}");
    }
    assert!(ada.get(&link).await?.says("name=\"password\""));

    // A mistake does not use up the link.
    let mistake = set_up(&mut ada, &link, "many", "Ada!").await?;
    assert_eq!((mistake.status, ada.cookie()), (400, None));
    let done = set_up(&mut ada, &link, "many", "ada").await?;
    assert_eq!((done.status, done.leads_to()), (303, "/welcome"));
    let mode = server.admin().get("/v1/admin/is-multi-user-mode").await?.ok()?;
    assert_eq!(mode["isMultiUser"], true);

    let key = ada.post("/welcome/key", &[]).await?;
    let start = key.text.find("crl_").context("no key is shown")?;
    let secret: String =
        key.text[start..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    assert!(key.says(&format!("curl -H 'Authorization: Bearer {secret}'")), "{}", key.text);
    assert_eq!(server.admin().with_key(&secret).get("/v1/auth").await?.status, 200);
    assert!(!ada.get("/welcome").await?.says(&secret));

    let sample = ada.post("/welcome/sample", &[]).await?;
    assert_eq!(sample.leads_to(), "/w/sample-library");
    let question = json!({ "message": "Which lamp is on the railing?", "mode": "query" });
    let answer = server.admin().post("/v1/workspace/sample-library/chat", question).await?.ok()?;
    assert!(answer["sources"][0]["title"].as_str().is_some_and(|title| title.contains("handbook")));
    Ok(())
}

async fn a_setup_link_works_once(backend: Backend) -> Result<()> {
    let (server, link) = fresh(backend).await?;
    let mut visitors = Vec::new();
    for _ in 0..4 {
        visitors.push(Visitor::new(server.admin())?);
    }
    let tries = visitors.iter_mut().enumerate().map(|(number, visitor)| {
        let (link, name) = (link.clone(), format!("user-{number}"));
        async move {
            let mode = if number % 2 == 0 { "many" } else { "one" };
            Ok::<_, anyhow::Error>(set_up(visitor, &link, mode, &name).await?.status)
        }
    });
    let mut statuses = futures_util::future::try_join_all(tries).await?;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 303);
    assert!(statuses[1..].iter().all(|status| *status == 422), "{statuses:?}");
    assert!(!server.log()?.contains("panicked"));
    Ok(())
}

async fn the_owner_of_a_server_without_users_signs_in(backend: Backend) -> Result<()> {
    let (server, setup) = fresh(backend).await?;
    let mut owner = Visitor::new(server.admin())?;
    let short = [("token", token(&setup)), ("mode", "one"), ("password", "short")];
    assert_eq!(owner.post("/setup", &short).await?.status, 400);
    assert_eq!(set_up(&mut owner, &setup, "one", "").await?.leads_to(), "/welcome");
    assert_eq!(owner.get("/").await?.status, 200);
    let mode = server.admin().get("/v1/admin/is-multi-user-mode").await?.ok()?;
    assert_eq!(mode["isMultiUser"], false);

    let mut other = Visitor::new(server.admin())?;
    let wrong = other.post("/sign-in", &[("password", "wrong password")]).await?;
    assert!(wrong.status == 400 && wrong.says("Wrong password."), "{}", wrong.status);
    let to = other.post("/sign-in", &[("password", PASSWORD), ("next", "//evil.example")]).await?;
    assert_eq!((to.status, to.leads_to()), (303, "/"));
    let session = other.cookie().map(str::to_owned);
    assert_eq!(other.get("/").await?.status, 200);
    assert_eq!(other.post("/sign-out", &[]).await?.leads_to(), "/sign-in");
    other.set_cookie(session);
    assert_eq!(other.get("/").await?.status, 303, "a closed session stays closed");
    assert_eq!(owner.get("/").await?.status, 200);

    // The operator resets the password, which ends every session.
    let printed = server.carrel().run(&["setup-link"])?;
    let again = link(&printed.stdout)?;
    assert!(other.get(&again).await?.says("Start again"));
    assert_eq!(set_up(&mut other, &again, "one", "").await?.status, 303);
    assert_eq!(owner.get("/").await?.status, 303);
    assert_eq!(other.get(&setup).await?.status, 422);
    let events = server.admin().get("/v1/admin/event-logs?limit=50").await?.ok()?.to_string();
    for event in ["setup_link_spent", "owner_password_set", "login_event", "logout_event"] {
        assert!(events.contains(event), "{event}");
    }
    Ok(())
}

async fn an_invite_admits_one_person(backend: Backend) -> Result<()> {
    let (server, link) = fresh(backend).await?;
    let admin = server.admin();
    set_up(&mut Visitor::new(admin)?, &link, "many", "ada").await?;
    for name in ["Alpha", "Beta"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    let invite = json!({ "workspaceIds": [1] });
    let invite = admin.post("/v1/admin/invite/new", invite).await?.ok()?["invite"].take();
    let path = format!("/invite/{}", invite["code"].as_str().unwrap_or_default());
    let mut bob = Visitor::new(admin)?;
    assert!(bob.get(&path).await?.says("You’re invited"));
    let fields = [("username", "bob"), ("password", PASSWORD), ("role", "admin")];
    assert_eq!(bob.post(&path, &fields).await?.leads_to(), "/");
    let home = bob.get("/").await?;
    assert!(home.says(">Alpha<") && !home.says(">Beta<"), "{}", home.text);
    for forbidden in ["/welcome", "/workspaces/new"] {
        let page = bob.get(forbidden).await?;
        assert!(page.status == 403 && page.says("You don’t have access"), "{forbidden}");
    }
    let mut eve = Visitor::new(admin)?;
    assert!(eve.get(&path).await?.says("no longer works"));
    assert_eq!(eve.post(&path, &fields).await?.status, 422);
    assert_eq!(eve.get("/invite/%2e%2e%2fx").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn changes_from_pages_of_other_sites_are_refused() -> Result<()> {
    let (server, link) = fresh(Backend::Sqlite).await?;
    let mut ada = Visitor::new(server.admin())?;
    set_up(&mut ada, &link, "many", "ada").await?;
    let foreign = [
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
    ];
    for headers in foreign {
        let mut request = ada.request(Method::POST, "/workspaces/new");
        for (name, value) in &headers {
            // Replaces one header of the visitor's request.
            let value = reqwest::header::HeaderValue::from_static(value);
            let name = reqwest::header::HeaderName::from_static(name);
            request = request.headers([(name, value)].into_iter().collect());
        }
        let form = request.header("content-type", "application/x-www-form-urlencoded");
        let page = ada.send(form.body("name=Evil")).await?;
        assert!(page.status == 403 && page.says("nothing was changed"), "{headers:?}");
    }
    let none = server.admin().get("/v1/workspaces").await?.ok()?;
    assert_eq!(none, json!({ "workspaces": [] }));
    Ok(())
}

#[tokio::test]
async fn pages_set_security_headers_and_a_request_id() -> Result<()> {
    let (server, _) = fresh(Backend::Sqlite).await?;
    let mut visitor = Visitor::new(server.admin())?;
    for path in ["/sign-in", "/nope", "/", "/setup"] {
        let page = visitor.get(path).await?;
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'self';") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(!page.text.contains("style=") && !page.text.contains("<script>"), "{path}");
        let id = page.header("x-request-id");
        assert!(!id.is_empty());
        assert!(page.status < 400 || page.says(id), "{path}");
    }
    let page = visitor.get("/sign-in").await?;
    let style = page.text.split('"').find(|text| text.ends_with("app.css")).context("no style")?;
    let asset = visitor.get(style).await?;
    assert!(asset.header("cache-control").contains("immutable"));
    for bad in ["/assets/app.css", "/assets/..%2f..%2fetc%2fpasswd", "/assets/"] {
        assert_eq!(visitor.get(bad).await?.status, 404, "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn signing_in_again_returns_to_the_page_of_the_form_without_scripts() -> Result<()> {
    let (server, link) = fresh(Backend::Sqlite).await?;
    set_up(&mut Visitor::new(server.admin())?, &link, "one", "").await?;
    let address = server.admin().address();
    let port = address.rsplit(':').next().context("no port")?;
    let mut browser = Browser::start(1280, 900).await?;
    browser.run_no_scripts(true).await?;
    for host in [NAMED_HOST, "127.0.0.1"] {
        browser.open(&format!("http://{host}:{port}/sign-in?next=%2Fworkspaces%2Fnew")).await?;
        browser.fill("#password", PASSWORD).await?;
        browser.follow("form button").await?;
        browser.wait("location.pathname === '/workspaces/new'").await?;
        browser.forget_cookies().await?;
        browser.fill("#name", "Too late").await?;
        browser.follow("main form button").await?;
        browser.wait("location.href.endsWith('/sign-in?next=%2Fworkspaces%2Fnew')").await?;
        browser.fill("#password", PASSWORD).await?;
        browser.follow("form button").await?;
        browser.wait("location.pathname === '/workspaces/new'").await?;
        browser.fill("#name", host).await?;
        browser.follow("main form button").await?;
        browser.wait("location.pathname.startsWith('/w/')").await?;
    }
    Ok(())
}

#[tokio::test]
async fn guessing_the_owners_password_is_slowed_down() -> Result<()> {
    let (server, link) = fresh(Backend::Sqlite).await?;
    set_up(&mut Visitor::new(server.admin())?, &link, "one", "").await?;
    let mut eve = Visitor::new(server.admin())?;
    let mut last = 0;
    for guess in 0..11 {
        let guess = format!("guess number {guess}");
        last = eve.post("/sign-in", &[("password", &guess)]).await?.status;
    }
    assert_eq!(last, 429);
    Ok(())
}

#[tokio::test]
async fn a_server_with_sign_in_by_links_only_accepts_no_password() -> Result<()> {
    for page in [None, Some("https://sso.example.test/start")] {
        let mut options = Options::from(Backend::Sqlite)
            .with("SIMPLE_SSO_ENABLED", "1")
            .with("SIMPLE_SSO_NO_LOGIN", "1");
        if let Some(page) = page {
            options = options.with("SIMPLE_SSO_NO_LOGIN_REDIRECT", page);
        }
        let server = TestServer::start(options).await?;
        let admin = server.admin();
        let first = json!({ "username": "main-admin", "password": PASSWORD });
        admin.post("/v1/admin/enable-multi-user", first.clone()).await?.ok()?;
        let mut ann = Visitor::new(admin)?;
        let door = ann.get("/sign-in").await?;
        match page {
            Some(page) => assert_eq!((door.status, door.header("location")), (303, page)),
            None => assert!(
                door.says("Password sign-in is turned off") && !door.says("<form"),
                "{}",
                door.text
            ),
        }
        let form = [("username", "main-admin"), ("password", PASSWORD)];
        assert_eq!(ann.post("/sign-in", &form).await?.status, 422);
        assert_eq!(admin.anonymous().post("/v1/session", first).await?.status, 403);
        let issued = admin.get("/v1/users/1/issue-auth-token").await?.ok()?;
        ann.get(issued["loginPath"].as_str().unwrap_or_default()).await?;
        assert_eq!(ann.get("/").await?.status, 200);
    }
    Ok(())
}

#[tokio::test]
async fn a_single_sign_on_token_signs_in_on_a_page_of_this_server() -> Result<()> {
    let options = Options::from(Backend::Sqlite).with("SIMPLE_SSO_ENABLED", "1");
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    let first = json!({ "username": "main-admin", "password": PASSWORD });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let issued = admin.get("/v1/users/1/issue-auth-token").await?.ok()?;
    let path = issued["loginPath"].as_str().unwrap_or_default();
    let mut ann = Visitor::new(admin)?;
    let page = ann.get(path).await?;
    assert!(page.status == 200 && page.says("http-equiv=\"refresh\"") && page.says("url=/"));
    assert_eq!(ann.get("/").await?.status, 200);
    assert_eq!(ann.get(path).await?.status, 422);
    Ok(())
}
