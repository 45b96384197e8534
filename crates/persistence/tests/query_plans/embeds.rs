//! Calls every method of the ports of widgets.
use carrel_domain::WorkspaceId;
use carrel_domain::audit::By;
use carrel_domain::chat::ChatRange;
use carrel_domain::widget::{NewWidget, NewWidgetChat, WidgetChats, WidgetSettings, Widgets};
use carrel_persistence::Database;
use chrono::Utc;

pub async fn use_embeds(db: &Database, here: WorkspaceId) {
    let now = Utc::now();
    let done = || By::operator(now).event("test", "{}");
    let settings =
        WidgetSettings { day_limit: Some(1), session_limit: Some(1), ..WidgetSettings::of(here) };
    let key = uuid::Uuid::new_v4();
    let new = NewWidget { key, settings: settings.clone(), created_by: None, created_at: now };
    let embed = Widgets::create(db, new, done()).await.unwrap();
    Widgets::list(db).await.unwrap();
    db.by_key(key).await.unwrap();
    Widgets::update(db, embed.id, settings, done()).await.unwrap();
    db.consume_question(&embed, "s", now).await.unwrap();
    let chat = NewWidgetChat {
        widget: embed.id,
        session: "s".into(),
        prompt: String::new(),
        response: String::new(),
        include: true,
        connection: "{}".into(),
        created_at: now,
        usage: None,
    };
    WidgetChats::append(db, chat, done()).await.unwrap();
    db.recent(embed.id, "s", 20).await.unwrap();
    for session in [None, Some("s")] {
        for newest_first in [true, false] {
            let part = ChatRange { newest_first, offset: 1, limit: 20 };
            WidgetChats::page(db, embed.id, session, part).await.unwrap();
        }
    }
    db.hide(embed.id, "s", done()).await.unwrap();
    Widgets::delete(db, embed.id, done()).await.unwrap();
}
