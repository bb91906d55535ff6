// The page's own small library: reads a formula and makes of it what Python records of a function,
// so that a visitor can change the formula. Reverse mode here is the lecture's, graph extension.

const CONSTANTS = { pi: Math.PI, "π": Math.PI, e: Math.E };
const ALIASES = {
  ln: "log", sigmoid: "expit", asin: "arcsin", acos: "arccos", atan: "arctan", asinh: "arcsinh",
  acosh: "arccosh", atanh: "arctanh", atan2: "arctan2", pow: "power", max: "maximum", min: "minimum",
};
const UNARY = ("sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh exp exp2 expm1 log "
  + "log2 log10 log1p sqrt cbrt square reciprocal abs sign floor ceil erf erfc expit logit softplus").split(" ");
const BINARY = "power arctan2 hypot maximum minimum logaddexp".split(" ");
const LONGEST = 2000;
const DEEPEST = 64;

class FormulaError extends Error {}

// Reading: steps in postfix order, each with the part of the formula it stands for.

function readFormula(source) {
  if (source.length > LONGEST) throw new FormulaError(`the formula is longer than ${LONGEST} characters`);
  const text = source.replace(/[−×·⋅÷]/g, (c) => ({ "−": "-", "÷": "/" })[c] || "*");
  const tokens = [];
  const pattern = /\s+|((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|([A-Za-zΑ-Ωα-ω][A-Za-zΑ-Ωα-ω0-9_]*)|(\*\*|[-+*/^(),])/y;
  for (let at = 0; at < text.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) throw new FormulaError(`“${source[at]}” is not mathematics; write numbers, names, + - * / ^, parentheses and functions`);
    const kind = match[1] ? "number" : match[2] ? "name" : match[3] ? "sign" : "";
    if (kind) tokens.push({ kind, text: match[0], at, end: pattern.lastIndex });
  }
  const end = { kind: "end", text: "", at: text.length, end: text.length };
  const steps = [], spans = [];
  let position = 0, depth = 0;
  const here = () => tokens[position] || end;
  const take = () => tokens[position++] || end;
  const before = () => tokens[position - 1] || end;
  const leaf = (step, token) => (steps.push({ ...step, span: [token.at, token.end] }), spans.push([token.at, token.end]));
  const apply = (op, count, start = null) => {
    const parts = spans.splice(-count);
    const span = [start === null ? parts[0][0] : start, before().end];
    steps.push({ op, count, span });
    spans.push(span);
  };
  const inside = (part) => {
    if (++depth > DEEPEST) throw new FormulaError(`more than ${DEEPEST} levels of parentheses`);
    part();
    depth--;
  };
  const expect = (sign) => {
    if (here().text !== sign) unexpected();
    take();
  };
  const unexpected = () => {
    const token = here();
    if (token.kind === "end") throw new FormulaError("the formula ends too early");
    throw new FormulaError(position
      ? `“${token.text}” follows “${before().text}” without an operation; multiplication is written with a star`
      : `“${token.text}” was not expected here`);
  };
  const chain = (signs, part) => () => {
    part();
    while (here().kind === "sign" && signs[here().text]) {
      const op = signs[take().text];
      part();
      apply(op, 2);
    }
  };
  const named = (token) => {
    const name = Object.hasOwn(ALIASES, token.text) ? ALIASES[token.text] : token.text;
    if (here().text !== "(") {
      if (UNARY.includes(name) || BINARY.includes(name)) throw new FormulaError(`the function ${token.text} has no argument; write ${token.text}(…)`);
      if (Object.hasOwn(CONSTANTS, name)) return leaf({ number: CONSTANTS[name] }, token);
      return leaf({ name: token.text }, token);
    }
    const wanted = UNARY.includes(name) ? 1 : BINARY.includes(name) ? 2 : 0;
    if (!wanted) throw new FormulaError(`the page has no function “${token.text}”; it has ${[...UNARY, ...BINARY].join(", ")}`);
    take();
    let count = 0;
    do {
      if (count) take();
      inside(sum);
      count += 1;
      if (count > 2 && (name === "maximum" || name === "minimum")) { apply(name, 2, token.at); count = 2; }
    } while (here().text === ",");
    expect(")");
    if (count !== wanted) throw new FormulaError(`${token.text} takes ${wanted} argument${wanted > 1 ? "s" : ""}, got ${count}`);
    apply(name, count, token.at);
  };
  const atom = () => {
    const token = here();
    if (token.kind === "number") leaf({ number: +take().text }, token);
    else if (token.kind === "name") named(take());
    else if (token.text === "(") {
      take();
      inside(sum);
      expect(")");
      spans.splice(-1, 1, [token.at, before().end]);
    } else unexpected();
  };
  const signed = () => {
    const start = here().at;
    let negative = false;
    while (here().text === "+" || here().text === "-") negative = negative !== (take().text === "-");
    atom();
    if (here().text === "^" || here().text === "**") {
      take();
      inside(signed);
      apply("power", 2);
    }
    const last = steps[steps.length - 1];
    if (negative && last.number !== undefined) last.number = -last.number;
    else if (negative) apply("negative", 1, start);
  };
  const sum = chain({ "+": "add", "-": "subtract" }, chain({ "*": "multiply", "/": "divide" }, signed));
  sum();
  if (here().kind !== "end") unexpected();
  return steps;
}

// A graph: nodes with an operation on inputs, each a number of a node or a constant {c}.

const ONE = { c: 1 };
const TERMS = {
  add: total, subtract: (a, b) => total(a, ["-", b]), multiply: product, divide: quotient,
  negative: (a) => ["-", a], power: (a, b) => ["^", a, b], square: (a) => ["^", a, num(2)],
  reciprocal: (a) => quotient(num(1), a),
};
const COMPUTE = {
  ...FUNCTIONS, add: (a, b) => a + b, subtract: (a, b) => a - b, multiply: (a, b) => a * b,
  divide: (a, b) => a / b, negative: (a) => -a, square: (a) => a * a, reciprocal: (a) => 1 / a,
};

class Graph {
  constructor() { this.nodes = []; }

  make(op, ...inputs) {
    if (inputs.every((x) => typeof x === "object")) return { c: COMPUTE[op](...inputs.map((x) => x.c)) };
    this.nodes.push({ op, inputs });
    return this.nodes.length - 1;
  }

  // What node `n` computes, in terms of nodes that have names.
  formula(n, names) {
    const node = this.nodes[n];
    const parts = node.inputs.map((x) => this.term(x, names));
    if (node.op === "constant") return num(node.value);
    return TERMS[node.op] ? TERMS[node.op](...parts) : ["f", node.op, parts, ""];
  }

  term(x, names) {
    return typeof x === "object" ? num(x.c) : names.get(x) || this.formula(x, names);
  }
}

// The slope of an operation: by each input, what multiplies the adjoint (or the tangent).
const SLOPES = {
  sin: (g, a) => g.make("cos", a),
  cos: (g, a) => g.make("negative", g.make("sin", a)),
  tan: (g, a, y) => g.make("add", ONE, g.make("multiply", y, y)),
  arcsin: (g, a) => g.make("reciprocal", g.make("sqrt", g.make("subtract", ONE, g.make("square", a)))),
  arccos: (g, a) => g.make("negative", SLOPES.arcsin(g, a)),
  arctan: (g, a) => g.make("reciprocal", g.make("add", ONE, g.make("square", a))),
  sinh: (g, a) => g.make("cosh", a),
  cosh: (g, a) => g.make("sinh", a),
  tanh: (g, a, y) => g.make("subtract", ONE, g.make("multiply", y, y)),
  arcsinh: (g, a) => g.make("reciprocal", g.make("sqrt", g.make("add", ONE, g.make("square", a)))),
  arccosh: (g, a) => g.make("reciprocal", g.make("sqrt", g.make("subtract", g.make("square", a), ONE))),
  arctanh: (g, a) => g.make("reciprocal", g.make("subtract", ONE, g.make("square", a))),
  exp: (g, a, y) => y,
  exp2: (g, a, y) => g.make("multiply", { c: Math.LN2 }, y),
  expm1: (g, a, y) => g.make("add", y, ONE),
  log: (g, a) => g.make("divide", ONE, a),
  log2: (g, a) => g.make("divide", { c: Math.LOG2E }, a),
  log10: (g, a) => g.make("divide", { c: Math.LOG10E }, a),
  log1p: (g, a) => g.make("divide", ONE, g.make("add", ONE, a)),
  sqrt: (g, a, y) => g.make("divide", { c: 0.5 }, y),
  cbrt: (g, a, y) => g.make("divide", { c: 1 / 3 }, g.make("square", y)),
  square: (g, a) => g.make("multiply", { c: 2 }, a),
  reciprocal: (g, a, y) => g.make("negative", g.make("multiply", y, y)),
  abs: (g, a) => g.make("sign", a),
  erf: (g, a) => g.make("multiply", { c: 2 / Math.sqrt(Math.PI) }, g.make("exp", g.make("negative", g.make("square", a)))),
  erfc: (g, a) => g.make("negative", SLOPES.erf(g, a)),
  expit: (g, a, y) => g.make("multiply", y, g.make("subtract", ONE, y)),
  logit: (g, a) => g.make("reciprocal", g.make("multiply", a, g.make("subtract", ONE, a))),
  softplus: (g, a) => g.make("expit", a),
  sign: () => null, floor: () => null, ceil: () => null,
};

// Half to each of two equal ones, as the library does.
const chosen = (g, a, b, test) => g.make("where", g.make("equal", a, b), { c: 0.5 }, g.make("where", g.make(test, a, b), ONE, { c: 0 }));
const ratio = (g, a, b) => g.make("where", g.make("equal", b, { c: 0 }), { c: 0 }, g.make("divide", a, b));
const PAIRS = {
  power: [
    (g, a, b) => {
      if (typeof b === "object" && b.c === 2) return g.make("multiply", b, a);
      return g.make("where", g.make("equal", b, { c: 0 }), { c: 0 }, g.make("multiply", b, g.make("power", a, g.make("subtract", b, ONE))));
    },
    (g, a, b, y) => g.make("where", g.make("equal", a, { c: 0 }), { c: 0 }, g.make("multiply", y, g.make("log", a))),
  ],
  arctan2: [
    (g, a, b) => ratio(g, b, g.make("add", g.make("square", a), g.make("square", b))),
    (g, a, b) => g.make("negative", ratio(g, a, g.make("add", g.make("square", a), g.make("square", b)))),
  ],
  hypot: [(g, a, b, y) => ratio(g, a, y), (g, a, b, y) => ratio(g, b, y)],
  maximum: [(g, a, b) => chosen(g, a, b, "greater"), (g, a, b) => chosen(g, b, a, "greater")],
  minimum: [(g, a, b) => chosen(g, a, b, "less"), (g, a, b) => chosen(g, b, a, "less")],
  logaddexp: [
    (g, a, b) => g.make("expit", g.make("subtract", a, b)),
    (g, a, b) => g.make("expit", g.make("subtract", b, a)),
  ],
};

// What node `n` sends to its input `k`, given `bar`: its adjoint, or the tangent of that input.
function share(g, n, k, bar) {
  const { op, inputs: [a, b] } = g.nodes[n];
  switch (op) {
    case "add": return bar;
    case "subtract": return k ? g.make("negative", bar) : bar;
    case "negative": return g.make("negative", bar);
    case "multiply": return g.make("multiply", bar, k ? a : b);
    case "divide": return k ? g.make("negative", g.make("multiply", bar, g.make("divide", n, b))) : g.make("divide", bar, b);
    case "where": return k === 0 ? null : g.make("where", a, k === 1 ? bar : { c: 0 }, k === 2 ? bar : { c: 0 });
    case "equal": case "greater": case "less": case "constant": case "input": return null;
  }
  const slope = PAIRS[op] ? PAIRS[op][k](g, a, b, n) : SLOPES[op](g, a, n);
  return slope === null ? null : g.make("multiply", bar, slope);
}

// From a formula and values to the model that the page shows.
function modelOf(source, values) {
  const steps = readFormula(source);
  const names = [...new Set([...Object.keys(values), ...steps.flatMap((s) => (s.name === undefined ? [] : [s.name]))])]
    .filter((name) => steps.some((s) => s.name === name));
  if (!names.length) throw new FormulaError("the formula has no variables, so there is nothing to differentiate; use one, as in x^2");
  const g = new Graph();
  names.forEach(() => g.nodes.push({ op: "input", inputs: [] }));
  const root = build(g, steps, names);
  if (typeof root === "object" || root < names.length) {
    throw new FormulaError("the formula is only a variable or a number; use an operation, as in x^2");
  }
  return number(g, root, { source, names, values: names.map((name) => values[name] ?? 1) });
}

// Evaluates postfix steps on a graph; equal parts become one node.
function build(g, steps, names) {
  const known = new Map(), spans = (g.spans = new Map()), stack = [];
  for (const step of steps) {
    let made;
    if (step.number !== undefined) made = { c: step.number };
    else if (step.name !== undefined) made = names.indexOf(step.name);
    else {
      const parts = stack.splice(-step.count);
      const square = step.op === "power" && parts[1].c === 2;
      const inputs = square ? parts.slice(0, 1) : parts;
      const op = square ? "square" : step.op;
      const key = JSON.stringify([op, inputs]);
      if (!known.has(key)) known.set(key, g.make(op, ...inputs));
      made = known.get(key);
    }
    if (typeof made === "number") spans.set(made, [...(spans.get(made) || []), step.span]);
    stack.push(made);
  }
  return stack[0];
}

// Numbers for the nodes, inputs first and then level by level, the walks, and their record.
function number(g, root, given) {
  const level = new Map(given.names.map((_, i) => [i, 0]));
  const order = [];
  const visit = (n, seen) => {
    if (typeof n === "object" || seen.has(n)) return;
    seen.add(n);
    g.nodes[n].inputs.forEach((x) => visit(x, seen));
    order.push(n);
  };
  visit(root, new Set(given.names.keys()));
  for (const n of order) level.set(n, 1 + Math.max(...g.nodes[n].inputs.filter((x) => typeof x === "number").map((x) => level.get(x))));
  const sorted = [...given.names.keys(), ...order].sort((a, b) => level.get(a) - level.get(b));
  const walk = new Walk(g, given.names.length);
  for (const n of sorted) walk.add(n, n < given.names.length ? ["w", given.names[n], ""] : null, g.spans.get(n) || []);
  const model = walk.model;
  Object.assign(model, {
    formula: given.source, names: given.names, inputs: given.names.map((_, i) => walk.names.get(i)[1]),
    output: walk.names.get(root)[1], count: sorted.length,
    result: ["y", "f", "out", "result"].find((n) => !given.names.includes(n)) || "result",
  });
  model.title = `${model.result} = ${given.source}`;
  model.tangents = given.names.map((_, k) => ({ of: k, rows: walk.tangents(sorted, k) }));
  const first = walk.sweep([], root, sorted, 1);
  model.sweeps = [first.sweep];
  given.names.forEach((_, k) => {
    const found = first.adjoints.get(k);
    if (found === undefined) return;
    const below = new Set();
    visit(found, below);
    if (!walk.reached.has(found)) return;
    const inside = [...below, ...given.names.keys()].filter((n, i, all) => walk.reached.has(n) && all.indexOf(n) === i);
    inside.sort((a, b) => walk.names.get(a)[1] - walk.names.get(b)[1]);
    const needed = inside.filter((n) => below.has(n) || n === found);
    model.sweeps.push(walk.sweep([k], found, needed, 2).sweep);
  });
  model.nodes.forEach((node) => { node.v = undefined; });
  model.inputs.forEach((i, k) => { model.nodes[i - 1].v = given.values[k]; });
  return model;
}

class Walk {
  constructor(g, count) {
    this.g = g;
    this.names = new Map();
    this.reached = new Set(Array.from({ length: count }, (_, i) => i));
    this.model = { nodes: [], sweeps: [], live: true, edited: true };
  }

  add(n, formula = null, at = [], generation = 0) {
    const t = formula || this.g.formula(n, this.names);
    const inputs = this.g.nodes[n].inputs.filter((x) => typeof x === "number");
    const i = this.names.size + 1;
    this.names.set(n, v(i));
    if (inputs.some((x) => this.reached.has(x))) this.reached.add(n);
    const d = [...new Set(inputs.map((x) => this.names.get(x)[1]))];
    this.model.nodes.push({ i, t, d, gen: generation, at });
    return i;
  }

  // Give numbers to what is new below `n`; returns them.
  append(n, generation) {
    const fresh = [];
    const visit = (x) => {
      if (typeof x === "object" || this.names.has(x) || fresh.includes(x)) return;
      this.g.nodes[x].inputs.forEach(visit);
      fresh.push(x);
    };
    visit(n);
    return fresh.map((x) => this.add(x, null, [], generation));
  }

  constant(value) {
    this.g.nodes.push({ op: "constant", inputs: [], value });
    return this.g.nodes.length - 1;
  }

  tangents(order, k) {
    const g = this.g;
    return order.map((n) => {
      const i = this.names.get(n)[1];
      if (g.nodes[n].op === "input") return { i, t: num(n === k ? 1 : 0) };
      const before = g.nodes.length;
      const names = new Map(this.names);
      let sum = null;
      g.nodes[n].inputs.forEach((x, place) => {
        if (typeof x === "object") return;
        const dot = this.constant(0);
        names.set(dot, v(names.get(x)[1], "dot"));
        const part = share(g, n, place, dot);
        if (part === null) return;
        const negated = sum !== null && g.nodes[part].op === "negative";
        sum = sum === null ? part : negated ? g.make("subtract", sum, g.nodes[part].inputs[0]) : g.make("add", sum, part);
      });
      const t = sum === null ? null : g.term(sum, names);
      g.nodes.length = before;
      return { i, t };
    });
  }

  // The lecture's algorithm: sum what a node has received, send each input its share.
  sweep(path, root, order, generation) {
    const g = this.g, received = new Map(), adjoints = new Map(), steps = [];
    const forward = new Map(this.names);
    const inside = new Set(order);
    for (const n of [...order].reverse()) {
      const i = this.names.get(n)[1];
      const got = received.get(n) || [];
      const step = { i, a: null, got: got.map(({ from, node, t }) => [from, node, t]), new: [], sent: [] };
      steps.push(step);
      if (n !== root && !got.length) continue;
      const bar = n === root ? this.constant(1) : got.map((p) => p.id).reduce((a, b) => g.make("add", a, b));
      adjoints.set(n, bar);
      step.new = this.append(bar, generation);
      step.a = this.names.get(bar)[1];
      const names = new Map(forward);
      names.set(bar, v(i, "bar"));
      g.nodes[n].inputs.forEach((x, k) => {
        if (typeof x === "object" || !inside.has(x)) return;
        const id = share(g, n, k, bar);
        if (id === null) return;
        const t = g.term(id, names);
        const fresh = this.append(id, generation);
        const sent = { to: this.names.get(x)[1], node: this.names.get(id)[1], t, new: fresh };
        step.sent.push(sent);
        received.set(x, [...(received.get(x) || []), { from: i, node: sent.node, t, id }]);
      });
    }
    return { sweep: { path, of: this.names.get(root)[1], steps }, adjoints };
  }
}
