//! The pages as an installable application, and its offline page.
use anyhow::{Result, ensure};
use e2e::browser::Browser;

use crate::browser_journey::{base, fresh, furnish, violations};

#[tokio::test]
async fn the_pages_can_be_installed_report_a_lost_server_and_store_nothing() -> Result<()> {
    let (mut server, _model, link) = fresh().await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    furnish(&mut ada, &server, &link).await?;
    let manifest =
        "fetch(document.querySelector('link[rel=manifest]').href).then((it) => it.json())";
    let manifest = ada.run(manifest).await?;
    assert_eq!((&manifest["name"], &manifest["display"]), (&"carrel".into(), &"standalone".into()));
    let icons = manifest["icons"].as_array().cloned().unwrap_or_default();
    assert_eq!(icons.len(), 3);
    for icon in &icons {
        let source = icon["src"].as_str().unwrap_or_default();
        let size = ada
            .run(&format!("new Promise((done) => {{ const it = new Image(); it.onload = () => done(it.naturalWidth + 'x' + it.naturalHeight); it.onerror = () => done('none'); it.src = '{source}'; }})"))
            .await?;
        assert_eq!(size, icon["sizes"], "{source}");
    }

    ada.run("navigator.serviceWorker.ready.then(() => true)").await?;
    ada.wait("!!navigator.serviceWorker.controller").await?;
    for page in ["/", "/w/sample-library", "/documents", "/admin/users"] {
        ada.open(&format!("{base}{page}")).await?;
    }
    // One page without personal data, and its resources.
    let kept = "caches.keys().then((names) => Promise.all(names.map((name) => caches.open(name).then((it) => it.keys())))) \
                .then((all) => all.flat().map((it) => new URL(it.url).pathname).sort().join())";
    let kept = ada.run(kept).await?;
    let kept: Vec<_> = kept.as_str().unwrap_or_default().split(',').collect();
    ensure!(kept.len() == 6 && kept.contains(&"/offline"), "{kept:?}");
    ensure!(
        kept.iter().all(|path| *path == "/offline" || path.starts_with("/assets/")),
        "{kept:?}"
    );
    let page = ada.run("fetch('/offline').then((it) => it.text())").await?.to_string();
    ensure!(!page.contains("Sample library") && !page.contains("ada"), "{page}");

    server.kill()?;
    ada.open(&format!("{base}/w/sample-library")).await?;
    ada.wait_for("You are offline").await?;
    ada.wait("getComputedStyle(document.querySelector('.card')).borderRadius !== '0px'").await?;
    assert_eq!(violations(&mut ada).await?, [""; 0]);
    // Retrying leads to the requested page.
    let again = ada.run("document.querySelector('main a.button-main').href").await?;
    assert_eq!(again, format!("{base}/w/sample-library").as_str());
    assert_eq!(ada.strays(&base), [""; 0]);
    Ok(())
}
