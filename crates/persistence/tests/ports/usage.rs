use carrel_domain::chat::{Chats, Conversation, NewChat};
use carrel_domain::model::Usage;
use carrel_domain::usage::{UsageBy, UsageOf, UsageQuery, Usages, Used};
use carrel_domain::widget::{NewWidget, NewWidgetChat, WidgetChats, WidgetSettings, Widgets};
use carrel_domain::{UserId, WorkspaceId};
use carrel_persistence::Database;
use uuid::Uuid;

use crate::support::{Scratch, at, done, user, workspace};

on_both_databases! {
    tokens_are_summed_by_user_workspace_and_day,
    sums_are_filtered_by_time_and_paged,
    exchanges_without_token_counts_are_counted_separately,
}

const DAY: i64 = 86_400;

fn tokens(prompt_tokens: u64, completion_tokens: u64) -> Option<Usage> {
    Some(Usage { prompt_tokens, completion_tokens })
}

async fn say(
    db: &Database,
    workspace: WorkspaceId,
    user: Option<UserId>,
    seconds: i64,
    usage: Option<Usage>,
) {
    let chat = NewChat {
        conversation: Conversation { workspace, user, thread: None, session: None },
        prompt: "?".into(),
        response: "{}".into(),
        images: Vec::new(),
        include: true,
        created_at: at(seconds),
        usage,
    };
    Chats::append(db, chat, done(0)).await.unwrap();
}

async fn say_to_an_embed(db: &Database, workspace: WorkspaceId, usage: Option<Usage>) {
    let settings = WidgetSettings::of(workspace);
    let new = NewWidget { key: Uuid::new_v4(), settings, created_by: None, created_at: at(0) };
    let embed = Widgets::create(db, new, done(0)).await.unwrap().id;
    let chat = NewWidgetChat {
        widget: embed,
        session: "s".into(),
        prompt: "?".into(),
        response: "{}".into(),
        include: true,
        connection: "{}".into(),
        created_at: at(0),
        usage,
    };
    WidgetChats::append(db, chat, done(0)).await.unwrap();
}

fn all(by: UsageBy) -> UsageQuery {
    UsageQuery { by, from: None, to: None, offset: 0, limit: 100 }
}

/// Exchanges, exchanges without counts, tokens of questions, and tokens of answers.
fn figures(used: &[Used]) -> Vec<(u64, u64, u64, u64)> {
    let figures =
        |used: &Used| (used.exchanges, used.unknown, used.prompt_tokens, used.completion_tokens);
    used.iter().map(figures).collect()
}

async fn tokens_are_summed_by_user_workspace_and_day(scratch: Scratch) {
    let db = scratch.open();
    assert_eq!(db.sums(&all(UsageBy::Day)).await.unwrap(), []);
    let (here, there) = (workspace(&db, "Here").await.id, workspace(&db, "There").await.id);
    let (ann, ben) = (user(&db, "ann").await.id, user(&db, "ben").await.id);
    say(&db, here, Some(ann), 0, tokens(10, 1)).await;
    say(&db, here, Some(ann), 1, tokens(20, 2)).await;
    say(&db, there, Some(ben), DAY, tokens(500, 50)).await;
    say(&db, there, None, DAY, tokens(1, 0)).await;
    say_to_an_embed(&db, here, tokens(4, 4)).await;

    let by_user = db.sums(&all(UsageBy::User)).await.unwrap();
    let owners: Vec<_> = by_user.iter().map(|used| used.of.clone()).collect();
    let of = |id, name: &str| UsageOf::User(Some((id, name.to_owned())));
    assert_eq!(owners, [of(ben, "ben"), of(ann, "ann"), UsageOf::User(None)]);
    assert_eq!(figures(&by_user), [(1, 0, 500, 50), (2, 0, 30, 3), (2, 0, 5, 4)]);

    scratch.execute(
        "INSERT INTO chats (id, workspace_id, created_at, updated_at, prompt, response)
         VALUES (500, 9999, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'p', '{}')",
    );
    let by_workspace = db.sums(&all(UsageBy::Workspace)).await.unwrap();
    let owners: Vec<_> = by_workspace.iter().map(|used| used.of.clone()).collect();
    let names = |name: &str| Some((name.to_owned(), name.to_lowercase()));
    let of = UsageOf::Workspace;
    let gone = of(WorkspaceId(9999), None);
    assert_eq!(owners, [of(there, names("There")), of(here, names("Here")), gone]);
    assert_eq!(figures(&by_workspace), [(2, 0, 501, 50), (3, 0, 34, 7), (1, 1, 0, 0)]);

    scratch.execute("DELETE FROM chats WHERE id = 500");
    let by_day = db.sums(&all(UsageBy::Day)).await.unwrap();
    let days: Vec<_> = by_day.iter().map(|used| used.of.clone()).collect();
    let day = |seconds| UsageOf::Day(at(seconds).date_naive());
    assert_eq!(days, [day(DAY), day(0)]);
    assert_eq!(figures(&by_day), [(2, 0, 501, 50), (3, 0, 34, 7)]);
}

async fn sums_are_filtered_by_time_and_paged(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    for day in 0..5 {
        say(&db, here, None, day * DAY, tokens(day as u64, 1)).await;
    }
    let (from, to) = (Some(at(DAY)), Some(at(3 * DAY)));
    let some = UsageQuery { from, to, ..all(UsageBy::Workspace) };
    assert_eq!(figures(&db.sums(&some).await.unwrap()), [(2, 0, 3, 2)]);
    let none = UsageQuery { from: to, to: from, ..all(UsageBy::User) };
    assert_eq!(db.sums(&none).await.unwrap(), []);
    let page = UsageQuery { offset: 1, limit: 2, ..all(UsageBy::Day) };
    assert_eq!(figures(&db.sums(&page).await.unwrap()), [(1, 0, 3, 1), (1, 0, 2, 1)]);
    let beyond = UsageQuery { offset: u64::MAX, ..all(UsageBy::Day) };
    assert_eq!(db.sums(&beyond).await.unwrap(), []);
}

async fn exchanges_without_token_counts_are_counted_separately(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    say(&db, here, None, 0, None).await;
    say(&db, here, None, 0, tokens(0, 0)).await;
    say(&db, here, None, 0, tokens(u64::MAX, u64::MAX)).await;
    say(&db, here, None, 0, tokens(u64::MAX, 1)).await;
    say_to_an_embed(&db, here, None).await;
    let most = i32::MAX as u64;
    let sums = db.sums(&all(UsageBy::Workspace)).await.unwrap();
    assert_eq!(figures(&sums), [(5, 2, 2 * most, most + 1)]);
}
