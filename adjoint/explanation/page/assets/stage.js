// The graph: cards for nodes, curves for what they use, drawn once for each phase and then revealed.

// More nodes than this are not stops of the tabulator key.
const FEW = 40;
const KINDS = ["forward", "adjoint", "second", "second"];

// What stands on the stage: single nodes, and groups of nodes that are folded into one card.
function itemsOf(page) {
  const { model, phase } = page, single = (nodes) => nodes.map((node) => ({ nodes: [node], id: node.i }));
  if (phase.stage === "forward") return page.folded ? groupsOf(page, single) : single(model.nodes.slice(0, model.count));
  if (!phase.which) return single(model.nodes.filter((n) => n.gen < 2));
  const wanted = new Set([phase.sweep.of, ...phase.steps.flatMap((s) => s.fresh)]);
  for (const { i, d } of [...model.nodes].reverse()) if (wanted.has(i)) d.forEach((x) => wanted.add(x));
  return single(model.nodes.filter((n) => wanted.has(n.i)));
}

// Runs of nodes that are one card: those of a line or a function, as Python has found them.
function groupsOf({ model, unfolded }, single) {
  const groups = [];
  for (const node of model.nodes.slice(0, model.count)) {
    const [name, number] = node.group || ["nodes", model.inputs.includes(node.i) ? -node.i : Math.floor(node.i / 12)], last = groups[groups.length - 1];
    if (last?.name === name && last.number === number) last.nodes.push(node);
    else groups.push({ name, number, nodes: [node], id: node.i });
  }
  return groups.flatMap((g) => (g.nodes.length < 3 || unfolded.has(g.id) ? single(g.nodes) : [g]));
}

function drawStage(page) {
  const items = itemsOf(page), { graph } = page;
  const owner = new Map(items.flatMap((item) => item.nodes.map((n) => [n.i, item])));
  const lines = svg("svg", { "aria-hidden": "true" }), stage = h("div.stage", lines);
  fill(graph, h("div.frame", stage));
  graph.classList.toggle("stepwise", page.phase.id === "forward");
  graph.classList.toggle("valued", page.phase.stage === "forward" && page.phase.id !== "forward");
  page.cards = new Map();
  for (const item of items) stage.append(item.nodes.length > 1 ? groupCard(page, item) : nodeCard(page, item, items.length));
  const columns = columnsOf(page, items, owner);
  for (const item of items) Object.assign(item, { column: columns.get(item.id), width: item.element.offsetWidth, height: item.element.offsetHeight });
  const edges = edgesOf(items, owner);
  page.size = arrange(page, items, edges);
  for (const { element, x, y, width, height } of items) add(element, { style: `left: ${x - width / 2}px; top: ${y - height / 2}px` });
  for (const edge of edges) drawEdge(page, edge, lines, stage);
  timeGraph(page, edges, owner);
  fitStage(page);
}

function card(page, item, tag, kind, ...content) {
  item.element = h(tag, { class: `card ${KINDS[item.nodes[0].gen]}${kind}`, "data-n": item.nodes.map((n) => n.i).join(" ") }, content);
  return item.element;
}

function groupCard(page, item) {
  const { nodes, name, id } = item;
  const unfold = () => {
    const { step } = page;
    page.unfolded.add(id);
    page.enter();
    page.to(step);
  };
  const element = card(page, item, "button", " group", { type: "button", onclick: unfold }, h("span.formula", name),
    h("span.value", `v${id} … v${nodes[nodes.length - 1].i}, ${nodes.length} nodes`));
  for (const n of nodes) page.cards.set(n.i, { element });
  return element;
}

function nodeCard(page, item, count) {
  const { model, values, live, cards } = page, [node] = item.nodes, { i, t } = node;
  const value = h("span.value"), badge = h("span.badge");
  const formula = math(v(i), ...(t[0] === "w" && t[1] === `v${i}` ? [] : [t]));
  const wide = spoken(formula).length > 34;
  const element = card(page, item, "div", model.inputs.includes(i) || i === model.output ? " end" : "", { tabindex: count <= FEW ? 0 : -1, role: "group" },
    h("span.formula", wide ? math(v(i)) : formula), value, badge);
  const update = () => {
    fill(value, math(valueTerm(values.of(i))));
    const label = `${spoken(formula)} = ${spoken(value)}`;
    element.setAttribute("aria-label", label);
    if (wide) element.title = label;
  };
  update();
  live.push(update);
  cards.set(i, { element, value, badge });
  return element;
}

function columnsOf({ model, phase }, items, owner) {
  if (phase.stage === "extended") return closeRanks(extendedColumns(model, phase.sweep, model.nodes.filter((n) => n.gen < 2)));
  const uses = (item) => item.nodes.flatMap((n) => n.d).map((x) => owner.get(x)?.id).filter((id) => id !== undefined && id !== item.id);
  return closeRanks(levelsOf(items.map((item) => ({ i: item.id, d: uses(item) }))));
}

function edgesOf(items, owner) {
  const found = new Map();
  for (const to of items) {
    for (const x of to.nodes.flatMap((n) => n.d)) {
      const from = owner.get(x);
      if (from && from !== to) found.set(`${from.id} ${to.id}`, { from, to, bends: [] });
    }
  }
  const edges = [...found.values()];
  for (const edge of edges) {
    const [x, y] = [edge.from, edge.to].map((item) => item.nodes[0].gen);
    // What nearly everything uses would hide the rest.
    edge.kind = edges.filter((e) => e.from === edge.from).length > 8 || (y && x < y) ? "use" : KINDS[y];
  }
  return edges;
}

// Where everything stands, of an extended graph the adjoints below the rest; returns the size of it all.
function arrange({ phase }, items, edges) {
  const extended = phase.stage === "extended", labelled = phase.stage === "forward";
  const halves = extended ? [0, 1].map((gen) => items.filter((item) => item.nodes[0].gen === gen)) : [items];
  const drawn = edges.filter((e) => e.kind !== "use"), gap = labelled ? 92 : 46;
  // The columns fit both halves.
  if (extended) place(items, drawn, 18, gap);
  const across = new Map(items.map((item) => [item.column, item.x]));
  let top = 0;
  for (const half of halves) {
    const inside = drawn.filter((e) => half.includes(e.from) && half.includes(e.to));
    place(half, inside, labelled ? 26 : 18, gap);
    const shift = top - Math.min(...half.map((item) => item.y - item.height / 2));
    for (const point of [...half, ...inside.flatMap((e) => e.bends)]) {
      point.y += shift;
      if (extended) point.x = across.get(point.column) ?? point.x;
    }
    top = Math.max(...half.map((item) => item.y + item.height / 2)) + 44;
  }
  for (const e of drawn) if (extended && e.from.nodes[0].gen !== e.to.nodes[0].gen) e.bends = [];
  return { width: Math.max(...items.map((item) => item.x + item.width / 2)) + 8, height: top - 26 };
}

function drawEdge(page, edge, lines, stage) {
  const { d, x, y } = curve(edge), { nodes } = edge.from, carried = nodes[nodes.length - 1].v;
  edge.path = svg("path", { d, class: `edge ${edge.kind}`, "marker-end": `url(#arrow-${edge.kind})` });
  lines.append(edge.path);
  if (page.phase.stage !== "forward") return;
  edge.label = h("span.edge-label", { style: `left: ${x}px; top: ${y}px` }, isArray(carried) ? h("span.shape", shapeText(carried)) : null);
  stage.append(edge.label);
}

// What of the graph appears at which step.
function timeGraph(page, edges, owner) {
  const { phase, cards } = page, toggling = (element, name) => (on) => element.classList.toggle(name, on);
  const mark = (k, element, name) => page.at(k, { mark: toggling(element, name) });
  const show = (k, element, name) => page.at(k, { show: toggling(element, name) });
  phase.steps.forEach((step, k) => {
    const fresh = new Set(step.fresh), card = cards.get(step.node);
    const edge = step.edge && edges.find((e) => e.from === owner.get(step.edge.to) && e.to === owner.get(step.edge.from));
    const coming = [...fresh].flatMap((i) => cards.get(i)?.element || []);
    coming.forEach((element) => mark(k, element, "fresh"));
    if (phase.stage !== "forward") coming.push(...edges.filter((e) => fresh.has(e.to.id)).map((e) => e.path));
    // A partial adjoint on its way against the edge.
    if (edge?.label && step.partial) {
      const landing = h("span.partial");
      follow(page, landing, () => math(valueTerm(step.value())));
      edge.label.append(landing);
      coming.push(landing);
    }
    for (const element of coming) {
      element.classList.add("waiting");
      page.at(k, { show: (on) => element.classList.toggle("waiting", !on) });
    }
    if (edge) mark(k, edge.path, "current");
    if (card) mark(k, card.element, "current");
    if (card?.value && phase.id === "forward") show(k, card.value, "known");
    if (card?.badge && step.badge) {
      follow(page, card.badge, () => math(step.name, valueTerm(step.value())));
      card.badge.classList.add(step.badge);
      show(k, card.badge, "known");
    }
  });
}

// Content that follows the values.
function follow(page, element, content) {
  const update = () => fill(element, content());
  update();
  page.live.push(update);
}

// Smaller where the room is narrow, but not too small to read. (Firefox misplaces arrowheads under `zoom`.)
function fitStage({ graph, size: { width, height } }) {
  const scale = Math.max(0.62, Math.min(1.15, (graph.clientWidth - 24) / width)), frame = graph.firstChild;
  add(frame, { style: `width: ${width * scale}px; height: ${height * scale}px` });
  add(frame.firstChild, { style: `width: ${width}px; height: ${height}px; transform: scale(${scale})` });
}
