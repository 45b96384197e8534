use carrel_domain::audit::{Actor, By, Event};
use carrel_domain::prompt_history::{LIMIT, PromptHistory};
use carrel_domain::prompt_variable::{PromptVariable, PromptVariables, VariableName};
use carrel_domain::slash_command::{CommandName, CommandText, SlashCommands};
use carrel_domain::suggested_message::{SuggestedMessage, SuggestedMessages};
use carrel_domain::user::Users;
use carrel_domain::workspace::{WorkspaceSettings, Workspaces};
use carrel_domain::{EarlierPromptId, Error, SlashCommandId, UserId, WorkspaceId};
use carrel_persistence::Database;

use crate::support::{Scratch, at, done, user, workspace};

on_both_databases! {
    suggested_messages_are_replaced_as_a_whole,
    a_command_has_one_name_for_each_user_and_for_everybody,
    commands_are_deleted_with_their_user,
    variables_are_set_by_name_up_to_a_maximum,
    replaced_instructions_are_listed_newest_first,
    instructions_beyond_the_maximum_are_deleted,
}

fn message(heading: &str, message: &str) -> SuggestedMessage {
    SuggestedMessage { heading: heading.into(), message: message.into() }
}

async fn suggested_messages_are_replaced_as_a_whole(scratch: Scratch) {
    let db = scratch.open();
    let (one, other) = (workspace(&db, "One").await.id, workspace(&db, "Other").await.id);
    let first = vec![message("When do", "you open?"), message("", "Wer?")];
    db.replace(one, first.clone(), done(0)).await.unwrap();
    db.replace(other, vec![message("x", "y")], done(0)).await.unwrap();
    assert_eq!(SuggestedMessages::of(&db, one).await.unwrap(), first);
    db.replace(one, vec![message("b", "c")], done(1)).await.unwrap();
    assert_eq!(SuggestedMessages::of(&db, one).await.unwrap(), [message("b", "c")]);
    assert_eq!(SuggestedMessages::of(&db, other).await.unwrap(), [message("x", "y")]);
    let nowhere = db.replace(WorkspaceId(99), vec![message("a", "b")], done(2)).await;
    assert!(matches!(nowhere, Err(Error::NotFound { .. })), "{nowhere:?}");
    Workspaces::delete(&db, other, done(3)).await.unwrap();
    assert_eq!(scratch.rows_in("suggested_messages"), 1);
}

fn command(name: &str, prompt: &str) -> CommandText {
    CommandText {
        name: CommandName::parse(name).unwrap(),
        prompt: prompt.into(),
        description: "d".into(),
    }
}

/// Returns the names of commands, each with the id of its user.
async fn available(db: &Database, user: Option<UserId>) -> Vec<(String, Option<i32>)> {
    let commands = db.available(user).await.unwrap().into_iter();
    commands
        .map(|command| (command.text.name.as_str().to_owned(), command.user.map(|user| user.0)))
        .collect()
}

async fn a_command_has_one_name_for_each_user_and_for_everybody(scratch: Scratch) {
    let db = scratch.open();
    let (ada, bob) = (user(&db, "ada").await.id, user(&db, "bob").await.id);
    for owner in [None, Some(ada), Some(bob)] {
        SlashCommands::create(&db, command("short", "Short."), owner, done(0)).await.unwrap();
        let again = SlashCommands::create(&db, command("short", "x"), owner, done(0)).await;
        assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{owner:?}: {again:?}");
    }
    let made = SlashCommands::create(&db, command("long", "Long."), Some(ada), done(1)).await;
    let made = made.unwrap();
    assert_eq!((made.user, made.created_at), (Some(ada), at(1)));
    let names = |names: &[(&str, Option<i32>)]| -> Vec<(String, Option<i32>)> {
        names.iter().map(|(name, user)| ((*name).to_owned(), *user)).collect()
    };
    assert_eq!(available(&db, None).await, names(&[("short", None)]));
    let of_bob = available(&db, Some(bob)).await;
    assert_eq!(of_bob.len(), 2);
    assert!(of_bob.iter().all(|(_, user)| user.is_none_or(|user| user == bob.0)));
    let taken = SlashCommands::update(&db, made.id, command("short", "x"), done(2)).await;
    assert!(matches!(taken, Err(Error::AlreadyExists { .. })), "{taken:?}");
    SlashCommands::update(&db, made.id, command("longer", "Longer."), done(2)).await.unwrap();
    let found = SlashCommands::by_id(&db, made.id).await.unwrap().unwrap();
    assert_eq!((found.text, found.updated_at), (command("longer", "Longer."), at(2)));
    let missing = SlashCommands::update(&db, SlashCommandId(99), command("x", "x"), done(3)).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    let nobody = SlashCommands::create(&db, command("x", "x"), Some(UserId(99)), done(3)).await;
    assert!(matches!(nobody, Err(Error::NotFound { .. })), "{nobody:?}");
    assert!(SlashCommands::delete(&db, made.id, done(4)).await.unwrap());
    assert!(!SlashCommands::delete(&db, made.id, done(4)).await.unwrap());
}

async fn commands_are_deleted_with_their_user(scratch: Scratch) {
    let db = scratch.open();
    user(&db, "ada").await;
    let bob = user(&db, "bob").await.id;
    SlashCommands::create(&db, command("mine", "x"), Some(bob), done(0)).await.unwrap();
    SlashCommands::create(&db, command("ours", "x"), None, done(0)).await.unwrap();
    Users::delete(&db, bob, done(1)).await.unwrap();
    let left = SlashCommands::list(&db).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].user, None);
}

fn variable(name: &str, value: &str) -> PromptVariable {
    PromptVariable {
        name: VariableName::parse(name).unwrap(),
        value: value.into(),
        description: String::new(),
        updated_at: at(0),
    }
}

async fn variables_are_set_by_name_up_to_a_maximum(scratch: Scratch) {
    let db = scratch.open();
    for (name, value) in [("ship", "Alma"), ("motto", "Wer liest, fährt weiter."), ("ship", "Bea")]
    {
        PromptVariables::set(&db, variable(name, value), 2, done(0)).await.unwrap();
    }
    let too_many = PromptVariables::set(&db, variable("third", "x"), 2, done(1)).await;
    assert!(matches!(too_many, Err(Error::Exhausted { .. })), "{too_many:?}");
    let there = PromptVariables::list(&db).await.unwrap();
    assert_eq!(there, [variable("motto", "Wer liest, fährt weiter."), variable("ship", "Bea")]);
    let ship = VariableName::parse("ship").unwrap();
    assert!(PromptVariables::delete(&db, &ship, done(2)).await.unwrap());
    assert!(!PromptVariables::delete(&db, &ship, done(2)).await.unwrap());
}

fn by(user: UserId, second: i64) -> Event {
    By { actor: Actor::User(user), address: None, at: at(second) }.event("changed", "{}")
}

async fn instruct(db: &Database, id: WorkspaceId, prompt: Option<&str>, event: Event) {
    let prompt = prompt.map(str::to_owned);
    let settings = WorkspaceSettings { prompt, ..WorkspaceSettings::named("One") };
    Workspaces::update(db, id, settings, event).await.unwrap();
}

async fn replaced_instructions_are_listed_newest_first(scratch: Scratch) {
    let db = scratch.open();
    let (ada, id) = (user(&db, "ada").await.id, workspace(&db, "One").await.id);
    instruct(&db, id, Some("Be brief."), done(0)).await;
    instruct(&db, id, Some("Be brief."), by(ada, 1)).await;
    assert_eq!(PromptHistory::of(&db, id).await.unwrap(), []);
    instruct(&db, id, Some("Be formal."), by(ada, 2)).await;
    instruct(&db, id, None, done(3)).await;
    instruct(&db, id, Some("Be kind."), done(4)).await;
    let history = PromptHistory::of(&db, id).await.unwrap();
    let revisions: Vec<_> = history
        .iter()
        .map(|revision| (&*revision.prompt, revision.replaced_by, revision.replaced_at))
        .collect();
    assert_eq!(revisions, [("Be formal.", None, at(3)), ("Be brief.", Some(ada), at(2))]);
    let other = workspace(&db, "Other").await.id;
    assert_eq!(db.find(other, history[0].id).await.unwrap(), None);
    assert_eq!(db.forget(other, Some(history[0].id), done(5)).await.unwrap(), 0);
    assert_eq!(db.forget(id, Some(history[0].id), done(5)).await.unwrap(), 1);
    assert_eq!(db.find(id, history[1].id).await.unwrap(), Some(history[1].clone()));
    assert_eq!(db.forget(id, None, done(6)).await.unwrap(), 1);
    assert_eq!(db.forget(id, Some(EarlierPromptId(99)), done(7)).await.unwrap(), 0);
    // The instructions stay when the user who replaced them is deleted.
    user(&db, "bob").await;
    instruct(&db, id, Some("Be quick."), by(ada, 8)).await;
    scratch.execute(&format!("DELETE FROM users WHERE id = {}", ada.0));
    assert_eq!(PromptHistory::of(&db, id).await.unwrap()[0].replaced_by, None);
}

async fn instructions_beyond_the_maximum_are_deleted(scratch: Scratch) {
    let db = scratch.open();
    let id = workspace(&db, "One").await.id;
    for number in 0..LIMIT + 3 {
        instruct(&db, id, Some(&number.to_string()), done(0)).await;
    }
    let history = PromptHistory::of(&db, id).await.unwrap();
    assert_eq!(history.len(), LIMIT);
    assert_eq!(history[0].prompt, (LIMIT + 1).to_string());
}
