// Time series of the last fifteen minutes as SVG. No library: those that draw well set styles inline, which the
// page's Content-Security-Policy forbids.
"use strict";

const charts = (() => {
  const seconds = 900;
  const [width, height] = [560, 170];
  const plot = { left: 62, right: width - 8, top: 8, bottom: height - 20 };
  const all = [];

  function svg(name, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
    made.append(...children);
    return made;
  }

  // The smallest of 1, 2, 5, 10, 20, … (with `base` 10) that is not below `value`.
  function round_up(value, base) {
    if (value <= 0) return 1;
    const power = base ** Math.floor(Math.log(value) / Math.log(base));
    const steps = base === 10 ? [1, 2, 5, 10] : [1, 2];
    return power * steps.find((step) => power * step >= value * 0.999999);
  }

  class chart {
    // `lines`: a name and a class each. `unit` makes a text of a number. `options`: most, base.
    constructor(id, lines, unit, options = {}) {
      this.lines = lines;
      this.unit = unit;
      this.options = options;
      this.rows = [];  // {time, values}
      this.picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", focusable: "false" });
      const host = document.getElementById(id);
      host.append(this.picture);
      if (lines.length > 1) {
        host.append(element("ul", { class: "legend" }, ...lines.map((line) => element("li", { class: line.style }, line.name))));
      }
      all.push(this);
    }

    add(time, values) {
      this.rows.push({ time: time.getTime(), values });
      while (this.rows[0].time < time - seconds * 1000) this.rows.shift();
    }

    draw() {
      const end = this.rows.at(-1)?.time;
      if (end === undefined) return;
      const begin = Math.min(this.rows[0].time, end - 60_000);
      const largest = Math.max(0, ...this.rows.flatMap((row) => row.values.filter((value) => value !== undefined)));
      const most = this.options.most ?? round_up(largest, this.options.base ?? 10);
      const x = (time) => plot.left + (time - begin) / (end - begin) * (plot.right - plot.left);
      const y = (value) => plot.bottom - Math.min(value / most, 1) * (plot.bottom - plot.top);
      const parts = [0, most / 2, most].flatMap((value) => [
        svg("line", { class: "grid", x1: plot.left, x2: plot.right, y1: y(value), y2: y(value) }),
        svg("text", { class: "tick end", x: plot.left - 6, y: y(value) + 4 }, this.unit(value)),
      ]);
      parts.push(svg("text", { class: "tick", x: plot.left, y: height - 4 }, new Date(begin).toLocaleTimeString()),
                 svg("text", { class: "tick end", x: plot.right, y: height - 4 }, new Date(end).toLocaleTimeString()));
      this.lines.forEach((line, i) => {
        let path = "";
        let drawing = false;
        for (const row of this.rows) {
          const value = row.values[i];
          if (value !== undefined) path += `${drawing ? "L" : "M"}${x(row.time).toFixed(1)} ${y(value).toFixed(1)}`;
          drawing = value !== undefined;
        }
        parts.push(svg("path", { class: "line " + line.style, d: path || "M0 0" }));
      });
      this.picture.replaceChildren(...parts);
    }
  }

  return { chart, draw_all: () => all.forEach((each) => each.draw()) };
})();
