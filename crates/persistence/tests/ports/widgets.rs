use carrel_domain::chat::ChatRange;
use carrel_domain::widget::{
    Admission, NewWidget, NewWidgetChat, WebOrigin, Widget, WidgetChats, WidgetSettings, Widgets,
};
use carrel_domain::workspace::{ChatMode, Workspaces};
use carrel_domain::{Error, WidgetId, WorkspaceId};
use carrel_persistence::Database;
use chrono::TimeDelta;
use uuid::Uuid;

use crate::support::{Scratch, at, done, workspace};

on_both_databases! {
    of_many_questions_at_once_as_many_as_allowed_are_admitted,
    the_day_limit_of_a_widget_covers_the_last_24_hours,
    settings_are_read_back_as_stored,
    an_embed_is_deleted_with_its_workspace,
    a_session_sees_its_own_exchanges,
    a_widget_moves_only_to_an_existing_workspace,
}

async fn embed(db: &Database, settings: WidgetSettings) -> Widget {
    let new = NewWidget { key: Uuid::new_v4(), settings, created_by: None, created_at: at(0) };
    Widgets::create(db, new, done(0)).await.unwrap()
}

async fn say(db: &Database, embed: WidgetId, session: &str, prompt: &str) {
    let chat = NewWidgetChat {
        widget: embed,
        session: session.into(),
        prompt: prompt.into(),
        response: "{}".into(),
        include: true,
        connection: "{}".into(),
        created_at: at(0),
        usage: None,
    };
    WidgetChats::append(db, chat, done(0)).await.unwrap();
}

async fn of_many_questions_at_once_as_many_as_allowed_are_admitted(scratch: Scratch) {
    let db = scratch.open();
    let here = WidgetSettings::of(workspace(&db, "Here").await.id);
    for (day_limit, session_limit, sessions, expected) in
        [(Some(10), None, 7, 10), (None, Some(3), 4, 12), (Some(5), Some(2), 100, 5)]
    {
        let made = embed(&db, WidgetSettings { day_limit, session_limit, ..here.clone() }).await;
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let (db, made) = (db.clone(), made.clone());
                let session = format!("s{}", number % sessions);
                tokio::spawn(async move {
                    db.consume_question(&made, &session, at(number % 7)).await.unwrap()
                })
            })
            .collect();
        let mut admitted = 0;
        for task in tasks {
            admitted += i32::from(task.await.unwrap() == Admission::Admitted);
        }
        assert_eq!(admitted, expected, "{day_limit:?} {session_limit:?}");
    }
}

async fn the_day_limit_of_a_widget_covers_the_last_24_hours(scratch: Scratch) {
    let db = scratch.open();
    let here = WidgetSettings::of(workspace(&db, "Here").await.id);
    let limits = WidgetSettings { day_limit: Some(2), session_limit: Some(1), ..here };
    let made = embed(&db, limits).await;
    let day = TimeDelta::hours(24);
    let admit =
        async |session: &str, when| db.consume_question(&made, session, when).await.unwrap();
    assert_eq!(admit("a", at(0)).await, Admission::Admitted);
    assert_eq!(admit("a", at(1)).await, Admission::SessionIsFull);
    assert_eq!(admit("b", at(2)).await, Admission::Admitted);
    assert_eq!(admit("c", at(3)).await, Admission::DayIsFull);
    assert_eq!(admit("c", at(0) + day).await, Admission::Admitted);
    assert_eq!(admit("a", at(1) + day).await, Admission::DayIsFull);
    assert_eq!(scratch.rows_in("embed_questions"), 2);
    let nobody = Widget { id: WidgetId(77), ..made.clone() };
    let nobody = db.consume_question(&nobody, "a", at(0)).await;
    assert!(matches!(nobody, Err(Error::NotFound { kind: "embed", .. })), "{nobody:?}");
}

async fn settings_are_read_back_as_stored(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await, workspace(&db, "Two").await);
    let plain = embed(&db, WidgetSettings::of(one.id)).await;
    let origins = ["a.test", "http://b.test:8080"].map(|text| WebOrigin::parse(text).unwrap());
    let full = WidgetSettings {
        workspace: two.id,
        enabled: false,
        mode: ChatMode::Chat,
        origins: Some(origins.to_vec()),
        allows_model: true,
        allows_temperature: true,
        allows_prompt: true,
        day_limit: Some(1),
        session_limit: Some(2),
        history: Some(3),
    };
    Widgets::update(&db, plain.id, full.clone(), done(1)).await.unwrap();
    let changed = Widget { settings: full.clone(), ..plain.clone() };
    assert_eq!(db.by_key(plain.key).await.unwrap(), Some((changed.clone(), two)));
    say(&db, plain.id, "s", "Hi").await;
    let listed = Widgets::list(&db).await.unwrap();
    assert_eq!((&listed[0].widget, listed[0].chats), (&changed, 1));
    assert_eq!(listed[0].workspace, "Two");
    // An empty list admits no site. It must not become NULL, which admits every site.
    let nobody = WidgetSettings { origins: Some(Vec::new()), ..full };
    Widgets::update(&db, plain.id, nobody, done(2)).await.unwrap();
    let (found, _) = db.by_key(plain.key).await.unwrap().unwrap();
    assert_eq!(found.settings.origins, Some(Vec::new()));
    assert_eq!(db.by_key(Uuid::new_v4()).await.unwrap(), None);
}

async fn an_embed_is_deleted_with_its_workspace(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let made = embed(&db, WidgetSettings::of(here)).await;
    say(&db, made.id, "s", "Hi").await;
    db.consume_question(&made, "s", at(0)).await.unwrap();
    let deleted = embed(&db, WidgetSettings::of(here)).await;
    assert!(Widgets::delete(&db, deleted.id, done(0)).await.unwrap());
    assert!(!Widgets::delete(&db, deleted.id, done(0)).await.unwrap());
    assert!(Workspaces::delete(&db, here, done(0)).await.unwrap());
    for table in ["embeds", "embed_chats", "embed_questions"] {
        assert_eq!(scratch.rows_in(table), 0, "{table}");
    }
    let new = NewWidgetChat {
        widget: made.id,
        session: "s".into(),
        prompt: String::new(),
        response: String::new(),
        include: true,
        connection: "{}".into(),
        created_at: at(0),
        usage: None,
    };
    let late = WidgetChats::append(&db, new, done(0)).await;
    assert!(matches!(late, Err(Error::NotFound { kind: "embed", .. })), "{late:?}");
}

async fn a_session_sees_its_own_exchanges(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let one = embed(&db, WidgetSettings::of(here)).await.id;
    let two = embed(&db, WidgetSettings::of(here)).await.id;
    for (embed, session, prompt) in
        [(one, "a", "1"), (one, "b", "2"), (two, "a", "3"), (one, "a", "4"), (one, "a", "5")]
    {
        say(&db, embed, session, prompt).await;
    }
    let prompts = |chats: Vec<carrel_domain::widget::WidgetChat>| -> Vec<String> {
        chats.into_iter().map(|chat| chat.prompt).collect()
    };
    assert_eq!(prompts(db.recent(one, "a", 2).await.unwrap()), ["4", "5"]);
    assert_eq!(db.hide(one, "a", done(1)).await.unwrap(), 3);
    assert!(db.recent(one, "a", 9).await.unwrap().is_empty());
    assert_eq!(prompts(db.recent(two, "a", 9).await.unwrap()), ["3"]);
    let all = ChatRange { newest_first: false, offset: 0, limit: 9 };
    assert_eq!(
        prompts(WidgetChats::page(&db, one, None, all).await.unwrap().items),
        ["1", "2", "4", "5"]
    );
    let newest = ChatRange { newest_first: true, offset: 1, limit: 1 };
    assert_eq!(prompts(WidgetChats::page(&db, one, Some("a"), newest).await.unwrap().items), ["4"]);
}

async fn a_widget_moves_only_to_an_existing_workspace(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let made = embed(&db, WidgetSettings::of(here)).await;
    let nowhere = WidgetSettings::of(WorkspaceId(77));
    let moved = Widgets::update(&db, made.id, nowhere.clone(), done(1)).await;
    assert!(matches!(moved, Err(Error::NotFound { kind: "workspace", .. })), "{moved:?}");
    let new =
        NewWidget { key: Uuid::new_v4(), settings: nowhere, created_by: None, created_at: at(0) };
    let made = Widgets::create(&db, new, done(1)).await;
    assert!(matches!(made, Err(Error::NotFound { kind: "workspace", .. })), "{made:?}");
    let gone = Widgets::update(&db, WidgetId(77), WidgetSettings::of(here), done(1)).await;
    assert!(matches!(gone, Err(Error::NotFound { kind: "embed", .. })), "{gone:?}");
}
