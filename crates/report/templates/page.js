// Clicks and keys on the page: sorting of tables, and the filter explorer. Without it, only the other filters of the
// explorer cannot be read.
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
    this.order = data.order.map((number) => data.filters.findIndex((filter) => filter.filter === number));
    this.place = Math.max(0, this.order.findIndex((at) => data.filters[at].filter === data.shown));
    this.byId = (id) => document.getElementById(id);
    this.makeCells();
    this.mark();
    this.listen();
  }

  filterAt(place) {
    return this.data.filters[this.order[place]];
  }

  makeCells() {
    const cells = element("div", {
      class: "cells", id: "filter-cells", role: "listbox", tabindex: "0",
      "aria-label": "Filters", "aria-describedby": "explorer-help", "aria-controls": "chosen",
    });
    cells.style.gridTemplateColumns = `repeat(${this.data.columns}, minmax(0, 1fr))`;
    this.cells = this.order.map((_, place) => {
      const filter = this.filterAt(place);
      const cell = element(
        "div",
        { role: "option", id: `filter-cell-${filter.filter}`, "aria-selected": "false", "aria-label": filter.title, title: filter.title },
        element("span", { "aria-hidden": "true" }, String(filter.filter)),
      );
      cell.addEventListener("click", () => this.show(place));
      return cell;
    });
    cells.append(...this.cells);
    this.list = cells;
    this.byId("mosaic").append(cells);
    this.byId("explorer-controls").hidden = false;
  }

  listen() {
    const { columns } = this.data;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -4 * columns, PageDown: 4 * columns };
    this.list.addEventListener("keydown", (event) => {
      const last = this.order.length - 1;
      let to;
      if (event.key in steps) to = this.place + steps[event.key];
      else if (event.key === "Home") to = 0;
      else if (event.key === "End") to = last;
      if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      if (to >= 0 && to <= last) this.show(to);
    });
    this.byId("previous-filter").addEventListener("click", () => this.step(-1));
    this.byId("next-filter").addEventListener("click", () => this.step(1));
    this.byId("filter-number").addEventListener("change", (event) => this.showFilter(Number(event.target.value)));
    this.byId("filter-unit").addEventListener("change", (event) => this.highlight(event.target.value));
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.('a[href^="#filter-"]');
      if (link) this.follow(link.hash);
    });
    addEventListener("hashchange", () => this.follow(location.hash));
    this.follow(location.hash);
  }

  step(by) {
    const many = this.order.length;
    this.show((this.place + by + many) % many);
  }

  showFilter(number) {
    const place = this.order.findIndex((at) => this.data.filters[at].filter === number);
    if (place >= 0) this.show(place);
  }

  // `#filter-113`, of a link or of the page's address.
  follow(hash) {
    const number = /^#filter-(\d+)$/.exec(hash)?.[1];
    if (number === undefined) return;
    this.showFilter(Number(number));
    this.byId("explorer").scrollIntoView();
  }

  highlight(unit) {
    this.cells.forEach((cell, place) => {
      cell.classList.toggle("other", unit !== "" && this.filterAt(place).unit !== Number(unit));
    });
  }

  mark() {
    this.cells.forEach((cell, place) => cell.setAttribute("aria-selected", String(place === this.place)));
    this.list.setAttribute("aria-activedescendant", this.cells[this.place].id);
  }

  show(place) {
    this.place = place;
    this.mark();
    const filter = this.filterAt(place);
    this.byId("filter-number").value = filter.filter;
    this.byId("chosen-title").textContent = filter.title;
    this.byId("chosen-words").textContent = filter.words;
    const sheet = this.byId("chosen-sheet");
    this.byId("chosen-patches").hidden = !filter.sheet;
    this.byId("chosen-no-patches").hidden = Boolean(filter.sheet);
    if (filter.sheet) {
      sheet.src = filter.sheet;
      sheet.alt = filter.alt;
    }
    this.drawFace(filter);
    this.byId("chosen-rows").replaceChildren(...this.data.units.map((unit, at) => this.row(filter, unit, at)));
  }

  drawFace(filter) {
    const face = this.byId("chosen-face");
    if (!face) return;
    face.setAttribute("aria-label", filter.faceAlt);
    const boxes = filter.boxes.map(([x, y, width, height]) => drawn("rect", { x, y, width, height }));
    this.byId("chosen-boxes").replaceChildren(...boxes);
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
