//! `/invite/{code}`: joining with an invite.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_domain::invite::InviteStatus;
use carrel_services::accounts::UserDraft;

use super::entrance::signed_in;
use crate::filters;
use crate::form::PublicForm;
use crate::frame::Brand;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::visit::Guest;

#[derive(Template)]
#[template(path = "invite.html")]
struct Invited {
    brand: Brand,
    code: String,
    is_good: bool,
}

pub async fn form(guest: Guest, code: Path<String>) -> Answer {
    let found = guest.site.ports.invites.by_code(&code).await?;
    let is_good = found.is_some_and(|invite| {
        invite.status == InviteStatus::Pending && invite.expires_at.is_none_or(|end| guest.at < end)
    });
    let brand = guest.site.brand().await?;
    let code = reply::segment(&code);
    reply::page(&guest.request, &Invited { brand, code, is_good })
}

pub async fn accept(guest: Guest, code: Path<String>, form: PublicForm) -> Answer {
    let form = form.read().await?;
    let (ports, by) = (&guest.site.ports, guest.by());
    let (username, password) = (form.text("username").to_owned(), form.raw("password").to_owned());
    let draft = UserDraft { username: username.clone(), password, ..UserDraft::default() };
    let redeemed = ports.invitations.redeem(&code, draft, &by).await;
    redeemed.map_err(|error| match error {
        Error::NotFound { kind: "invite", .. } => {
            Error::unprocessable(format!("{}. {}", t("invite.over"), t("invite.over-words")))
        }
        error => error,
    })?;
    let session = ports.sign_in.with_password(&username, form.raw("password"), &by).await;
    let (session, _) = session.map_err(|_| Refusal::SignIn("/sign-in".to_owned()))?;
    Ok(signed_in(&guest, &session, "/"))
}
