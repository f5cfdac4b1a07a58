// Reads Prometheus' text format, and computes rates and quantiles from two samples of it.
"use strict";

const metrics = (() => {
  const unescape = (text) => text.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));

  function labelsOf(text) {
    const labels = {};
    for (const [, name, value] of text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) labels[name] = unescape(value);
    return labels;
  }

  // Returns a Map from each metric's name to its series: [{labels, value}].
  function parse(text) {
    const series = new Map();
    for (const line of text.split("\n")) {
      if (line === "" || line.startsWith("#")) continue;
      const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line);
      if (found === null) continue;
      const [, name, labels, value] = found;
      if (!series.has(name)) series.set(name, []);
      series.get(name).push({ labels: labelsOf(labels ?? ""), value: Number(value.replace("Inf", "Infinity")) });
    }
    return series;
  }

  const fits = (labels, wanted) => Object.entries(wanted).every(([name, value]) => labels[name] === value);

  // The sum of all series of a metric that have the wanted labels; undefined if there are none.
  function sum(sample, name, wanted = {}) {
    const chosen = (sample.get(name) ?? []).filter((each) => fits(each.labels, wanted));
    return chosen.length === 0 ? undefined : chosen.reduce((total, each) => total + each.value, 0);
  }

  // The values of one label, in the order in which they appear.
  function valuesOf(sample, name, label) {
    return [...new Set((sample.get(name) ?? []).map((each) => each.labels[label]))];
  }

  // The upper bound of the bucket that holds the quantile of what a histogram counted between two samples.
  // Undefined: it counted nothing.
  function quantile(before, after, name, q, wanted = {}) {
    const counts = new Map();
    for (const [sample, sign] of [[before, -1], [after, 1]]) {
      for (const each of sample.get(name + "_bucket") ?? []) {
        if (!fits(each.labels, wanted)) continue;
        const bound = Number(each.labels.le.replace("Inf", "Infinity"));
        counts.set(bound, (counts.get(bound) ?? 0) + sign * each.value);
      }
    }
    const total = counts.get(Infinity) ?? 0;
    if (total <= 0) return undefined;
    const bounds = [...counts.keys()].sort((a, b) => a - b);
    return bounds.find((bound) => counts.get(bound) >= q * total);
  }

  return { parse, sum, valuesOf, quantile };
})();
