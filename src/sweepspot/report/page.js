"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const byId = (id) => document.getElementById(id);
  const config = { displaylogo: false, responsive: true, displayModeBar: false };
  const rows = [...document.querySelectorAll("#table tbody tr")];
  let selected = charts.first;

  // Colours have one home, the style of the page: "var(--x)" becomes what x is now.
  function coloured(value, style) {
    if (typeof value === "string") {
      const name = /^var\((--\w+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((item) => coloured(item, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, style)]));
    }
    return value;
  }

  function axis(given) {
    const common = { gridcolor: "var(--line)", zerolinecolor: "var(--muted)", automargin: true };
    const log = given.type === "log" ? { dtick: "D2", tickformat: "~g" } : {};
    return { ...common, ...log, ...given };
  }

  function draw(name, chart) {
    const target = byId("chart-" + name);
    if (!target) return Promise.resolve();
    const layout = {
      ...chart.layout,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: "var(--text)", size: 13 },
      hoverlabel: {
        align: "left", bgcolor: "var(--card)", bordercolor: "var(--muted)",
        font: { color: "var(--text)" },
      },
      xaxis: axis(chart.layout.xaxis),
      yaxis: axis(chart.layout.yaxis),
      uirevision: name,
    };
    const style = getComputedStyle(document.documentElement);
    return Plotly.react(target, coloured(chart.data, style), coloured(layout, style), config);
  }

  // The selected trial once more, on top of the others.
  function marked(chart, look) {
    const x = [], y = [];
    for (const trace of chart.data) {
      (trace.customdata || []).forEach((number, k) => {
        if (number === selected) { x.push(trace.x[k]); y.push(trace.y[k]); }
      });
    }
    const trace = { type: "scatter", x, y, name: "selected", hoverinfo: "skip", ...look };
    return { ...chart, data: [...chart.data, trace] };
  }

  function curve() {
    const { epochs, J_train, J_cv, kept } = charts.curves[selected];
    const line = (y, name, colour) => ({
      type: "scatter", mode: epochs.length > 1 ? "lines" : "markers", x: epochs, y, name,
      line: { color: `var(--${colour})`, width: 2.2 },
      hovertemplate: "%{y:.4g}<extra>" + name + "</extra>",
    });
    const level = charts.frontier;
    const known = [...J_train, ...J_cv, level].filter((J) => J !== null);
    const log = known.length && Math.min(...known) > 0
      && Math.max(...known) / Math.min(...known) > 5;
    const across = (from, dash, colour) => (
      { type: "line", layer: "below", line: { color: colour, width: 1.5, dash }, ...from });
    const shapes = [];
    if (kept) {
      shapes.push(across(
        { x0: kept, x1: kept, yref: "paper", y0: 0, y1: 1 }, "solid", "var(--muted)"));
    }
    if (level !== null) {
      shapes.push(across(
        { xref: "paper", x0: 0, x1: 1, y0: level, y1: level }, "dash", "var(--good_fit)"));
    }
    const notes = [];
    const late = kept > epochs[0] + epochs.length / 2;
    if (kept) {
      notes.push({ x: kept, yref: "paper", y: 1, text: "epoch kept", showarrow: false,
        yanchor: "top", xanchor: late ? "right" : "left", xshift: late ? -4 : 4, font: { color: "var(--muted)", size: 12 } });
    }
    if (level !== null) {
      notes.push({ xref: "paper", x: 0.01, y: log ? Math.log10(level) : level, showarrow: false,
        text: "frontier J_cv", xanchor: "left", yanchor: "bottom",
        font: { color: "var(--good_fit)", size: 12 } });
    }
    if (!epochs.length) {
      notes.push({ xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false,
        text: "no epoch was completed" });
    }
    return {
      data: [line(J_train, "J_train", "J_train"), line(J_cv, "J_cv", "J_cv")],
      layout: {
        shapes, annotations: notes, hovermode: "x unified",
        xaxis: { title: { text: "epochs" }, rangemode: "tozero" },
        yaxis: { title: { text: "J" }, type: log ? "log" : "linear" },
        legend: { orientation: "h", y: 1.12 }, margin: { l: 56, r: 16, t: 8, b: 44 },
      },
    };
  }

  function drawSelected() {
    return Promise.all([
      draw("split", marked(charts.split, {
        mode: "markers", showlegend: false,
        marker: { symbol: "circle-open", size: 22, color: "var(--selected)", line: { width: 2.5 } },
      })),
      draw("space", marked(charts.space, {
        mode: "lines+markers", line: { color: "var(--selected)", width: 3.5 },
      })),
      selected === null ? null : draw("curve", curve()),
    ]);
  }

  function select(number) {
    selected = number;
    byId("trial").value = String(number);
    for (const row of rows) {
      row.setAttribute("aria-selected", String(Number(row.dataset.trial) === number));
    }
    const row = rows.find((r) => Number(r.dataset.trial) === number);
    if (row) {
      const [reason, step] = [...row.querySelectorAll("td.text")].map((td) => td.textContent);
      byId("told").textContent = reason + (step ? ". Next: " + step + "." : ".");
    }
    return drawSelected();
  }

  function sortBy(heading) {
    const k = [...heading.parentNode.children].indexOf(heading);
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentNode.children) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => row.children[k].dataset.sort ?? row.children[k].textContent;
    // What is not known comes last, in either order.
    const unknown = (text) => text === "" || text === "nan";
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (unknown(x) || unknown(y)) return Number(unknown(x)) - Number(unknown(y));
      const by = x.localeCompare(y, "en", { numeric: false });
      const [p, q] = [Number(x), Number(y)];
      const compared = Number.isNaN(p) || Number.isNaN(q) ? by : p - q;
      return down ? -compared : compared;
    };
    byId("table").tBodies[0].append(...rows.sort(order));
  }

  function filter() {
    const wanted = byId("filter").value;
    for (const row of rows) row.hidden = wanted !== "" && row.dataset.label !== wanted;
    byId("count").textContent = rows.filter((row) => !row.hidden).length + " trials";
  }

  function listen() {
    byId("trial").addEventListener("change", (event) => select(Number(event.target.value)));
    byId("filter").addEventListener("change", filter);
    for (const heading of document.querySelectorAll("#table thead th")) {
      heading.firstElementChild.addEventListener("click", () => sortBy(heading));
    }
    for (const row of rows) {
      row.querySelector("th button").addEventListener("click", () => {
        select(Number(row.dataset.trial));
        byId("curves").scrollIntoView({ behavior: "smooth" });
      });
    }
    for (const name of ["split", "space"]) {
      byId("chart-" + name).on("plotly_click", ({ points }) => {
        if (Number.isInteger(points[0].customdata)) select(points[0].customdata);
      });
    }
  }

  function drawAll() {
    return Promise.all([
      drawSelected(), charts.finalists ? draw("finalists", charts.finalists) : null,
    ]);
  }

  filter();
  sortBy(document.querySelectorAll("#table thead th")[2]);
  select(selected).then(drawAll).then(() => {
    listen();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
    document.documentElement.dataset.drawn = "true";
  });
})();
