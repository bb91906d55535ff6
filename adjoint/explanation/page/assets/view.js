// The page: controls, the graph, the tables, all following one timeline.

const FEW = 40; // more nodes than this are not stops of the tabulator key
const FOLDED_FROM = 48;
const DRAWN = 160; // a larger extended graph is not drawn node by node
const MOST_ROWS = 40;
const DICTIONARY = 16;

const ICONS = {
  first: "M4 3h2v10H4zM13 3v10L6.5 8z", back: "M11.5 3v10L5 8z", play: "M4 2.5v11L13.5 8z", pause: "M4 3h3v10H4zM9 3h3v10H9z",
  forward: "M4.5 3v10L11 8z", last: "M10 3h2v10h-2zM3 3v10l6.5-5z",
};

function icon(d) {
  const element = svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true", fill: "currentColor" });
  element.append(svg("path", { d }));
  return element;
}

// The formula as it is written by hand, if it is short; else what the function is called.
function heading(model) {
  if (model.formula === null || model.count > 40 || model.formula.length > 120) return [model.title];
  return [math(["w", model.result, ""], expanded(v(model.output), model.nodes))];
}

// Words and terms as elements.
const written = (part) => (typeof part === "string" ? part : math(part));

// A line of equal things, or words.
function line(parts) {
  if (parts.every(Array.isArray)) return parts.flatMap((t, k) => (k ? [h("wbr"), math(null, t)] : [math(t)]));
  return parts.flatMap((part, k) => [...(k && Array.isArray(part) ? [" = "] : []), written(part)]);
}

class Page {
  constructor(root, model) {
    this.root = root;
    this.first = model;
    this.playing = null;
    this.theme = null;
    this.remembered = 0;
    this.open(model);
    addEventListener("keydown", (event) => this.key(event));
    addEventListener("hashchange", () => this.follow());
    addEventListener("resize", () => this.fit());
  }

  // Show a model from its beginning, or at the step that the address names.
  open(model) {
    this.model = model;
    this.values = new Values(model);
    if (model.live && !model.edited) this.confirm();
    this.phases = phasesOf(model, this.values);
    if (model.count > 1) this.phases.push(...playPhases(this));
    this.folded = model.count > FOLDED_FROM;
    if (model.nodes.filter((n) => n.gen < 2).length > DRAWN) this.phases.find((p) => p.id === "extend").stage = "forward";
    this.build();
    if (!this.follow()) this.go("forward", 0, false);
  }

  // The page's arithmetic must give what the library recorded, or the inputs cannot be moved.
  confirm() {
    const off = (a, b) => Math.abs(a - b) > 1e-9 * Math.max(1, Math.abs(b));
    const { model } = this;
    const wrong = model.nodes.some((n) => typeof n.v === "number" && (typeof this.values.of(n.i) !== "number" || off(this.values.of(n.i), n.v)));
    if (!wrong && model.nodes.every((n) => model.inputs.includes(n.i) || computable(n.t))) return;
    model.live = false;
    this.values.refresh();
  }

  build() {
    const { model } = this;
    this.stages = new Map();
    this.title = h("h1", {}, ...heading(model));
    this.tabs = h("nav", { "aria-label": "Phases" });
    this.lead = h("p", { class: "lead" });
    this.choice = h("div", { class: "choice" });
    this.say = h("p", { class: "say" });
    this.why = h("p", { class: "why" });
    this.now = h("section", { class: "now", "aria-live": "polite", "aria-atomic": "true", "aria-label": "This step" }, this.say, this.why);
    this.graph = h("section", { class: "graph", "aria-label": "Graph", tabindex: "-1" });
    this.side = h("section", { class: "side", "aria-label": "Tables" });
    this.left = h("div", { class: "left" }, this.graph);
    this.work = h("div", { class: "work" }, this.left, this.side);
    this.root.replaceChildren(
      h("header", {}, this.title, this.themeButton(), this.inputs()),
      this.tabs, h("div", { class: "head" }, this.lead, this.choice), this.now, this.transport(), this.work,
      ...(model.notes || []).map((note) => h("p", { class: "note" }, note)),
      h("footer", {}, "Keys: ← → step, Home End, space plays, 1–9 choose a phase. Made by adjoint; this file needs no network."),
    );
    this.phases.forEach((phase, k) => {
      const tab = h("button", { type: "button", onclick: () => this.go(phase.id, 0) }, h("span", { class: "number", "aria-hidden": "true" }, `${k + 1}`), phase.name);
      this.tabs.append(tab);
      phase.tab = tab;
    });
    this.root.onpointerover = this.root.onfocusin = (event) => this.light(event.target);
    this.root.onpointerleave = () => this.light(null);
  }

  themeButton() {
    const dark = () => (this.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const button = h("button", { type: "button", class: "theme", "aria-label": "Light or dark", title: "Light or dark", onclick: () => {
      this.theme = dark() ? "light" : "dark";
      document.documentElement.style.colorScheme = this.theme;
    } }, "◐");
    return button;
  }

  // The formula to edit, and a slider for each input.
  inputs() {
    const { model } = this;
    const box = h("form", { class: "inputs", onsubmit: (event) => { event.preventDefault(); this.edit(); } });
    this.problem = h("p", { class: "problem", role: "alert" });
    if (model.formula !== null) {
      this.formula = h("input", { id: "formula", value: model.formula, spellcheck: "false", autocomplete: "off", autocapitalize: "off" });
      box.append(h("div", { class: "formula" }, h("label", { for: "formula" }, `${model.result} =`), this.formula, h("button", { type: "submit" }, "Show"),
        model !== this.first ? h("button", { type: "button", onclick: () => this.open(this.first) }, "Back to the first") : null), this.problem);
      if (model.edited) box.append(h("p", { class: "note" }, `Computed by this page, each node by its own rule. The optimised program is made by the library: adjoint explain "${model.formula}" ${model.names.map((n, k) => `${n}=${model.nodes[model.inputs[k] - 1].v}`).join(" ")} --html page.html`));
    }
    if (!model.live) {
      box.append(h("p", { class: "note" }, model.without_program ? "The values are those recorded: another input may take another way through the function." : "The values are those recorded at this point."));
      return box;
    }
    this.notice = h("p", { class: "note", role: "status", hidden: true }, "Not all values are finite here. The library has conventions for such points, which the arithmetic of this page does not know: trust what adjoint explain says.");
    box.append(this.notice);
    model.inputs.forEach((i, k) => {
      const node = model.nodes[i - 1], reach = Math.max(2, Math.abs(node.v)), id = `input-${i}`;
      const number = h("input", { type: "number", step: "any", value: node.v, "aria-label": `${model.names[k]}, as a number` });
      const range = h("input", { id, type: "range", "aria-label": model.names[k], min: node.v - reach, max: node.v + reach, step: reach / 200, value: node.v });
      const change = (from, to) => {
        const value = from.valueAsNumber;
        if (!Number.isFinite(value)) return;
        to.value = value;
        node.v = value;
        this.refresh();
      };
      range.addEventListener("input", () => change(range, number));
      number.addEventListener("input", () => change(number, range));
      box.append(h("div", { class: "slider" }, h("label", { for: id }, math(["w", model.names[k], ""])), range, number));
    });
    return box;
  }

  // Read the formula in the page; keep the values of names that are still there.
  async edit() {
    const values = Object.fromEntries(this.model.names.map((name, k) => [name, this.model.nodes[this.model.inputs[k] - 1].v]));
    try {
      this.open(await this.explained(this.formula.value.trim(), values));
      this.formula.focus();
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error;
      this.problem.textContent = `Cannot read the formula: ${error.message}.`;
    }
  }

  // The model of another formula: by the library where it serves this page, by the page itself otherwise.
  async explained(formula, values) {
    if (!this.first.served) return modelOf(formula, values);
    const answer = await fetch("/", { method: "POST", body: JSON.stringify({ formula, values }) });
    const found = await answer.json();
    if (!answer.ok) throw new FormulaError(found.error);
    return found;
  }

  refresh() {
    this.values.refresh();
    for (const phase of this.phases) if (phase.refresh) phase.refresh();
    this.live.forEach((update) => update());
    this.notice.hidden = [...this.values.known.values()].every((x) => typeof x !== "number" || Number.isFinite(x));
    this.narrate();
  }

  transport() {
    const button = (label, shape, onclick) => h("button", { type: "button", "aria-label": label, title: label, onclick }, icon(shape));
    this.seek = h("input", { type: "range", class: "seek", min: 0, max: 1, value: 0, "aria-label": "Step", oninput: () => this.to(+this.seek.value) });
    this.count = h("output", { class: "count" });
    this.play = button("Play", ICONS.play, () => this.toggle());
    this.predict = h("input", { type: "checkbox", id: "predict", onchange: () => { this.render(); } });
    return this.bar = h("div", { class: "transport", role: "group", "aria-label": "Steps" },
      button("First step", ICONS.first, () => this.to(0)), button("Step back", ICONS.back, () => this.to(this.step - 1)), this.play,
      button("Step forward", ICONS.forward, () => this.to(this.step + 1)), button("Last step", ICONS.last, () => this.to(Infinity)), this.seek, this.count,
      h("label", { class: "predict", for: "predict" }, this.predict, "Predict first"));
  }

  key(event) {
    const tag = event.target.tagName, type = event.target.type;
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (tag === "INPUT" && type !== "checkbox") return;
    const moves = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
    if (event.key in moves) this.to(this.step + moves[event.key]);
    else if (event.key === " " && tag !== "BUTTON" && type !== "checkbox") this.toggle();
    else if (/^[1-9]$/.test(event.key) && this.phases[event.key - 1]) this.go(this.phases[event.key - 1].id, 0);
    else return;
    event.preventDefault();
  }

  toggle() {
    if (this.playing) return this.stop();
    if (this.step === this.phase.steps.length - 1) this.to(0);
    this.playing = setInterval(() => (this.step < this.phase.steps.length - 1 ? this.to(this.step + 1, true) : this.stop()), 1400);
    this.play.replaceChildren(icon(ICONS.pause));
    this.play.setAttribute("aria-label", "Pause");
  }

  stop() {
    clearInterval(this.playing);
    this.playing = null;
    this.play.replaceChildren(icon(ICONS.play));
    this.play.setAttribute("aria-label", "Play");
  }

  follow() {
    const [id, number] = location.hash.slice(1).split("-");
    const phase = this.phases.find((p) => p.id === id);
    if (phase) this.go(id, (parseInt(number, 10) || 1) - 1, false);
    return phase;
  }

  go(id, step, remember = true) {
    this.stop();
    const phase = this.phases.find((p) => p.id === id);
    if (phase !== this.phase) {
      this.phase = phase;
      this.step = -1;
      this.enter();
    }
    this.to(step, false, remember);
  }

  // Everything of a phase, with nothing of it shown yet.
  enter() {
    const { phase } = this;
    this.live = [];
    this.shown = -1;
    this.timed = [];
    this.shows = [];
    this.graph.onclick = null;
    for (const p of this.phases) p.tab.toggleAttribute("aria-current", p === phase);
    phase.tab.scrollIntoView?.({ block: "nearest", inline: "nearest" });
    this.lead.textContent = phase.lead;
    this.choice.replaceChildren(...(phase.choices ? choices(phase, (k) => {
      phase.choice = k;
      phase.build();
      this.phase = null;
      this.go(phase.id, 0);
    }) : []));
    this.root.dataset.phase = phase.id;
    const panels = phase.tables.map((table) => this.table(table));
    if (phase.hasDict) panels.unshift(this.dictionary());
    if (phase.panel) panels.unshift(phase.panel());
    this.side.replaceChildren(...panels);
    this.left.replaceChildren(this.graph, ...(this.hasCode() ? [this.code()] : []));
    this.left.hidden = !phase.stage;
    this.work.classList.toggle("alone", !phase.stage);
    if (phase.stage) drawStage(this);
    this.seek.max = phase.steps.length - 1;
    this.bar.hidden = phase.steps.length < 2;
    this.predict.parentNode.hidden = !phase.steps.some((step) => step.ask);
  }

  table({ caption, head, rows, kind = "forward", plain }) {
    const body = h("tbody");
    const lines = rows.map((r) => this.row(r, plain));
    const more = h("tr", {}, h("td", { colspan: head.length }));
    // Of a long table only the rows before the current one are in the page.
    this.shows.push((upto) => {
      const due = lines.filter((item) => item.step <= upto);
      const cut = Math.max(0, due.length - MOST_ROWS);
      more.firstChild.textContent = `… ${cut} rows before …`;
      const wanted = new Set(due.slice(cut));
      if (cut) body.prepend(more);
      else more.remove();
      for (const item of lines) {
        if (!wanted.has(item)) item.element?.remove();
        else if (!item.element?.isConnected) put(body, lines, item);
      }
    });
    for (const item of lines) (this.timed[item.step] ||= []).push(item);
    return h("div", { class: `panel of-${kind}` }, h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))), body));
  }

  // A row of a table, made when it is first shown.
  row({ step, node, cells }, plain) {
    const item = { step, show: () => {}, mark: (on) => item.element?.classList.toggle("current", on) };
    item.make = () => {
      item.element = h("tr", { "data-n": node }, cells.map((cell, k) => {
        const element = h(k ? "td" : "th", k ? {} : { scope: "row" });
        const update = () => {
          const parts = cell().filter((part) => part !== null && part !== undefined);
          element.replaceChildren(...parts.map(written));
          if (k && !plain && parts.length) element.className = "equal";
        };
        update();
        if (k) this.live.push(update);
        return element;
      }));
      return item.element;
    };
    return item;
  }

  dictionary() {
    this.dict = h("div", { class: "dict", role: "group", "aria-label": "node_to_grad" });
    const lines = ["node_to_grad = {output: [1]}", "for i in reverse_topological_order:", "    v̄ᵢ = sum(node_to_grad[i])", "    for k in inputs(i):", "        append v̄ᵢ ∂vᵢ/∂vₖ to node_to_grad[k]", "return adjoints of the inputs"];
    this.algorithm = lines.map((text) => h("span", {}, text));
    return h("div", { class: "panel of-adjoint" }, h("h2", {}, "node_to_grad"), this.dict, h("pre", { class: "algorithm" }, this.algorithm));
  }

  hasCode() { return this.model.formula !== null ? this.phase.id !== "tangent" : this.model.lines.length > 0; }

  code() {
    const { model } = this;
    const pre = h("pre", { class: "code" });
    if (model.formula !== null) pre.append(...nested(model.formula, model.nodes.filter((n) => n.at)));
    else {
      model.lines.forEach((text, k) => {
        const here = model.nodes.filter((n) => n.line === k + 1 && n.i <= model.count).map((n) => n.i);
        pre.append(h("span", { class: "line", "data-n": here.length ? here.join(" ") : null }, text || " "));
      });
    }
    return h("div", { class: "panel" }, h("h2", {}, "Source"), pre);
  }

  to(step, playing = false, remember = true) {
    const last = this.phase.steps.length - 1;
    step = Math.max(0, Math.min(last, step));
    if (!playing && this.playing) this.stop();
    this.step = step;
    this.seek.value = step;
    this.count.textContent = `${step + 1} of ${last + 1}`;
    this.seek.setAttribute("aria-valuetext", `step ${step + 1} of ${last + 1}`);
    if (remember && self === top) this.remember();
    this.render();
  }

  // Put the step into the address, but not often: browsers refuse that.
  remember() {
    const wait = this.remembered + 400 - Date.now();
    clearTimeout(this.due);
    if (wait > 0) {
      this.due = setTimeout(() => this.remember(), wait);
      return;
    }
    this.remembered = Date.now();
    history.replaceState(null, "", `#${this.phase.id}-${this.step + 1}`);
  }

  // Only what lies between the last step and this one changes.
  render() {
    const asked = this.asks() ? 1 : 0; // what is asked is not shown yet
    const upto = this.step - asked;
    const [low, high] = [Math.min(this.shown, upto), Math.max(this.shown, upto)];
    for (let k = low + 1; k <= high; k++) for (const item of this.timed[k] || []) item.show(upto >= k, k);
    for (const show of this.shows) show(upto);
    for (const item of this.marked || []) item.mark(false);
    this.marked = (this.timed[upto] || []).filter((item) => item.mark);
    if (!asked) for (const item of this.marked) item.mark(true);
    this.shown = upto;
    this.narrate();
    const current = this.side.querySelector("tr.current:last-of-type") || this.side.querySelector("tr.current");
    if (current) reveal(this.side, current);
    const card = this.cards && this.cards.get(this.phase.steps[this.step].node);
    if (card && !this.left.hidden) reveal(this.graph, card.element);
  }

  asks() {
    const step = this.phase.steps[this.step];
    return this.predict.checked && step.ask && !step.known;
  }

  narrate() {
    const step = this.phase.steps[this.step];
    if (this.asks()) return ask(this, step);
    this.say.replaceChildren(...line(step.say()));
    this.why.replaceChildren(...[step.why].filter(Boolean));
    if (step.more) this.why.append(step.more());
    this.matrices(step);
    if (!step.dict) return;
    this.algorithm.forEach((element, k) => element.classList.toggle("current", k === step.code - 1));
    this.dict.replaceChildren(...step.dict().slice(-DICTIONARY).map(([i, list]) => h("div", { class: i === step.list ? "current" : null, "data-n": i },
      h("span", { class: "key" }, `${i}`), h("span", { class: "list" }, list.map((t) => h("span", { class: "entry" }, math(t)))))));
  }

  // The elements of a small array, under the step that is about it.
  matrices(step) {
    const value = step.badge ? step.badge.value() : step.value ? this.values.of(step.value) : step.bar ? this.values.of(step.bar) : null;
    if (!isArray(value) || !value.rows) return;
    const rows = value.rows.map((r) => mml("mtr", r.map((x) => mml("mtd", numeral(x)[0]))));
    this.why.append(mml("math", mml("mrow", mml("mo", "("), mml("mtable", rows), mml("mo", ")"))));
  }

  // Light everything that stands for the same node.
  light(target) {
    const near = target && target.closest?.("[data-n]");
    const wanted = near ? near.dataset.n : "";
    if (wanted === this.lit) return;
    this.lit = wanted;
    for (const element of this.root.querySelectorAll(".lit")) element.classList.remove("lit");
    for (const i of wanted.split(" ").filter(Boolean)) {
      for (const element of this.root.querySelectorAll(`[data-n~="${i}"]`)) element.classList.add("lit");
    }
  }

  fit() { if (this.phase && this.phase.stage) fitStage(this); }
}

const choices = (phase, chosen) => [h("span", { id: "choose" }, `${phase.choose} `), h("span", { role: "group", "aria-labelledby": "choose" },
  phase.choices.map((text, k) => h("button", { type: "button", "aria-pressed": `${k === phase.choice}`, onclick: () => chosen(k) }, text)))];

// Put the row of `item` where it belongs among those that are in the page.
function put(body, lines, item) {
  const later = lines.slice(lines.indexOf(item) + 1).find((other) => other.element?.isConnected);
  body.insertBefore(item.element || item.make(), later ? later.element : null);
}

// Scroll a panel, and only the panel, so that an element in it can be seen.
function reveal(panel, element) {
  const [outer, inner] = [panel.getBoundingClientRect(), element.getBoundingClientRect()];
  if (inner.left < outer.left || inner.right > outer.right) panel.scrollLeft += inner.left - outer.left - outer.width / 3;
  if (panel.scrollHeight > panel.clientHeight && (inner.top < outer.top || inner.bottom > outer.bottom)) panel.scrollTop += inner.top - outer.top - outer.height / 3;
}

// A formula as pieces inside each other, each with the nodes it stands for.
function nested(source, nodes) {
  const spans = nodes.flatMap((n) => n.at.map(([from, to]) => ({ from, to, i: n.i })));
  spans.sort((a, b) => a.from - b.from || b.to - a.to);
  const fill = (from, to, inside) => {
    const out = [];
    let at = from;
    while (inside.length) {
      const head = inside[0];
      const within = inside.filter((s) => s.from >= head.from && s.to <= head.to);
      inside = inside.filter((s) => !within.includes(s));
      out.push(source.slice(at, head.from), h("span", { "data-n": head.i }, fill(head.from, head.to, within.slice(1))));
      at = head.to;
    }
    out.push(source.slice(at, to));
    return out.filter(Boolean);
  };
  return fill(0, source.length, spans);
}
