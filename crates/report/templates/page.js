// Clicks and keys on the page: sorting of tables, and the filter explorer. Without it, links to filters lead to their
// rows in the table of all numbers.
"use strict";

// ---- Tables: a button in each column's head sorts by it.

const numberOf = (cell) => {
  const given = cell.dataset.order ?? cell.textContent.replace(/[%<–]/g, "").trim();
  return given === "" ? NaN : Number(given);
};

function compare(a, b, column) {
  const [one, other] = [a.cells[column], b.cells[column]];
  const [x, y] = [numberOf(one), numberOf(other)];
  if (Number.isNaN(x) || Number.isNaN(y)) {
    return Number.isNaN(x) && Number.isNaN(y)
      ? one.textContent.localeCompare(other.textContent, undefined, { numeric: true })
      : Number.isNaN(x) - Number.isNaN(y);
  }
  return x - y;
}

function sortBy(table, heads, column) {
  const head = heads[column];
  const before = head.getAttribute("aria-sort");
  // Numbers sort largest first: readers look for the strongest.
  const words = head.classList.contains("text") || column === 0;
  const ascending = before === null ? words : before === "descending";
  heads.forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  rows.sort((a, b) => (ascending ? compare(a, b, column) : compare(b, a, column)));
  body.append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sortBy(table, heads, column));
  });
}

// ---- Commands and citations: a button copies them.

for (const code of navigator.clipboard ? document.querySelectorAll("pre > code") : []) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  });
  code.parentNode.append(button);
}

// ---- Wide pictures: on a phone a tap shows them in full size, and another the whole again.

for (const picture of document.querySelectorAll(".paper, .contact .scroll")) {
  const toggle = () => picture.classList.toggle("large");
  picture.addEventListener("click", toggle);
  picture.addEventListener("keydown", (event) => event.key === "Enter" && toggle());
}

// ---- The filter explorer.

const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const fixed = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const shortP = (p) => (p === null || p === undefined ? "–" : p < 0.0001 ? "< 0.0001" : p.toFixed(p < 0.001 ? 4 : 3));
// As finely as a bar is drawn, without the sign of a zero.
const clamped = (value, low, high) => Math.round(100 * Math.min(high, Math.max(low, value))) / 100 + 0;

class Explorer {
  constructor(data) {
    this.data = data;
    this.filters = new Map(data.filters.map((filter) => [filter.filter, filter]));
    this.pictured = data.filters.map((filter) => filter.filter);
    this.order = this.pictured;
    this.chosen = data.shown;
    this.byId = (id) => document.getElementById(id);
    this.makeCells();
    this.mark();
    this.listen();
  }

  makeCells() {
    this.list = element("div", {
      class: "cells", id: "filter-cells", role: "listbox", tabindex: "0",
      "aria-label": "Filters", "aria-describedby": "explorer-help", "aria-controls": "chosen",
    });
    this.list.style.gridTemplateColumns = `repeat(${this.data.columns}, minmax(0, 1fr))`;
    this.cells = new Map(this.order.map((number) => {
      const { title } = this.filters.get(number);
      const cell = element(
        "div",
        { role: "option", id: `filter-cell-${number}`, "aria-selected": "false", "aria-label": title, title },
        element("span", { "aria-hidden": "true" }, String(number)),
      );
      cell.addEventListener("click", () => this.choose(number));
      return [number, cell];
    }));
    this.list.append(...this.cells.values());
    this.byId("mosaic").append(this.list);
    for (const id of ["explorer-controls", "explorer-steps"]) this.byId(id).hidden = false;
    // These lead to the explorer now.
    for (const row of document.querySelectorAll("tr[id^=filter-]")) row.removeAttribute("id");
  }

  listen() {
    const { columns } = this.data;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -4 * columns, PageDown: 4 * columns };
    this.list.addEventListener("keydown", (event) => {
      const last = this.order.length - 1;
      let to;
      if (event.key in steps) to = this.order.indexOf(this.chosen) + steps[event.key];
      else if (event.key === "Home") to = 0;
      else if (event.key === "End") to = last;
      if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      if (to >= 0 && to <= last) this.choose(this.order[to]);
    });
    this.byId("previous-filter").addEventListener("click", () => this.step(-1));
    this.byId("next-filter").addEventListener("click", () => this.step(1));
    this.byId("filter-number").addEventListener("change", (event) => this.choose(event.target.valueAsNumber));
    this.byId("filter-unit")?.addEventListener("change", () => this.tint());
    this.byId("filter-order").addEventListener("change", () => this.sort());
    document.addEventListener("click", (event) => {
      // A link to the present address fires no `hashchange`.
      const link = event.target.closest?.('a[href^="#filter-"]');
      if (link?.getAttribute("href") === location.hash) this.byId("explorer").scrollIntoView();
    });
    addEventListener("hashchange", () => this.follow());
    this.follow();
  }

  step(by) {
    const many = this.order.length;
    this.choose(this.order[(this.order.indexOf(this.chosen) + by + many) % many]);
  }

  // Shows a filter and puts it into the page's address; the Back button leads over links only.
  choose(number) {
    if (this.show(number)) history.replaceState("shown", "", `#filter-${number}`);
  }

  // `#filter-113` of the page's address. Going back keeps the place on the page.
  follow() {
    const number = /^#filter-(\d+)$/.exec(location.hash)?.[1];
    if (number === undefined) return;
    this.show(Number(number));
    if (history.state === null) this.byId("explorer").scrollIntoView();
    history.replaceState("shown", "");
  }

  get unit() {
    return this.byId("filter-unit")?.value ?? "";
  }

  // Colours all cells by their AUROC for an action unit, frames those named after it, and says how many they are.
  tint() {
    const { unit } = this;
    for (const [number, cell] of this.cells) {
      const filter = this.filters.get(number);
      const fromChance = unit === "" ? 0 : 2 * (filter.auroc[unit] ?? 0.5) - 1;
      cell.style.setProperty("--s", Math.abs(fromChance));
      cell.classList.toggle("less", fromChance < 0);
      cell.classList.toggle("named", unit !== "" && filter.unit === Number(unit));
    }
    if (this.byId("filter-order").value === "strength") this.sort();
    this.say();
  }

  say(words = "") {
    const { unit } = this;
    const named = this.data.filters.filter((filter) => unit !== "" && filter.unit === Number(unit)).length;
    const au = unit !== "" && `AU ${this.data.units[unit].au}`;
    const many = { 0: `No filter is named after ${au}.`, 1: `1 filter is named after ${au} (framed).` }[named];
    const colours = "Blue: more active with it (AUROC above 0.5), orange: less.";
    const tinted = au ? `${many ?? `${named} filters are named after ${au} (framed).`} ${colours}` : "";
    this.byId("explorer-note").textContent = `${words} ${tinted}`.trim();
  }

  sort() {
    const { unit } = this;
    const by = this.byId("filter-order").value;
    this.order = [...this.data.orders[by]];
    const auroc = (number) => this.filters.get(number).auroc[unit] ?? 0;
    if (by === "strength" && unit !== "") this.order.sort((a, b) => auroc(b) - auroc(a));
    this.list.append(...this.order.map((number) => this.cells.get(number)));
    this.drawMosaic();
  }

  // The picture with its cells in the present order.
  drawMosaic() {
    this.picture ??= this.byId("mosaic-picture");
    if (!this.picture) return;
    const { columns } = this.data;
    const { alt, naturalWidth: width, naturalHeight: height } = this.picture;
    const canvas = element("canvas", { id: "mosaic-picture", role: "img", "aria-label": alt, width, height });
    const side = width / columns;
    const corner = (place) => [side * (place % columns), side * Math.floor(place / columns)];
    const context = canvas.getContext("2d");
    this.order.forEach((number, place) => {
      context.drawImage(this.picture, ...corner(this.pictured.indexOf(number)), side, side, ...corner(place), side, side);
    });
    this.byId("mosaic-picture").replaceWith(canvas);
  }

  mark() {
    const cell = this.cells.get(this.chosen);
    this.list.querySelector('[aria-selected="true"]')?.setAttribute("aria-selected", "false");
    cell.setAttribute("aria-selected", "true");
    this.list.setAttribute("aria-activedescendant", cell.id);
    document.querySelector(".matrix a.shown")?.classList.remove("shown");
    document.querySelector(`.matrix a[href="#filter-${this.chosen}"]`)?.classList.add("shown");
  }

  // Returns whether the run has the filter.
  show(number) {
    const filter = this.filters.get(number);
    this.say(filter || Number.isNaN(number) ? "" : `This run has no filter ${number}.`);
    this.byId("filter-number").value = filter ? number : this.chosen;
    if (!filter) return false;
    this.chosen = number;
    this.mark();
    this.byId("chosen-title").textContent = filter.title;
    this.byId("chosen-words").textContent = filter.words;
    const sheet = this.byId("chosen-sheet");
    this.byId("chosen-patches").hidden = !filter.sheet;
    this.byId("chosen-no-patches").hidden = Boolean(filter.sheet);
    this.byId("chosen-no-patches").textContent = filter.noSheet;
    if (filter.sheet) {
      sheet.src = filter.sheet;
      sheet.alt = filter.alt;
    }
    this.byId("chosen-rows")?.replaceChildren(...this.data.units.map((unit, at) => this.row(filter, unit, at)));
    return true;
  }

  row(filter, unit, at) {
    const number = (key) => filter[key]?.[at] ?? null;
    const head = element("th", { scope: "row" }, `AU ${unit.au} `, element("span", { class: "quiet" }, unit.name));
    const numbers = [fixed(number("kl"), 2), fixed(number("auroc"), 2), shortP(number("q"))];
    for (const [value, q] of filter.own ?? []) numbers.push(fixed(value[at], 2), shortP(q[at]));
    const cells = [head, this.bar(number), ...numbers.map((text) => element("td", {}, text))];
    if (this.data.switchTop !== null) cells.push(this.switchBar(number("effect")), element("td", {}, fixed(number("effect"), 2)));
    return element("tr", at === filter.unit ? { class: "largest" } : {}, ...cells);
  }

  bar(number) {
    const along = (value) => clamped((200 * value) / this.data.top, 0, 200);
    const marks = [drawn("rect", { class: "value", x: 0, y: 2, width: along(number("kl") ?? 0), height: 10 })];
    if (number("null") !== null) marks.push(drawn("path", { class: "null", d: `M${along(number("null"))} 0V14` }));
    return this.barCell("0 0 200 14", marks);
  }

  switchBar(effect) {
    const end = clamped((100 * (effect ?? 0)) / this.data.switchTop, -100, 100);
    const bar = drawn("rect", { class: "switch", x: Math.min(0, end), y: 2, width: Math.abs(end), height: 10 });
    return this.barCell("-100 0 200 14", [bar, drawn("path", { class: "null", d: "M0 0V14" })]);
  }

  barCell(viewBox, marks) {
    const svg = drawn("svg", { class: "bar", viewBox, preserveAspectRatio: "none", "aria-hidden": "true" }, ...marks);
    return element("td", { class: "bar-cell" }, svg);
  }
}

const explorerData = document.getElementById("explorer-data");
if (explorerData) new Explorer(JSON.parse(explorerData.textContent));
