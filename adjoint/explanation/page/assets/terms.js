// Formulas: arithmetic for the eye, evaluation, and MathML.
//
// A term is an array whose first element tells its kind:
//   ["v", 3, "bar", 5]  v̄3→5 (marks: "", "dot", "bar")    ["w", "x1", "dot"]  a word    ["n", 0.5]  a number
//   ["+", a, b, …]   ["*", a, b, …]   ["/", a, b]   ["^", a, b]   ["-", a]
//   ["f", "sin", [a], "parameters"]   ["d", of, by]  ∂of/∂by

const v = (i, mark = "", sender = null) => (sender === null ? ["v", i, mark] : ["v", i, mark, sender]);
const num = (x) => ["n", x];
const isNumber = (t, x) => t[0] === "n" && t[1] === x;

function total(a, b) {
  return [...(a[0] === "+" ? a : ["+", a]), b];
}

function product(a, b) {
  if (b[0] === "-") return ["-", product(a, b[1])];
  if (a[0] === "-") return ["-", product(a[1], b)];
  if (b[0] === "/") return quotient(isNumber(b[1], 1) ? a : product(a, b[1]), b[2]);
  if (a[0] === "/") return quotient(isNumber(a[1], 1) ? b : product(a[1], b), a[2]);
  const factors = [a, b].flatMap((t) => (t[0] === "*" ? t.slice(1) : [t]));
  return ["*", ...factors.filter((t) => t[0] === "n"), ...factors.filter((t) => t[0] !== "n")];
}

function quotient(a, b) {
  if (a[0] === "-") return ["-", quotient(a[1], b)];
  if (a[0] === "/") return ["/", a[1], product(a[2], b)];
  return ["/", a, b];
}

// Numbers.

function erfc(x) {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) { // 1 - the series of erf
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum) && n < 200; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let f = 0; // the continued fraction
  for (let n = 120; n > 0; n--) f = n / 2 / (x + f);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + f);
}

const expit = (a) => (a >= 0 ? 1 / (1 + Math.exp(-a)) : Math.exp(a) / (1 + Math.exp(a)));
const either = (a, b, pick) => (a !== a || b !== b ? NaN : pick(a, b));

// What the page can compute; a graph with any other operation shows its recorded values only.
const FUNCTIONS = {
  sin: Math.sin, cos: Math.cos, tan: Math.tan, arcsin: Math.asin, arccos: Math.acos,
  arctan: Math.atan, sinh: Math.sinh, cosh: Math.cosh, tanh: Math.tanh, arcsinh: Math.asinh,
  arccosh: Math.acosh, arctanh: Math.atanh, exp: Math.exp, exp2: (a) => 2 ** a,
  expm1: Math.expm1, log: Math.log, log2: Math.log2, log10: Math.log10, log1p: Math.log1p,
  sqrt: Math.sqrt, cbrt: Math.cbrt, abs: Math.abs, sign: Math.sign, floor: Math.floor,
  ceil: Math.ceil, expit, erfc,
  erf: (x) => {
    if (Math.abs(x) > 1) return x < 0 ? erfc(-x) - 1 : 1 - erfc(x);
    let term = x, sum = x;
    for (let n = 1; n < 30; n++) sum += (term *= (-x * x) / n) / (2 * n + 1);
    return (2 / Math.sqrt(Math.PI)) * sum;
  },
  logit: (a) => Math.log(a) - Math.log1p(-a),
  softplus: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  sinc: (a) => (a === 0 ? 1 : Math.sin(Math.PI * a) / (Math.PI * a)),
  arctan2: Math.atan2, hypot: Math.hypot, power: Math.pow,
  maximum: (a, b) => either(a, b, Math.max), minimum: (a, b) => either(a, b, Math.min),
  logaddexp: (a, b) => (a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)))),
  where: (c, a, b) => (c ? a : b), isnan: (a) => a !== a, less: (a, b) => a < b,
  less_equal: (a, b) => a <= b, greater: (a, b) => a > b, greater_equal: (a, b) => a >= b,
  equal: (a, b) => a === b, not_equal: (a, b) => a !== b, logical_not: (a) => !a,
  logical_and: (a, b) => a && b, logical_or: (a, b) => a || b,
};

const SPECIAL = { nan: NaN, inf: Infinity, "-inf": -Infinity }; // which JSON has no numbers for
const keyOf = (t) => `${t[2] || ""}${t[1]}${t.length > 3 ? `>${t[3]}` : ""}`;

// The value of a term; `known` has those of the symbols by key. Undefined if it cannot be computed.
function evaluate(t, known) {
  const of = (part) => evaluate(part, known);
  switch (t[0]) {
    case "n": return typeof t[1] === "string" ? SPECIAL[t[1]] : t[1];
    case "v": return known.get(keyOf(t));
    case "+": return t.slice(1).map(of).reduce((a, b) => a + b);
    case "*": return t.slice(1).map(of).reduce((a, b) => a * b);
    case "/": return of(t[1]) / of(t[2]);
    case "^": return of(t[1]) ** of(t[2]);
    case "-": return -of(t[1]);
    case "f": return t[3] || !Object.hasOwn(FUNCTIONS, t[1]) ? undefined : FUNCTIONS[t[1]](...t[2].map(of));
  }
  return undefined;
}

// Whether every operation in a term is one that the page can compute.
function computable(t) {
  switch (t[0]) {
    case "n": return typeof t[1] !== "string" || t[1] in SPECIAL;
    case "v": return true;
    case "+": case "*": case "/": case "^": case "-": return t.slice(1).every(computable);
    case "f": return !t[3] && Object.hasOwn(FUNCTIONS, t[1]) && t[2].every(computable);
  }
  return false;
}

// The term with numbers in place of its symbols.
function withNumbers(t, known) {
  switch (t[0]) {
    case "v": return num(known.get(keyOf(t)));
    case "f": return ["f", t[1], t[2].map((a) => withNumbers(a, known)), t[3]];
    case "n": case "w": return t;
  }
  return [t[0], ...t.slice(1).map((a) => withNumbers(a, known))];
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
  if (size && (size >= 1e7 || size < 10 ** -precision)) {
    const [mantissa, exponent] = x.toExponential(precision).split("e");
    const digits = exponent.slice(1).padStart(2, "0");
    return `${plain(mantissa)}e${exponent[0]}${digits}`;
  }
  return plain(x.toFixed(precision));
}

// MathML, with parentheses where they are needed.

const MATHML = "http://www.w3.org/1998/Math/MathML";
const [COMPARISON, SUM, NEGATIVE, PRODUCT, PREFIX, POWER, ATOM] = [0, 1, 2, 3, 4, 5, 6];
const INFIX = {
  less: "<", less_equal: "≤", greater: ">", greater_equal: "≥", equal: "=", not_equal: "≠",
  logical_and: "and", logical_or: "or",
};
const SHOWN = { log: "ln", maximum: "max", minimum: "min", logical_not: "not" };

function mml(tag, ...children) {
  const element = document.createElementNS(MATHML, tag);
  element.append(...children.flat());
  return element;
}

const row = (nodes) => (nodes.length === 1 ? nodes[0] : mml("mrow", nodes));
const fenced = (nodes) => [mml("mo", "("), ...nodes, mml("mo", ")")];
const times = () => mml("mo", "×");

function operator(sign, form) {
  const element = mml("mo", sign);
  element.setAttribute("form", form);
  return element;
}

const minus = () => operator("−", "prefix");
const bar = (form) => operator("|", form);

function word(text, mark) {
  const parts = /^(\p{L})_?([0-9]+)$/u.exec(text);
  let base = mml("mi", parts ? parts[1] : text);
  if (mark) base = accented(base, mark);
  return parts ? mml("msub", base, mml("mn", parts[2])) : base;
}

function accented(base, mark) {
  const over = mml("mover", base, mml("mo", mark === "dot" ? "˙" : "¯"));
  over.setAttribute("accent", "false"); // an accent lies on the letter where a font has no table for it
  return over;
}

function symbol(t) {
  const base = t[2] ? accented(mml("mi", "v"), t[2]) : mml("mi", "v");
  const index = t.length > 3
    ? mml("mrow", mml("mn", `${t[1]}`), mml("mo", "→"), mml("mn", `${t[3]}`))
    : mml("mn", `${t[1]}`);
  const element = mml("msub", base, index);
  element.dataset.n = t[1];
  return element;
}

function numeral(x) {
  const text = numberText(x);
  const level = text[0] === "-" ? NEGATIVE : ATOM;
  const sign = text[0] === "-" ? [minus()] : [];
  const rest = text.replace(/^-/, "");
  const parts = /^([0-9.]+)e([-+])([0-9]+)$/.exec(rest);
  if (parts) {
    const exponent = row([...(parts[2] === "-" ? [minus()] : []), mml("mn", `${+parts[3]}`)]);
    return [[...sign, mml("mn", parts[1]), times(), mml("msup", mml("mn", "10"), exponent)], Math.min(level, PRODUCT)];
  }
  return [[...sign, rest === "inf" ? mml("mi", "∞") : mml("mn", rest)], level];
}

// The nodes of a term, and how tightly they hold together.
function write(t) {
  switch (t[0]) {
    case "v": return [[symbol(t)], ATOM];
    case "w": return [[word(t[1], t[2])], ATOM];
    case "n": return numeral(t[1]);
    case "+": return [writeSum(t.slice(1)), SUM];
    case "*": return writeProduct(t.slice(1));
    case "/": return [[mml("mfrac", row(write(t[1])[0]), row(write(t[2])[0]))], PREFIX];
    case "^": return [[mml("msup", row(within(t[1], ATOM)), row(write(t[2])[0]))], POWER];
    case "-": return [[minus(), ...within(t[1], PRODUCT)], NEGATIVE];
    case "d": {
      const partial = (x) => row([mml("mo", "∂"), ...write(x)[0]]);
      return [[mml("mfrac", partial(t[1]), partial(t[2]))], ATOM];
    }
  }
  return writeCall(t);
}

function within(t, level) {
  const [nodes, own] = write(t);
  return own >= level ? nodes : fenced(nodes);
}

function writeSum(terms) {
  const nodes = within(terms[0], NEGATIVE);
  for (const t of terms.slice(1)) {
    const negative = t[0] === "-";
    nodes.push(mml("mo", negative ? "−" : "+"), ...within(negative ? t[1] : t, PRODUCT));
  }
  return nodes;
}

const hasSymbols = (t) => {
  if (t[0] === "n") return false;
  if (t[0] === "f") return t[2].some(hasSymbols);
  return !["+", "*", "/", "^", "-"].includes(t[0]) || t.slice(1).some(hasSymbols);
};

function writeProduct(factors) {
  const known = !factors.some(hasSymbols);
  const [first, level] = write(factors[0]);
  const nodes = level === NEGATIVE ? first : within(factors[0], PREFIX);
  factors.slice(1).forEach((factor, i) => {
    const last = i === factors.length - 2 && write(factor)[1] === PREFIX;
    const sign = known || factor[0] === "n" ? times() : mml("mo", "\u2062"); // invisible times
    if (!known) sign.setAttribute("lspace", "0.12em");
    nodes.push(sign, ...(last ? write(factor)[0] : within(factor, PREFIX)));
  });
  return [nodes, level === NEGATIVE ? NEGATIVE : PRODUCT];
}

function writeCall(t) {
  const [, name, parts, params] = t;
  if (INFIX[name] && parts.length === 2) {
    return [[...within(parts[0], SUM), mml("mo", INFIX[name]), ...within(parts[1], SUM)], COMPARISON];
  }
  if (name === "sqrt" && !params) return [[mml("msqrt", write(parts[0])[0])], ATOM];
  if (name === "abs" && !params) return [[bar("prefix"), ...write(parts[0])[0], bar("postfix")], ATOM];
  if (name === "transpose") return [[mml("msup", row(within(parts[0], ATOM)), mml("mi", "T"))], POWER];
  if (name === "matmul" && !params) {
    return [[...within(parts[0], PREFIX), mml("mo", "\u2062"), ...within(parts[1], PREFIX)], PRODUCT];
  }
  const shown = mml("mi", Object.hasOwn(SHOWN, name) ? SHOWN[name] : name);
  if (parts.length === 1 && !params) {
    const [nodes, level] = write(parts[0]);
    if (level === ATOM) return [[shown, mml("mo", "\u2061"), space(), ...nodes], PREFIX];
  }
  const inside = parts.flatMap((part, i) => [...(i ? [mml("mo", ",")] : []), ...write(part)[0]]);
  if (params) inside.push(mml("mo", ","), mml("mtext", params));
  return [[shown, ...fenced(inside)], ATOM];
}

function space() {
  const element = mml("mspace");
  element.setAttribute("width", "0.17em");
  return element;
}

// Terms with equal signs between, as one element; the first may be missing.
function math(...terms) {
  return mml("math", terms.flatMap((t, i) => [...(i ? [mml("mo", "=")] : []), ...(t ? write(t)[0] : [])]));
}

// A term with all its symbols replaced by what they stand for.
function expanded(t, nodes) {
  if (t[0] === "v") return expanded(nodes[t[1] - 1].t, nodes);
  if (t[0] === "f") return ["f", t[1], t[2].map((a) => expanded(a, nodes)), t[3]];
  const parts = t.slice(1).map((a) => (Array.isArray(a) ? expanded(a, nodes) : a));
  if ((t[0] === "+" || t[0] === "*") && parts[0][0] === t[0]) parts.splice(0, 1, ...parts[0].slice(1));
  return [t[0], ...parts];
}

// The words a screen reader or a test sees, from MathML.
function spoken(node) {
  if (node.nodeType === 3) return node.data;
  const parts = [...node.childNodes].map(spoken);
  const grouped = (i) => (node.childNodes[i].localName === "mrow" ? `(${parts[i]})` : parts[i]);
  switch (node.localName) {
    case "mover": return parts[0] + (parts[1] === "˙" ? "\u0307" : "\u0304");
    case "msub": return parts.join("");
    case "msup": return `${grouped(0)}^${grouped(1)}`;
    case "mfrac": return parts[0][0] === "∂" ? parts.join("/") : `${grouped(0)} / ${grouped(1)}`;
    case "msqrt": return `√(${parts.join("")})`;
    case "mspace": return "";
    case "mo": {
      const sign = parts.join("");
      if (sign === "\u2062") return " ";
      if (sign === "\u2061") return " ";
      if (sign === "−") return node.getAttribute("form") ? "-" : " - ";
      return "()|→∂˙¯".includes(sign) ? sign : sign === "," ? ", " : ` ${sign} `;
    }
  }
  return parts.join("");
}
