// The timeline: every phase is a list of steps, and tables whose rows belong to steps.
//
// A step: {say: parts shown as one line, node: the node it is about, value/badge/edge/fresh: what
// appears in the graph, dict: the dictionary of partial adjoints after it, ask: what can be predicted}.

// The formula with numbers; of arrays with shapes; null where that says nothing new.
function inNumbers(t, known) {
  if (t === null || t[0] === "v" || t[0] === "n" || t[0] === "w") return null;
  if (!hasSymbols(t) || (t[0] === "-" && t[1][0] === "v")) return null;
  const keys = symbolsOf(t).map(keyOf);
  if (keys.some((key) => !known.has(key))) return null;
  if (keys.some((key) => isArray(known.get(key)))) {
    const shapes = (x) => {
      const value = x[0] === "v" ? known.get(keyOf(x)) : x[1] === "transpose" && x[2][0][0] === "v" ? known.get(keyOf(x[2][0])) : null;
      if (isArray(value)) return ["w", `(${(x[0] === "v" ? value.shape : [...value.shape].reverse()).join("×")})`, ""];
      if (x[0] === "v") return num(value);
      if (x[0] === "f") return ["f", x[1], x[2].map(shapes), x[3]];
      return x[0] === "n" || x[0] === "w" ? x : [x[0], ...x.slice(1).map(shapes)];
    };
    return shapes(t);
  }
  return computable(t) ? withNumbers(t, known) : null;
}

function symbolsOf(t) {
  if (t[0] === "v") return [t];
  if (t[0] === "f") return t[2].flatMap(symbolsOf);
  return t.slice(1).filter(Array.isArray).flatMap(symbolsOf);
}

const slope = (j, i) => ["*", v(j, "bar"), ["d", v(j), v(i)]];
const derivativeName = (model, path) => {
  const power = ["", "", "²", "³"][path.length];
  return `∂${power}${model.result}/${path.map((k) => `∂${model.names[k]}`).join("")}`;
};

function phasesOf(model, values) {
  const found = [forwardPhase(model, values)];
  if (model.tangents.length) found.push(tangentPhase(model, values));
  found.push(reversePhase(model, values), extendPhase(model, values, 0, "extend"));
  if (model.sweeps.length > 1) found.push(againPhase(model, values));
  if (model.program) found.push(...programPhase(model));
  return found;
}

function forwardPhase(model, values) {
  const nodes = model.nodes.slice(0, model.count);
  const steps = nodes.map((node) => {
    const isInput = model.inputs.includes(node.i);
    return {
      node: node.i, value: node.i,
      say: () => [v(node.i), ...(node.t[0] === "w" && node.t[1] === `v${node.i}` ? [] : [node.t]),
        ...[inNumbers(node.t, values.known)].filter(Boolean), valueTerm(values.of(node.i))],
      why: isInput ? "An input: its value is given." : null,
      ask: isInput || isArray(node.v) ? null : {
        target: [v(node.i)], truth: () => values.of(node.i), hint: () => [v(node.i), node.t, inNumbers(node.t, values.known) || node.t],
        slips: () => [[-values.of(node.i), "The sign is the other one."]],
      },
    };
  });
  const rows = nodes.map((node, k) => ({
    step: k, node: node.i,
    cells: [() => [v(node.i)], () => [node.t], () => [inNumbers(node.t, values.known)], () => [valueTerm(values.of(node.i))]],
  }));
  rows.push({ step: nodes.length - 1, node: model.output, cells: [() => [["w", model.result, ""]], () => [v(model.output)], () => [null], () => [valueTerm(values.of(model.output))]] });
  return {
    id: "forward", name: "Evaluate", stage: "forward", steps,
    lead: "The forward evaluation trace: each node comes after those it is computed from. Such an order is called topological.",
    tables: [{ caption: "Forward evaluation trace", head: ["node", "formula", "in numbers", "value"], rows }],
  };
}

function tangentPhase(model, values) {
  const phase = {
    id: "tangent", name: "Forward mode", stage: "forward", choice: 0,
    choices: model.tangents.map(({ of }) => `∂/∂${model.names[of]}`),
    choose: "Derivative by",
  };
  const inputs = model.inputs.length;
  phase.build = () => {
    const { of, rows: recorded } = model.tangents[phase.choice];
    const known = () => values.dots[phase.choice];
    const dot = (i) => known().get(`dot${i}`);
    phase.steps = recorded.map((r) => ({
      node: r.i, all: true, badge: { i: r.i, kind: "tangent", term: v(r.i, "dot"), value: () => dot(r.i) },
      say: () => [v(r.i, "dot"), ...(model.inputs.includes(r.i) || r.t === null ? [] : [r.t]), ...[r.t && inNumbers(r.t, known())].filter(Boolean), valueTerm(dot(r.i))],
      why: model.inputs.includes(r.i) ? (r.i === model.inputs[of] ? "The seed: one for the input by which we differentiate." : "The other inputs stand still.")
        : r.t === null ? "Nothing arrives here: the tangent is zero." : null,
      ask: isArray(r.v) ? null : {
        target: [v(r.i, "dot")], truth: () => dot(r.i), hint: () => (r.t ? [v(r.i, "dot"), r.t] : [v(r.i, "dot"), num(0)]),
        slips: () => [
          [-dot(r.i), "The sign is the other one."],
          ...(r.t && r.t[0] === "+" ? r.t.slice(1).map((part) => [evaluate(part, known()), "That is one of the terms: each input that moves contributes one."]) : []),
          ...(r.t ? symbolsOf(r.t).filter((s) => s[2] === "dot").map((s) => [known().get(keyOf(s)), "That is the tangent of an input of the node: multiply it by the derivative of the node."]) : []),
        ],
      },
    }));
    const rows = recorded.map((r, k) => ({
      step: k, node: r.i,
      cells: [() => [v(r.i, "dot")], () => [model.inputs.includes(r.i) ? null : r.t], () => [r.t && !model.inputs.includes(r.i) ? inNumbers(r.t, known()) : null], () => [valueTerm(dot(r.i))]],
    }));
    rows.push({ step: recorded.length - 1, node: model.output, cells: [() => [["w", model.result, "dot"]], () => [v(model.output, "dot")], () => [null], () => [valueTerm(dot(model.output))]] });
    const reverse = reverseRows(model, values, 0);
    const scale = reverse.length / recorded.length;
    phase.tables = [
      { caption: `Forward mode, pass ${phase.choice + 1} of ${inputs}`, head: ["tangent", "formula", "in numbers", "value"], rows, kind: "tangent" },
      { caption: "Reverse mode, the only pass", head: ["adjoint", "chain rule", "formula", "value"], kind: "adjoint",
        rows: reverse.map((r, k) => ({ ...r, step: Math.min(recorded.length - 1, Math.floor(k / scale)) })) },
    ];
  };
  phase.lead = `Forward mode carries a tangent along: the derivative of each node in one direction. It needs one pass for each input, here ${inputs}; reverse mode, beside it, needs one pass for all.`;
  phase.build();
  return phase;
}

// The rows of the reverse trace, each with what a step needs.
function reverseRows(model, values, which) {
  const sweep = model.sweeps[which], known = () => values.bars[which];
  const rows = [];
  const single = (i, p) => ({
    node: i, edge: { from: p[0], to: i, node: p[1] }, badge: { i, kind: "adjoint", term: v(i, "bar"), value: () => values.of(p[1]) },
    parts: () => [v(i, "bar"), slope(p[0], i), p[2], inNumbers(p[2], known()), valueTerm(values.of(p[1]))],
    cells: [() => [v(i, "bar")], () => [slope(p[0], i)], () => [p[2]], () => [valueTerm(values.of(p[1]))]],
    ask: askPartial(v(i, "bar"), p, i, values, known),
  });
  for (const s of sweep.steps) {
    if (s.a === null) {
      rows.push({ node: s.i, badge: { i: s.i, kind: "adjoint", term: v(s.i, "bar"), value: () => 0 }, why: "No path leads from here to the output.",
        parts: () => [v(s.i, "bar"), num(0)], cells: [() => [v(s.i, "bar")], () => ["no path"], () => [null], () => [num(0)]] });
    } else if (!s.got.length) {
      rows.push({ node: s.i, badge: { i: s.i, kind: "adjoint", term: v(s.i, "bar"), value: () => values.of(s.a) }, why: "The seed: the derivative of the output by itself.",
        parts: () => [v(s.i, "bar"), valueTerm(values.of(s.a))], cells: [() => [v(s.i, "bar")], () => [null], () => [null], () => [valueTerm(values.of(s.a))]] });
    } else if (s.got.length === 1) rows.push(single(s.i, s.got[0]));
    else {
      for (const p of s.got) {
        const name = v(s.i, "bar", p[0]);
        rows.push({ node: s.i, edge: { from: p[0], to: s.i, node: p[1] }, partial: true,
          parts: () => [name, slope(p[0], s.i), p[2], inNumbers(p[2], known()), valueTerm(values.of(p[1]))],
          cells: [() => [name], () => [slope(p[0], s.i)], () => [p[2]], () => [valueTerm(values.of(p[1]))]],
          ask: askPartial(name, p, s.i, values, known) });
      }
      rows.push(sumRow(s, values));
    }
  }
  return rows;
}

function sumRow(s, values) {
  const sum = ["+", ...s.got.map((p) => v(s.i, "bar", p[0]))];
  const numbers = () => (s.got.some((p) => isArray(values.of(p[1]))) ? null : ["+", ...s.got.map((p) => num(values.of(p[1])))]);
  return {
    node: s.i, sum: true, badge: { i: s.i, kind: "adjoint", term: v(s.i, "bar"), value: () => values.of(s.a) },
    why: "Several pathways meet here: their partial adjoints are added.",
    parts: () => [v(s.i, "bar"), sum, numbers(), valueTerm(values.of(s.a))],
    cells: [() => [v(s.i, "bar")], () => [sum], () => [numbers()], () => [valueTerm(values.of(s.a))]],
    ask: isArray(values.of(s.a)) ? null : {
      target: [v(s.i, "bar")], truth: () => values.of(s.a), hint: () => [v(s.i, "bar"), sum, numbers()],
      slips: () => [
        ...s.got.map((p) => [values.of(p[1]), `That is the partial adjoint from node ${p[0]} alone: a path is forgotten. Add all of them.`]),
        [s.got.reduce((a, p) => a * values.of(p[1]), 1), "Partial adjoints are added, not multiplied."],
        [-values.of(s.a), "The sign is the other one."],
      ],
    },
  };
}

function askPartial(target, p, i, values, known) {
  if (isArray(values.of(p[1]))) return null;
  const bar = () => known().get(`bar${p[0]}`);
  return {
    target: [target], truth: () => values.of(p[1]), hint: () => [target, slope(p[0], i), p[2]],
    slips: () => [
      [-values.of(p[1]), "The sign is the other one."],
      [bar(), `That is the adjoint of node ${p[0]}: multiply it by the derivative of node ${p[0]} by node ${i}.`],
      [values.of(p[1]) / bar(), `That is the derivative of node ${p[0]} alone: multiply it by the adjoint of that node.`],
      [values.of(p[0]), "That is the value of the node, not its adjoint."],
    ],
  };
}

function reversePhase(model, values) {
  const rows = reverseRows(model, values, 0);
  rows.forEach((r, k) => { r.step = k; });
  const last = rows[rows.length - 1].step;
  const ends = model.inputs.map((i, k) => {
    const s = model.sweeps[0].steps.find((x) => x.i === i);
    const name = ["w", derivativeName(model, [k]), ""];
    return { step: last, node: i, cells: [() => [name], () => [v(i, "bar")], () => [null], () => [s && s.a !== null ? valueTerm(values.of(s.a)) : num(0)]] };
  });
  return {
    id: "reverse", name: "Reverse mode", stage: "forward",
    steps: rows.map((r) => ({ ...r, all: true, say: () => r.parts().filter(Boolean) })),
    lead: "One pass from the output to the inputs. The adjoint of a node is the sum of the partial adjoints that its users send.",
    tables: [{ caption: "Reverse trace", head: ["adjoint", "chain rule", "formula", "value"], rows: [...rows, ...ends], kind: "adjoint" }],
  };
}

// Reverse mode by extending the graph: the dictionary, and each node that is made.
function extendPhase(model, values, which, id) {
  const sweep = model.sweeps[which], known = () => values.bars[which];
  const steps = [], landed = [];
  // The dictionary when so many partial adjoints have landed, in the order in which nodes are visited.
  const state = (count = landed.length) => () => {
    const dict = new Map([[sweep.of, [v(sweep.of, "bar")]]]);
    for (const [i, name] of landed.slice(0, count)) dict.set(i, [...(dict.get(i) || []), name]);
    return [...dict].sort((a, b) => b[0] - a[0]);
  };
  const made = (ids) => ids.map((i) => [v(i), model.nodes[i - 1].t]);
  const role = new Map();
  steps.push({ node: sweep.of, say: () => ["Start: the output has received one partial adjoint, the seed 1."], dict: state(), list: sweep.of, fresh: [], code: 1 });
  for (const s of sweep.steps) {
    if (s.a === null) continue;
    const names = s.got.map((p) => v(s.i, "bar", p[0]));
    const sum = names.length > 1 ? [["+", ...names]] : names;
    if (s.new.length) role.set(s.a, v(s.i, "bar"));
    steps.push({
      node: s.i, fresh: s.new, dict: state(), list: s.i, code: 3, bar: s.a, made: made(s.new),
      say: () => [v(s.i, "bar"), ...sum, valueTerm(values.of(s.a))],
      why: names.length > 1 ? "The list of this node is summed: a new node." : names.length ? "One partial adjoint: it is the adjoint. No new node." : "The seed: a new node.",
      ask: names.length > 1 ? sumRow(s, values).ask : null,
    });
    for (const sent of s.sent) {
      const name = v(sent.to, "bar", s.i);
      landed.push([sent.to, name]);
      if (sent.new.includes(sent.node)) role.set(sent.node, name);
      steps.push({
        node: s.i, fresh: sent.new, dict: state(), list: sent.to, code: 5, edge: { from: s.i, to: sent.to, node: sent.node }, made: made(sent.new),
        say: () => [name, slope(s.i, sent.to), sent.t, inNumbers(sent.t, known()), valueTerm(values.of(sent.node))].filter(Boolean),
        why: sent.new.length ? `Sent to node ${sent.to}: ${sent.new.length} new node${sent.new.length > 1 ? "s" : ""}.` : `Sent to node ${sent.to}: a node that is there already.`,
        ask: askPartial(name, [s.i, sent.node, sent.t], sent.to, values, known),
      });
    }
  }
  const before = model.nodes.filter((n) => n.i < (sweep.steps.flatMap((s) => s.new)[0] || Infinity)).length;
  const count = steps.reduce((sum, s) => sum + s.fresh.length, 0);
  const rows = steps.flatMap((s, k) => s.fresh.map((i) => ({
    step: k, node: i, cells: [() => [v(i)], () => [model.nodes[i - 1].t], () => [role.get(i) || null], () => [valueTerm(values.of(i))]],
  })));
  return {
    id, name: "Extend the graph", stage: which ? `again${which}` : "extended", steps, sweep, which, hasDict: true,
    lead: `The adjoints become nodes of the same graph. node_to_grad lists for each node the partial adjoints it has received. ${which ? "" : `${before} nodes become ${before + count}: ${count} new ones, as ordinary as the others.`}`,
    tables: [{ caption: "New nodes", head: ["node", "formula", "which is", "value"], rows, kind: which ? "second" : "adjoint" }],
  };
}

// The adjoints are ordinary nodes: reverse mode once more, for one of them.
function againPhase(model, values) {
  const sweeps = model.sweeps.map((s, k) => k).filter((k) => model.sweeps[k].path.length === 1);
  const phase = {
    id: "again", name: "Differentiate again", choice: 0, choose: "Differentiate",
    choices: sweeps.map((k) => derivativeName(model, model.sweeps[k].path)),
  };
  phase.build = () => {
    const which = sweeps[phase.choice], sweep = model.sweeps[which];
    const built = extendPhase(model, values, which, "again");
    const last = built.steps.length - 1;
    const ends = model.inputs.map((i, k) => {
      const s = sweep.steps.find((x) => x.i === i);
      const name = ["w", derivativeName(model, [...sweep.path, k]), ""];
      return { step: last, node: i, cells: [() => [name], () => [s && s.a !== null ? v(s.a) : null], () => [null], () => [s && s.a !== null ? valueTerm(values.of(s.a)) : num(0)]] };
    });
    const shape = values.of(model.inputs[sweep.path[0]]);
    Object.assign(phase, { ...built, id: "again", name: "Differentiate again" });
    phase.tables[0].rows.push(...ends);
    phase.lead = `The output is now ${isArray(shape) ? "the sum of " : ""}${phase.choices[phase.choice]}, the node v${sweep.of} that reverse mode has made. It is a node like any other, so the same algorithm runs again.`;
  };
  phase.build();
  return phase;
}

// What is compiled: the optimised graph, and the kernels it is cut into.
function programPhase(model) {
  const { nodes, kernels, before, after } = model.program;
  const name = (k) => (k === 0 ? model.result : derivativeName(model, [k - 1]));
  const rows = nodes.map((n) => ({
    step: 1, node: null, cells: [() => [["w", `u${n.i}`, ""]], () => [n.t], () => [n.shape ? n.shape.join("×") : null], () => [n.result ? n.result.map(name).join(", ") : null]],
  }));
  const number = (x) => x.toLocaleString("en");
  const kernelRows = kernels.map((k) => ({
    step: 2, node: null, cells: [() => [k.kind], () => [k.computes.replace(/^\[\] /, "")], () => [k.nodes.length && k.nodes.length <= 24 ? k.nodes.map((i) => `u${i}`).join(" ") : number(k.operations)], () => [number(k.bytes)]],
  }));
  const steps = [
    { say: () => [`Forward and backward are one graph: ${number(before.operations)} operations, which one by one would move ${number(before.bytes)} bytes.`] },
    { say: () => [`The passes fold constants, simplify, and share what is equal: ${number(nodes.length)} operations are left.`] },
    { say: () => [`The schedule fuses them: ${after.steps === 1 ? "1 kernel" : `${number(after.steps)} kernels and calls`} moving ${number(after.bytes)} bytes.`] },
  ];
  if (!nodes.length) steps[1].say = () => ["The passes fold constants, simplify, and share what is equal; the graph is too large to be listed."];
  return [{
    id: "program", name: "Optimise", stage: null, steps,
    lead: "What adjoint.compile makes of the value and the gradient together.",
    tables: [
      { caption: "Optimised graph", head: ["node", "formula", "shape", "result"], rows, plain: true },
      { caption: "Kernels", head: ["step", "computes", "nodes", "bytes"], rows: kernelRows, plain: true },
    ],
  }];
}
