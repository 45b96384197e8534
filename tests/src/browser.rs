//! A headless Chromium, driven by the DevTools protocol, which reports every request and every
//! message of the console.
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The timeout of any step, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The interval between checks of a condition on a page.
const POLL_INTERVAL: Duration = Duration::from_millis(30);

/// The programs to try, in this order, unless `CARREL_TEST_CHROMIUM` names one.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A host name of this machine. Browsers treat unencrypted pages of a named host differently from
/// local ones: they send no `Sec-Fetch-Site`, for example.
pub const NAMED_HOST: &str = "desk.example";

/// A browser with one tab and a separate profile, which records requests and messages.
pub struct Browser {
    child: Child,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    profile: TempDir,
    session: String,
    last: u64,
    /// Addresses of all requests.
    pub requests: Vec<String>,
    /// Errors and warnings of the console, and uncaught exceptions.
    pub complaints: Vec<String>,
}

impl Browser {
    /// Starts a browser with a window of `width` by `height` pixels.
    pub async fn start(width: u32, height: u32) -> Result<Self> {
        let profile = TempDir::new()?;
        let mut command = Command::new(program()?);
        command
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--remote-debugging-port=0", "--no-first-run", "--hide-scrollbars"])
            .args(["--disable-background-networking", "--disable-component-update", "--mute-audio"])
            .arg("--disable-features=Translate,MediaRouter,OptimizationHints,HttpsUpgrades")
            .args(["--lang=en-GB", "--no-proxy-server"])
            // Buttons pressed by scripts do not count as user gestures in Chromium.
            .arg("--autoplay-policy=no-user-gesture-required")
            // A fake microphone that hums, without a permission prompt.
            .args(["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"])
            .arg(format!("--host-resolver-rules=MAP {NAMED_HOST} 127.0.0.1"))
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().context("failed to start Chromium")?;
        let port = profile.path().join("DevToolsActivePort");
        let started = Instant::now();
        let address = loop {
            let port_file = std::fs::read_to_string(&port).unwrap_or_default();
            if let [port, path] = port_file.lines().collect::<Vec<_>>()[..] {
                break format!("ws://127.0.0.1:{port}{path}");
            }
            if let Some(status) = child.try_wait()? {
                bail!("Chromium ended with {status}");
            }
            ensure!(started.elapsed() < TIMEOUT, "Chromium does not answer");
            tokio::time::sleep(POLL_INTERVAL).await;
        };
        let (socket, _) = tokio_tungstenite::connect_async(address).await?;
        let mut browser = Self {
            child,
            socket,
            profile,
            session: String::new(),
            last: 0,
            requests: Vec::new(),
            complaints: Vec::new(),
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", attach).await?;
        browser.session = session["sessionId"].as_str().unwrap_or_default().to_owned();
        for domain in ["Page", "Runtime", "Network", "Log", "DOM"] {
            browser.call(&format!("{domain}.enable"), json!({})).await?;
        }
        browser.resize(width, height, false).await?;
        let downloads = json!({ "behavior": "allow", "downloadPath": browser.downloads() });
        browser.call("Browser.setDownloadBehavior", downloads).await?;
        Ok(browser)
    }

    /// The directory for downloads.
    pub fn downloads(&self) -> PathBuf {
        self.profile.path().join("downloads")
    }

    pub async fn resize(&mut self, width: u32, height: u32, is_phone: bool) -> Result<()> {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics).await.map(drop)
    }

    /// Sets the preferred color scheme to `light` or `dark`.
    pub async fn prefer(&mut self, theme: &str) -> Result<()> {
        let features = json!([
            { "name": "prefers-color-scheme", "value": theme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features })).await.map(drop)
    }

    /// Switches to the print layout, or back.
    pub async fn print_sheet(&mut self, is_printed: bool) -> Result<()> {
        let media = if is_printed { "print" } else { "" };
        self.call("Emulation.setEmulatedMedia", json!({ "media": media })).await.map(drop)
    }

    /// Opens an address and waits until it is loaded.
    pub async fn open(&mut self, address: &str) -> Result<()> {
        self.run("window.__left = true").await?;
        let opened = self.call("Page.navigate", json!({ "url": address })).await?;
        ensure!(opened.get("errorText").is_none(), "failed to open {address}: {opened}");
        self.wait_for_load().await
    }

    /// Waits for the next page after the one that was marked as left.
    async fn wait_for_load(&mut self) -> Result<()> {
        self.wait("!window.__left && document.readyState === 'complete'").await
    }

    /// Runs a script that leads to another page, and waits for that page.
    pub async fn leave_by(&mut self, script: &str) -> Result<()> {
        self.run("window.__left = true").await?;
        self.run(script).await?;
        self.wait_for_load().await
    }

    /// Runs a script and returns its value.
    pub async fn run(&mut self, script: &str) -> Result<Value> {
        let expression =
            json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let result = self.call("Runtime.evaluate", expression).await?;
        if let Some(exception) = result.get("exceptionDetails") {
            bail!("`{script}` failed: {}", exception["exception"]["description"]);
        }
        Ok(result["result"]["value"].clone())
    }

    /// Waits until a script returns true.
    pub async fn wait(&mut self, script: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            // During a page load there may be no context to run the script in.
            let value = self.run(script).await.unwrap_or_default();
            if value.as_bool() == Some(true) {
                return Ok(());
            }
            if started.elapsed() > TIMEOUT {
                let page = self.run("document.body.innerText").await.unwrap_or_default();
                bail!("it never came to `{script}`; the page says:\n{page}");
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until the page shows a text.
    pub async fn wait_for(&mut self, text: &str) -> Result<()> {
        self.wait(&format!("document.body.innerText.includes({})", json!(text))).await
    }

    /// Fills in a field, with the events of typing.
    pub async fn fill(&mut self, selector: &str, text: &str) -> Result<()> {
        self.run(&format!(
            "(() => {{ const field = document.querySelector({}); field.focus(); \
             field.value = {}; field.dispatchEvent(new Event('input', {{ bubbles: true }})); \
             field.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()",
            json!(selector),
            json!(text)
        ))
        .await
        .map(drop)
    }

    pub async fn click(&mut self, selector: &str) -> Result<()> {
        self.run(&click(selector)).await.map(drop)
    }

    /// Clicks an element that leads to another page.
    pub async fn follow(&mut self, selector: &str) -> Result<()> {
        self.leave_by(&click(selector)).await
    }

    /// Selects files in a file field.
    pub async fn choose_files(&mut self, selector: &str, files: &[&Path]) -> Result<()> {
        let root = self.call("DOM.getDocument", json!({})).await?["root"]["nodeId"].clone();
        let node = json!({ "nodeId": root, "selector": selector });
        let node = self.call("DOM.querySelector", node).await?["nodeId"].clone();
        let files = json!({ "files": files, "nodeId": node });
        self.call("DOM.setFileInputFiles", files).await.map(drop)
    }

    /// Drops files, or folders with their contents, in the middle of the window.
    pub async fn drop_files(&mut self, files: &[&Path]) -> Result<()> {
        let middle = self.run("[innerWidth / 2, innerHeight / 2]").await?;
        let data = json!({ "items": [], "files": files, "dragOperationsMask": 1 });
        for kind in ["dragEnter", "dragOver", "drop"] {
            let event = json!({ "type": kind, "x": middle[0], "y": middle[1], "data": data });
            self.call("Input.dispatchDragEvent", event).await?;
        }
        Ok(())
    }

    /// Sets the time zone and a language such as `en-GB`.
    pub async fn live_in(&mut self, zone: &str, language: &str) -> Result<()> {
        let zone = json!({ "timezoneId": zone });
        self.call("Emulation.setTimezoneOverride", zone).await?;
        let headers = json!({ "headers": { "Accept-Language": language } });
        self.call("Network.enable", json!({})).await?;
        self.call("Network.setExtraHTTPHeaders", headers).await?;
        let language = json!({ "locale": language });
        self.call("Emulation.setLocaleOverride", language).await.map(drop)
    }

    /// Clears the caches, so that every page loads as on a first visit.
    pub async fn forget_everything_seen(&mut self) -> Result<()> {
        let cache = json!({ "cacheDisabled": true });
        self.call("Network.setCacheDisabled", cache).await.map(drop)
    }

    /// Bypasses the service worker: for its responses, Chromium only reports the size before
    /// compression.
    pub async fn bypass_service_worker(&mut self) -> Result<()> {
        self.call("Network.enable", json!({})).await?;
        let bypass = json!({ "bypass": true });
        self.call("Network.setBypassServiceWorker", bypass).await.map(drop)
    }

    /// Disables the scripts of pages, or enables them again. Scripts of tests still run.
    pub async fn run_no_scripts(&mut self, none: bool) -> Result<()> {
        let disabled = json!({ "value": none });
        self.call("Emulation.setScriptExecutionDisabled", disabled).await.map(drop)
    }

    /// Has requests to `base` come with a cookie, written as `name=value`.
    pub async fn set_cookie(&mut self, base: &str, cookie: &str) -> Result<()> {
        let (name, value) = cookie.split_once('=').context("no cookie")?;
        let cookie = json!({ "name": name, "value": value, "url": base, "httpOnly": true });
        self.call("Network.setCookie", cookie).await.map(drop)
    }

    /// The port at which other programs may drive this browser too.
    pub fn port(&self) -> Result<String> {
        let port_file = std::fs::read_to_string(self.profile.path().join("DevToolsActivePort"))?;
        port_file.lines().next().map(str::to_owned).context("no port")
    }

    /// Clears all cookies.
    pub async fn forget_cookies(&mut self) -> Result<()> {
        self.call("Network.clearBrowserCookies", json!({})).await.map(drop)
    }

    /// Switches the network off or on.
    pub async fn go_offline(&mut self, offline: bool) -> Result<()> {
        let network = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.call("Network.emulateNetworkConditions", network).await.map(drop)
    }

    /// Presses a key, such as `Enter`.
    pub async fn press(&mut self, key: &str) -> Result<()> {
        let text = if key == "Enter" { "\r" } else { "" };
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            _ => 0,
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({
                "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code,
            });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event).await?;
        }
        Ok(())
    }

    /// Takes a picture of the window, or of the whole page, as PNG.
    pub async fn picture(&mut self, is_full_page: bool) -> Result<Vec<u8>> {
        let options = json!({ "format": "png", "captureBeyondViewport": is_full_page });
        let screenshot = self.call("Page.captureScreenshot", options).await?;
        let data = screenshot["data"].as_str().context("no picture")?;
        Ok(base64::engine::general_purpose::STANDARD.decode(data)?)
    }

    /// Returns the requests to any address other than `base`.
    pub fn strays(&self, base: &str) -> Vec<&String> {
        let is_own = |address: &&String| {
            address.starts_with(base) || address.starts_with("data:") || *address == "about:blank"
        };
        self.requests.iter().filter(|address| !is_own(address)).collect()
    }

    /// Calls a method of the DevTools protocol.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.last += 1;
        let id = self.last;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if !self.session.is_empty() && !method.starts_with("Target.") {
            message["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(message.to_string())).await?;
        let started = Instant::now();
        loop {
            ensure!(started.elapsed() < TIMEOUT, "Chromium does not answer {method}");
            let next = tokio::time::timeout(TIMEOUT, self.socket.next()).await?;
            let Message::Text(text) = next.context("Chromium has gone")?? else { continue };
            let message_json: Value = serde_json::from_str(&text)?;
            if message_json["id"] == json!(id) {
                if let Some(error) = message_json.get("error") {
                    bail!("{method} failed: {error}");
                }
                return Ok(message_json["result"].clone());
            }
            // Confirm the dialog that a page shows before it is left.
            if message_json["method"] == "Page.javascriptDialogOpening" {
                self.last += 1;
                let message = json!({
                    "id": self.last, "method": "Page.handleJavaScriptDialog",
                    "params": { "accept": true }, "sessionId": self.session,
                });
                self.socket.send(Message::text(message.to_string())).await?;
            }
            self.record(&message_json);
        }
    }

    fn record(&mut self, message_json: &Value) {
        let params = &message_json["params"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match message_json["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => self.requests.push(text(&params["request"]["url"])),
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                self.complaints.push(text(&params["entry"]["text"]));
            }
            "Runtime.exceptionThrown" => {
                self.complaints.push(text(&params["exceptionDetails"]["exception"]["description"]));
            }
            "Runtime.consoleAPICalled"
                if ["error", "warning"].contains(&params["type"].as_str().unwrap_or_default()) =>
            {
                self.complaints.push(params["args"].to_string());
            }
            _ => {}
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn click(selector: &str) -> String {
    let selector = json!(selector);
    format!(
        "(() => {{ const it = document.querySelector({selector}); \
         if (!it) throw new Error('there is no ' + {selector}); it.click(); }})()"
    )
}

fn program() -> Result<PathBuf> {
    if let Some(program_path) = std::env::var_os("CARREL_TEST_CHROMIUM") {
        return Ok(program_path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = std::env::split_paths(&path)
        .flat_map(|directory| PROGRAMS.map(|program| directory.join(program)));
    programs.find(|program| program.is_file()).context(
        "Chromium is not installed; `./setup test` installs it, or CARREL_TEST_CHROMIUM names one",
    )
}
