//! A headless Chromium of one test's own, driven over WebDriver.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::prelude::*;

/// Longest time a test may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with a page of ours open.
pub struct Browser {
    pub driver: WebDriver,
    /// Where downloads go.
    pub downloads: PathBuf,
}

/// Runs `test` in a fresh browser. Where there is none the test says so and passes, but not under `CI=true`.
pub fn in_browser(test: impl AsyncFnOnce(&Browser) -> WebDriverResult<()>) {
    let Some((chromium, chromedriver)) = programs() else {
        let missing = "no chromium or no chromedriver on this machine (Debian: apt-get install chromium chromium-driver)";
        assert!(!in_ci(), "{missing}");
        eprintln!("skipped: {missing}");
        return;
    };
    let profile = tempfile::tempdir().unwrap();
    let server = Driver::start(&chromedriver);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let run = async {
        let browser = open(&server, &chromium, &profile).await?;
        let result = test(&browser).await;
        browser.driver.quit().await?;
        result
    };
    let ended = runtime.block_on(async { tokio::time::timeout(PATIENCE, run).await });
    ended.expect("the browser took too long").unwrap();
}

/// Whether a missing program is a fault.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

fn programs() -> Option<(PathBuf, PathBuf)> {
    let path = std::env::var_os("PATH")?;
    let find = |names: &[&str]| {
        let folders = std::env::split_paths(&path);
        let mut files = folders.flat_map(|folder| {
            names
                .iter()
                .map(move |name| folder.join(name))
                .collect::<Vec<_>>()
        });
        files.find(|file| file.is_file())
    };
    let chromium = find(&["chromium", "chromium-browser", "google-chrome"])?;
    Some((chromium, find(&["chromedriver"])?))
}

/// A chromedriver on a port of its own; it and its browsers end with this value.
struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    fn start(program: &Path) -> Self {
        let mut child = Command::new(program)
            .args(["--port=0", "--log-level=WARNING"])
            // A group of its own, so that nothing it started outlives it.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = |line: String| {
            line.split_once("successfully on port ")?
                .1
                .trim_end_matches('.')
                .parse()
                .ok()
        };
        let port = lines.map_while(Result::ok).find_map(port);
        Self {
            port: port.expect("chromedriver says its port"),
            child,
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Asked to end, chromedriver closes its browsers; killed outright it would leave them.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        for _ in 0..100 {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
    }
}

async fn open(server: &Driver, chromium: &Path, profile: &TempDir) -> WebDriverResult<Browser> {
    let user_data = format!(
        "--user-data-dir={}",
        profile.path().join("profile").display()
    );
    let mut arguments = vec![
        "--headless=new",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--force-color-profile=srgb",
        &user_data,
    ];
    // Chromium's sandbox refuses root, which is who CI runs as; the pages are our own.
    arguments.push("--no-sandbox");
    let capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "binary": chromium, "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
    });
    let Value::Object(capabilities) = capabilities else {
        unreachable!("an object was written")
    };
    let server = format!("http://127.0.0.1:{}", server.port);
    let driver = WebDriver::new(&server, Capabilities::from(capabilities)).await?;
    let downloads = profile.path().join("downloads");
    std::fs::create_dir_all(&downloads).unwrap();
    let allow = json!({ "behavior": "allow", "downloadPath": downloads });
    driver
        .cdp()
        .send_raw("Browser.setDownloadBehavior", allow)
        .await?;
    Ok(Browser { driver, downloads })
}

/// The address of a file; every byte that has a meaning in an address is escaped.
pub fn file_url(path: &Path) -> String {
    let path = path.to_str().unwrap();
    let escaped = path.bytes().map(|byte| match byte {
        b'/' | b'.' | b'-' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    format!("file://{}", escaped.collect::<String>())
}

impl Browser {
    /// Opens a page from disk.
    pub async fn open(&self, page: &Path) -> WebDriverResult<()> {
        self.driver.goto(file_url(page)).await
    }

    /// What a script returns.
    pub async fn script(&self, script: &str) -> WebDriverResult<Value> {
        Ok(self.driver.execute(script, vec![]).await?.json().clone())
    }

    /// The text of the first element that fits.
    pub async fn text(&self, selector: &str) -> WebDriverResult<String> {
        self.driver.find(By::Css(selector)).await?.text().await
    }

    /// The window's size and the colours that the reader prefers.
    pub async fn show_as(&self, width: u32, dark: bool) -> WebDriverResult<()> {
        let (height, scheme) = (900, if dark { "dark" } else { "light" });
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        let devtools = self.driver.cdp();
        devtools
            .send_raw("Emulation.setDeviceMetricsOverride", size)
            .await?;
        devtools
            .send_raw("Emulation.setEmulatedMedia", features)
            .await?;
        Ok(())
    }

    /// Console messages since the last call, of warnings and worse.
    pub async fn complaints(&self) -> WebDriverResult<Vec<String>> {
        let log = self.driver.browser_log().await?;
        let bad = log
            .into_iter()
            .filter(|entry| entry.level == "SEVERE" || entry.level == "WARNING");
        Ok(bad.map(|entry| entry.message).collect())
    }

    /// Addresses that were asked for since the last call.
    pub async fn requests(&self) -> WebDriverResult<Vec<String>> {
        let log = self.driver.get_log("performance").await?;
        let address = |message: &str| {
            let event: Value = serde_json::from_str(message).ok()?;
            let sent = event["message"]["method"] == "Network.requestWillBeSent";
            sent.then(|| {
                event["message"]["params"]["request"]["url"]
                    .as_str()
                    .map(str::to_owned)
            })?
        };
        Ok(log
            .iter()
            .filter_map(|entry| address(&entry.message))
            .collect())
    }

    /// A file that a click downloads, once it is there as a whole.
    pub async fn downloaded(&self, name: &str) -> Vec<u8> {
        let file = self.downloads.join(name);
        for _ in 0..200 {
            if file.is_file() {
                return std::fs::read(file).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} was not downloaded");
    }
}
