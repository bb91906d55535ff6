// Formulas: arithmetic for the eye, evaluation, and MathML.
//
// A term is an array whose first element tells its kind:
//   ["v", 3, "bar", 5]  v̄3→5 (marks: "", "dot", "bar")    ["w", "x1", "dot"]  a word    ["n", 0.5]  a number
//   ["+", a, b, …]   ["*", a, b, …]   ["/", a, b]   ["^", a, b]   ["-", a]
//   ["f", "sin", [a], "parameters"]   ["d", of, by]  ∂of/∂by

const v = (i, mark = "", sender = null) => (sender === null ? ["v", i, mark] : ["v", i, mark, sender]);
const word = (text, mark = "") => ["w", text, mark];
const num = (x) => ["n", x];
const call = (name, ...parts) => ["f", name, parts, ""];
const isOne = (t) => t[0] === "n" && t[1] === 1;

const isLeaf = (t) => "vwn".includes(t[0]);
const partsOf = (t) => (isLeaf(t) ? [] : t[0] === "f" ? t[2] : t.slice(1));
const changed = (t, change) => (isLeaf(t) ? t : t[0] === "f" ? ["f", t[1], t[2].map(change), t[3]] : [t[0], ...t.slice(1).map(change)]);
const symbolsOf = (t) => (t[0] === "v" ? [t] : partsOf(t).flatMap(symbolsOf));
const hasSymbols = (t) => t[0] === "v" || t[0] === "w" || partsOf(t).some(hasSymbols);

const total = (a, b) => [...(a[0] === "+" ? a : ["+", a]), b];

function product(a, b) {
  if (b[0] === "-") return ["-", product(a, b[1])];
  if (a[0] === "-") return ["-", product(a[1], b)];
  if (b[0] === "/") return quotient(isOne(b[1]) ? a : product(a, b[1]), b[2]);
  if (a[0] === "/") return quotient(isOne(a[1]) ? b : product(a[1], b), a[2]);
  const factors = [a, b].flatMap((t) => (t[0] === "*" ? t.slice(1) : [t]));
  return ["*", ...factors.filter((t) => t[0] === "n"), ...factors.filter((t) => t[0] !== "n")];
}

function quotient(a, b) {
  if (a[0] === "-") return ["-", quotient(a[1], b)];
  if (a[0] === "/") return ["/", a[1], product(a[2], b)];
  return ["/", a, b];
}

// Numbers.

function erf(x) {
  if (Math.abs(x) > 1) return x < 0 ? erfc(-x) - 1 : 1 - erfc(x);
  let term = x, sum = x;
  for (let n = 1; n < 30; n++) sum += (term *= (-x * x) / n) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * sum;
}

// By its continued fraction, which needs more terms the smaller x is.
function erfc(x) {
  if (x <= 1) return 1 - erf(x);
  let f = 0;
  for (let n = 200; n > 0; n--) f = n / 2 / (x + f);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + f);
}

const expit = (a) => (a >= 0 ? 1 / (1 + Math.exp(-a)) : Math.exp(a) / (1 + Math.exp(a)));
const sumOf = (...terms) => terms.reduce((a, b) => a + b);
const productOf = (...factors) => factors.reduce((a, b) => a * b);
const ordered = (pick) => (a, b) => (a !== a || b !== b ? NaN : pick(a, b));

// What the page can compute; a graph with any other operation shows its recorded values only.
const FUNCTIONS = {
  // Without a prototype no name finds what every object has.
  __proto__: null,
  "+": sumOf, "*": productOf, "/": (a, b) => a / b, "^": Math.pow, "-": (a) => -a,
  exp2: (a) => 2 ** a, erf, erfc, expit,
  logit: (a) => Math.log(a) - Math.log1p(-a),
  softplus: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  sinc: (a) => (a === 0 ? 1 : Math.sin(Math.PI * a) / (Math.PI * a)),
  logaddexp: (a, b) => (a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)))),
  maximum: ordered(Math.max), minimum: ordered(Math.min),
  where: (c, a, b) => (c ? a : b), isnan: (a) => a !== a, less: (a, b) => a < b,
  less_equal: (a, b) => a <= b, greater: (a, b) => a > b, greater_equal: (a, b) => a >= b,
  equal: (a, b) => a === b, not_equal: (a, b) => a !== b, logical_not: (a) => !a,
  logical_and: (a, b) => a && b, logical_or: (a, b) => a || b,
};
for (const name of ("sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh "
  + "exp expm1 log log2 log10 log1p sqrt cbrt abs sign floor ceil hypot").split(" ")) FUNCTIONS[name] = Math[name.replace("arc", "a")];

// What JSON has no numbers for.
const SPECIAL = { __proto__: null, nan: NaN, inf: Infinity, "-inf": -Infinity };
const keyOf = (t) => `${t[2] || ""}${t[1]}${t.length > 3 ? `>${t[3]}` : ""}`;
const functionOf = (t) => FUNCTIONS[t[0] !== "f" ? t[0] : t[3] ? undefined : t[1]];

// The value of a term; `known` has those of the symbols by key. Undefined if it cannot be computed.
function evaluate(t, known) {
  if (t[0] === "n") return t[1] in SPECIAL ? SPECIAL[t[1]] : t[1];
  return t[0] === "v" ? known.get(keyOf(t)) : functionOf(t)?.(...partsOf(t).map((part) => evaluate(part, known)));
}

// Whether every operation in a term is one that the page can compute.
function computable(t) {
  if (t[0] === "n") return typeof t[1] !== "string" || t[1] in SPECIAL;
  return t[0] === "v" || (functionOf(t) !== undefined && partsOf(t).every(computable));
}

// The formula with numbers; of arrays with shapes; null where that says nothing new.
function inNumbers(t, known) {
  if (t === null || isLeaf(t) || !hasSymbols(t) || (t[0] === "-" && t[1][0] === "v")) return null;
  const values = symbolsOf(t).map((s) => known.get(keyOf(s)));
  if (values.includes(undefined) || !(values.some(isArray) || computable(t))) return null;
  const replaced = (part) => {
    const symbol = part[1] === "transpose" ? part[2][0] : part, value = symbol[0] === "v" ? known.get(keyOf(symbol)) : null;
    if (isArray(value)) return word(`(${(symbol === part ? value.shape : [...value.shape].reverse()).join("×")})`);
    return part[0] === "v" ? num(value) : changed(part, replaced);
  };
  return replaced(t);
}

const plain = (text) => {
  text = text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  return text === "-0" ? "0" : text;
};

// A scalar with at most `precision` decimals, as the library writes it.
function numberText(x, precision = 3) {
  if (typeof x === "string") return x;
  if (typeof x === "boolean") return x ? "True" : "False";
  if (x === undefined || x === null) return "?";
  if (!Number.isFinite(x)) return x !== x ? "nan" : x > 0 ? "inf" : "-inf";
  const size = Math.abs(x);
  if (!size || (size < 1e7 && size >= 10 ** -precision)) return plain(x.toFixed(precision));
  const [mantissa, exponent] = x.toExponential(precision).split("e");
  return `${plain(mantissa)}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

// MathML, with parentheses where they are needed.

const [COMPARISON, SUM, NEGATIVE, PRODUCT, PREFIX, POWER, ATOM] = [0, 1, 2, 3, 4, 5, 6];
const INFIX = {
  __proto__: null, less: "<", less_equal: "≤", greater: ">", greater_equal: "≥", equal: "=", not_equal: "≠",
  logical_and: "and", logical_or: "or",
};
const SHOWN = { __proto__: null, log: "ln", maximum: "max", minimum: "min", logical_not: "not" };

const [mi, mn, mo, msub, msup] = ["mi", "mn", "mo", "msub", "msup"].map((tag) => (...content) => mml(tag, ...content));
const row = (nodes) => (nodes.length === 1 ? nodes[0] : mml("mrow", nodes));
const fenced = (nodes) => [mo("("), ...nodes, mo(")")];
const minus = () => mo({ form: "prefix" }, "−");
const bar = (form) => mo({ form }, "|");

// An accent lies on the letter where a font has no table for it, so these are none.
const marked = (base, mark) => (mark ? mml("mover", { accent: "false" }, base, mo(mark === "dot" ? "˙" : "¯")) : base);

function named(text, mark) {
  const [, letter, index] = /^(\p{L})_?([0-9]+)$/u.exec(text) || [null, text];
  const base = marked(mi(letter), mark);
  return index ? msub(base, mn(index)) : base;
}

const symbol = ([, i, mark, sender]) =>
  msub({ "data-n": i }, marked(mi("v"), mark), sender === undefined ? mn(`${i}`) : mml("mrow", mn(`${i}`), mo("→"), mn(`${sender}`)));

function numeral(x) {
  const [, sign, digits, exponent] = /^(-?)([^]*?)(?:e([-+][0-9]+))?$/.exec(numberText(x));
  const nodes = [...(sign ? [minus()] : []), digits === "inf" ? mi("∞") : mn(digits)];
  if (!exponent) return [nodes, sign ? NEGATIVE : ATOM];
  const power = row([...(exponent < 0 ? [minus()] : []), mn(`${Math.abs(exponent)}`)]);
  return [[...nodes, mo("×"), msup(mn("10"), power)], sign ? NEGATIVE : PRODUCT];
}

const WRITERS = {
  v: (t) => [[symbol(t)], ATOM],
  w: ([, text, mark]) => [[named(text, mark)], ATOM],
  n: ([, x]) => numeral(x),
  "+": ([, first, ...rest]) => {
    const nodes = within(first, NEGATIVE);
    for (const t of rest) {
      const negative = t[0] === "-";
      nodes.push(mo(negative ? "−" : "+"), ...within(negative ? t[1] : t, PRODUCT));
    }
    return [nodes, SUM];
  },
  "*": ([, ...factors]) => {
    const known = !factors.some(hasSymbols);
    const [first, level] = write(factors[0]);
    const nodes = level === NEGATIVE ? first : within(factors[0], PREFIX);
    factors.slice(1).forEach((factor, i) => {
      const last = i === factors.length - 2 && write(factor)[1] === PREFIX;
      // The second is invisible times.
      const sign = known || factor[0] === "n" ? "×" : "\u2062";
      nodes.push(mo(known ? {} : { lspace: "0.12em" }, sign), ...(last ? write(factor)[0] : within(factor, PREFIX)));
    });
    return [nodes, level === NEGATIVE ? NEGATIVE : PRODUCT];
  },
  "/": ([, a, b]) => [[mml("mfrac", row(write(a)[0]), row(write(b)[0]))], PREFIX],
  "^": ([, a, b]) => [[msup(row(within(a, ATOM)), row(write(b)[0]))], POWER],
  "-": ([, a]) => [[minus(), ...within(a, PRODUCT)], NEGATIVE],
  d: ([, ...parts]) => [[mml("mfrac", parts.map((x) => row([mo("∂"), ...write(x)[0]])))], ATOM],
  f: ([, name, parts, params]) => {
    const [a, b] = parts;
    if (INFIX[name] && b) return [[...within(a, SUM), mo(INFIX[name]), ...within(b, SUM)], COMPARISON];
    if (name === "transpose") return [[msup(row(within(a, ATOM)), mi("T"))], POWER];
    if (name === "sqrt" && !params) return [[mml("msqrt", write(a)[0])], ATOM];
    if (name === "abs" && !params) return [[bar("prefix"), ...write(a)[0], bar("postfix")], ATOM];
    if (name === "matmul" && !params) return [[...within(a, PREFIX), mo("\u2062"), ...within(b, PREFIX)], PRODUCT];
    const shown = mi(SHOWN[name] || name);
    if (parts.length === 1 && !params && write(a)[1] === ATOM) {
      return [[shown, mo("\u2061"), mml("mspace", { width: "0.17em" }), ...write(a)[0]], PREFIX];
    }
    const inside = parts.flatMap((part, i) => [...(i ? [mo(",")] : []), ...write(part)[0]]);
    return [[shown, ...fenced([...inside, ...(params ? [mo(","), mml("mtext", params)] : [])])], ATOM];
  },
};

// The nodes of a term, and how tightly they hold together.
const write = (t) => WRITERS[t[0]](t);

function within(t, level) {
  const [nodes, own] = write(t);
  return own >= level ? nodes : fenced(nodes);
}

// Terms with equal signs between, as one element; the first may be missing.
function math(...terms) {
  return mml("math", terms.map((t, i) => [i ? mo("=") : null, t ? write(t)[0] : null]));
}

// A term with all its symbols replaced by what they stand for.
function expanded(t, nodes) {
  if (t[0] === "v") return expanded(nodes[t[1] - 1].t, nodes);
  const [kind, first, ...rest] = changed(t, (part) => expanded(part, nodes));
  return (kind === "+" || kind === "*") && first[0] === kind ? [...first, ...rest] : [kind, first, ...rest];
}

const SAID = { "\u2062": " ", "\u2061": " ", ",": ", " };

// The words a screen reader or a test sees, from MathML.
function spoken(node) {
  if (node.nodeType === 3) return node.data;
  const parts = [...node.childNodes].map(spoken);
  const [a, b] = parts.map((part, i) => (node.childNodes[i].localName === "mrow" ? `(${part})` : part));
  switch (node.localName) {
    case "mover": return a + (b === "˙" ? "\u0307" : "\u0304");
    case "msup": return `${a}^${b}`;
    case "mfrac": return parts[0][0] === "∂" ? parts.join("/") : `${a} / ${b}`;
    case "msqrt": return `√(${parts.join("")})`;
    case "mo":
      if (a === "−") return node.getAttribute("form") ? "-" : " - ";
      return SAID[a] || ("()|→∂˙¯".includes(a) ? a : ` ${a} `);
  }
  return parts.join("");
}
