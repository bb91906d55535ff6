// The page's own small library: reads a formula and makes of it what Python records of a function,
// so that a visitor can change the formula. Reverse mode here is the lecture's, graph extension.

// What the library's reader knows: functions by name, each with its usual name and count of arguments.
const { functions, constants } = DATA.language || {};
const KNOWN = { __proto__: null, ...functions };
const KNOWN_IN_SLOPES = { ...KNOWN, __proto__: null, equal: ["equal", 2], less: ["less", 2], greater: ["greater", 2], where: ["where", 3] };
const TOKEN = /((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|([A-Za-zΑ-Ωα-ω][A-Za-zΑ-Ωα-ω0-9_]*)|(\*\*|[-+*/^(),])|\S/gu;
const OPERATORS = { __proto__: null, "+": ["add", 1], "-": ["subtract", 1], "*": ["multiply", 2], "/": ["divide", 2] };
const LONGEST = 2000;
const DEEPEST = 64;

class FormulaError extends Error {}

function fail(message) { throw new FormulaError(message); }

// A formula as a tree of {number}, {name} and {op, parts}, each with its span in the source; `from`
// is where it begins with its parentheses. `names` learns the names in it.
function readFormula(source, known = KNOWN, names = new Set()) {
  if (source.length > LONGEST) fail(`the formula is longer than ${LONGEST} characters`);
  const tokens = [...source.replace(/[−×·⋅÷]/g, (c) => ({ "−": "-", "÷": "/" })[c] || "*").matchAll(TOKEN)];
  const strange = tokens.find((token) => !token[1] && !token[2] && !token[3]);
  if (strange) fail(`“${strange[0]}” is not mathematics; write numbers, names, + - * / ^, parentheses and functions`);
  let position = 0, depth = 0;
  const here = () => tokens[position]?.[0];
  const take = () => tokens[position++];
  const endOf = ({ index, 0: text }) => index + text.length;
  const leaf = (what, token) => ({ ...what, from: token.index, span: [token.index, endOf(token)] });
  const apply = (op, parts, from = parts[0].from) => ({ op, parts, from, span: [from, endOf(tokens[position - 1])] });
  const unexpected = () => {
    if (here() === undefined) fail("the formula ends too early");
    fail(position && (here() === "(" || !tokens[position][3]) ? `“${here()}” follows “${tokens[position - 1][0]}” without an operation; multiplication is written with a star`
      : `“${here()}” was not expected here`);
  };
  const inside = (part) => {
    if (++depth > DEEPEST) fail(`more than ${DEEPEST} levels of parentheses`);
    const found = part();
    depth--;
    return found;
  };
  const close = () => (here() === ")" ? take() : unexpected());
  // What is bound more tightly than `level`.
  const read = (level = 0) => {
    let found = signed();
    while (OPERATORS[here()]?.[1] > level) {
      const [op, own] = OPERATORS[take()[0]];
      found = apply(op, [found, read(own)]);
    }
    return found;
  };
  const named = (token) => {
    const [text] = token, [name, wanted] = known[text] || [];
    if (here() !== "(") {
      if (wanted) fail(`the function ${text} has no argument; write ${text}(…)`);
      if (Object.hasOwn(constants, text)) return leaf({ number: constants[text] }, token);
      names.add(text);
      return leaf({ name: text }, token);
    }
    if (!wanted) fail(`the page has no function “${text}”; it has ${Object.keys(KNOWN).join(", ")}`);
    // These take many arguments, two by two.
    const folds = name === "maximum" || name === "minimum";
    let parts = [], count = 0;
    do {
      take();
      parts.push(inside(read));
      if (++count > 1 && folds) parts = [apply(name, parts, token.index)];
    } while (here() === ",");
    close();
    if (count !== wanted && !(folds && count > 1)) fail(`${text} takes ${wanted} argument${wanted > 1 ? "s" : ""}, got ${count}`);
    return apply(name, folds ? parts[0].parts : parts, token.index);
  };
  const atom = () => {
    const token = tokens[position];
    if (token?.[1]) return leaf({ number: +take()[0] }, token);
    if (token?.[2]) return named(take());
    if (here() !== "(") unexpected();
    take();
    const found = inside(read);
    close();
    return { ...found, from: token.index };
  };
  const signed = () => {
    const from = tokens[position]?.index;
    let negative = false;
    while (here() === "+" || here() === "-") negative = negative !== (take()[0] === "-");
    let found = atom();
    if (here() === "^" || here() === "**") {
      take();
      found = apply("power", [found, inside(signed)]);
    }
    if (!negative) return found;
    return found.number === undefined ? apply("negative", [found], from) : { ...found, number: -found.number, from };
  };
  const found = read();
  if (here() !== undefined) unexpected();
  return found;
}

// The derivative of an operation y by its inputs a and b, or by a alone; nothing where it is zero. Of
// two equal ones half is chosen, as in the library.
const chosen = (a, b, test) => `where(equal(${a}, ${b}), 0.5, where(${test}(${a}, ${b}), 1, 0))`;
const ratio = (a, b) => `where(equal(${b}, 0), 0, ${a} / (${b}))`;
const SLOPES = {
  __proto__: null, add: ["1", "1"], subtract: ["1", "-1"], negative: "-1", multiply: ["b", "a"], divide: ["1 / b", "-y / b"],
  power: ["where(equal(b, 0), 0, b * a^(b - 1))", "where(equal(a, 0), 0, y * log(a))"],
  square: "2 * a", reciprocal: "-(y * y)", abs: "sign(a)", sqrt: "0.5 / y", cbrt: "1 / 3 / y^2",
  sin: "cos(a)", cos: "-sin(a)", tan: "1 + y * y", sinh: "cosh(a)", cosh: "sinh(a)", tanh: "1 - y * y",
  arcsin: "1 / sqrt(1 - a^2)", arccos: "-(1 / sqrt(1 - a^2))", arctan: "1 / (1 + a^2)",
  arcsinh: "1 / sqrt(1 + a^2)", arccosh: "1 / sqrt(a^2 - 1)", arctanh: "1 / (1 - a^2)",
  exp: "y", exp2: "log(2) * y", expm1: "y + 1", log: "1 / a", log2: "log2(e) / a", log10: "log10(e) / a", log1p: "1 / (1 + a)",
  erf: "2 / sqrt(pi) * exp(-a^2)", erfc: "-(2 / sqrt(pi) * exp(-a^2))",
  expit: "y * (1 - y)", logit: "1 / (a * (1 - a))", softplus: "expit(a)", logaddexp: ["expit(a - b)", "expit(b - a)"],
  arctan2: [ratio("b", "a^2 + b^2"), ratio("-a", "a^2 + b^2")], hypot: [ratio("a", "y"), ratio("b", "y")],
  maximum: [chosen("a", "b", "greater"), chosen("b", "a", "greater")], minimum: [chosen("a", "b", "less"), chosen("b", "a", "less")],
};

const TERMS = {
  __proto__: null, add: total, subtract: (a, b) => total(a, ["-", b]), multiply: product, divide: quotient,
  negative: (a) => ["-", a], power: (a, b) => ["^", a, b], square: (a) => ["^", a, num(2)], reciprocal: (a) => quotient(num(1), a),
};

const termOf = (op, parts) => (TERMS[op] ? TERMS[op](...parts) : call(op, ...parts));

const isConstant = (x) => typeof x === "object";

// A graph of nodes {op, inputs}: each input is the number of a node or a constant {c}. What is part
// of the model has a name.
class Graph {
  nodes = [];
  names = new Map();
  // The nodes that depend on inputs.
  moving = new Set();
  recorded = [];
  generation = 0;

  make(op, ...inputs) {
    if (inputs.every(isConstant)) return { c: evaluate(termOf(op, inputs.map((x) => num(x.c)))) };
    if (op === "where" && isConstant(inputs[0])) return inputs[inputs[0].c ? 1 : 2];
    return this.nodes.push({ op, inputs }) - 1;
  }

  constant(value) { return this.nodes.push({ op: "constant", inputs: [], value }) - 1; }

  // What a formula stands for; `given` has what its names stand for. Equal parts become one node,
  // and `spans` learns where each node stands in the source.
  build(tree, given, spans = new Map(), known = new Map()) {
    if (tree.number !== undefined) return { c: tree.number };
    let made = given.get(tree.name);
    if (tree.op) {
      const inputs = tree.parts.map((part) => this.build(part, given, spans, known));
      const square = tree.op === "power" && inputs[1].c === 2;
      const [op, used] = square ? ["square", inputs.slice(0, 1)] : [tree.op, inputs];
      const key = [op, ...used.map((x) => (isConstant(x) ? `c${x.c}` : x))].join();
      if (!known.has(key)) known.set(key, this.make(op, ...used));
      made = known.get(key);
    }
    if (!isConstant(made)) spans.set(made, [...(spans.get(made) || []), tree.span]);
    return made;
  }

  // What node `n` sends to its input `k`, given `bar`: its adjoint, or the tangent of that input.
  share(n, k, bar) {
    const { op, inputs: [a, b] } = this.nodes[n];
    if (op === "where") return k ? this.make("where", a, ...(k === 1 ? [bar, { c: 0 }] : [{ c: 0 }, bar])) : null;
    const slope = [SLOPES[op]].flat()[k];
    if (slope === undefined) return null;
    const by = this.build(readFormula(slope, KNOWN_IN_SLOPES), new Map(Object.entries({ a, b, y: n })));
    return by.c === 1 ? bar : by.c === -1 ? this.make("negative", bar) : this.make("multiply", bar, by);
  }

  // Node `n` and all that it is computed from, inputs first, after those in `seen`.
  below(n, seen = new Set()) {
    if (isConstant(n) || seen.has(n)) return seen;
    for (const x of this.nodes[n].inputs) this.below(x, seen);
    return seen.add(n);
  }

  // What `x` is, in terms of nodes that have names.
  term(x, names = this.names) {
    if (isConstant(x)) return num(x.c);
    if (names.has(x)) return names.get(x);
    const { op, inputs, value } = this.nodes[x];
    if (op === "constant") return num(value);
    return termOf(op, inputs.map((input) => this.term(input, names)));
  }

  number(n) { return this.names.get(n)[1]; }

  add(n, t = this.term(n), at = []) {
    const inputs = this.nodes[n].inputs.filter((x) => !isConstant(x));
    if (this.nodes[n].op === "input" || inputs.some((x) => this.moving.has(x))) this.moving.add(n);
    this.names.set(n, v(this.names.size + 1));
    const d = [...new Set(inputs.map((x) => this.number(x)))];
    this.recorded.push({ i: this.number(n), t, d, gen: this.generation, at });
    return this.number(n);
  }

  // Give numbers to what is new below `n`; returns them.
  append(n) {
    return [...this.below(n, new Set(this.names.keys()))].slice(this.names.size).map((x) => this.add(x));
  }

  // The tangents by input `k`: each is the sum of what the tangents of the inputs contribute.
  tangents(order, k) {
    return order.map((n) => {
      const { op, inputs } = this.nodes[n], i = this.number(n), names = new Map(this.names);
      if (op === "input") return { i, t: num(n === k ? 1 : 0) };
      const parts = inputs.map((x, place) => {
        const dot = this.constant(0), part = isConstant(x) ? null : this.share(n, place, dot);
        if (part === null) return null;
        return this.term(part, names.set(dot, v(this.number(x), "dot")));
      }).filter(Boolean);
      return { i, t: parts.length ? parts.reduce(total) : null };
    });
  }

  // The lecture's algorithm: sum what a node has received, send each input its share.
  sweep(path, root, order) {
    const received = new Map(order.map((n) => [n, []])), adjoints = new Map(), steps = [], before = new Map(this.names);
    this.generation = path.length + 1;
    for (const n of [...order].reverse()) {
      const i = this.number(n), got = received.get(n);
      const step = { i, a: null, got: got.map(({ from, node, t }) => [from, node, t]), new: [], sent: [] };
      steps.push(step);
      if (n !== root && !got.length) continue;
      const bar = n === root ? this.constant(1) : got.map((p) => p.id).reduce((a, b) => this.make("add", a, b));
      adjoints.set(n, bar);
      step.new = this.append(bar);
      step.a = this.number(bar);
      const names = new Map(before).set(bar, v(i, "bar"));
      this.nodes[n].inputs.forEach((x, k) => {
        const id = received.has(x) ? this.share(n, k, bar) : null;
        if (id === null) return;
        const t = this.term(id, names), fresh = this.append(id), node = this.number(id);
        step.sent.push({ to: this.number(x), node, t, new: fresh });
        received.get(x).push({ from: i, node, t, id });
      });
    }
    return { sweep: { path, of: this.number(root), steps }, adjoints };
  }
}

// From a formula and values to the model that the page shows. Inputs are numbered first, then the
// other nodes level by level.
function modelOf(source, values) {
  const used = new Set(), tree = readFormula(source, KNOWN, used);
  const names = [...new Set([...Object.keys(values), ...used])].filter((name) => used.has(name));
  if (!names.length) fail("the formula has no variables, so there is nothing to differentiate; use one, as in x^2");
  const g = new Graph(), spans = new Map();
  names.forEach(() => g.nodes.push({ op: "input", inputs: [] }));
  const inputs = names.map((_, k) => k);
  const root = g.build(tree, new Map(names.map((name, k) => [name, k])), spans);
  if (isConstant(root) || root < names.length) fail("the formula is only a variable or a number; use an operation, as in x^2");
  const order = [...g.below(root, new Set(inputs))], level = levelsOf(order.map((n) => ({ i: n, d: g.nodes[n].inputs })));
  order.sort((a, b) => level.get(a) - level.get(b));
  for (const n of order) g.add(n, n < names.length ? word(names[n]) : g.term(n), spans.get(n));
  const tangents = names.map((_, k) => ({ of: k, rows: g.tangents(order, k) }));
  const first = g.sweep([], root, order);
  const again = names.flatMap((_, k) => {
    const found = first.adjoints.get(k);
    if (!g.moving.has(found)) return [];
    const inside = [...g.below(found)].filter((n) => g.moving.has(n)).sort((a, b) => g.number(a) - g.number(b));
    return [g.sweep([k], found, inside).sweep];
  });
  inputs.forEach((n) => { g.recorded[n].v = Object.hasOwn(values, names[n]) ? values[names[n]] : 1; });
  const result = ["y", "f", "out"].find((name) => !names.includes(name)) || "result";
  return {
    title: `${result} = ${source}`, formula: source, names, result, inputs: inputs.map((n) => g.number(n)), output: g.number(root),
    count: order.length, nodes: g.recorded, tangents, sweeps: [first.sweep, ...again], live: true, edited: true,
  };
}
