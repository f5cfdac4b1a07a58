// The parts of the page that show one answer of the admin listener each.
"use strict";

const text = {
  number: (value) => (value === undefined || Number.isNaN(value) ? "–"
    : value >= 1e6 ? (value / 1e6).toFixed(1) + " M" : value >= 1e4 ? (value / 1e3).toFixed(1) + " k"
    : Number.isInteger(value) ? String(value) : value.toFixed(1)),
  share: (value) => (value === undefined || Number.isNaN(value) ? "–" : (100 * value).toFixed(1) + " %"),
  bytes: (value) => {
    if (value === undefined) return "–";
    const units = ["B", "KiB", "MiB", "GiB"];
    let power = 0;
    while (value >= 1024 && power < units.length - 1) { value /= 1024; ++power; }
    return (power === 0 ? value : value.toFixed(1)) + " " + units[power];
  },
  seconds: (value) => {
    if (value === undefined || value === null || Number.isNaN(value)) return "–";
    const size = Math.abs(value);
    if (size === Infinity) return "> 10 s";
    if (size === 0) return "0 s";
    if (size < 1e-3) return (value * 1e6).toFixed(0) + " µs";
    if (size < 1) return (value * 1e3).toFixed(size < 0.01 ? 1 : 0) + " ms";
    if (size < 120) return value.toFixed(1) + " s";
    if (size < 7200) return (value / 60).toFixed(0) + " min";
    return size < 172800 ? (value / 3600).toFixed(1) + " h" : (value / 86400).toFixed(1) + " d";
  },
};

// An element with attributes and children; a text never becomes markup.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

function description(pairs) {
  const list = element("dl");
  for (const [term, value] of pairs) {
    if (value === undefined || value === "" || value === null) continue;
    list.append(element("dt", {}, term), element("dd", {}, value instanceof Node ? value : String(value)));
  }
  return list;
}

// A table whose header cells sort it. `columns`: {title, of: row -> value, show: value -> text, text}.
class sorted_table {
  constructor(table, columns, by, descending) {
    this.table = table;
    this.columns = columns;
    this.by = by;
    this.descending = descending;
    this.rows = [];
    const head = element("tr");
    columns.forEach((column, i) => {
      const button = element("button", { type: "button" }, column.title);
      button.addEventListener("click", () => this.sort(i));
      head.append(element("th", { scope: "col", class: column.text ? "text" : "" }, button));
    });
    this.body = element("tbody");
    table.replaceChildren(element("thead", {}, head), this.body);
  }

  sort(column) {
    this.descending = this.by === column ? !this.descending : !this.columns[column].text;
    this.by = column;
    this.show(this.rows);
  }

  show(rows) {
    this.rows = rows;
    const { of } = this.columns[this.by];
    const sign = this.descending ? -1 : 1;
    const order = (a, b) => (typeof a === "string" ? a.localeCompare(b) : (a ?? -1) - (b ?? -1));
    const ordered = [...rows].sort((a, b) => sign * order(of(a), of(b)));
    this.body.replaceChildren(...ordered.map((row) => element("tr", {}, ...this.columns.map((column, i) =>
      element(i === 0 ? "th" : "td", i === 0 ? { scope: "row" } : { class: column.text ? "text" : "" },
              column.show(column.of(row)))))));
    [...this.table.tHead.rows[0].cells].forEach((cell, i) => {
      if (i === this.by) cell.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
  }
}

// What GET /cache/explain says of a key in every level.
function explanation_panel(cached) {
  const { where } = cached;
  const levels = element("div", { class: "levels" });
  for (const level of where.levels) {
    levels.append(element("div", {}, element("h3", {}, level.layer.toUpperCase()), description([
      ["State", level.state],
      ["Why", level.reason === "none" ? "" : level.reason],
      ["Detail", level.detail],
      ["Time left", level.state === "absent" || level.state === "off" ? "" : text.seconds(level.ttl_seconds)],
      ["Age", level.state === "absent" || level.state === "off" ? "" : text.seconds(level.age_seconds)],
      ["As of", level.asof || ""],
      ["Size", level.bytes ? text.bytes(level.bytes) : ""],
      ["Holds", level.negative ? "“not found”" : ""],
      ["Tags", level.tags.join(", ")],
    ])));
  }
  const panel = element("div", {},
    description([["Key", element("code", {}, where.key)], ["Entity", where.type],
                 ["Next read", where.next_read], ["In flight", where.in_flight ? "a factory computes it now" : ""]]),
    levels);
  if (cached.hidden) panel.append(element("p", { class: "hint" }, "Its entity is sensitive, so the value is not shown."));
  else if (cached.value !== null && cached.value !== undefined) {
    panel.append(element("pre", { tabindex: "0" }, JSON.stringify(cached.value, null, 2)));
  }
  return panel;
}

// The detail of a problem response (RFC 9457) with its fields.
function problem_text(problem) {
  const fields = (problem.errors ?? []).map((each) => `${each.pointer ?? each.parameter ?? each.where ?? ""} ${each.detail}`.trim());
  return [problem.detail ?? problem.title ?? "the request failed", ...fields].join("; ");
}
