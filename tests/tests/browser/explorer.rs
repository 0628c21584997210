//! The heat map, the face and the explorer: links, tints, orders and their edges.

use std::path::Path;

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::browser::{Browser, file_url, in_browser};
use crate::{fixture, numbers, pages, selected};

/// Opens the page at a filter's address.
async fn open_at(browser: &Browser, page: &Path, filter: &str) -> WebDriverResult<()> {
    browser.driver.goto("about:blank").await?;
    let address = format!("{}#filter-{filter}", file_url(page));
    browser.driver.goto(address).await?;
    // On a busy machine the driver may go on before the page's script has run.
    let ready = By::Css("#filter-cells, noscript p");
    browser.driver.query(ready).first().await.map(|_| ())
}

/// Chooses an option, or types a number.
async fn set(browser: &Browser, id: &str, value: &str) -> WebDriverResult<Value> {
    browser.script(&format!("const field = document.querySelector('#{id}'); field.value = '{value}'; field.dispatchEvent(new Event('change'))")).await
}

async fn text_of(browser: &Browser, script: &str) -> WebDriverResult<String> {
    let text = browser.script(&format!("return {script}")).await?;
    Ok(text.as_str().unwrap_or_default().to_owned())
}

const TITLE: &str = "document.querySelector('#chosen-title').textContent";
const NOTE: &str = "document.querySelector('#explorer-note').textContent";
const DATA: &str = "const data = JSON.parse(document.querySelector('#explorer-data').textContent); const cells = [...document.querySelectorAll('#filter-cells > div')];";
/// How far the explorer's top is from the window's.
const TOP: &str =
    "return Math.round(document.querySelector('#explorer').getBoundingClientRect().top)";

#[test]
fn links_lead_to_the_explorer_and_the_back_button_returns() {
    in_browser(async |browser| {
        browser.open(&pages().run).await?;
        for link in ["#heat-map .map li a", "#heat-map .face a", ".people a"] {
            let found = browser.driver.find(By::Css(link)).await?;
            found.scroll_into_view().await?;
            let before = browser.script("return scrollY").await?;
            let filter = found.attr("href").await?.unwrap();
            let click = format!(
                "document.querySelector('{link}').dispatchEvent(new MouseEvent('click', {{ bubbles: true, cancelable: true }}))"
            );
            browser.script(&click).await?;
            let number = filter.rsplit("#filter-").next().unwrap();
            let title = text_of(browser, TITLE).await?;
            assert!(
                title.starts_with(&format!("Filter {number}:")),
                "{link}: {title}"
            );
            assert!(browser.script(TOP).await?.as_i64().unwrap().abs() < 200);
            assert_eq!(
                browser
                    .script("return document.querySelector('.matrix .shown').getAttribute('href')")
                    .await?,
                json!(format!("#filter-{number}"))
            );
            browser.driver.back().await?;
            let moved = format!("return Math.abs(scrollY - {before})");
            assert!(
                numbers(&json!([browser.script(&moved).await?]))[0] < 60.0,
                "{link}"
            );
        }
        // The same link again, after its filter has been left.
        let column = "document.querySelector('.matrix a[href=\"#filter-17\"] rect').dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }))";
        browser.script(column).await?;
        assert!(text_of(browser, TITLE).await?.starts_with("Filter 17:"));
        let entries = browser.script("return history.length").await?;
        browser
            .script("document.querySelector('#next-filter').click()")
            .await?;
        let after = browser
            .script("return [history.length, location.hash]")
            .await?;
        assert_eq!(after[0], entries, "choosing writes no history");
        assert_ne!(
            after[1],
            json!("#filter-17"),
            "but the address is that of the filter"
        );
        browser.script("window.scrollTo(0, 0)").await?;
        browser.script(column).await?;
        assert!(text_of(browser, TITLE).await?.starts_with("Filter 17:"));
        assert!(browser.script(TOP).await?.as_i64().unwrap().abs() < 200);
        assert_eq!(browser.complaints().await?, Vec::<String>::new());
        Ok(())
    });
}

#[test]
fn a_filter_s_address_needs_no_scripts() {
    in_browser(async |browser| {
        let off = json!({ "value": true });
        let devtools = browser.driver.cdp();
        devtools
            .send_raw("Emulation.setScriptExecutionDisabled", off)
            .await?;
        open_at(browser, &pages().run, "17").await?;
        let row = browser.driver.find(By::Css("tr:target")).await?;
        assert!(row.is_displayed().await?);
        assert!(row.text().await?.starts_with("17 "));
        Ok(())
    });
}

#[test]
fn a_unit_tints_the_mosaic_by_signed_auroc() {
    in_browser(async |browser| {
        browser.open(&pages().run).await?;
        set(browser, "filter-unit", "7").await?;
        let wrong = format!("{DATA} return cells.filter((cell, at) => {{
            const auroc = data.filters[at].auroc[7] ?? 0.5;
            return Math.abs(Number(cell.style.getPropertyValue('--s')) - Math.abs(2 * auroc - 1)) > 1e-9
                || cell.classList.contains('less') !== auroc < 0.5 || cell.classList.contains('named') !== (data.filters[at].unit === 7);
        }}).length");
        assert_eq!(browser.script(&wrong).await?, json!(0));
        let colours = "const blues = (less) => { const cell = [...document.querySelectorAll('#filter-cells > div')].find(cell => cell.classList.contains('less') === less && Number(cell.style.getPropertyValue('--s')) > 0.3);
            const [r, , b] = getComputedStyle(cell).backgroundColor.match(/[\\d.]+/g).map(Number); return b > r; }; return [blues(false), blues(true)]";
        assert_eq!(browser.script(colours).await?, json!([true, false]));
        let named = browser
            .driver
            .find_all(By::Css("#filter-cells .named"))
            .await?
            .len();
        let note = text_of(browser, NOTE).await?;
        assert!(
            named > 1
                && note.starts_with(&format!("{named} filters are named after AU 12 (framed).")),
            "{note}"
        );
        // AU 26 has no filter.
        set(browser, "filter-unit", "11").await?;
        assert!(
            text_of(browser, NOTE)
                .await?
                .starts_with("No filter is named after AU 26.")
        );
        set(browser, "filter-unit", "").await?;
        assert_eq!(text_of(browser, NOTE).await?, "");
        let tinted = "return [...document.querySelectorAll('#filter-cells > div')].filter(cell => Number(cell.style.getPropertyValue('--s')) > 0).length";
        assert_eq!(browser.script(tinted).await?, json!(0));
        Ok(())
    });
}

/// The numbers of the filters as they stand in the mosaic.
async fn order(browser: &Browser) -> WebDriverResult<Vec<f64>> {
    let order = browser.script("return [...document.querySelectorAll('#filter-cells > div')].map(cell => Number(cell.textContent))").await?;
    Ok(numbers(&order))
}

#[test]
fn the_mosaic_is_sorted_with_its_pictures() {
    in_browser(async |browser| {
        browser.open(&pages().run).await?;
        let first = order(browser).await?;
        let tiles = "const source = document.querySelector('#mosaic-picture'); const copy = document.createElement('canvas');
            [copy.width, copy.height] = [source.naturalWidth ?? source.width, source.naturalHeight ?? source.height];
            const context = copy.getContext('2d'); context.drawImage(source, 0, 0); const side = copy.width / 8;
            const cells = [...document.querySelectorAll('#filter-cells > div')];
            return Object.fromEntries(cells.map((cell, at) => [cell.textContent, [...context.getImageData(side * (at % 8), side * Math.floor(at / 8), side, side).data].join()]))";
        let pictures = browser.script(tiles).await?;
        for key in ["unit", "strength", "profiles", "number"] {
            set(browser, "filter-order", key).await?;
            let (sorted, mut all) = (order(browser).await?, first.clone());
            assert_ne!(sorted, first, "{key}");
            all.sort_by(f64::total_cmp);
            let mut again = sorted.clone();
            again.sort_by(f64::total_cmp);
            assert_eq!(again, all, "{key}: each filter once");
            assert!(
                browser.script(tiles).await? == pictures,
                "{key}: each filter has its own picture"
            );
        }
        assert!(order(browser).await?.is_sorted());
        set(browser, "filter-order", "unit").await?;
        let columns = browser.script("return [...document.querySelectorAll('.matrix a')].map(column => Number(column.getAttribute('href').slice(8)))").await?;
        let mut mosaic = order(browser).await?;
        mosaic.retain(|filter| *filter != 5.0);
        assert_eq!(mosaic, numbers(&columns), "as the heat map");
        // With a unit chosen, strength is the AUROC with it.
        set(browser, "filter-order", "strength").await?;
        set(browser, "filter-unit", "7").await?;
        let falling = "const data = JSON.parse(document.querySelector('#explorer-data').textContent); return [...document.querySelectorAll('#filter-cells > div')].map(cell => data.filters.find(filter => String(filter.filter) === cell.textContent).auroc[7] ?? 0)";
        assert!(numbers(&browser.script(falling).await?).is_sorted_by(|a, b| a >= b));
        let list = browser.driver.find(By::Css("#filter-cells")).await?;
        list.send_keys(Key::Home).await?;
        list.send_keys(Key::Right).await?;
        assert_eq!(
            selected(browser).await?,
            json!(1),
            "keys follow the order shown"
        );
        Ok(())
    });
}

#[test]
fn filters_that_are_not_there_are_named() {
    in_browser(async |browser| {
        open_at(browser, &pages().run, "9999").await?;
        assert_eq!(
            text_of(browser, NOTE).await?,
            "This run has no filter 9999."
        );
        let shown = text_of(browser, TITLE).await?;
        open_at(browser, &pages().run, "9").await?;
        assert!(text_of(browser, TITLE).await?.starts_with("Filter 9:"));
        assert_eq!(text_of(browser, NOTE).await?, "");
        for (typed, note) in [("-3", "This run has no filter -3."), ("", "")] {
            set(browser, "filter-number", typed).await?;
            assert_eq!(text_of(browser, NOTE).await?, note);
            assert_eq!(
                browser
                    .script("return document.querySelector('#filter-number').value")
                    .await?,
                json!("9")
            );
        }
        assert!(!shown.is_empty() && text_of(browser, TITLE).await?.starts_with("Filter 9:"));
        let nameless = fixture::NAMELESS.to_string();
        set(browser, "filter-number", &nameless).await?;
        assert_eq!(text_of(browser, TITLE).await?, format!("Filter {nameless}"));
        let words = text_of(
            browser,
            "document.querySelector('#chosen-words').textContent",
        )
        .await?;
        assert!(
            words.starts_with("It is named after no action unit"),
            "{words}"
        );
        // A run without action units has neither map nor face, and an explorer of patches alone.
        open_at(browser, &pages().bare, "9").await?;
        assert_eq!(text_of(browser, TITLE).await?, "Filter 9");
        let none =
            "return document.querySelectorAll('.map, .face, #filter-unit, #chosen-rows').length";
        assert_eq!(browser.script(none).await?, json!(0));
        set(browser, "filter-order", "number").await?;
        assert!(order(browser).await?.is_sorted());
        assert_eq!(browser.complaints().await?, Vec::<String>::new());
        Ok(())
    });
}

#[test]
fn heading_picture_table_and_files_name_the_same_unit() {
    in_browser(async |browser| {
        let page = &pages().run;
        let run = page.parent().and_then(Path::parent).unwrap();
        let mut names = csv::Reader::from_path(run.join("fau/names.csv")).unwrap();
        let names: Vec<csv::StringRecord> = names.records().map(Result::unwrap).collect();
        let layer: Value =
            serde_json::from_slice(&std::fs::read(run.join("viz/conv3/filters.json")).unwrap())
                .unwrap();
        let numbers_of =
            std::fs::read_to_string(page.with_file_name("figures").join("names.csv")).unwrap();
        browser.open(page).await?;
        let mut seed = 20_261_128_u64;
        for _ in 0..10 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let row = &names[(seed >> 33) as usize % names.len()];
            let (filter, au, less) = (&row[0], &row[1], row[3].starts_with('-'));
            let filter_number: usize = filter.parse().unwrap();
            set(browser, "filter-number", filter).await?;
            let direction = if less { "less active with " } else { "" };
            let heading = text_of(browser, TITLE).await?;
            assert!(
                heading.starts_with(&format!("Filter {filter}: {direction}AU {au} ")),
                "{heading}"
            );
            let direction = if less { "less with " } else { "" };
            let written = layer["filters"][filter_number]["name"].as_str().unwrap();
            assert!(
                written.starts_with(&format!("{direction}AU{au} ")),
                "{written}"
            );
            assert!(
                same_picture(
                    browser,
                    &run.join(format!("viz/conv3/filter-{filter_number:03}.png"))
                )
                .await?,
                "{filter}"
            );
            let bold = text_of(
                browser,
                "document.querySelector('#chosen-rows .largest th').textContent",
            )
            .await?;
            assert!(bold.starts_with(&format!("AU {au} ")), "{bold}");
            let cell = format!(
                "[...document.querySelectorAll('.heat tbody tr')].find(row => row.cells[0].textContent === '{filter}').cells[1].textContent"
            );
            assert_eq!(
                text_of(browser, &cell).await?,
                format!("{direction}AU {au}")
            );
            assert!(
                numbers_of.contains(&format!("\n{filter},{au},")),
                "{filter}"
            );
        }
        Ok(())
    });
}

/// Whether the explorer shows this file, but for its compression.
async fn same_picture(browser: &Browser, file: &Path) -> WebDriverResult<bool> {
    let script = "const done = arguments[0]; const sheet = document.querySelector('#chosen-sheet'); sheet.decode().then(() => {
        const canvas = document.createElement('canvas'); [canvas.width, canvas.height] = [sheet.naturalWidth, sheet.naturalHeight];
        const context = canvas.getContext('2d'); context.drawImage(sheet, 0, 0);
        done([...context.getImageData(0, 0, canvas.width, canvas.height).data].filter((_, at) => at % 4 === 0)); })";
    let shown = browser.driver.execute_async(script, vec![]).await?;
    let shown = numbers(shown.json());
    let drawn = image::open(file).unwrap().to_luma8().into_raw();
    let differences = shown
        .iter()
        .zip(&drawn)
        .map(|(a, b)| (a - f64::from(*b)).abs());
    Ok(shown.len() == drawn.len() && differences.sum::<f64>() / (drawn.len() as f64) < 4.0)
}
