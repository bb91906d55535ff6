// The page of optimisers: paths over the level lines of a function, and finite differences.
//
// The derivatives are nodes of the function's graph, as the library (or this page) has extended it;
// nothing here differentiates by rule.

const METHODS = {
  gradient: { name: "Gradient descent", rate: 0.095, most: 0.12, step: gradientStep },
  momentum: { name: "Momentum 0.9", rate: 0.02, most: 0.12, step: momentumStep },
  newton: { name: "Newton", rate: 1, most: 1.5, step: newtonStep },
  adahessian: { name: "AdaHessian", rate: 0.5, most: 1.5, step: adahessianStep },
  exact: { name: "AdaHessian, exact", rate: 0.5, most: 1.5, step: adahessianStep },
};
const COLOURS = ["--orange", "--blue", "--green", "--violet", "--soft"];
const STEPS = 300;

// Value, gradient and Hessian of a model of two inputs at a point.
class Surface {
  constructor(model) {
    this.model = model;
    this.values = new Values(model);
    const at = (sweep, i) => sweep?.steps.find((s) => s.i === i)?.a ?? null;
    this.first = model.inputs.map((i) => at(model.sweeps[0], i));
    this.second = model.inputs.map((_, k) => model.inputs.map((i) => at(model.sweeps.find((s) => s.path.length === 1 && s.path[0] === k), i)));
  }

  at(point) {
    this.model.inputs.forEach((i, k) => { this.model.nodes[i - 1].v = point[k]; });
    this.values.refresh(false);
    const of = (i) => (i === null ? 0 : this.values.of(i));
    return { f: of(this.model.output), g: this.first.map(of), h: this.second.map((r) => r.map(of)) };
  }

  height(x, y) {
    const known = new Map();
    this.model.nodes.slice(0, this.model.count).forEach((n) => {
      const k = this.model.inputs.indexOf(n.i);
      known.set(`${n.i}`, k < 0 ? evaluate(n.t, known) : k ? y : x);
    });
    return known.get(`${this.model.output}`);
  }
}

function gradientStep(w, { g }, rate) { return w.map((x, k) => x - rate * g[k]); }

function momentumStep(w, { g }, rate, state) {
  state.v = g.map((x, k) => 0.9 * (state.v ? state.v[k] : 0) + x);
  return w.map((x, k) => x - rate * state.v[k]);
}

function newtonStep(w, { g, h: [[a, b], [c, d]] }, rate) {
  const det = a * d - b * c;
  return [w[0] - (rate * (d * g[0] - b * g[1])) / det, w[1] - (rate * (a * g[1] - c * g[0])) / det];
}

// The diagonal is estimated with random signs z as z ⊙ H z, or exact; both averages are debiased.
function adahessianStep(w, { g, h }, rate, state, { exact, signs }) {
  const t = (state.t = (state.t || 0) + 1);
  const across = exact ? 0 : signs[(t - 1) % signs.length] === "+" ? 1 : -1;
  const diagonal = [h[0][0] + across * h[0][1], h[1][1] + across * h[1][0]];
  state.m = g.map((x, k) => 0.9 * (state.m ? state.m[k] : 0) + 0.1 * x);
  state.v = diagonal.map((x, k) => 0.999 * (state.v ? state.v[k] : 0) + 0.001 * x * x);
  return w.map((x, k) => x - (rate * state.m[k] / (1 - 0.9 ** t)) / (Math.sqrt(state.v[k] / (1 - 0.999 ** t)) + 1e-8));
}

// The points a method visits, until it leaves the world or arrives.
function descend(surface, start, id, rate, steps, signs) {
  const path = [[...start]], state = {};
  for (let k = 0; k < steps; k++) {
    const last = path[path.length - 1], here = surface.at(last);
    if (Math.hypot(...here.g) < 1e-10) break;
    const next = METHODS[id].step(last, here, rate, state, { exact: id === "exact", signs });
    path.push(next);
    if (!next.every(Number.isFinite) || Math.hypot(...next) > 1e6) break;
  }
  return path;
}

class Descent {
  constructor(root, data) {
    Object.assign(this, { root, data, shown: 0, rates: {} });
    this.study = new Surface(data.study.model);
    this.build();
    this.choose(0);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  build() {
    this.formula = h("input", { id: "formula", spellcheck: "false", autocomplete: "off" });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.canvas = h("canvas", { role: "img", tabindex: "0", "aria-label": "Level lines of the function with the paths of the methods" });
    this.canvas.addEventListener("pointerdown", (event) => this.click(event));
    this.curve = h("canvas", { role: "img", "aria-label": "Error of finite differences by step" });
    this.table = h("tbody");
    this.here = h("p", { class: "why", role: "status" });
    this.error = h("p", { class: "why", role: "status" });
    this.steps = h("input", { id: "steps", type: "range", min: 1, max: STEPS, value: 40, oninput: () => this.refresh() });
    this.starts = ["x", "y"].map((name) => h("input", { type: "number", step: "any", "aria-label": `Start, ${name}`, onchange: () => this.refresh() }));
    this.step = h("input", { id: "difference", type: "range", min: -16, max: 0, step: 0.1, value: -8, oninput: () => this.refresh() });
    const presets = this.data.surfaces.map((s, k) => h("button", { type: "button", onclick: () => this.choose(k) }, s.formula));
    const sliders = Object.keys(METHODS).map((id, k) => {
      const range = h("input", { id: `rate-${id}`, type: "range", oninput: () => { this.rates[id] = +range.value; this.refresh(); } });
      const on = h("input", { type: "checkbox", id: `on-${id}`, checked: id !== "exact", onchange: () => this.refresh() });
      this.rates[id] = METHODS[id].rate;
      METHODS[id].range = range;
      METHODS[id].on = on;
      METHODS[id].said = h("output", {});
      return h("div", { class: "slider method" }, on, h("label", { for: `on-${id}` }, h("i", { class: "swatch", style: `background: var(${COLOURS[k]})` }), METHODS[id].name),
        range, METHODS[id].said);
    });
    const panel = (title, ...inside) => h("section", { class: "panel" }, h("h2", {}, title), ...inside);
    this.root.replaceChildren(
      h("header", {}, h("h1", {}, "Descending with first and second derivatives"), h("form", { class: "inputs", onsubmit: (event) => { event.preventDefault(); this.edit(); } },
        h("div", { class: "formula" }, h("label", { for: "formula" }, "f ="), this.formula, h("button", { type: "submit" }, "Show")), h("div", { class: "choice" }, presets), this.problem)),
      h("p", { class: "lead" }, "Gradient descent crosses a narrow valley again and again: the step that is right along it is too long across it. Newton's method divides by the Hessian, AdaHessian by an estimate of its diagonal. Click the map, or give numbers, to choose the start."),
      h("div", { class: "work" },
        h("div", { class: "left" }, h("section", { class: "panel" }, this.canvas, this.here)),
        h("div", { class: "side" }, panel("Learning rates", ...sliders, h("div", { class: "slider" }, h("label", { for: "steps" }, "Steps"), this.steps), h("div", { class: "slider" }, h("label", {}, "Start"), ...this.starts)),
          panel("Where they are", h("table", {}, h("thead", {}, h("tr", {}, ["method", "steps", "x", "y", "f"].map((x) => h("th", { scope: "col" }, x)))), this.table)))),
      h("section", { class: "panel" }, h("h2", {}, `Finite differences of ${this.data.study.formula} by x at (${this.data.study.start.join(", ")})`), this.curve,
        h("div", { class: "slider" }, h("label", { for: "difference" }, "Step"), this.step), this.error,
        h("p", { class: "note" }, "To the right the error is that of cutting the series off: it falls with the step (forward differences) or its square (central ones). To the left it is that of rounding, which grows as the step shrinks. No step gives all digits; differentiating the graph does.")),
      h("footer", {}, "Made by adjoint; this file needs no network."));
  }

  choose(k) {
    const chosen = this.data.surfaces[k];
    this.signs = this.data.signs;
    this.formula.value = chosen.formula;
    this.open(chosen.model, chosen.start, chosen.view, chosen.rates);
  }

  edit() {
    try {
      const model = modelOf(this.formula.value.trim(), { x: 1, y: 1 });
      if (model.names.join() !== "x,y") throw new FormulaError("use the two names x and y");
      this.open(model, [1, 1], [[-3, 3], [-3, 3]], {});
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error;
      this.problem.textContent = `Cannot read the formula: ${error.message}.`;
    }
  }

  open(model, start, view, rates) {
    this.problem.textContent = "";
    this.surface = new Surface(model);
    this.view = view;
    this.starts.forEach((input, k) => { input.value = start[k]; });
    for (const [id, method] of Object.entries(METHODS)) {
      this.rates[id] = rates[id] ?? method.rate;
      Object.assign(method.range, { min: 0, max: Math.max(method.most, 2 * this.rates[id]), step: this.rates[id] / 100 });
      method.range.value = this.rates[id];
    }
    this.lines = null;
    this.refresh();
  }

  refresh() {
    const start = this.starts.map((input) => +input.value);
    this.paths = Object.keys(METHODS).map((id) => (METHODS[id].on.checked ? descend(this.surface, start, id, this.rates[id], +this.steps.value, this.signs) : null));
    for (const [id, method] of Object.entries(METHODS)) method.said.textContent = numberText(this.rates[id], 4);
    this.table.replaceChildren(...this.paths.flatMap((path, k) => {
      if (!path) return [];
      const [x, y] = path[path.length - 1];
      const cells = [`${path.length - 1}`, ...[x, y, this.surface.height(x, y)].map((n) => numberText(n))];
      return [h("tr", {}, h("th", { scope: "row" }, h("i", { class: "swatch", style: `background: var(${COLOURS[k]})` }), Object.values(METHODS)[k].name), cells.map((c) => h("td", {}, c)))];
    }));
    const { h: [[a, b], [, d]], g } = this.surface.at(start);
    this.here.textContent = `At the start: gradient (${g.map((x) => numberText(x)).join(", ")}), Hessian (${[a, b, b, d].map((x) => numberText(x)).join(", ")}), curvatures ${this.curvatures(a, b, d).map((x) => numberText(x)).join(" and ")}.`;
    this.differences();
    this.draw();
  }

  curvatures(a, b, d) {
    const middle = (a + d) / 2, reach = Math.hypot((a - d) / 2, b);
    return [middle + reach, middle - reach];
  }

  // The relative errors of both differences of a derivative, by the step.
  differences() {
    const [x, y] = this.data.study.start;
    const truth = this.study.at([x, y]).g[0], f = (u) => this.study.height(u, y), size = Math.abs(truth) || 1;
    const errors = (e) => {
      const step = 10 ** e;
      return [(f(x + step) - f(x)) / step, (f(x + step) - f(x - step)) / (2 * step)].map((d) => Math.abs(d - truth) / size);
    };
    this.errors = Array.from({ length: 161 }, (_, k) => [-16 + k / 10, ...errors(-16 + k / 10)]);
    const [forward, central] = errors(+this.step.value);
    this.error.textContent = `Step ${numberText(10 ** this.step.value)}: relative error ${numberText(forward)} forward, ${numberText(central)} central. The graph's derivative is ${numberText(truth, 6)}.`;
  }

  click(event) {
    const box = this.canvas.getBoundingClientRect();
    const [[x0, x1], [y0, y1]] = this.view;
    const point = [x0 + ((event.clientX - box.left) / box.width) * (x1 - x0), y1 - ((event.clientY - box.top) / box.height) * (y1 - y0)];
    this.starts.forEach((input, k) => { input.value = point[k].toPrecision(3); });
    this.refresh();
  }

  draw() {
    this.map();
    this.plot();
  }

  map() {
    const { pen, width, height, colour } = brush(this.canvas, 0.72);
    const [[x0, x1], [y0, y1]] = this.view;
    const to = ([x, y]) => [((x - x0) / (x1 - x0)) * width, ((y1 - y) / (y1 - y0)) * height];
    pen.strokeStyle = colour("--line");
    this.levels().forEach((lines) => {
      pen.beginPath();
      for (const [a, b] of lines) { pen.moveTo(...to(a)); pen.lineTo(...to(b)); }
      pen.stroke();
    });
    this.paths.forEach((path, k) => {
      if (!path) return;
      pen.strokeStyle = pen.fillStyle = colour(COLOURS[k]);
      pen.lineWidth = 1.8;
      pen.beginPath();
      path.forEach((p, j) => (j ? pen.lineTo(...to(p)) : pen.moveTo(...to(p))));
      pen.stroke();
      for (const p of path) { pen.beginPath(); pen.arc(...to(p), 2.6, 0, 7); pen.fill(); }
    });
  }

  // Level lines by marching squares, at values that are evenly spread over the picture.
  levels() {
    if (this.lines) return this.lines;
    const n = 90, [[x0, x1], [y0, y1]] = this.view;
    const at = (k, a, b) => a + (k / n) * (b - a);
    const grid = Array.from({ length: n + 1 }, (_, j) => Array.from({ length: n + 1 }, (_, i) => this.surface.height(at(i, x0, x1), at(j, y0, y1))));
    const sorted = grid.flat().filter(Number.isFinite).sort((a, b) => a - b);
    const cuts = [0.004, 0.02, 0.05, 0.1, 0.18, 0.28, 0.4, 0.53, 0.67, 0.82].map((q) => sorted[Math.floor(q * sorted.length)]);
    this.lines = cuts.map((level) => {
      const lines = [];
      for (let j = 0; j < n; j++) {
        for (let i = 0; i < n; i++) {
          const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
          const cut = [];
          corners.forEach(([a, b], k) => {
            const [c, d] = corners[(k + 1) % 4], [u, w] = [grid[b][a] - level, grid[d][c] - level];
            if (u < 0 !== w < 0) cut.push([at(a + ((c - a) * u) / (u - w), x0, x1), at(b + ((d - b) * u) / (u - w), y0, y1)]);
          });
          for (let k = 0; k + 1 < cut.length; k += 2) lines.push([cut[k], cut[k + 1]]);
        }
      }
      return lines;
    });
    return this.lines;
  }

  plot() {
    const { pen, width, height, colour } = brush(this.curve, 0.26);
    const to = (e, error) => [46 + ((e + 16) / 16) * (width - 56), 10 + ((2 - Math.max(-17, Math.log10(error || 1e-17))) / 19) * (height - 36)];
    pen.fillStyle = colour("--soft");
    pen.strokeStyle = colour("--line");
    pen.font = "12px system-ui, sans-serif";
    for (let e = -16; e <= 0; e += 4) { const [x] = to(e, 1); pen.fillText(`1e${e}`, x - 12, height - 6); }
    for (let e = 0; e >= -16; e -= 4) {
      const [, y] = to(0, 10 ** e);
      pen.fillText(`1e${e}`, 2, y + 4);
      pen.beginPath(); pen.moveTo(46, y); pen.lineTo(width - 8, y); pen.stroke();
    }
    [1, 2].forEach((column) => {
      pen.strokeStyle = colour(column === 1 ? "--orange" : "--blue");
      pen.lineWidth = 1.8;
      pen.beginPath();
      this.errors.forEach((entry, k) => (k ? pen.lineTo(...to(entry[0], entry[column])) : pen.moveTo(...to(entry[0], entry[column]))));
      pen.stroke();
      pen.fillStyle = pen.strokeStyle;
      pen.fillText(column === 1 ? "forward" : "central", width - 120 + 60 * (column - 1), 22);
    });
    const [x] = to(+this.step.value, 1);
    pen.strokeStyle = colour("--soft");
    pen.beginPath(); pen.moveTo(x, 6); pen.lineTo(x, height - 22); pen.stroke();
  }
}

// A canvas as large as it is shown, and what is needed to draw on it.
function brush(canvas, ratio) {
  const width = canvas.clientWidth || 600, height = Math.max(180, width * ratio), dots = devicePixelRatio || 1;
  Object.assign(canvas, { width: width * dots, height: height * dots });
  const pen = canvas.getContext("2d");
  pen.scale(dots, dots);
  const probe = h("i", {});
  canvas.after(probe);
  const colours = {};
  for (const name of [...COLOURS, "--line"]) {
    probe.style.color = `var(${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return { pen, width, height, colour: (name) => colours[name] };
}

const room = document.getElementById("page");
room.hidden = false;
document.documentElement.classList.add("scripted");
window.adjointPage = Object.assign(new Descent(room, JSON.parse(document.getElementById("model").textContent)), { descend, Surface });
