//! `/invite/{code}`: joining with an invite.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_domain::invite::InviteStatus;
use carrel_services::accounts::UserDraft;

use super::entrance::signed_in;
use super::setup::check_account;
use crate::filters;
use crate::form::{Fields, PublicForm};
use crate::frame::Brand;
use crate::refusal::{FieldFault, Refusal};
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::visit::Guest;

#[derive(Template)]
#[template(path = "invite.html")]
struct Invited {
    brand: Brand,
    code: String,
    is_good: bool,
    /// What was filled in before, and what is wrong with it.
    username: String,
    faults: Vec<FieldFault>,
}

pub async fn form(guest: Guest, code: Path<String>) -> Answer {
    let found = guest.site.ports.invites.by_code(&code).await?;
    let is_good = found.is_some_and(|invite| {
        invite.status == InviteStatus::Pending && invite.expires_at.is_none_or(|end| guest.at < end)
    });
    let brand = guest.site.brand().await?;
    let code = reply::segment(&code);
    let (username, faults) = Default::default();
    reply::page(&guest.request, &Invited { brand, code, is_good, username, faults })
}

pub async fn accept(guest: Guest, code: Path<String>, form: PublicForm) -> Answer {
    let form = form.read().await?;
    let refusal = match join(&guest, &code, &form).await {
        Err(refusal) if reply::shows_form_again(&guest.request, &refusal) => refusal,
        done => return done,
    };
    let page = Invited {
        brand: guest.site.brand().await?,
        code: reply::segment(&code),
        is_good: true,
        username: form.text("username").to_owned(),
        faults: refusal.faults(),
    };
    reply::page_again(&guest.request, &page, &refusal)
}

async fn join(guest: &Guest, code: &str, form: &Fields) -> Answer {
    let (ports, by) = (&guest.site.ports, guest.by());
    let (username, password) = (form.text("username").to_owned(), form.raw("password").to_owned());
    check_account(guest, &username, &password)?;
    let draft = UserDraft { username: username.clone(), password, ..UserDraft::default() };
    let redeemed = ports.invitations.redeem(code, draft, &by).await;
    redeemed.map_err(|error| match error {
        Error::NotFound { kind: "invite", .. } => {
            Refusal::over(t("invite.over"), t("invite.over-words"))
        }
        error => error.into(),
    })?;
    let session = ports.sign_in.with_password(&username, form.raw("password"), &by).await;
    let (session, _) = session.map_err(|_| Refusal::SignIn("/sign-in".to_owned()))?;
    Ok(signed_in(guest, &session, "/"))
}
