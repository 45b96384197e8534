//! `carrel verify`: checks that the stored data is consistent.
use std::process::ExitCode;

use anyhow::Context;

use crate::terminal::{one_line, print, say};
use crate::wiring::App;

pub async fn run(app: &App) -> anyhow::Result<ExitCode> {
    let findings = app.check().run().await.context("failed to verify")?;
    for fault in &findings.faults {
        print(&one_line(fault))?;
    }
    let unreadable = app.ports.settings_store.unreadable();
    for name in &unreadable {
        say(format_args!("warning: {name} was sealed with another secret key"));
    }
    let (documents, originals, events) = (findings.documents, findings.originals, findings.events);
    let counts = format!("{documents} documents, {originals} originals and {events} events");
    Ok(match findings.faults.len() {
        0 => {
            print(&format!("everything agrees: {counts}"))?;
            ExitCode::SUCCESS
        }
        faults => {
            say(format_args!("error: {faults} faults in {counts}"));
            ExitCode::FAILURE
        }
    })
}
