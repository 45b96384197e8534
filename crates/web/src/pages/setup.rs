//! The first start: whoever holds the link makes the server theirs, and is shown what comes next.
use actix_web::HttpRequest;
use askama::Template;
use carrel_domain::Error;
use carrel_domain::user::Username;
use carrel_domain::workspace::WorkspaceSettings;
use carrel_services::accounts::UserDraft;
use carrel_services::api_keys::KeyOptions;
use carrel_services::ingestion::Indexing;
use carrel_services::ownership::SetupState;
use carrel_services::workspaces;

use super::entrance::signed_in;
use crate::filters;
use crate::form::{Fields, PublicForm};
use crate::frame::{Brand, Frame, Section};
use crate::refusal::{FieldFault, Refusal};
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::visit::{Admin, Guest, Visit};

/// Documents for whoever has none at hand: name and text.
const SAMPLES: [(&str, &str); 3] = [
    ("lighthouse-handbook.md", include_str!("../../../../docs/samples/lighthouse-handbook.md")),
    ("observatory-faq.html", include_str!("../../../../docs/samples/observatory-faq.html")),
    ("ferry-timetable.csv", include_str!("../../../../docs/samples/ferry-timetable.csv")),
];

#[derive(Template)]
#[template(path = "setup.html")]
struct Setup {
    brand: Brand,
    token: String,
    /// Whether there is an owner already, whose password is going to be replaced.
    is_owned: bool,
    /// What was filled in before, and what is wrong with it.
    is_for_one: bool,
    username: String,
    faults: Vec<FieldFault>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "key.html")]
pub struct NewKey {
    pub frame: Frame,
    pub secret: String,
    /// Where the server is, as the browser sees it.
    pub base: String,
    pub next: &'static str,
}

fn over() -> Refusal {
    Refusal::over(t("setup.over"), t("setup.over-words"))
}

pub async fn form(guest: Guest) -> Answer {
    let token = Fields::of_query(&guest.request).text("token").to_owned();
    let ownership = &guest.site.ports.ownership;
    if !ownership.is_good(&token, guest.at).await? {
        return Err(over());
    }
    let setup = setup(&guest, token, &Fields::default(), Vec::new()).await?;
    reply::page(&guest.request, &setup)
}

async fn setup(
    guest: &Guest,
    token: String,
    form: &Fields,
    faults: Vec<FieldFault>,
) -> Result<Setup, Refusal> {
    Ok(Setup {
        brand: guest.site.brand().await?,
        token,
        is_owned: guest.setup_state().await? == SetupState::Owned,
        is_for_one: form.text("mode") == "one",
        username: form.text("username").to_owned(),
        faults,
    })
}

pub async fn set_up(guest: Guest, form: PublicForm) -> Answer {
    let form = form.read().await?;
    let refusal = match own(&guest, &form).await {
        Err(refusal) if reply::shows_form_again(&guest.request, &refusal) => refusal,
        done => return done,
    };
    let token = form.text("token").to_owned();
    let page = setup(&guest, token, &form, refusal.faults()).await?;
    reply::page_again(&guest.request, &page, &refusal)
}

async fn own(guest: &Guest, form: &Fields) -> Answer {
    let (ports, by) = (&guest.site.ports, guest.by());
    let (token, password) = (form.text("token"), form.raw("password").to_owned());
    let gone = |error| match error {
        Error::NotFound { kind: "setup link", .. } => over(),
        error => error.into(),
    };
    let session = match form.text("mode") {
        "one" => ports.ownership.own(token, password, &by).await.map_err(gone)?,
        "many" => {
            let username = form.text("username").to_owned();
            check_account(guest, &username, &password)?;
            let draft = UserDraft { username, password, ..UserDraft::default() };
            ports.ownership.share(token, draft.clone(), &by).await.map_err(gone)?;
            let UserDraft { username, password, .. } = draft;
            let session = ports.sign_in.with_password(&username, &password, &by).await;
            session.map_err(|_| Refusal::SignIn("/sign-in".to_owned()))?.0
        }
        _ => return Err(Error::invalid("mode", "must be `one` or `many`").into()),
    };
    Ok(signed_in(guest, &session, "/welcome"))
}

/// Refuses a name and a password that nobody may have, both of them at once.
pub fn check_account(guest: &Guest, name: &str, password: &str) -> Result<(), Refusal> {
    let rules = &guest.site.ports.accounts.passwords;
    Refusal::of_all([Username::parse(name).map(drop), rules.check(password)])
}

pub async fn welcome(visit: Visit<Admin>) -> Answer {
    let frame = visit.frame(t("welcome.title"), Section::Home).await?;
    reply::page(&visit.request, &Welcome { frame })
}

/// Makes a workspace with documents in it.
pub async fn sample(visit: Visit<Admin>) -> Answer {
    let (ports, by) = (visit.ports(), visit.by());
    let named = WorkspaceSettings::named(t("welcome.sample-name"));
    let workspace = workspaces::create(&*ports.workspaces, &*ports.settings, named, &by).await?;
    for (name, text) in SAMPLES {
        let file = write(&visit, text)?;
        let incoming = carrel_domain::document::IncomingFile {
            name: name.to_owned(),
            content: file.path().to_owned(),
        };
        let into = vec![workspace.clone()];
        let details = Default::default();
        let done = ports.ingestion.add_file(incoming, details, into, Indexing::Keep, &by).await?;
        if let Some(warning) = done.added.iter().find_map(|added| added.warning.clone()) {
            return Err(Error::unprocessable(warning).into());
        }
    }
    Ok(reply::see(&format!("/w/{}", workspace.slug)))
}

fn write(visit: &Visit<Admin>, text: &str) -> Result<tempfile::NamedTempFile, Refusal> {
    let file = tempfile::NamedTempFile::new_in(&visit.site.options.upload_dir);
    let file = file.map_err(Error::of_file)?;
    std::fs::write(file.path(), text).map_err(Error::of_file)?;
    Ok(file)
}

/// Makes an API key and shows it, this once.
pub async fn first_key(visit: Visit<Admin>) -> Answer {
    let options = KeyOptions {
        name: Some(t("welcome.key-name").to_owned()),
        created_by: visit.who.id(),
        ..KeyOptions::default()
    };
    let (secret, _) = visit.ports().api_keys.create(options, &visit.by()).await?;
    let frame = visit.frame(t("key.title"), Section::Home).await?;
    let (secret, base) = (secret.reveal().to_owned(), base(&visit.request));
    reply::page(&visit.request, &NewKey { frame, secret, base, next: "/welcome" })
}

/// The address of this server as the browser knows it.
pub fn base(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}
