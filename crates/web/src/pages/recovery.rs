//! Recovery codes, which users create for themselves, and recovery links, which admins create. A
//! user who forgot the password sets a new one with either.
use askama::Template;
use carrel_domain::Error;
use carrel_services::ownership::SetupState;
use carrel_services::sign_in::Refused;
use carrel_services::sign_on::is_by_links_alone;

use super::sign_in::session_redirect;
use crate::http::form::{Fields, PageForm, PublicForm};
use crate::http::page_error::{FieldError, PageError};
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, OptionalUser, role};
use crate::view::brand::Brand;
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::texts::t;

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct RecoveryCodesPage {
    layout: PageLayout,
    codes: Vec<String>,
}

#[derive(Template)]
#[template(path = "recover.html")]
struct RecoverPage {
    brand: Brand,
    username: String,
    field_errors: Vec<FieldError>,
}

#[derive(Template)]
#[template(path = "recover_link.html")]
struct RecoveryLinkPage {
    brand: Brand,
    token: String,
    username: String,
    field_errors: Vec<FieldError>,
}

/// Creates new codes after checking the password, and shows them once.
pub async fn create(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let not_found = || Error::not_found("user", "owner");
    let user = current_user.identity.user().cloned().ok_or_else(not_found)?;
    let (ports, by) = (current_user.ports(), current_user.by());
    let temporary_session =
        ports.sign_in.with_password(&user.username, form.raw("current"), &by).await;
    let (temporary_session, _) =
        temporary_session.map_err(|reason| sign_in_error(reason, "current", t("account.wrong")))?;
    ports.sign_in.sign_out(temporary_session.reveal(), &by).await?;
    let codes = ports.recovery.create_codes(&user, &by).await?;
    let page = RecoveryCodesPage {
        codes,
        layout: current_user.layout(t("recovery.title"), Section::Account).await?,
    };
    response::full_page(&current_user.request, &page)
}

/// Stops offering recovery codes to the user.
pub async fn dismiss(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    form.read().await?;
    if let Some(user) = current_user.identity.id() {
        current_user.ports().recovery.dismiss_offer(user).await?;
    }
    Ok(response::redirect_to("/"))
}

/// Returns an error on a server whose users have no passwords of their own.
async fn check_enabled(visitor: &OptionalUser) -> Result<(), PageError> {
    let is_multi_user = visitor.setup_state().await? == SetupState::Shared;
    match is_multi_user && !is_by_links_alone(&visitor.site.ports.settings_store) {
        true => Ok(()),
        false => Err(Error::not_found("page", "recover").into()),
    }
}

pub async fn form(visitor: OptionalUser) -> PageResult {
    check_enabled(&visitor).await?;
    let brand = visitor.site.brand().await?;
    response::page(
        &visitor.request,
        &RecoverPage { brand, username: String::new(), field_errors: Vec::new() },
    )
}

pub async fn recover(visitor: OptionalUser, form: PublicForm) -> PageResult {
    check_enabled(&visitor).await?;
    let form = form.read().await?;
    let error = match redeem_code(&visitor, &form).await {
        Err(error) if response::should_redisplay_form(&visitor.request, &error) => error,
        response => return response,
    };
    let brand = visitor.site.brand().await?;
    let username = form.text("username").to_owned();
    let page = RecoverPage { brand, username, field_errors: error.field_errors() };
    response::form_with_errors(&visitor.request, &page, &error)
}

async fn redeem_code(visitor: &OptionalUser, form: &Fields) -> PageResult {
    let (name, code, new) = (form.text("username"), form.text("code"), form.raw("new"));
    let session = visitor.site.ports.recovery.redeem(name, code, new, &visitor.by()).await;
    let (session, _) =
        session.map_err(|reason| sign_in_error(reason, "code", t("recover.wrong")))?;
    Ok(session_redirect(visitor, &session, "/"))
}

fn expired_link() -> PageError {
    PageError::expired(t("recover-link.over"), t("recover-link.over-words"))
}

/// Shows the holder of a recovery link the form for a new password.
pub async fn link_form(visitor: OptionalUser) -> PageResult {
    check_enabled(&visitor).await?;
    let token = Fields::of_query(&visitor.request).text("token").to_owned();
    let user = visitor.site.ports.recovery.user_of_link(&token, visitor.now).await?;
    let username = user.ok_or_else(expired_link)?.username;
    let brand = visitor.site.brand().await?;
    response::page(
        &visitor.request,
        &RecoveryLinkPage { brand, token, username, field_errors: Vec::new() },
    )
}

pub async fn recover_by_link(visitor: OptionalUser, form: PublicForm) -> PageResult {
    check_enabled(&visitor).await?;
    let form = form.read().await?;
    let error = match redeem_link(&visitor, &form).await {
        Err(error) if response::should_redisplay_form(&visitor.request, &error) => error,
        response => return response,
    };
    let token = form.text("token").to_owned();
    let user = visitor.site.ports.recovery.user_of_link(&token, visitor.now).await?;
    let username = user.ok_or_else(expired_link)?.username;
    let brand = visitor.site.brand().await?;
    let page = RecoveryLinkPage { brand, token, username, field_errors: error.field_errors() };
    response::form_with_errors(&visitor.request, &page, &error)
}

async fn redeem_link(visitor: &OptionalUser, form: &Fields) -> PageResult {
    let (token, new) = (form.text("token"), form.raw("new"));
    match visitor.site.ports.recovery.redeem_link(token, new, &visitor.by()).await {
        Ok((session, _)) => Ok(session_redirect(visitor, &session, "/")),
        Err(Refused::Wrong) => Err(expired_link()),
        Err(reason) => Err(sign_in_error(reason, "new", "")),
    }
}

fn sign_in_error(reason: Refused, field: &'static str, message: &'static str) -> PageError {
    match reason {
        Refused::Wrong => Error::invalid(field, message).into(),
        Refused::Later(seconds) => PageError::RateLimited(seconds),
        Refused::Failed(error) => error.into(),
    }
}
