//! Recovery codes: created on the account page, and used after a forgotten password.
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
use crate::view::filters;
use crate::view::layout::{Brand, PageLayout, Section};
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

/// Makes new codes, given the password, and shows them once.
pub async fn make(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let missing = || Error::not_found("user", "owner");
    let user = current_user.identity.user().cloned().ok_or_else(missing)?;
    let (ports, by) = (current_user.ports(), current_user.by());
    let once = ports.sign_in.with_password(&user.username, form.raw("current"), &by).await;
    let (once, _) = once.map_err(|refused| refusal(refused, "current", t("account.wrong")))?;
    ports.sign_in.out(once.reveal(), &by).await?;
    let codes = ports.recovery.make(&user, &by).await?;
    let page =
        Codes { codes, layout: current_user.frame(t("recovery.title"), Section::Account).await? };
    response::page(&current_user.request, &page)
}

/// There is nothing to recover where nobody has a password of their own.
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

fn refusal(refused: Refused, field: &'static str, wrong: &'static str) -> PageError {
    match refused {
        Refused::Wrong => Error::invalid(field, wrong).into(),
        Refused::Later(seconds) => PageError::Later(seconds),
        Refused::Failed(error) => error.into(),
    }
}
