// What several pages share: elements, and the values of a graph.

const DATA = JSON.parse(document.getElementById("model").textContent);

// Add content to an element: text is text, never HTML; plain objects are attributes and listeners.
function add(element, ...content) {
  for (const part of content.flat(Infinity)) {
    if (part === null || part === undefined) continue;
    if (part.constructor !== Object) element.append(part);
    else {
      for (const [key, value] of Object.entries(part)) {
        if (key.startsWith("on")) element[key] = value;
        else if (![false, null, undefined].includes(value)) element.setAttribute(key, value === true ? "" : value);
      }
    }
  }
  return element;
}

const fill = (element, ...content) => add(element, element.replaceChildren(), content);

// A function that makes elements of a namespace, with classes as in "div.panel".
const maker = (namespace) => (tag, ...content) => {
  const [name, ...classes] = tag.split("."), element = document.createElementNS(namespace, name);
  return add(element, classes.length ? { class: classes.join(" ") } : null, content);
};
const h = maker(document.documentElement.namespaceURI);
const svg = maker("http://www.w3.org/2000/svg");
const mml = maker("http://www.w3.org/1998/Math/MathML");
const button = (onclick, ...content) => h("button", { type: "button", onclick }, content);

// Values of everything, computed here where the page can, recorded otherwise.
class Values {
  constructor(model) {
    this.model = model;
    this.refresh();
  }

  // `whole` if tangents and adjoints are wanted by name too.
  refresh(whole = true) {
    const { model } = this;
    this.known = new Map();
    for (const node of model.nodes) {
      const isInput = model.inputs.includes(node.i);
      this.known.set(`${node.i}`, model.live && !isInput ? evaluate(node.t, this.known) : node.v);
    }
    if (!whole) return;
    this.dots = model.tangents.map(({ rows }) => {
      const known = new Map(this.known);
      for (const r of rows) known.set(`dot${r.i}`, !model.live ? r.v : r.t === null ? 0 : evaluate(r.t, known));
      return known;
    });
    this.bars = model.sweeps.map(({ steps }) => new Map([...this.known, ...steps.map((s) => [`bar${s.i}`, this.of(s.a)])]));
  }

  // The value of a node; of none, zero.
  of(i) { return i === null ? 0 : this.known.get(`${i}`); }
}

const isArray = (x) => x !== null && typeof x === "object";
const shapeText = (x) => (x.shape.length === 1 ? `(${x.shape[0]})` : x.shape.join("×"));

// A number, a short list of numbers, or the shape of an array.
function valueTerm(x) {
  if (!isArray(x)) return num(x);
  if (x.rows && x.shape.length === 1 && x.shape[0] <= 4) return word(`[${x.rows[0].map((y) => numberText(y)).join(", ")}]`);
  return word(`${shapeText(x)}${x.dtype === "float64" ? "" : ` ${x.dtype}`}`);
}

// For each node its level: one more than the highest of those it is computed from.
function levelsOf(nodes) {
  const level = new Map();
  for (const node of nodes) {
    level.set(node.i, Math.max(0, ...node.d.filter((x) => level.has(x)).map((x) => 1 + level.get(x))));
  }
  return level;
}
