// The graph: cards for nodes, curves for what they use, drawn once for each phase and then revealed.

// What stands on the stage: single nodes, and groups of nodes that are folded into one card.
function itemsOf(page) {
  const { model, phase } = page;
  if (phase.stage === "forward") return page.folded ? groupsOf(page) : model.nodes.slice(0, model.count).map(single);
  if (!phase.which) return model.nodes.filter((n) => n.gen < 2).map(single);
  const wanted = new Set(), waiting = [phase.sweep.of, ...phase.steps.flatMap((s) => s.fresh)];
  while (waiting.length) {
    const i = waiting.pop();
    if (!wanted.has(i)) waiting.push(...model.nodes[i - 1].d);
    wanted.add(i);
  }
  return model.nodes.filter((n) => wanted.has(n.i)).map(single);
}

const single = (node) => ({ nodes: [node], id: node.i });

// Runs of nodes made by one line or one function; a run in topological order can be one card.
function groupsOf(page) {
  const { model } = page;
  const nodes = model.nodes.slice(0, model.count);
  const label = (n) => (model.inputs.includes(n.i) ? `input ${n.i}` : n.line ? `${n.in ? `${n.in}(…)` : ""} line ${n.line}` : `block ${Math.floor(n.i / 12)}`);
  const groups = [];
  let seen = new Set();
  for (const node of nodes) {
    const name = label(node), last = groups[groups.length - 1];
    const kind = `${node.t[0]} ${node.t[1]}`;
    if (last && last.name === name && !(last.nodes.length > 11 && seen.has(kind))) last.nodes.push(node);
    else {
      groups.push({ name, nodes: [node] });
      seen = new Set();
    }
    seen.add(kind);
  }
  page.unfolded ||= new Set();
  return groups.flatMap((g) => (g.nodes.length < 3 || page.unfolded.has(g.nodes[0].i) ? g.nodes.map(single) : [{ ...g, id: g.nodes[0].i }]));
}

function drawStage(page) {
  const { model, phase } = page;
  const items = itemsOf(page);
  const owner = new Map(items.flatMap((item) => item.nodes.map((n) => [n.i, item])));
  const stage = h("div", { class: "stage" });
  const lines = svg("svg", { "aria-hidden": "true" });
  const defs = svg("defs", {});
  for (const kind of ["forward", "adjoint", "second", "use", "lit"]) {
    const marker = svg("marker", { id: `arrow-${kind}`, viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" });
    marker.append(svg("path", { d: "M0 0.5L8 4L0 7.5z", class: `head ${kind}` }));
    defs.append(marker);
  }
  lines.append(defs);
  stage.append(lines);
  page.graph.replaceChildren(stage);
  page.cards = new Map();
  for (const item of items) makeCard(page, item, stage, items.length);
  const columns = columnsOf(page, items, owner);
  const boxes = new Map(items.map((item) => {
    const { offsetWidth: width, offsetHeight: height } = item.element;
    return [item, { item, column: columns.get(item.id), width, height }];
  }));
  const edges = edgesOf(items, owner).map(([a, b], k, all) => ({ from: boxes.get(a), to: boxes.get(b), kind: edgeKind(a, b, all.filter((e) => e[0] === a).length) }));
  arrange(page, [...boxes.values()], edges, stage, lines);
  drawEdges(page, edges, lines, stage);
  timeGraph(page, edges, owner);
  fitStage(page);
}

function makeCard(page, item, stage, count) {
  const { model, phase, values } = page;
  const node = item.nodes[0], many = item.nodes.length > 1;
  const kind = ["forward", "adjoint", "second", "second"][node.gen];
  const element = h(many ? "button" : "div", {
    class: `card ${kind}${model.inputs.includes(node.i) || node.i === model.output ? " end" : ""}${many ? " group" : ""}`,
    "data-n": item.nodes.map((n) => n.i).join(" "), tabindex: many || count <= FEW ? "0" : "-1", ...(many ? { type: "button" } : { role: "group" }),
  });
  const value = h("span", { class: "value" }), badge = h("span", { class: "badge" });
  if (many) {
    element.append(h("span", { class: "formula" }, item.name), h("span", { class: "value" }, `v${node.i} … v${item.nodes[item.nodes.length - 1].i}, ${item.nodes.length} nodes`));
    element.addEventListener("click", () => {
      page.unfolded.add(node.i);
      const { step } = page;
      page.phase.refold?.();
      page.enter();
      page.to(step);
    });
  } else {
    const named = node.t[0] === "w" && node.t[1] === `v${node.i}`;
    const formula = math(v(node.i), ...(named ? [] : [node.t]));
    const wide = spoken(formula).length > 34;
    element.append(h("span", { class: "formula" }, wide ? math(v(node.i)) : formula), value, badge);
    const update = () => {
      value.replaceChildren(math(valueTerm(values.of(node.i))));
      const label = `${spoken(formula)} = ${spoken(value)}`;
      element.setAttribute("aria-label", label);
      if (wide) element.title = label;
    };
    update();
    page.live.push(update);
  }
  item.element = element;
  for (const n of item.nodes) page.cards.set(n.i, { element, value, badge, many });
  stage.append(element);
}

function columnsOf(page, items, owner) {
  const { model, phase } = page;
  if (phase.stage === "extended") return closeRanks(extendedColumns(model, phase.sweep, model.nodes.filter((n) => n.gen < 2)));
  const level = levelsOf(items.map((item) => ({ i: item.id, d: [...new Set(item.nodes.flatMap((n) => n.d.filter((x) => owner.has(x)).map((x) => owner.get(x).id)))].filter((x) => x !== item.id) })));
  return closeRanks(level);
}

function edgesOf(items, owner) {
  const found = new Map();
  for (const item of items) {
    for (const x of item.nodes.flatMap((n) => n.d)) {
      const from = owner.get(x);
      if (from && from !== item) found.set(`${from.id} ${item.id}`, [from, item]);
    }
  }
  return [...found.values()];
}

const edgeKind = (a, b, users) => {
  if (users > 8) return "use"; // what nearly everything uses would hide the rest
  const [x, y] = [a.nodes[0].gen, b.nodes[0].gen];
  return y === 0 ? "forward" : x < y ? "use" : y === 1 ? "adjoint" : "second";
};

// Where everything stands; of an extended graph the adjoints below the rest.
function arrange(page, boxes, edges, stage) {
  const halves = page.phase.stage === "extended"
    ? [boxes.filter((b) => b.item.nodes[0].gen === 0), boxes.filter((b) => b.item.nodes[0].gen === 1)] : [boxes];
  const labelled = page.phase.stage === "forward";
  let top = 0;
  const gap = labelled ? 92 : 46;
  if (halves.length > 1) place(boxes, edges.filter((e) => e.kind !== "use"), 18, gap); // the columns fit both halves
  const across = new Map(boxes.map((b) => [b, b.x]));
  for (const e of edges) e.bends = [];
  for (const half of halves) {
    const inside = new Set(half);
    place(half, edges.filter((e) => e.kind !== "use" && inside.has(e.from) && inside.has(e.to)), labelled ? 26 : 18, gap);
    const least = Math.min(...half.map((b) => b.y - b.height / 2));
    for (const e of edges) if (inside.has(e.from) && inside.has(e.to)) e.bends.forEach((b) => { b.y += top - least; });
    for (const b of half) {
      b.y += top - least;
      if (halves.length > 1) b.x = across.get(b);
    }
    top = Math.max(...half.map((b) => b.y + b.height / 2)) + 44;
  }
  if (halves.length > 1) {
    const centre = new Map(boxes.map((b) => [b.column, b.x]));
    for (const e of edges) {
      for (const bend of e.bends) bend.x = centre.get(bend.column) ?? bend.x;
    }
  }
  page.size = { width: Math.max(...boxes.map((b) => b.x + b.width / 2)) + 8, height: top - 26 };
  for (const b of boxes) {
    b.item.element.style.left = `${b.x - b.width / 2}px`;
    b.item.element.style.top = `${b.y - b.height / 2}px`;
  }
  stage.style.width = `${page.size.width}px`;
  stage.style.height = `${page.size.height}px`;
}

function drawEdges(page, edges, lines, stage) {
  lines.setAttribute("viewBox", `0 0 ${page.size.width} ${page.size.height}`);
  for (const edge of edges) {
    const { d, x, y } = curve(edge);
    edge.path = svg("path", { d, class: `edge ${edge.kind}`, "marker-end": `url(#arrow-${edge.kind})` });
    lines.append(edge.path);
    if (page.phase.stage !== "forward") continue;
    edge.label = h("span", { class: "edge-label" });
    edge.label.style.left = `${x}px`;
    edge.label.style.top = `${y}px`;
    const carried = edge.from.item.nodes[edge.from.item.nodes.length - 1].v;
    if (isArray(carried)) edge.label.append(h("span", { class: "shape" }, shapeText(carried)));
    stage.append(edge.label);
  }
}

// What of the graph appears at which step.
function timeGraph(page, edges, owner) {
  const { phase, model } = page;
  const between = (a, b) => edges.find((e) => e.from.item === a && e.to.item === b);
  const grows = phase.stage !== "forward";
  const hidden = new Map();
  phase.steps.forEach((step, k) => (step.fresh || []).forEach((i) => hidden.set(i, k)));
  page.graph.classList.toggle("stepwise", phase.id === "forward");
  const at = (k, item) => (page.timed[k] ||= []).push(item);
  for (const [i, k] of hidden) {
    const card = page.cards.get(i);
    if (!card) continue;
    card.element.classList.add("waiting");
    at(k, { show: (on) => card.element.classList.toggle("waiting", !on) });
  }
  if (grows) {
    for (const edge of edges) {
      const k = hidden.get(edge.to.item.id);
      if (k === undefined) continue;
      edge.path.classList.add("waiting");
      at(k, { show: (on) => edge.path.classList.toggle("waiting", !on) });
    }
  }
  phase.steps.forEach((step, k) => {
    const card = page.cards.get(step.node);
    if (card) at(k, { show: () => {}, mark: (on) => card.element.classList.toggle("current", on) });
    for (const i of step.fresh || []) at(k, { show: () => {}, mark: (on) => page.cards.get(i)?.element.classList.toggle("fresh", on) });
    if (step.value && card && !card.many) at(k, { show: (on) => card.value.classList.toggle("known", on) });
    if (step.badge && card && !card.many) badge(page, step, card, (item) => at(k, item));
    if (step.edge && owner.has(step.edge.to) && owner.has(step.edge.from)) landing(page, step, between(owner.get(step.edge.to), owner.get(step.edge.from)), (item) => at(k, item));
  });
  if (phase.stage === "forward" && phase.id !== "forward") page.graph.classList.add("valued");
  else page.graph.classList.remove("valued");
}

function badge(page, step, card, at) {
  const { kind, term, value } = step.badge;
  const update = () => card.badge.replaceChildren(math(term, valueTerm(value())));
  at({ show: (on) => {
    card.badge.className = `badge ${kind}${on ? " known" : ""}`;
    if (on) update();
  } });
  page.live.push(() => { if (card.badge.classList.contains("known")) update(); });
}

// A partial adjoint on its way against an edge.
function landing(page, step, edge, at) {
  if (!edge) return;
  at({ show: () => {}, mark: (on) => edge.path.classList.toggle("current", on) });
  if (!edge.label || !step.partial) return;
  const element = h("span", { class: "partial" });
  const update = () => element.replaceChildren(math(valueTerm(page.values.of(step.edge.node))));
  update();
  page.live.push(update);
  at({ show: (on) => (on ? edge.label.append(element) : element.remove()) });
}

// Smaller where the room is narrow, but not too small to read.
function fitStage(page) {
  const stage = page.graph.firstChild;
  const room = page.graph.clientWidth - 24;
  const scale = Math.max(0.62, Math.min(1.15, room / page.size.width));
  stage.style.zoom = `${scale}`;
}
