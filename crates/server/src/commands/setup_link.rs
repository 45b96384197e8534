//! `carrel setup-link`: prints the address at which a browser sets the server up.
use std::process::ExitCode;

use anyhow::Context;
use carrel_domain::audit::By;
use chrono::Utc;

use crate::config::Config;
use crate::pages;
use crate::terminal::{print, say};
use crate::wiring::App;

pub async fn run(app: &App, config: &Config) -> anyhow::Result<ExitCode> {
    if app.ports.multi_user.is_on().await.context("failed to create a link")? {
        anyhow::bail!("failed to create a link: the server is set up already; sign in instead");
    }
    let link = pages::setup_link(app, config.listen.address, &By::operator(Utc::now())).await;
    let link = link.context("failed to create a link")?;
    say(format_args!("open this link in a browser; it works once, for 24 hours:"));
    print(&link)?;
    Ok(ExitCode::SUCCESS)
}
