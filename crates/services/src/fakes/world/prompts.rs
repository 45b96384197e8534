//! Slash commands, variables and memories in memory, as far as questions read them.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::memory::{Memories, Memory};
use carrel_domain::prompt_variable::{PromptVariable, PromptVariables, VariableName};
use carrel_domain::slash_command::{CommandText, SlashCommand, SlashCommands};
use carrel_domain::thread_file::{NewThreadFile, ThreadFile, ThreadFiles};
use carrel_domain::{Error, MemoryId, Result, SlashCommandId, ThreadFileId, ThreadId, UserId};

use super::World;

fn read_only<T>() -> Result<T> {
    Err(Error::unavailable("the test", "it only reads"))
}

#[async_trait]
impl PromptVariables for World {
    async fn list(&self) -> Result<Vec<PromptVariable>> {
        Ok(self.variables.lock().unwrap().clone())
    }

    async fn set(&self, _: PromptVariable, _: usize, _: Event) -> Result<()> {
        read_only()
    }

    async fn delete(&self, _: &VariableName, _: Event) -> Result<bool> {
        read_only()
    }
}

#[async_trait]
impl SlashCommands for World {
    async fn list(&self) -> Result<Vec<SlashCommand>> {
        Ok(self.commands.lock().unwrap().clone())
    }

    async fn available(&self, user: Option<UserId>) -> Result<Vec<SlashCommand>> {
        let commands = self.commands.lock().unwrap();
        let is_available = |command: &&SlashCommand| command.user.is_none() || command.user == user;
        Ok(commands.iter().filter(is_available).cloned().collect())
    }

    async fn by_id(&self, id: SlashCommandId) -> Result<Option<SlashCommand>> {
        Ok(self.commands.lock().unwrap().iter().find(|command| command.id == id).cloned())
    }

    async fn create(&self, _: CommandText, _: Option<UserId>, _: Event) -> Result<SlashCommand> {
        read_only()
    }

    async fn update(&self, _: SlashCommandId, _: CommandText, _: Event) -> Result<()> {
        read_only()
    }

    async fn delete(&self, _: SlashCommandId, _: Event) -> Result<bool> {
        read_only()
    }
}

#[async_trait]
impl Memories for World {
    async fn about(&self, user: Option<UserId>) -> Result<Vec<Memory>> {
        let memories = self.memories.lock().unwrap();
        Ok(memories.iter().filter(|memory| memory.user == user).cloned().collect())
    }

    async fn update(&self, _: MemoryId, _: Option<UserId>, _: String, _: Event) -> Result<bool> {
        read_only()
    }

    async fn delete(&self, _: MemoryId, _: Option<UserId>, _: Event) -> Result<bool> {
        read_only()
    }
}

#[async_trait]
impl ThreadFiles for World {
    async fn of(&self, _: ThreadId) -> Result<Vec<ThreadFile>> {
        Ok(self.thread_files.lock().unwrap().iter().map(|(file, _)| file.clone()).collect())
    }

    async fn texts(&self, _: ThreadId) -> Result<Vec<(ThreadFile, String)>> {
        Ok(self.thread_files.lock().unwrap().clone())
    }

    async fn add(&self, file: NewThreadFile, _: usize, _: Event) -> Result<ThreadFile> {
        let mut files = self.thread_files.lock().unwrap();
        let id = ThreadFileId(i32::try_from(files.len()).unwrap() + 1);
        let NewThreadFile { thread: _, name, text, tokens, created_at } = file;
        let file = ThreadFile { id, name, tokens, created_at };
        files.push((file.clone(), text));
        Ok(file)
    }

    async fn remove(&self, _: ThreadId, _: ThreadFileId, _: Event) -> Result<bool> {
        read_only()
    }
}
