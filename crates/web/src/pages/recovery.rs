//! Recovery codes, which users create for themselves, and recovery links, which admins create. A user
//! who forgot the password sets a new one with either.
use askama::Template;
use carrel_domain::Error;
use carrel_services::ownership::SetupState;
use carrel_services::sign_in::Refused;
use carrel_services::sign_on::is_by_links_alone;

use super::entrance::signed_in;
use crate::http::form::{Fields, PageForm, PublicForm};
use crate::http::page_error::{FieldFault, PageError};
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, OptionalUser, role};
use crate::view::brand::Brand;
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::texts::t;

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct Codes {
    layout: PageLayout,
    codes: Vec<String>,
}

#[derive(Template)]
#[template(path = "recover.html")]
struct Recover {
    brand: Brand,
    username: String,
    faults: Vec<FieldFault>,
}

#[derive(Template)]
#[template(path = "recover_link.html")]
struct ByLink {
    brand: Brand,
    token: String,
    username: String,
    faults: Vec<FieldFault>,
}

/// Creates new codes after checking the password, and shows them once.
pub async fn make(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let missing = || Error::not_found("user", "owner");
    let user = current_user.identity.user().cloned().ok_or_else(missing)?;
    let (ports, by) = (current_user.ports(), current_user.by());
    let once = ports.sign_in.with_password(&user.username, form.raw("current"), &by).await;
    let (once, _) = once.map_err(|refused| refusal(refused, "current", t("account.wrong")))?;
    ports.sign_in.sign_out(once.reveal(), &by).await?;
    let codes = ports.recovery.create_codes(&user, &by).await?;
    let page =
        Codes { codes, layout: current_user.layout(t("recovery.title"), Section::Account).await? };
    response::replacing_page(&current_user.request, &page)
}

/// Stops offering recovery codes to the user.
pub async fn dismiss(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    form.read().await?;
    if let Some(user) = current_user.identity.id() {
        current_user.ports().recovery.dismiss_offer(user).await?;
    }
    Ok(response::see("/"))
}

/// Returns an error on a server whose users have no passwords of their own.
async fn check_open(visitor: &OptionalUser) -> Result<(), PageError> {
    let is_shared = visitor.setup_state().await? == SetupState::Shared;
    match is_shared && !is_by_links_alone(&visitor.site.ports.settings_store) {
        true => Ok(()),
        false => Err(Error::not_found("page", "recover").into()),
    }
}

pub async fn form(visitor: OptionalUser) -> PageResult {
    check_open(&visitor).await?;
    let brand = visitor.site.brand().await?;
    response::page(
        &visitor.request,
        &Recover { brand, username: String::new(), faults: Vec::new() },
    )
}

pub async fn recover(visitor: OptionalUser, form: PublicForm) -> PageResult {
    check_open(&visitor).await?;
    let form = form.read().await?;
    let refusal = match recovered(&visitor, &form).await {
        Err(refusal) if response::shows_form_again(&visitor.request, &refusal) => refusal,
        done => return done,
    };
    let brand = visitor.site.brand().await?;
    let username = form.text("username").to_owned();
    let page = Recover { brand, username, faults: refusal.faults() };
    response::page_again(&visitor.request, &page, &refusal)
}

async fn recovered(visitor: &OptionalUser, form: &Fields) -> PageResult {
    let (name, code, new) = (form.text("username"), form.text("code"), form.raw("new"));
    let session = visitor.site.ports.recovery.redeem(name, code, new, &visitor.by()).await;
    let (session, _) = session.map_err(|refused| refusal(refused, "code", t("recover.wrong")))?;
    Ok(signed_in(visitor, &session, "/"))
}

fn over() -> PageError {
    PageError::over(t("recover-link.over"), t("recover-link.over-words"))
}

/// Shows the holder of a recovery link the form for a new password.
pub async fn link_form(visitor: OptionalUser) -> PageResult {
    check_open(&visitor).await?;
    let token = Fields::of_query(&visitor.request).text("token").to_owned();
    let user = visitor.site.ports.recovery.user_of_link(&token, visitor.at).await?;
    let username = user.ok_or_else(over)?.username;
    let brand = visitor.site.brand().await?;
    response::page(&visitor.request, &ByLink { brand, token, username, faults: Vec::new() })
}

pub async fn recover_by_link(visitor: OptionalUser, form: PublicForm) -> PageResult {
    check_open(&visitor).await?;
    let form = form.read().await?;
    let refusal = match recovered_by_link(&visitor, &form).await {
        Err(refusal) if response::shows_form_again(&visitor.request, &refusal) => refusal,
        done => return done,
    };
    let token = form.text("token").to_owned();
    let user = visitor.site.ports.recovery.user_of_link(&token, visitor.at).await?;
    let username = user.ok_or_else(over)?.username;
    let brand = visitor.site.brand().await?;
    let page = ByLink { brand, token, username, faults: refusal.faults() };
    response::page_again(&visitor.request, &page, &refusal)
}

async fn recovered_by_link(visitor: &OptionalUser, form: &Fields) -> PageResult {
    let (token, new) = (form.text("token"), form.raw("new"));
    match visitor.site.ports.recovery.redeem_link(token, new, &visitor.by()).await {
        Ok((session, _)) => Ok(signed_in(visitor, &session, "/")),
        Err(Refused::Wrong) => Err(over()),
        Err(refused) => Err(refusal(refused, "new", "")),
    }
}

fn refusal(refused: Refused, field: &'static str, wrong: &'static str) -> PageError {
    match refused {
        Refused::Wrong => Error::invalid(field, wrong).into(),
        Refused::Later(seconds) => PageError::Later(seconds),
        Refused::Failed(error) => error.into(),
    }
}
