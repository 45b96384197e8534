//! `/invite/{code}`: registration with an invite.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_domain::invite::InviteStatus;
use carrel_services::accounts::UserDraft;

use super::entrance::signed_in;
use super::setup::check_account;
use crate::http::form::{Fields, PublicForm};
use crate::http::page_error::{FieldFault, PageError};
use crate::http::response::{self, PageResult};
use crate::session::current_user::OptionalUser;
use crate::view::brand::Brand;
use crate::view::filters;
use crate::view::texts::t;

#[derive(Template)]
#[template(path = "invite.html")]
struct Invited {
    brand: Brand,
    code: String,
    is_good: bool,
    /// Submitted values, and the problems with them.
    username: String,
    faults: Vec<FieldFault>,
}

pub async fn form(visitor: OptionalUser, code: Path<String>) -> PageResult {
    let found = visitor.site.ports.invites.by_code(&code).await?;
    let is_good = found.is_some_and(|invite| {
        invite.status == InviteStatus::Pending
            && invite.expires_at.is_none_or(|end| visitor.at < end)
    });
    let brand = visitor.site.brand().await?;
    let code = response::segment(&code);
    let (username, faults) = Default::default();
    response::page(&visitor.request, &Invited { brand, code, is_good, username, faults })
}

pub async fn accept(visitor: OptionalUser, code: Path<String>, form: PublicForm) -> PageResult {
    let form = form.read().await?;
    let refusal = match join(&visitor, &code, &form).await {
        Err(refusal) if response::shows_form_again(&visitor.request, &refusal) => refusal,
        done => return done,
    };
    let page = Invited {
        brand: visitor.site.brand().await?,
        code: response::segment(&code),
        is_good: true,
        username: form.text("username").to_owned(),
        faults: refusal.faults(),
    };
    response::page_again(&visitor.request, &page, &refusal)
}

async fn join(visitor: &OptionalUser, code: &str, form: &Fields) -> PageResult {
    let (ports, by) = (&visitor.site.ports, visitor.by());
    let (username, password) = (form.text("username").to_owned(), form.raw("password").to_owned());
    check_account(visitor, &username, &password)?;
    let draft = UserDraft { username: username.clone(), password, ..UserDraft::default() };
    let redeemed = ports.invitations.redeem(code, draft, &by).await;
    redeemed.map_err(|error| match error {
        Error::NotFound { kind: "invite", .. } => {
            PageError::over(t("invite.over"), t("invite.over-words"))
        }
        error => error.into(),
    })?;
    let session = ports.sign_in.with_password(&username, form.raw("password"), &by).await;
    let (session, _) = session.map_err(|_| PageError::SignIn("/sign-in".to_owned()))?;
    Ok(signed_in(visitor, &session, "/"))
}
