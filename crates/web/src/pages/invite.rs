//! `/invite/{code}`: registration with an invite.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_domain::invite::InviteStatus;
use carrel_services::accounts::UserDraft;

use super::setup::check_account;
use super::sign_in::session_redirect;
use crate::http::form::{Fields, PublicForm};
use crate::http::page_error::{FieldError, PageError};
use crate::http::response::{self, PageResult};
use crate::session::current_user::OptionalUser;
use crate::view::brand::Brand;
use crate::view::filters;
use crate::view::texts::t;

#[derive(Template)]
#[template(path = "invite.html")]
struct InvitePage {
    brand: Brand,
    code: String,
    is_valid: bool,
    /// Submitted values, and the problems with them.
    username: String,
    field_errors: Vec<FieldError>,
}

pub async fn form(visitor: OptionalUser, code: Path<String>) -> PageResult {
    let found = visitor.site.ports.invites.by_code(&code).await?;
    let is_valid = found.is_some_and(|invite| {
        invite.status == InviteStatus::Pending
            && invite.expires_at.is_none_or(|expiry| visitor.now < expiry)
    });
    let brand = visitor.site.brand().await?;
    let code = response::segment(&code);
    let (username, field_errors) = Default::default();
    response::page(&visitor.request, &InvitePage { brand, code, is_valid, username, field_errors })
}

pub async fn accept(visitor: OptionalUser, code: Path<String>, form: PublicForm) -> PageResult {
    let form = form.read().await?;
    let error = match register(&visitor, &code, &form).await {
        Err(error) if response::should_redisplay_form(&visitor.request, &error) => error,
        response => return response,
    };
    let page = InvitePage {
        brand: visitor.site.brand().await?,
        code: response::segment(&code),
        is_valid: true,
        username: form.text("username").to_owned(),
        field_errors: error.field_errors(),
    };
    response::form_with_errors(&visitor.request, &page, &error)
}

async fn register(visitor: &OptionalUser, code: &str, form: &Fields) -> PageResult {
    let (ports, by) = (&visitor.site.ports, visitor.by());
    let (username, password) = (form.text("username").to_owned(), form.raw("password").to_owned());
    check_account(visitor, &username, &password)?;
    let draft = UserDraft { username: username.clone(), password, ..UserDraft::default() };
    let redemption = ports.invitations.redeem(code, draft, &by).await;
    redemption.map_err(|error| match error {
        Error::NotFound { kind: "invite", .. } => {
            PageError::expired(t("invite.over"), t("invite.over-words"))
        }
        error => error.into(),
    })?;
    let session = ports.sign_in.with_password(&username, form.raw("password"), &by).await;
    let (session, _) = session.map_err(|_| PageError::SignIn("/sign-in".to_owned()))?;
    Ok(session_redirect(visitor, &session, "/"))
}
