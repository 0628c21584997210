//! Reports in a real browser: what a reader sees, clicks and saves.
//!
//! | File | Holds |
//! |---|---|
//! | `browser.rs` | a headless Chromium over WebDriver |
//! | `explorer.rs` | the heat map and the explorer: links, tints, orders and their edges |
//! | `fixture.rs` | a finished run folder of drawn faces, with names that would do harm unescaped |
//!
//! Where Chromium, its driver or axe-core is absent a test says so and passes; under `CI=true` it fails. `.ci/run` installs
//! all three. Screenshots of the pages are left in `target/tmp/report-screenshots`, to be looked at.

// What fails in a helper should stop the test, too.
#![allow(clippy::unwrap_used)]

mod browser;
mod explorer;
mod fixture;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use browser::{Browser, file_url, in_browser, in_ci};
use faus_report::{write_comparison, write_report};
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::prelude::*;

/// Widths from a phone to a large screen, in CSS pixels.
const WIDTHS: [u32; 3] = [360, 1280, 2560];

/// Pages that the tests share.
struct Pages {
    _place: TempDir,
    run: PathBuf,
    comparison: PathBuf,
    /// A run without action-unit codes.
    bare: PathBuf,
}

fn pages() -> &'static Pages {
    static PAGES: OnceLock<Pages> = OnceLock::new();
    PAGES.get_or_init(|| {
        let place = tempfile::tempdir().unwrap();
        let [full, bare] = ["it's \"a\" <b>run #1", "bare"].map(|name| place.path().join(name));
        fixture::write(&full);
        fixture::write(&bare);
        fixture::without_action_units(&bare);
        let output = place.path().join("comparison");
        let comparison = write_comparison(
            &[full.clone(), bare.clone()],
            &output,
            Err("no test was asked for".to_owned()),
        );
        Pages {
            run: write_report(&full).unwrap(),
            bare: write_report(&bare).unwrap(),
            comparison: comparison.unwrap(),
            _place: place,
        }
    })
}

#[test]
fn pages_load_from_disk_without_complaint_and_ask_nothing_of_any_network() {
    in_browser(async |browser| {
        let pages = pages();
        for page in [&pages.run, &pages.comparison, &pages.bare] {
            browser.requests().await?;
            browser.open(page).await?;
            // What loads late or only when seen would be asked for now.
            browser.script("for (const image of document.images) image.scrollIntoView(); window.scrollTo(0, document.body.scrollHeight);").await?;
            let own = file_url(page);
            let requests = browser.requests().await?;
            // On a busy machine the browser still loads parts of its own start page (chrome://, chrome-untrusted://).
            let foreign = requests.iter().filter(|url| {
                **url != own && !url.starts_with("data:") && !url.starts_with("chrome")
            });
            assert_eq!(foreign.collect::<Vec<_>>(), Vec::<&String>::new());
            assert!(
                requests.contains(&own),
                "the log saw the page itself: {requests:?}"
            );
            assert_eq!(browser.complaints().await?, Vec::<String>::new());
            let broken = "return [...document.images].filter(image => !image.complete || image.naturalWidth === 0).length";
            assert_eq!(browser.script(broken).await?, json!(0));
            assert!(std::fs::metadata(page).unwrap().len() < 15_000_000);
        }
        Ok(())
    });
}

#[test]
fn the_policy_lets_nothing_run_or_load_that_is_not_the_page_s_own() {
    in_browser(async |browser| {
        browser.open(&pages().run).await?;
        let intruder = "const script = document.createElement('script'); script.textContent = 'window.intruder = true'; document.body.append(script);
             const image = document.createElement('img'); image.src = 'http://127.0.0.1:9/x.png'; document.body.append(image);
             return window.intruder === undefined";
        assert_eq!(browser.script(intruder).await?, json!(true));
        let complaints = browser.complaints().await?;
        let refused = complaints
            .iter()
            .filter(|line| line.contains("Content Security Policy"));
        assert!(refused.count() >= 2, "{complaints:?}");
        Ok(())
    });
}

#[test]
fn the_explorer_follows_clicks_and_arrow_keys() {
    in_browser(async |browser| {
        browser.open(&pages().run).await?;
        let cells = browser
            .driver
            .find_all(By::Css("#filter-cells [role=option]"))
            .await?;
        assert_eq!(cells.len(), fixture::FILTERS);
        let before = browser.text("#chosen-title").await?;
        let sheet = "return document.querySelector('#chosen-sheet').src.length + document.querySelector('#chosen-sheet').src.slice(-400)";
        let sheet_before = browser.script(sheet).await?;
        cells[10].click().await?;
        let clicked = browser.text("#chosen-title").await?;
        assert_ne!(before, clicked);
        assert_eq!(
            cells[10].attr("aria-selected").await?.as_deref(),
            Some("true")
        );
        assert_ne!(browser.script(sheet).await?, sheet_before);
        assert_eq!(
            browser
                .driver
                .find_all(By::Css("#chosen-rows tr"))
                .await?
                .len(),
            13
        );
        assert_eq!(
            browser
                .driver
                .find_all(By::Css("#chosen-rows tr.largest"))
                .await?
                .len(),
            1
        );
        let list = browser.driver.find(By::Css("#filter-cells")).await?;
        for (key, place) in [
            (Key::Right, 11),
            (Key::Down, 19),
            (Key::Left, 18),
            (Key::Up, 10),
            (Key::Home, 0),
            (Key::End, 63),
        ] {
            list.send_keys(key).await?;
            assert_eq!(selected(browser).await?, json!(place));
        }
        list.send_keys(Key::Right).await?;
        assert_eq!(
            selected(browser).await?,
            json!(63),
            "the last has none behind it"
        );
        browser
            .driver
            .find(By::Css("#next-filter"))
            .await?
            .click()
            .await?;
        assert_eq!(selected(browser).await?, json!(0), "the button goes round");
        // What never responded has no picture, and says so.
        browser.script("const box = document.querySelector('#filter-number'); box.value = 5; box.dispatchEvent(new Event('change'))").await?;
        assert_eq!(
            browser.text("#chosen-title").await?,
            "Filter 5: no response"
        );
        let message = browser.text("#chosen-no-patches").await?;
        assert!(
            message.starts_with("This filter has no patches: it responds to no image"),
            "{message}"
        );
        assert!(
            !browser
                .driver
                .find(By::Css("#chosen-patches"))
                .await?
                .is_displayed()
                .await?
        );
        assert_eq!(browser.complaints().await?, Vec::<String>::new());
        Ok(())
    });
}

/// Place of the chosen filter among all.
async fn selected(browser: &Browser) -> WebDriverResult<Value> {
    browser.script("return [...document.querySelectorAll('#filter-cells [role=option]')].findIndex(cell => cell.ariaSelected === 'true')").await
}

#[test]
fn the_first_filter_reads_the_same_before_and_after_the_script_drew_it() {
    in_browser(async |browser| {
        browser.open(&pages().run).await?;
        let panel = "return document.querySelector('#filter-explorer').innerText";
        let bars = "return [...document.querySelectorAll('#chosen-rows path, #chosen-rows rect')].map(mark => [...mark.attributes].map(a => a.name + '=' + a.value).join())";
        let (words, marks) = (browser.script(panel).await?, browser.script(bars).await?);
        browser.script("document.querySelector('#next-filter').click(); document.querySelector('#previous-filter').click()").await?;
        assert_eq!(browser.script(panel).await?, words);
        assert_eq!(browser.script(bars).await?, marks);
        Ok(())
    });
}

#[test]
fn tables_sort_by_a_click_on_a_head() {
    in_browser(async |browser| {
        browser.open(&pages().run).await?;
        browser
            .script("document.querySelector('#heat-map details').open = true")
            .await?;
        let column = |number: usize| {
            format!(
                "return [...document.querySelectorAll('.heat tbody tr')].map(row => Number(row.cells[{number}].textContent))"
            )
        };
        browser
            .script("document.querySelectorAll('.heat thead button')[3].click()")
            .await?;
        let falling = numbers(&browser.script(&column(3)).await?);
        assert!(
            falling.len() > 60 && falling.is_sorted_by(|a, b| a >= b),
            "{falling:?}"
        );
        let direction = "return document.querySelectorAll('.heat thead th')[3].ariaSort";
        assert_eq!(browser.script(direction).await?, json!("descending"));
        let button = browser
            .driver
            .find_all(By::Css(".heat thead button"))
            .await?;
        button[3].send_keys(Key::Enter).await?;
        assert!(numbers(&browser.script(&column(3)).await?).is_sorted());
        assert_eq!(browser.script(direction).await?, json!("ascending"));
        button[0].send_keys(Key::Enter).await?;
        assert!(numbers(&browser.script(&column(0)).await?).is_sorted());
        Ok(())
    });
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_f64().unwrap())
        .collect()
}

#[test]
fn downloads_give_the_files_that_lie_beside_the_page() {
    in_browser(async |browser| {
        let page = &pages().run;
        browser.open(page).await?;
        for name in ["correspondences.csv", "accuracy.svg"] {
            let link = format!("document.querySelector('a[download=\"{name}\"]').click()");
            browser.script(&link).await?;
            let beside = page.with_file_name("figures").join(name);
            assert_eq!(
                browser.downloaded(name).await,
                std::fs::read(beside).unwrap(),
                "{name}"
            );
        }
        let csv = String::from_utf8(browser.downloaded("correspondences.csv").await).unwrap();
        assert!(
            csv.starts_with("filter,au,au_name,kl,") && csv.lines().count() == fixture::FILTERS
        );
        Ok(())
    });
}

#[test]
fn names_do_no_harm() {
    in_browser(async |browser| {
        browser.open(&pages().run).await?;
        assert!(
            browser.driver.get_alert_text().await.is_err(),
            "no dialog is open"
        );
        // Two scripts are the page's own: its behaviour and its data.
        assert_eq!(
            browser.script("return document.scripts.length").await?,
            json!(2)
        );
        assert_eq!(
            browser
                .script("return document.querySelectorAll('[onerror], main b > b, h1 b').length")
                .await?,
            json!(0)
        );
        let shown = browser.script("return document.body.textContent").await?;
        let shown = shown.as_str().unwrap();
        for text in [
            fixture::HOSTILE_CLASS,
            fixture::HOSTILE_PATH,
            "it's \"a\" <b>run #1",
            "</td><script>alert(3)</script>",
        ] {
            assert!(shown.contains(text), "{text}");
        }
        assert_eq!(
            browser.script("return document.title").await?,
            json!("it's \"a\" <b>run #1 (synthetic data) · faus report")
        );
        Ok(())
    });
}

#[test]
fn everything_but_the_explorer_s_choice_is_there_without_scripts() {
    in_browser(async |browser| {
        browser
            .driver
            .cdp()
            .send_raw(
                "Emulation.setScriptExecutionDisabled",
                json!({ "value": true }),
            )
            .await?;
        browser.open(&pages().run).await?;
        for selector in [
            "#chosen-sheet",
            "#chosen-rows tr.largest",
            ".matrix rect",
            ".face circle",
            ".confusion td",
            "#accuracy svg.plot",
            "noscript p",
            ".gallery img",
        ] {
            assert!(
                browser
                    .driver
                    .find(By::Css(selector))
                    .await?
                    .is_displayed()
                    .await?,
                "{selector}"
            );
        }
        assert!(
            !browser
                .driver
                .find(By::Css("#explorer-controls"))
                .await?
                .is_displayed()
                .await?
        );
        assert_eq!(
            browser.driver.find_all(By::Css("th button")).await?.len(),
            0
        );
        Ok(())
    });
}

#[test]
fn nothing_is_wider_than_the_window_from_a_phone_to_a_large_screen() {
    in_browser(async |browser| {
        let pages = pages();
        let folder = screenshots();
        for (name, page) in [
            ("run", &pages.run),
            ("comparison", &pages.comparison),
            ("bare", &pages.bare),
        ] {
            browser.open(page).await?;
            for (width, dark) in WIDTHS
                .into_iter()
                .flat_map(|width| [(width, false), (width, true)])
            {
                browser.show_as(width, dark).await?;
                // What scrolls within itself, or is cropped, may be wider than the window, nothing else.
                let wide = "const width = document.documentElement.clientWidth;
                    return [document.documentElement.scrollWidth - width, [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll *, .crop *, .unseen, svg *') && e.getBoundingClientRect().right > width + 1).map(e => e.outerHTML.slice(0, 90)).slice(0, 5)]";
                assert_eq!(
                    browser.script(wide).await?,
                    json!([0, []]),
                    "{name} at {width}"
                );
                let scheme = if dark { "dark" } else { "light" };
                let file = folder.join(format!("{name}-{width}-{scheme}.png"));
                browser.driver.screenshot(&file).await?;
            }
        }
        Ok(())
    });
}

/// Where pictures of the pages are left.
fn screenshots() -> PathBuf {
    let tests = std::env::current_exe().unwrap(); // target/<profile>/deps/browser-…
    let folder = tests
        .ancestors()
        .nth(3)
        .unwrap()
        .join("tmp/report-screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn axe_finds_no_violation() {
    let Some(axe) = axe() else { return };
    in_browser(async |browser| {
        let pages = pages();
        for page in [&pages.run, &pages.comparison, &pages.bare] {
            browser.open(page).await?;
            for (width, dark) in [(360, false), (1280, true), (1280, false), (360, true)] {
                browser.show_as(width, dark).await?;
                browser.script(&axe).await?;
                let run = "const done = arguments[arguments.length - 1];
                    document.querySelectorAll('details').forEach(part => { part.open = true; });
                    axe.run(document, { resultTypes: ['violations'] }).then(
                        result => done([result.passes.length, result.violations.map(v => [v.id, v.help, v.nodes.length, v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + ' ' + n.any.concat(n.all, n.none).map(c => c.message).join('; '))])]),
                        error => done([0, String(error)]))";
                let found = browser
                    .driver
                    .execute_async(run, vec![])
                    .await?
                    .json()
                    .clone();
                assert_eq!(
                    found[1],
                    json!([]),
                    "{} at {width}, dark {dark}",
                    page.display()
                );
                assert!(
                    found[0].as_u64().unwrap() > 20,
                    "axe looked at the page: {found}"
                );
            }
        }
        Ok(())
    });
}

/// The text of axe-core, where `npm ci` has put it.
fn axe() -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("axe");
    let file = folder.join("node_modules/axe-core/axe.min.js");
    match std::fs::read_to_string(&file) {
        Ok(axe) => Some(axe),
        Err(error) => {
            let missing = format!("{}: {error} (npm ci --prefix tests/axe)", file.display());
            assert!(!in_ci(), "{missing}");
            eprintln!("skipped: {missing}");
            None
        }
    }
}
