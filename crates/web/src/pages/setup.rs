//! The first start: the holder of the setup link becomes the owner or first admin, and sees the
//! next steps.
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
use crate::http::form::{Fields, PublicForm};
use crate::http::page_error::{FieldFault, PageError};
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, OptionalUser, role};
use crate::view::brand::Brand;
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::texts::t;

/// Sample documents: name and text.
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
    /// True if there is an owner already, whose password will be replaced.
    is_owned: bool,
    /// The previous input, and its errors.
    mode: String,
    username: String,
    faults: Vec<FieldFault>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome {
    layout: PageLayout,
}

#[derive(Template)]
#[template(path = "key.html")]
pub struct NewKeyPart {
    pub layout: PageLayout,
    pub secret: String,
    /// Address of the server, as the browser sees it.
    pub base: String,
    pub next: &'static str,
}

fn over() -> PageError {
    PageError::over(t("setup.over"), t("setup.over-words"))
}

pub async fn form(visitor: OptionalUser) -> PageResult {
    let token = Fields::of_query(&visitor.request).text("token").to_owned();
    let ownership = &visitor.site.ports.ownership;
    if !ownership.is_valid_link(&token, visitor.at).await? {
        return Err(over());
    }
    let setup = setup(&visitor, token, &Fields::default(), Vec::new()).await?;
    response::page(&visitor.request, &setup)
}

async fn setup(
    visitor: &OptionalUser,
    token: String,
    form: &Fields,
    faults: Vec<FieldFault>,
) -> Result<Setup, PageError> {
    Ok(Setup {
        brand: visitor.site.brand().await?,
        token,
        is_owned: visitor.setup_state().await? == SetupState::Owned,
        mode: form.text("mode").to_owned(),
        username: form.text("username").to_owned(),
        faults,
    })
}

pub async fn set_up(visitor: OptionalUser, form: PublicForm) -> PageResult {
    let form = form.read().await?;
    let refusal = match own(&visitor, &form).await {
        Err(refusal) if response::shows_form_again(&visitor.request, &refusal) => refusal,
        done => return done,
    };
    let token = form.text("token").to_owned();
    let page = setup(&visitor, token, &form, refusal.faults()).await?;
    response::page_again(&visitor.request, &page, &refusal)
}

async fn own(visitor: &OptionalUser, form: &Fields) -> PageResult {
    let (ports, by) = (&visitor.site.ports, visitor.by());
    let (token, password) = (form.text("token"), form.raw("password").to_owned());
    let gone = |error| match error {
        Error::NotFound { kind: "setup link", .. } => over(),
        error => error.into(),
    };
    let session = match form.text("mode") {
        // An import needs a server without users: those it brings take it over.
        "one" | "import" => ports.ownership.set_owner(token, password, &by).await.map_err(gone)?,
        "many" => {
            let username = form.text("username").to_owned();
            check_account(visitor, &username, &password)?;
            let draft = UserDraft { username, password, ..UserDraft::default() };
            ports.ownership.share(token, draft.clone(), &by).await.map_err(gone)?;
            let UserDraft { username, password, .. } = draft;
            let session = ports.sign_in.with_password(&username, &password, &by).await;
            session.map_err(|_| PageError::SignIn("/sign-in".to_owned()))?.0
        }
        _ => return Err(Error::invalid("mode", "must be `one`, `many` or `import`").into()),
    };
    let next = if form.text("mode") == "import" { "/admin/import" } else { "/welcome" };
    Ok(signed_in(visitor, &session, next))
}

/// Checks user name and password, and reports problems with both.
pub fn check_account(visitor: &OptionalUser, name: &str, password: &str) -> Result<(), PageError> {
    let rules = &visitor.site.ports.accounts.passwords;
    PageError::of_all([Username::parse(name).map(drop), rules.check(password)])
}

pub async fn welcome(current_user: CurrentUser<role::Admin>) -> PageResult {
    let layout = current_user.layout(t("welcome.title"), Section::Home).await?;
    response::page(&current_user.request, &Welcome { layout })
}

/// Creates a workspace with sample documents.
pub async fn sample(current_user: CurrentUser<role::Admin>) -> PageResult {
    let (ports, by) = (current_user.ports(), current_user.by());
    let named = WorkspaceSettings::named(t("welcome.sample-name"));
    let workspace = workspaces::create(&*ports.workspaces, &*ports.settings, named, &by).await?;
    for (name, text) in SAMPLES {
        let file = write(&current_user, text)?;
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
    Ok(response::see(&format!("/w/{}", workspace.slug)))
}

fn write(
    current_user: &CurrentUser<role::Admin>,
    text: &str,
) -> Result<tempfile::NamedTempFile, PageError> {
    let file = tempfile::NamedTempFile::new_in(&current_user.site.options.upload_dir);
    let file = file.map_err(Error::of_file)?;
    std::fs::write(file.path(), text).map_err(Error::of_file)?;
    Ok(file)
}

/// Creates an API key and shows its secret once.
pub async fn first_key(current_user: CurrentUser<role::Admin>) -> PageResult {
    let options = KeyOptions {
        name: Some(t("welcome.key-name").to_owned()),
        created_by: current_user.identity.id(),
        ..KeyOptions::default()
    };
    let (secret, _) = current_user.ports().api_keys.create(options, &current_user.by()).await?;
    let layout = current_user.layout(t("key.title"), Section::Home).await?;
    let (secret, base) = (secret.reveal().to_owned(), base(&current_user.request));
    response::page(&current_user.request, &NewKeyPart { layout, secret, base, next: "/welcome" })
}

/// Returns the address of this server, as the browser sees it.
pub fn base(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}
