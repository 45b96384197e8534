//! Administration: users, API keys, models, and the activity of the server.
pub mod appearance;
pub mod audit;
pub mod chats;
pub mod import;
pub mod invites;
pub mod jobs;
pub mod keys;
pub mod labels;
pub mod models;
pub mod settings;
pub mod system;
pub mod users;
pub mod variables;
pub mod widgets;

use actix_web::web::{ServiceConfig, get, post, resource};
use carrel_domain::{Error, Result};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::picture;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::layout::PageLayout;
use crate::view::texts::t;

pub fn configure(config: &mut ServiceConfig) {
    config
        .route("/admin", get().to(index))
        .service(resource("/admin/users").get(users::list).post(users::create))
        .route("/admin/users/open", post().to(users::open))
        .service(resource("/admin/users/{id}").get(users::show).post(users::save))
        .route("/admin/appearance/logo", post().to(picture::save_logo))
        .route("/admin/users/{id}/recovery-link", post().to(users::make_recovery_link))
        .route("/admin/users/{id}/delete", post().to(users::delete))
        .service(resource("/admin/invites").get(invites::list).post(invites::create))
        .route("/admin/invites/{id}/disable", post().to(invites::disable))
        .service(resource("/admin/keys").get(keys::list).post(keys::create))
        .route("/admin/keys/{id}/revoke", post().to(keys::revoke))
        .service(resource("/admin/models/{kind}").get(models::show).post(models::save))
        .route("/admin/models/{kind}/test", post().to(models::test))
        .route("/admin/models/{kind}/names", post().to(models::names))
        .route("/admin/models/{kind}/status", get().to(models::status))
        .service(resource("/admin/variables").get(variables::list).post(variables::save))
        .route("/admin/variables/{key}/delete", post().to(variables::delete))
        .service(resource("/admin/settings").get(settings::list).post(settings::save))
        .service(resource("/admin/appearance").get(appearance::show).post(appearance::save))
        .service(resource("/admin/import").get(import::show).post(import::start))
        .route("/admin/import/report", get().to(import::download))
        .service(resource("/admin/widgets").get(widgets::list).post(widgets::create))
        .service(resource("/admin/widgets/{key}").get(widgets::show).post(widgets::save))
        .route("/admin/widgets/{key}/delete", post().to(widgets::delete))
        .route("/admin/widgets/{key}/chats", get().to(widgets::history))
        .route("/admin/chats", get().to(chats::list))
        .route("/admin/chats/export", get().to(chats::export))
        .route("/admin/chats/{id}/delete", post().to(chats::delete))
        .route("/admin/jobs", get().to(jobs::list))
        .route("/admin/audit", get().to(audit::list))
        .route("/admin/system", get().to(system::show))
        .route("/admin/system/backup", post().to(system::backup));
}

/// A group of admin pages in the navigation.
pub struct AdminGroup {
    pub key: &'static str,
    pub title: &'static str,
    pub pages: Vec<AdminPage>,
}

pub struct AdminPage {
    pub address: &'static str,
    pub icon: &'static str,
    /// Key of the title.
    pub title: &'static str,
}

/// Address, icon, and key of the title.
type Row = (&'static str, &'static str, &'static str);

const PEOPLE: [Row; 4] = [
    ("/admin/users", "people", "users.title"),
    ("/admin/invites", "mail", "invites.title"),
    ("/admin/keys", "key", "keys.title"),
    ("/admin/widgets", "desk", "widgets.title"),
];
const MODELS: [Row; 8] = [
    ("/admin/models/language", "spark", "models.language"),
    ("/admin/models/embedding", "pulse", "models.embedding"),
    ("/admin/models/reranking", "order", "models.reranking"),
    ("/admin/models/vectors", "server", "models.vectors"),
    ("/admin/models/images", "picture", "models.images"),
    ("/admin/models/hearing", "microphone", "models.hearing"),
    ("/admin/models/speaking", "speaker", "models.speaking"),
    ("/admin/variables", "edit", "variables.title"),
];
const DATA: [Row; 3] = [
    ("/admin/chats", "thread", "chats.title"),
    ("/admin/jobs", "clock", "jobs.title"),
    ("/admin/import", "download", "import.title"),
];
const SERVER: [Row; 4] = [
    ("/admin/system", "gear", "system.title"),
    ("/admin/audit", "shield", "audit.title"),
    ("/admin/appearance", "brush", "appearance.title"),
    ("/admin/settings", "sliders", "all-settings.title"),
];

impl PageLayout {
    /// Returns the admin pages. Only shared servers have invites.
    pub fn admin_groups(&self) -> [AdminGroup; 4] {
        let is_available = |address: &str| self.is_multi_user || address != "/admin/invites";
        let group = |key, title, pages: &[Row]| {
            let visible_pages = pages.iter().filter(|(address, ..)| is_available(address));
            let entry = |&(address, icon, title): &Row| AdminPage { address, icon, title };
            AdminGroup { key, title, pages: visible_pages.map(entry).collect() }
        };
        [
            group("people", t("admin.people"), &PEOPLE),
            group("models", t("admin.models"), &MODELS),
            group("data", t("admin.data"), &DATA),
            group("server", t("admin.server"), &SERVER),
        ]
    }
}

async fn index(current_user: CurrentUser<role::Admin>) -> PageResult {
    Ok(response::redirect_to(if current_user.identity.user().is_some() {
        "/admin/users"
    } else {
        "/admin/system"
    }))
}

/// Parses a date from a form as its first moment.
fn date(text: &str, field: &'static str) -> Result<Option<DateTime<Utc>>> {
    if text.is_empty() {
        return Ok(None);
    }
    let date: NaiveDate = text.parse().map_err(|_| Error::invalid(field, "must be a date"))?;
    Ok(Some(date.and_time(NaiveTime::MIN).and_utc()))
}

/// Parses the id in a path. A text that is not a number is reported as not found.
fn parse_id(kind: &'static str, text: &str) -> Result<i32> {
    text.parse().map_err(|_| Error::not_found(kind, text))
}
