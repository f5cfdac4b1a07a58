// Asks the admin listener once a second, and fills the page.
"use strict";

(() => {
  const period = 1000;
  const window_samples = 60;  // what "now" means in the funnel
  const smooth_samples = 5;   // and in the charts
  const health_period = 5;    // samples for one look at /readyz, which asks the database
  const token_name = "strata admin token";
  const by_id = (id) => document.getElementById(id);
  const samples = [];  // {time, of}: the last minute
  let paused = false;
  let ticks = 0;

  const authorization = () => {
    const token = sessionStorage.getItem(token_name);
    return token === null ? {} : { Authorization: "Bearer " + token };
  };

  async function ask(path, options = {}) {
    const answer = await fetch(path, { ...options, headers: { ...authorization(), ...options.headers } });
    if (answer.status === 401) {
      await log_in(sessionStorage.getItem(token_name) !== null);
      return ask(path, options);
    }
    return answer;
  }

  let asking = null;
  function log_in(refused) {
    asking ??= new Promise((done) => {
      const dialog = by_id("login");
      by_id("login-error").textContent = refused ? "This token was refused." : "";
      dialog.addEventListener("close", () => {
        sessionStorage.setItem(token_name, by_id("token").value);
        by_id("token").value = "";
        asking = null;
        done();
      }, { once: true });
      dialog.showModal();
    });
    return asking;
  }

  // Overview

  const reads_chart = new charts.chart("reads", [{ name: "L1", style: "l1" }, { name: "L2", style: "l2" },
    { name: "source", style: "source" }, { name: "stale", style: "stale" }], text.number);
  const ratio_chart = new charts.chart("ratio", [{ name: "hit ratio", style: "l1" }], text.share, { most: 1 });
  const latency_chart = new charts.chart("latency", [{ name: "p99", style: "source" }], text.seconds);
  const memory_chart = new charts.chart("memory", [{ name: "used", style: "l1" }, { name: "limit", style: "stale" }], text.bytes, { base: 2 });

  const counted = (of) => ({
    l1: metrics.sum(of, "cache_hits_total", { level: "l1" }) ?? 0,
    l2: metrics.sum(of, "cache_hits_total", { level: "l2" }) ?? 0,
    missed: metrics.sum(of, "cache_misses_total") ?? 0,
    stale: metrics.sum(of, "cache_stale_hits_total") ?? 0,
    calls: metrics.sum(of, "cache_factory_calls_total") ?? 0,
  });
  const difference = (before, after) =>
    Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]]));

  function show_funnel(before, after, elapsed) {
    const now = difference(counted(before), counted(after));
    const reads = now.l1 + now.l2 + now.missed;
    const level = (title, count, detail) => element("li", {}, element("span", {}, title),
      element("strong", {}, reads === 0 ? "–" : text.share(count / reads)),
      element("meter", { min: "0", max: "1", value: String(reads === 0 ? 0 : count / reads), "aria-label": "share of " + title }),
      element("span", { class: "hint" }, `${text.number(count / elapsed)} per second${detail}`));
    const cost = (operation) => {
      const p50 = metrics.quantile(before, after, "cache_latency_seconds", 0.5, { operation });
      const p99 = metrics.quantile(before, after, "cache_latency_seconds", 0.99, { operation });
      return p50 === undefined ? "" : `, p50 ≤ ${text.seconds(p50)}, p99 ≤ ${text.seconds(p99)}`;
    };
    by_id("funnel").replaceChildren(level("L1, memory", now.l1, ""), level("L2, shared", now.l2, cost("get")),
      level("Source", now.missed, cost("get_or_set")));
  }

  function show_rates(time, before, after, elapsed) {
    const now = difference(counted(before), counted(after));
    const reads = now.l1 + now.l2 + now.missed;
    const hits = reads === 0 ? undefined : (now.l1 + now.l2) / reads;
    const p99 = metrics.quantile(before, after, "http_request_duration_seconds", 0.99);
    const used = metrics.sum(after, "cache_size_bytes");
    const limit = metrics.sum(after, "cache_size_limit_bytes");
    reads_chart.add(time, [now.l1, now.l2, now.missed, now.stale].map((count) => count / elapsed));
    ratio_chart.add(time, [hits]);
    latency_chart.add(time, [p99 === Infinity ? undefined : p99]);
    memory_chart.add(time, [used, limit]);
    by_id("reads-now").textContent = text.number(reads / elapsed);
    by_id("ratio-now").textContent = text.share(hits);
    by_id("latency-now").textContent = p99 === undefined ? "no request" : "≤ " + text.seconds(p99);
    by_id("memory-now").textContent = `${text.bytes(used)} of ${text.bytes(limit)}, ${text.number(metrics.sum(after, "cache_entries"))} values`;
    charts.draw_all();
  }

  // Entities

  const number_column = (title, of, show = text.number) => ({ title, of, show });
  const entity_table = new sorted_table(by_id("entity-table"), [
    { title: "Entity", of: (row) => row.type, show: String, text: true },
    number_column("Reads", (row) => row.reads),
    number_column("Hit ratio", (row) => row.ratio, text.share),
    number_column("L1 hits", (row) => row.l1),
    number_column("L2 hits", (row) => row.l2),
    number_column("Misses", (row) => row.missed),
    number_column("Stale", (row) => row.stale),
    number_column("Factory calls", (row) => row.calls),
    number_column("Failed", (row) => row.failed),
    number_column("Stored", (row) => row.stored),
    number_column("Refused fills", (row) => row.refused),
    number_column("Removals", (row) => row.removed),
  ], 1, true);
  const reason_table = new sorted_table(by_id("reason-table"), [
    { title: "Reason", of: (row) => row.reason, show: String, text: true },
    number_column("Misses", (row) => row.count),
    number_column("Share", (row) => row.share, text.share),
    { title: "Most of them by", of: (row) => row.most, show: String, text: true },
  ], 1, true);

  function show_entities(of) {
    entity_table.show(metrics.valuesOf(of, "cache_hits_total", "cache_type").map((type) => {
      const sum = (name, labels = {}) => metrics.sum(of, name, { cache_type: type, ...labels }) ?? 0;
      const [l1, l2, missed] = [sum("cache_hits_total", { level: "l1" }), sum("cache_hits_total", { level: "l2" }),
                                sum("cache_misses_total")];
      const stored = sum("cache_fills_total", { result: "stored" });
      return { type, l1, l2, missed, reads: l1 + l2 + missed, ratio: (l1 + l2) / (l1 + l2 + missed),
               stale: sum("cache_stale_hits_total"), calls: sum("cache_factory_calls_total"),
               failed: sum("cache_factory_failures_total"), stored, refused: sum("cache_fills_total") - stored,
               removed: sum("cache_removals_total") };
    }));
    const all = metrics.sum(of, "cache_misses_total") ?? 0;
    const rows = metrics.valuesOf(of, "cache_misses_total", "reason").map((reason) => {
      const types = metrics.valuesOf(of, "cache_misses_total", "cache_type")
        .map((type) => [type, metrics.sum(of, "cache_misses_total", { cache_type: type, reason })])
        .sort((a, b) => b[1] - a[1]);
      return { reason, count: metrics.sum(of, "cache_misses_total", { reason }), most: types[0][0] };
    }).filter((row) => row.count > 0);
    reason_table.show(rows.map((row) => ({ ...row, share: row.count / all })));
  }

  // Health

  async function show_health() {
    const { ready, parts } = await (await ask("/readyz")).json();
    const rows = parts.map((part) => element("tr", {}, element("th", { scope: "row" }, part.name),
      element("td", { class: "text" }, part.ready ? "ready" : "not ready"), element("td", { class: "text wrap" }, part.detail)));
    by_id("part-table").replaceChildren(element("thead", {}, element("tr", {}, ...["Part", "State", "Detail"].map((title) =>
      element("th", { scope: "col", class: "text" }, title)))), element("tbody", {}, ...rows));
    by_id("state").textContent = ready ? "ready" : "not ready";
    by_id("state").className = "pill " + (ready ? "good" : "bad");
  }

  function show_counters(of) {
    const coherence = [...of.keys()].filter((name) => /^(cache_l2_|relay_|store_|edge_)/.test(name) && !/_(bucket|sum|count)$/.test(name))
      .flatMap((name) => of.get(name).map((each) => [name + label_text(each.labels),
        /_seconds$/.test(name) ? text.seconds(each.value) : text.number(each.value)]));
    by_id("coherence").replaceChildren(...description(coherence).children);
  }

  const label_text = (labels) => {
    const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    return pairs.length === 0 ? "" : ` (${pairs.join(", ")})`;
  };

  function show_about(of) {
    const build = of.get("strata_build_info")?.[0]?.labels ?? {};
    const started = metrics.sum(of, "process_start_time_seconds");
    by_id("about").textContent = `${location.host} · version ${build.version ?? "?"} · up ` +
      text.seconds(started === undefined ? undefined : Date.now() / 1000 - started);
  }

  async function tick() {
    try {
      const answer = await ask("/metrics");
      if (!answer.ok) throw new Error(`/metrics answered ${answer.status}`);
      const sample = { time: new Date(), of: metrics.parse(await answer.text()) };
      samples.push(sample);
      if (samples.length > window_samples) samples.shift();
      show_about(sample.of);
      show_entities(sample.of);
      if (samples.length > 1) {
        const before = samples.at(-Math.min(samples.length, smooth_samples + 1));
        show_rates(sample.time, before.of, sample.of, (sample.time - before.time) / 1000);
        show_funnel(samples[0].of, sample.of, (sample.time - samples[0].time) / 1000);
      }
      show_counters(sample.of);
      if (ticks++ % health_period === 0) await show_health();
    } catch (failure) {
      samples.length = 0;  // the gateway may have started anew
      ticks = 0;
      by_id("state").textContent = "no answer";
      by_id("state").className = "pill bad";
      by_id("about").textContent = failure.message;
    }
  }

  // Key and invalidation

  const refusal = async (answer) => element("p", { class: "error" }, problem_text(await answer.json()));

  async function inspect(key) {
    history.replaceState(null, "", "?key=" + encodeURIComponent(key) + location.hash);
    const answer = await ask("/cache/get?key=" + encodeURIComponent(key));
    by_id("explanation").replaceChildren(answer.ok ? explanation_panel(await answer.json()) : await refusal(answer));
  }

  by_id("inspect").addEventListener("submit", (event) => {
    event.preventDefault();
    inspect(by_id("key").value);
  });
  const linked = new URLSearchParams(location.search).get("key");
  if (linked !== null) {
    by_id("key").value = linked;
    inspect(linked);
  }

  by_id("invalidation").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const preview = event.submitter?.value === "preview";
    const body = { [form.get("by")]: [form.get("name")], soft: form.has("soft"), preview };
    const answer = await ask("/cache/invalidate", { method: "POST", body: JSON.stringify(body),
                                                    headers: { "Content-Type": "application/json" } });
    if (!answer.ok) return by_id("invalidated").replaceChildren(await refusal(answer));
    const { values } = await answer.json();
    const dropped = Object.entries(values ?? {}).map(([type, count]) => `${count} of ${type}`).join(", ");
    return by_id("invalidated").replaceChildren(element("p", {}, preview
      ? `It would drop ${dropped || "no value"} from this gateway's memory, and what L2 holds of the same.`
      : `Done${form.has("soft") ? ", softly" : ""}: ${dropped || "no value"} dropped from this gateway's memory.`));
  });

  // Events

  async function listen() {
    for (;;) {
      try {
        const answer = await ask("/cache/events", { headers: { Accept: "text/event-stream" } });
        if (!answer.ok) throw new Error(`/cache/events answered ${answer.status}`);
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = "";
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          const messages = (rest + part.value).split("\n\n");
          rest = messages.pop();
          messages.forEach(show_event);
        }
      } catch (failure) {
        by_id("events-state").textContent = "No events: " + failure.message;
      }
      await new Promise((done) => setTimeout(done, 3000));
    }
  }

  function show_event(message) {
    const data = message.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
    if (data === "" || paused) return;
    const { type, attributes } = JSON.parse(data);
    const body = document.querySelector("#event-table tbody");
    const pairs = Object.entries(attributes).map(([name, value]) => `${name}: ${value}`).join(", ");
    body.prepend(element("tr", {}, element("th", { scope: "row" }, new Date().toLocaleTimeString()),
      element("td", { class: "text" }, type), element("td", { class: "text wrap" }, pairs)));
    while (body.rows.length > 100) body.lastElementChild.remove();
  }

  by_id("pause").addEventListener("click", () => {
    paused = !paused;
    by_id("pause").setAttribute("aria-pressed", String(paused));
    by_id("pause").textContent = paused ? "Go on" : "Pause";
  });

  async function run() {
    for (;;) {
      if (!paused && !document.hidden) await tick();
      await new Promise((done) => setTimeout(done, period));
    }
  }
  run();
  listen();
})();
