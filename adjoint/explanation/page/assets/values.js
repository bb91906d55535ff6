// What several pages share: elements, and the values of a graph.

const SVG = "http://www.w3.org/2000/svg";

// An element; text children are text, never HTML.
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return element;
}

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

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
      const value = model.live && !isInput ? evaluate(node.t, this.known) : node.v;
      this.known.set(`${node.i}`, value);
    }
    if (!whole) return;
    this.dots = model.tangents.map(({ rows }) => {
      const known = new Map(this.known);
      for (const r of rows) known.set(`dot${r.i}`, !model.live ? r.v : r.t === null ? 0 : evaluate(r.t, known));
      return known;
    });
    this.bars = model.sweeps.map((sweep) => {
      const known = new Map(this.known);
      for (const s of sweep.steps) known.set(`bar${s.i}`, s.a === null ? 0 : this.of(s.a));
      return known;
    });
  }

  of(i) { return this.known.get(`${i}`); }
}

const isArray = (x) => x !== null && typeof x === "object";
const shapeText = (x) => (x.shape.length === 1 ? `(${x.shape[0]})` : x.shape.join("×"));

// A number, a short list of numbers, or the shape of an array.
function valueTerm(x) {
  if (!isArray(x)) return num(x);
  if (x.rows && x.shape.length === 1 && x.shape[0] <= 4) return ["w", `[${x.rows[0].map((y) => numberText(y)).join(", ")}]`, ""];
  return ["w", `${shapeText(x)}${x.dtype === "float64" ? "" : ` ${x.dtype}`}`, ""];
}
