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

use super::sign_in::session_redirect;
use crate::http::form::{Fields, PublicForm};
use crate::http::page_error::{FieldError, PageError};
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
struct SetupPage {
    brand: Brand,
    token: String,
    /// True if the server has an owner, whose password will be replaced.
    has_owner: bool,
    /// The previous input, and its errors.
    mode: String,
    username: String,
    field_errors: Vec<FieldError>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
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

fn expired_link() -> PageError {
    PageError::expired(t("setup.over"), t("setup.over-words"))
}

pub async fn form(visitor: OptionalUser) -> PageResult {
    let token = Fields::of_query(&visitor.request).text("token").to_owned();
    let ownership = &visitor.site.ports.ownership;
    if !ownership.is_valid_link(&token, visitor.now).await? {
        return Err(expired_link());
    }
    let page = setup_page(&visitor, token, &Fields::default(), Vec::new()).await?;
    response::page(&visitor.request, &page)
}

async fn setup_page(
    visitor: &OptionalUser,
    token: String,
    form: &Fields,
    field_errors: Vec<FieldError>,
) -> Result<SetupPage, PageError> {
    Ok(SetupPage {
        brand: visitor.site.brand().await?,
        token,
        has_owner: visitor.setup_state().await? == SetupState::Owned,
        mode: form.text("mode").to_owned(),
        username: form.text("username").to_owned(),
        field_errors,
    })
}

pub async fn set_up(visitor: OptionalUser, form: PublicForm) -> PageResult {
    let form = form.read().await?;
    let error = match take_ownership(&visitor, &form).await {
        Err(error) if response::should_redisplay_form(&visitor.request, &error) => error,
        response => return response,
    };
    let token = form.text("token").to_owned();
    let page = setup_page(&visitor, token, &form, error.field_errors()).await?;
    response::form_with_errors(&visitor.request, &page, &error)
}

async fn take_ownership(visitor: &OptionalUser, form: &Fields) -> PageResult {
    let (ports, by) = (&visitor.site.ports, visitor.by());
    let (token, password) = (form.text("token"), form.raw("password").to_owned());
    let link_error = |error| match error {
        Error::NotFound { kind: "setup link", .. } => expired_link(),
        error => error.into(),
    };
    let session = match form.text("mode") {
        // An import needs a server without users: those it brings take it over.
        "one" | "import" => {
            ports.ownership.set_owner(token, password, &by).await.map_err(link_error)?
        }
        "many" => {
            let username = form.text("username").to_owned();
            check_account(visitor, &username, &password)?;
            let draft = UserDraft { username, password, ..UserDraft::default() };
            ports.ownership.share(token, draft.clone(), &by).await.map_err(link_error)?;
            let UserDraft { username, password, .. } = draft;
            let session = ports.sign_in.with_password(&username, &password, &by).await;
            session.map_err(|_| PageError::SignIn("/sign-in".to_owned()))?.0
        }
        _ => return Err(Error::invalid("mode", "must be `one`, `many` or `import`").into()),
    };
    let next = if form.text("mode") == "import" { "/admin/import" } else { "/welcome" };
    Ok(session_redirect(visitor, &session, next))
}

/// Checks user name and password, and reports problems with both.
pub fn check_account(visitor: &OptionalUser, name: &str, password: &str) -> Result<(), PageError> {
    let rules = &visitor.site.ports.accounts.passwords;
    PageError::check_all([Username::parse(name).map(drop), rules.check(password)])
}

pub async fn welcome(current_user: CurrentUser<role::Admin>) -> PageResult {
    let layout = current_user.layout(t("welcome.title"), Section::Home).await?;
    response::page(&current_user.request, &WelcomePage { layout })
}

/// Creates a workspace with sample documents.
pub async fn sample(current_user: CurrentUser<role::Admin>) -> PageResult {
    let (ports, by) = (current_user.ports(), current_user.by());
    let settings = WorkspaceSettings::named(t("welcome.sample-name"));
    let workspace = workspaces::create(&*ports.workspaces, &*ports.settings, settings, &by).await?;
    for (name, text) in SAMPLES {
        let file = write_sample(&current_user, text)?;
        let incoming_file = carrel_domain::document::IncomingFile {
            name: name.to_owned(),
            content: file.path().to_owned(),
        };
        let workspaces = vec![workspace.clone()];
        let details = Default::default();
        let result = ports
            .ingestion
            .add_file(incoming_file, details, workspaces, Indexing::Keep, &by)
            .await?;
        if let Some(warning) = result.added.iter().find_map(|document| document.warning.clone()) {
            return Err(Error::unprocessable(warning).into());
        }
    }
    Ok(response::redirect_to(&format!("/w/{}", workspace.slug)))
}

fn write_sample(
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
    let (secret, base) = (secret.reveal().to_owned(), server_address(&current_user.request));
    response::page(&current_user.request, &NewKeyPart { layout, secret, base, next: "/welcome" })
}

/// Returns the address of this server, as the browser sees it.
pub fn server_address(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}
