"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const wide = (at) => Math.max(240, at.clientWidth);
let drawn = [];

function axes(x, y) {
  const line = { stroke: css("--soft"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 }, font: "12px system-ui" };
  return [{ ...line, ...x }, { ...line, size: 58, ...y }];
}

function plot(at, height, options, rows) {
  at.replaceChildren();
  const one = new uPlot({ width: wide(at), height, cursor: { drag: { x: true, y: false } }, ...options }, rows, at);
  drawn.push([one, at, height]);
}

/* Duration: the current of each phase that is exceeded for a share of the time. */
function duration(number) {
  const at = document.getElementById("duration"), one = data.variations[number];
  document.getElementById("which").textContent = one.label;
  const list = document.getElementById("figures");
  list.replaceChildren(...one.figures.flatMap(([name, text]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name; dd.textContent = text;
    return [dt, dd];
  }));
  if (!one.duration) { at.replaceChildren("No curve of this variation is kept in this page."); return; }
  const most = Math.max(...one.duration.map((phase) => phase.length)), xs = [], ys = [[], [], []], limits = [];
  for (let a = 0; a <= most; a++) { /* share of the time with at least a ampere */
    xs.push(a); limits.push(null);
    one.duration.forEach((phase, p) => ys[p].push(a < phase.length ? phase[a] / 100 : 0));
  }
  at.setAttribute("aria-label", `Duration curve of ${one.label}: share of the time with at least so many amperes on a phase; the limit is ${one.limit} A, the greatest current ${one.peak} A.`);
  const mark = (u) => {
    const x = u.valToPos(one.limit, "x", true), c = u.ctx;
    if (one.limit > u.scales.x.max) return;
    c.save(); c.strokeStyle = css("--limit"); c.setLineDash([6, 4]); c.lineWidth = 2; c.beginPath();
    c.moveTo(x, u.bbox.top); c.lineTo(x, u.bbox.top + u.bbox.height); c.stroke(); c.restore();
  };
  plot(at, 260, {
    scales: { x: { time: false, range: [0, Math.max(most, Math.ceil(one.limit * 1.02))] }, y: { range: [0, 100] } },
    axes: axes({ label: "ampere", labelSize: 20, values: (u, v) => v.map((a) => a + " A") }, { values: (u, v) => v.map((s) => s + " %") }),
    series: [{ label: "at least", value: (u, v) => v == null ? "–" : v + " A" }, ...[1, 2, 3].map((p) => ({ label: "L" + p, stroke: css("--l" + p), width: 2, points: { show: false }, value: (u, v) => v == null ? "–" : v.toFixed(1) + " % of the time" }))],
    hooks: { draw: [mark] },
  }, [xs, ...ys]);
}

/* Night: what each box takes of one phase, one upon the other, and the limit above. */
function night(phase) {
  const one = data.night, at = document.getElementById("night"), many = one.boxes.length;
  const now = Array.from({ length: many + 1 }, () => 0), xs = [], rows = now.map(() => []);
  const push = (t) => { xs.push(t); let sum = 0; now.forEach((ma, k) => { sum += ma; rows[k].push(sum / 1000); }); };
  let last = -1;
  for (const [t, box, ma, phases] of one.changes) {
    if (t !== last && last >= 0) push(last);
    last = t;
    const on = box < 0 || one.wiring[box].slice(0, phases).includes(phase);
    now[box + 1] = on ? ma : 0;
  }
  if (last >= 0) push(last);
  if (xs[0] !== 0) { xs.unshift(0); rows.forEach((row) => row.unshift(0)); }
  xs.push(one.length); rows.forEach((row) => row.push(row[row.length - 1]));
  const limit = one.limit / 1000, most = Math.max(...rows[many]);
  at.setAttribute("aria-label", `Night on L${phase + 1} from ${one.start}: the house and ${many} boxes upon each other, at most ${most.toFixed(1)} A under a limit of ${limit} A.`);
  const clock = (t) => { const s = (one.startS + t) % 86400; return String(Math.floor(s / 3600)).padStart(2, "0") + ":" + String(Math.floor(s / 60) % 60).padStart(2, "0"); };
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const colour = (k) => k === 0 ? css("--house") : `hsl(${(k * 137) % 360} ${dark ? 45 : 50}% ${dark ? 55 : 48}%)`;
  const order = rows.map((_, k) => many - k); /* the uppermost is drawn first, so that each covers what is above it */
  plot(at, 320, {
    legend: { show: many <= 8 },
    scales: { x: { time: false }, y: { range: [0, Math.max(limit, most) * 1.05] } },
    axes: axes({ values: (u, v) => v.map(clock), space: 60, incrs: [300, 900, 1800, 3600, 7200, 10800, 14400, 21600] }, { values: (u, v) => v.map((a) => a + " A") }),
    series: [{ label: "at", value: (u, v) => v == null ? "–" : clock(v) },
      ...order.map((k) => ({ label: k ? one.boxes[k - 1] : "house", stroke: colour(k), fill: colour(k), width: 0, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }), value: (u, v, s, i) => v == null || i == null ? "–" : (v - (k ? rows[k - 1][i] : 0)).toFixed(1) + " A" })),
      { label: "limit", stroke: css("--limit"), width: 2, dash: [6, 4], points: { show: false } }],
  }, [xs, ...order.map((k) => rows[k]), xs.map(() => limit)]);
}

function choose(button) {
  document.querySelectorAll("#grid button").forEach((one) => one.setAttribute("aria-pressed", one === button));
  duration(+button.dataset.number);
}

function all() {
  drawn = [];
  const pressed = document.querySelector("#grid button[aria-pressed=true]") || document.querySelector("#grid button");
  if (pressed) choose(pressed);
  if (data.night) night(+document.getElementById("phase").value);
}

document.querySelectorAll("#grid button").forEach((one) => one.addEventListener("click", () => choose(one)));
if (data.night) document.getElementById("phase").addEventListener("change", (e) => night(+e.target.value));
addEventListener("resize", () => drawn.forEach(([one, at, height]) => one.setSize({ width: wide(at), height })));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
all();
