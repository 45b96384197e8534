//! Calls every method of the ports of embeds.
use carrel_domain::WorkspaceId;
use carrel_domain::audit::By;
use carrel_domain::chat::Part;
use carrel_domain::embed::{EmbedChats, EmbedSettings, Embeds, NewEmbed, NewEmbedChat};
use carrel_persistence::Database;
use chrono::Utc;

pub async fn use_embeds(db: &Database, here: WorkspaceId) {
    let now = Utc::now();
    let done = || By::operator(now).event("test", "{}");
    let settings =
        EmbedSettings { day_limit: Some(1), session_limit: Some(1), ..EmbedSettings::of(here) };
    let key = uuid::Uuid::new_v4();
    let new = NewEmbed { key, settings: settings.clone(), created_by: None, created_at: now };
    let embed = Embeds::create(db, new, done()).await.unwrap();
    Embeds::list(db).await.unwrap();
    db.by_key(key).await.unwrap();
    Embeds::update(db, embed.id, settings, done()).await.unwrap();
    db.admit(&embed, "s", now).await.unwrap();
    let chat = NewEmbedChat {
        embed: embed.id,
        session: "s".into(),
        prompt: String::new(),
        response: String::new(),
        include: true,
        connection: "{}".into(),
        created_at: now,
        usage: None,
    };
    EmbedChats::append(db, chat, done()).await.unwrap();
    db.recent(embed.id, "s", 20).await.unwrap();
    for session in [None, Some("s")] {
        for newest_first in [true, false] {
            let part = Part { newest_first, offset: 1, limit: 20 };
            EmbedChats::page(db, embed.id, session, part).await.unwrap();
        }
    }
    db.hide(embed.id, "s", done()).await.unwrap();
    Embeds::delete(db, embed.id, done()).await.unwrap();
}
