// The page: controls, the graph, the tables, all following one timeline.

const FOLDED_FROM = 48;
const MOST_ROWS = 40;
const DICTIONARY = 16;

// The formula as it is written by hand, if it is short; else what the function is called.
function heading(model) {
  if (model.formula === null || model.formula.length > 120) return model.title;
  return math(word(model.result), expanded(v(model.output), model.nodes));
}

// A line of equal things, which may be broken before each equal sign.
const line = (terms) => terms.filter(Array.isArray).map((t, k) => (k ? [h("wbr"), math(null, t)] : math(t)));

// The elements of a small array.
function matrix(value) {
  if (!isArray(value) || !value.rows) return "";
  return mml("math", mml("mrow", fenced([mml("mtable", value.rows.map((r) => mml("mtr", r.map((x) => mml("mtd", numeral(x)[0])))))])));
}

// What the library makes of a formula.
async function served(question) {
  const answer = await fetch("/", { method: "POST", body: JSON.stringify(question) }), found = await answer.json();
  return answer.ok ? found : fail(found.error);
}

class Page {
  constructor(root, model) {
    this.root = root;
    this.first = model;
    for (const element of root.querySelectorAll("[data-part]")) this[element.dataset.part] = element;
    this.panels = new Map([...this.tables.children].map((panel) => [panel.dataset.table, panel]));
    this.open(model);
    this.listen();
  }

  listen() {
    addEventListener("keydown", (event) => this.key(event));
    addEventListener("hashchange", () => this.follow());
    addEventListener("resize", () => this.fit());
    this.root.onpointerover = this.root.onfocusin = (event) => this.light(event.target);
    this.root.onpointerleave = () => this.light(null);
    this.form.onsubmit = (event) => this.edit(event);
    this.return.onclick = () => this.open(this.first);
    this.seek.oninput = () => this.to(+this.seek.value);
    this.predict.onchange = () => this.render();
    this.player.onclick = () => this.toggle();
    for (const element of this.transport.querySelectorAll("[data-move]")) element.onclick = () => this.to(this.step + +element.dataset.move);
  }

  // Show a model from its beginning, or at the step that the address names.
  open(model) {
    this.model = model;
    this.values = new Values(model);
    if (model.live && !model.edited) this.confirm();
    this.phases = phasesOf(model, this.values);
    if (model.count > 1 && model.count <= FOLDED_FROM) this.phases.push(orderGame(this));
    this.folded = model.count > FOLDED_FROM;
    this.unfolded = new Set();
    this.build();
    if (!this.follow()) this.go("forward", 0, false);
  }

  // The page's arithmetic must give what the library recorded, or the inputs cannot be moved.
  confirm() {
    const { model } = this;
    const near = (a, b) => typeof b !== "number" || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
    if (model.nodes.every((n) => (model.inputs.includes(n.i) || computable(n.t)) && near(this.values.of(n.i), n.v))) return;
    model.live = false;
    this.values.refresh();
  }

  build() {
    const { model } = this;
    fill(this.title, heading(model));
    for (const tab of this.tabs.children) tab.hidden = true;
    this.phases.forEach((phase, k) => {
      phase.tab = this.tabs.querySelector(`[data-phase=${phase.id}]`);
      add(phase.tab, { onclick: () => this.go(phase.id, 0), "aria-keyshortcuts": k + 1 }).hidden = false;
      fill(phase.tab.firstChild, k + 1);
    });
    this.editor.hidden = model.formula === null;
    this.subject.textContent = `${model.result} =`;
    this.formula.value = model.formula ?? "";
    this.return.hidden = model === this.first;
    this.problem.textContent = "";
    this.remark.textContent = model.live ? "" : model.remark;
    this.edited.hidden = !model.edited;
    this.command.textContent = `adjoint explain "${model.formula}" ${Object.entries(this.given).map((pair) => pair.join("=")).join(" ")} --html page.html`;
    this.notice.hidden = true;
    fill(this.sliders, model.live ? model.inputs.map((i, k) => this.slider(model.nodes[i - 1], model.names[k])) : []);
    fill(this.code, model.formula === null ? linesOf(model) : nested(model.formula, model.nodes.filter((n) => n.at)));
    fill(this.notes, (model.notes || []).map((note) => h("p.note", note)));
  }

  slider(node, name) {
    const slider = this.template.content.firstElementChild.cloneNode(true), [label, range, number] = slider.children;
    const reach = Math.max(2, Math.abs(node.v)), id = `input-${node.i}`;
    const change = (from, to) => {
      if (!Number.isFinite(from.valueAsNumber)) return;
      to.value = node.v = from.valueAsNumber;
      this.refresh();
    };
    add(label, { for: id }, math(word(name)));
    add(range, { id, "aria-label": name, min: node.v - reach, max: node.v + reach, step: reach / 200, oninput: () => change(range, number) });
    add(number, { "aria-label": `${name}, as a number`, oninput: () => change(number, range) });
    range.value = number.value = node.v;
    return slider;
  }

  // The inputs by name.
  get given() { return Object.fromEntries(this.model.inputs.map((i, k) => [this.model.names[k], this.model.nodes[i - 1].v])); }

  // Read the formula, in the page or by the library where it serves this page; names keep their values.
  async edit(event) {
    event.preventDefault();
    const formula = this.formula.value.trim(), values = this.given;
    try {
      this.open(this.first.served ? await served({ formula, values }) : modelOf(formula, values));
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error;
      this.problem.textContent = `Cannot read the formula: ${error.message}.`;
    }
  }

  refresh() {
    this.values.refresh();
    this.live.forEach((update) => update());
    this.notice.hidden = [...this.values.known.values()].every((x) => typeof x !== "number" || Number.isFinite(x));
    this.narrate();
  }

  // A key presses the button that names it.
  key(event) {
    const { target: { tagName: tag, type } } = event, key = event.key.replace(" ", "Space");
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || (tag === "INPUT" && type !== "checkbox")) return;
    if (key === "Space" && (tag === "BUTTON" || type === "checkbox")) return;
    const pressed = [...this.root.querySelectorAll("[aria-keyshortcuts]")].find((element) => !element.hidden && element.getAttribute("aria-keyshortcuts") === key);
    if (!pressed) return;
    pressed.click();
    event.preventDefault();
  }

  get atEnd() { return this.step === this.phase.steps.length - 1; }

  toggle() {
    if (this.playing) return this.stop();
    if (this.atEnd) this.to(0);
    this.playing = setInterval(() => (this.atEnd ? this.stop() : this.to(this.step + 1, true)), 1400);
    add(this.player, { "aria-label": "Pause" });
  }

  stop() {
    clearInterval(this.playing);
    this.playing = null;
    add(this.player, { "aria-label": "Play" });
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
    const { phase, model } = this;
    Object.assign(this, { live: [], shown: -1, timed: [], shows: [], marked: [] });
    this.graph.onclick = null;
    for (const p of this.phases) p.tab.toggleAttribute("aria-current", p === phase);
    phase.tab.scrollIntoView?.({ block: "nearest", inline: "nearest" });
    this.root.dataset.phase = phase.id;
    this.lead.textContent = `${phase.tab.dataset.lead} ${phase.more || ""}`;
    fill(this.choice, phase.choose);
    fill(this.choices, phase.choices?.map((text, k) => button(() => this.choose(k), { "aria-pressed": `${k === phase.choice}` }, text)));
    this.game.hidden = !phase.open;
    this.pass.textContent = phase.pass;
    this.dictionary.hidden = !phase.sweep;
    fill(this.tables, Object.entries(phase.tables).map(([id, rows]) => this.table(this.panels.get(id), rows)));
    this.source.hidden = model.formula === null ? !model.lines.length : phase.id === "tangent";
    this.left.hidden = !phase.stage;
    this.work.classList.toggle("alone", !phase.stage);
    if (phase.stage) drawStage(this);
    phase.open?.();
    this.seek.max = phase.steps.length - 1;
    this.transport.hidden = phase.steps.length < 2;
    this.predict.parentNode.hidden = !phase.steps.some((step) => step.slips);
  }

  choose(k) {
    const { phase } = this;
    phase.choice = k;
    phase.build();
    this.phase = null;
    this.go(phase.id, 0);
  }

  // Something that is shown from a step on, and marked while that is the current one.
  at(step, item) { (this.timed[step] ||= []).push(item); }

  // Of a long table only the rows before the current one are in the page.
  table(panel, rows) {
    const body = panel.querySelector("tbody"), more = h("tr", h("td", { colspan: 4 })), items = rows.map((row) => this.row(row));
    this.shows.push((upto) => {
      const due = items.filter((item) => item.step <= upto), cut = Math.max(0, due.length - MOST_ROWS);
      const wanted = [...(cut ? [more] : []), ...due.slice(cut).map((item) => item.element || item.make())];
      fill(more.firstChild, `… ${cut} rows before …`);
      // What stays is not touched: a table that is filled anew is laid out anew.
      for (const element of [...body.children]) if (!wanted.includes(element)) element.remove();
      wanted.forEach((element, k) => element === body.children[k] || body.insertBefore(element, body.children[k] || null));
    });
    return panel;
  }

  // A row of a table, made when it is first shown.
  row({ step, node, cells }) {
    const item = { step, mark: (on) => item.element?.classList.toggle("current", on) };
    item.make = () => {
      const places = cells().map((_, k) => (k ? h("td") : h("th", { scope: "row" })));
      const update = () => cells().forEach((cell, k) => (k || !item.element) && fill(places[k], Array.isArray(cell) ? math(cell) : cell));
      update();
      this.live.push(update);
      item.element = h("tr", { "data-n": node }, places);
      return item.element;
    };
    this.at(step, item);
    return item;
  }

  to(step, playing = false, remember = true) {
    const { length } = this.phase.steps;
    if (!playing && this.playing) this.stop();
    this.step = this.seek.value = Math.max(0, Math.min(length - 1, step));
    this.count.textContent = `${this.step + 1} of ${length}`;
    add(this.seek, { "aria-valuetext": `step ${this.count.textContent}` });
    if (remember && self === top) this.remember();
    this.render();
  }

  // Put the step into the address when it has been there a while: browsers refuse that often.
  remember() {
    clearTimeout(this.due);
    this.due = setTimeout(() => history.replaceState(null, "", `#${this.phase.id}-${this.step + 1}`), 300);
  }

  // Only what lies between the last step and this one changes.
  render() {
    // What is asked is not shown yet.
    const asked = this.asks() ? 1 : 0;
    const upto = this.step - asked;
    const [low, high] = [Math.min(this.shown, upto), Math.max(this.shown, upto)];
    for (let k = low + 1; k <= high; k++) for (const item of this.timed[k] || []) item.show?.(upto >= k);
    for (const show of this.shows) show(upto);
    for (const item of this.marked) item.mark?.(false);
    this.marked = asked ? [] : this.timed[upto] || [];
    for (const item of this.marked) item.mark?.(true);
    this.shown = upto;
    this.narrate();
    for (const element of this.tables.querySelectorAll("tr.current")) reveal(element.closest(".panel"), element);
    const card = this.cards?.get(this.phase.steps[this.step].node);
    if (card && !this.left.hidden) reveal(this.graph, card.element);
  }

  asks() {
    const step = this.phase.steps[this.step];
    return this.predict.checked && step.slips && !step.known && typeof step.value() === "number";
  }

  narrate() {
    const step = this.phase.steps[this.step];
    this.question.hidden = !this.asks();
    if (this.asks()) return ask(this, step);
    fill(this.say, step.text || line(partsOfLine(step)));
    fill(this.why, step.why, matrix(step.value?.()));
    if (!step.dict) return;
    [...this.algorithm.children].forEach((element, k) => element.classList.toggle("current", k === step.code - 1));
    fill(this.dict, step.dict().slice(-DICTIONARY).map(([i, list]) => h("div", { class: i === step.list ? "current" : null, "data-n": i },
      h("span.key", i), h("span.list", list.map((t) => h("span.entry", math(t)))))));
  }

  // Light everything that stands for the same node.
  light(target) {
    const wanted = target?.closest?.("[data-n]")?.dataset.n || "";
    if (wanted === this.lit) return;
    this.lit = wanted;
    const same = wanted.split(" ").map((i) => `[data-n~="${i}"]`).join();
    for (const element of this.root.querySelectorAll(`.lit, ${same}`)) element.classList.toggle("lit", element.matches(same));
  }

  fit() { if (this.phase.stage) fitStage(this); }
}

// Scroll a panel, and only the panel, so that an element in it can be seen.
function reveal(panel, element) {
  const [outer, inner] = [panel.getBoundingClientRect(), element.getBoundingClientRect()];
  if (inner.left < outer.left || inner.right > outer.right) panel.scrollLeft += inner.left - outer.left - outer.width / 3;
  if (panel.scrollHeight > panel.clientHeight && (inner.top < outer.top || inner.bottom > outer.bottom)) panel.scrollTop += inner.top - outer.top - outer.height / 3;
}

// The lines of a function's source, each with the nodes it makes.
const linesOf = (model) => model.lines.map((text, k) => {
  const here = model.nodes.filter((n) => n.line === k + 1 && n.i <= model.count).map((n) => n.i);
  return h("span.line", { "data-n": here.length ? here.join(" ") : null }, text || " ");
});

// A formula as pieces inside each other, each with the node it stands for.
function nested(source, nodes) {
  const spans = nodes.flatMap((n) => n.at.map(([from, to]) => ({ from, to, i: n.i }))).sort((a, b) => a.from - b.from || b.to - a.to);
  const pieces = (from, to) => {
    const out = [];
    while (spans.length && spans[0].to <= to) {
      const span = spans.shift();
      out.push(source.slice(from, span.from), h("span", { "data-n": span.i }, pieces(span.from, span.to)));
      from = span.to;
    }
    return [out, source.slice(from, to)];
  };
  return pieces(0, source.length);
}
