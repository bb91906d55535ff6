// The timeline: every phase is a list of steps, and tables whose rows belong to steps.
//
// A step says either a text, or {name, formulas(), value()} as one line: name = formula = … = value.
// It may have: node, the node it is about; badge/edge/fresh, what appears in the graph; dict, the
// dictionary of partial adjoints after it; slips(), wrong answers and what was missed, if it can be asked.
// A row has the step with which it appears, its node and its cells().

const partsOfLine = (step) => [step.name, ...step.formulas(), valueTerm(step.value())];
// Tables have four columns: a partial adjoint is shown without the formula in numbers.
const cellsOf = (parts) => (parts.length === 5 ? parts.filter((_, k) => k !== 3) : parts);
const rowsOf = (steps) => steps.map((s, k) => ({ step: s.at ?? k, node: s.node, cells: () => cellsOf(partsOfLine(s)) }));
const endRow = (step, node, name, of, value) => ({ step, node, cells: () => [name, of, null, valueTerm(value())] });

const slope = (j, i) => ["*", v(j, "bar"), ["d", v(j), v(i)]];
const derivativeName = (model, path) => `∂${["", "", "²"][path.length]}${model.result}/${path.map((k) => `∂${model.names[k]}`).join("")}`;

function phasesOf(model, values) {
  return [
    forwardPhase(model, values), model.tangents.length ? tangentPhase(model, values) : null, reversePhase(model, values),
    extendPhase(model, values, 0, "extend"), model.sweeps.length > 1 ? againPhase(model, values) : null, model.program ? programPhase(model.program) : null,
  ].filter(Boolean);
}

function forwardPhase(model, values) {
  const nodes = model.nodes.slice(0, model.count);
  const steps = nodes.map((node) => ({
    node: node.i, name: v(node.i), value: () => values.of(node.i),
    formulas: () => [node.t[0] === "w" && node.t[1] === `v${node.i}` ? null : node.t, inNumbers(node.t, values.known)],
    ...(model.inputs.includes(node.i) ? { why: "An input: its value is given." } : { slips: () => [] }),
  }));
  return {
    id: "forward", stage: "forward", steps,
    tables: { forward: [...rowsOf(steps), endRow(nodes.length - 1, model.output, word(model.result), v(model.output), () => values.of(model.output))] },
  };
}

function tangentPhase(model, values) {
  const phase = {
    id: "tangent", stage: "forward", choice: 0, choose: "Derivative by", choices: model.tangents.map(({ of }) => `∂/∂${model.names[of]}`),
  };
  phase.build = () => {
    const { of, rows } = model.tangents[phase.choice];
    const known = () => values.dots[phase.choice], dot = (i) => known().get(`dot${i}`);
    phase.steps = rows.map(({ i, t }) => {
      const term = model.inputs.includes(i) ? null : t;
      return {
        node: i, name: v(i, "dot"), badge: "tangent", value: () => dot(i), formulas: () => [term, inNumbers(term, known())],
        why: i === model.inputs[of] ? "The seed: one for the input by which we differentiate." : model.inputs.includes(i) ? "The other inputs stand still."
          : t === null ? "Nothing arrives here: the tangent is zero." : null,
        slips: () => (term === null ? [] : [
          ...(t[0] === "+" ? partsOf(t).map((part) => [evaluate(part, known()), "That is one of the terms: each input that moves contributes one."]) : []),
          ...symbolsOf(t).filter((s) => s[2] === "dot").map((s) => [dot(s[1]), "That is the tangent of an input of the node: multiply it by the derivative of the node."]),
        ]),
      };
    });
    const last = rows.length - 1, reverse = reverseSteps(model, values, 0);
    reverse.forEach((s, k) => { s.at = Math.floor((k * rows.length) / reverse.length); });
    phase.pass = `${phase.choice + 1} of ${model.inputs.length}`;
    phase.tables = {
      tangent: [...rowsOf(phase.steps), endRow(last, model.output, word(model.result, "dot"), v(model.output, "dot"), () => dot(model.output))],
      beside: rowsOf(reverse),
    };
  };
  phase.build();
  return phase;
}

// The steps of reverse mode: partial adjoints, and their sums where several arrive.
function reverseSteps(model, values, which) {
  return model.sweeps[which].steps.flatMap((s) => {
    const whole = { node: s.i, name: v(s.i, "bar"), badge: "adjoint", value: () => values.of(s.a), formulas: () => [null, null] };
    if (s.a === null) return [{ ...whole, formulas: () => ["no path", null], why: "No path leads from here to the output." }];
    if (!s.got.length) return [{ ...whole, why: "The seed: the derivative of the output by itself." }];
    const partials = s.got.map(([from, node, t]) => partialStep(values, which, from, s.i, node, t));
    if (partials.length === 1) return [{ ...partials[0], name: whole.name, badge: "adjoint" }];
    return [...partials.map((p) => ({ ...p, partial: true })), { ...whole, ...sumOfPartials(s, values), why: "Several pathways meet here: their partial adjoints are added." }];
  });
}

// What node `from` sends to node `to`, as node `node` with formula `t`.
function partialStep(values, which, from, to, node, t) {
  const known = () => values.bars[which], bar = () => known().get(`bar${from}`), value = () => values.of(node);
  return {
    node: to, name: v(to, "bar", from), edge: { from, to }, value,
    formulas: () => [slope(from, to), t, inNumbers(t, known())],
    slips: () => [
      [bar(), `That is the adjoint of node ${from}: multiply it by the derivative of node ${from} by node ${to}.`],
      [value() / bar(), `That is the derivative of node ${from} alone: multiply it by the adjoint of that node.`],
      [values.of(from), "That is the value of the node, not its adjoint."],
    ],
  };
}

function sumOfPartials(s, values) {
  const partials = () => s.got.map((p) => values.of(p[1]));
  return {
    formulas: () => [["+", ...s.got.map((p) => v(s.i, "bar", p[0]))], partials().some(isArray) ? null : ["+", ...partials().map(num)]],
    slips: () => [
      ...s.got.map(([from, node]) => [values.of(node), `That is the partial adjoint from node ${from} alone: a path is forgotten. Add all of them.`]),
      [productOf(...partials()), "Partial adjoints are added, not multiplied."],
    ],
  };
}

// The derivatives of the node of a sweep by the inputs, for the end of a table; `of` names what they are.
function derivativeRows(model, values, sweep, step, of) {
  return model.inputs.map((i, k) => {
    const a = sweep.steps.find((s) => s.i === i)?.a ?? null;
    return endRow(step, i, word(derivativeName(model, [...sweep.path, k])), of(i, a), () => values.of(a));
  });
}

function reversePhase(model, values) {
  const steps = reverseSteps(model, values, 0);
  const ends = derivativeRows(model, values, model.sweeps[0], steps.length - 1, (i) => v(i, "bar"));
  return {
    id: "reverse", stage: "forward", steps,
    tables: { reverse: [...rowsOf(steps), ...ends] },
  };
}

// A larger extended graph is not drawn node by node.
const DRAWN = 160;

// Reverse mode by extending the graph: the dictionary, and each node that is made.
function extendPhase(model, values, which, id) {
  const sweep = model.sweeps[which], landed = [[sweep.of, v(sweep.of, "bar")]], role = new Map();
  // The dictionary when so many partial adjoints have landed, in the order in which nodes are visited.
  const state = (count = landed.length) => () => {
    const dict = new Map();
    for (const [i, name] of landed.slice(0, count)) dict.set(i, [...(dict.get(i) || []), name]);
    return [...dict].sort((a, b) => b[0] - a[0]);
  };
  const steps = [{ node: sweep.of, text: "Start: the output has received one partial adjoint, the seed 1.", dict: state(), list: sweep.of, fresh: [], code: 1 }];
  for (const s of sweep.steps) {
    if (s.a === null) continue;
    const names = s.got.map((p) => v(s.i, "bar", p[0]));
    if (s.new.length) role.set(s.a, v(s.i, "bar"));
    steps.push({
      node: s.i, fresh: s.new, dict: state(), list: s.i, code: 3, name: v(s.i, "bar"), value: () => values.of(s.a),
      ...(names.length > 1 ? { ...sumOfPartials(s, values), why: "The list of this node is summed: a new node." }
        : { formulas: () => names, why: names.length ? "One partial adjoint: it is the adjoint. No new node." : "The seed: a new node." }),
    });
    for (const { to, node, t, new: fresh } of s.sent) {
      const step = partialStep(values, which, s.i, to, node, t);
      landed.push([to, step.name]);
      if (fresh.includes(node)) role.set(node, step.name);
      steps.push({ ...step, node: s.i, fresh, dict: state(), list: to, code: 5, why: `Sent to node ${to}: ${fresh.length ? `${fresh.length} new node${fresh.length > 1 ? "s" : ""}` : "a node that is there already"}.` });
    }
  }
  const made = steps.flatMap((s) => s.fresh), before = made.length ? made[0] - 1 : model.nodes.length;
  const rows = steps.flatMap((s, step) => s.fresh.map((i) => ({ step, node: i, cells: () => [v(i), model.nodes[i - 1].t, role.get(i), valueTerm(values.of(i))] })));
  return {
    id, stage: which ? "again" : before + made.length > DRAWN ? "forward" : "extended", steps, sweep, which,
    more: `${before} nodes become ${before + made.length}: ${made.length} new ones, as ordinary as the others.`,
    tables: { [id]: rows },
  };
}

// The adjoints are ordinary nodes: reverse mode once more, for one of them.
function againPhase(model, values) {
  const sweeps = [...model.sweeps.keys()].filter((k) => model.sweeps[k].path.length === 1);
  const choices = sweeps.map((k) => derivativeName(model, model.sweeps[k].path));
  const phase = { choice: 0, choose: "Differentiate", choices };
  phase.build = () => {
    const which = sweeps[phase.choice], sweep = model.sweeps[which], ofArray = isArray(values.of(model.inputs[sweep.path[0]]));
    Object.assign(phase, extendPhase(model, values, which, "again"), {
      more: `Here it is ${ofArray ? "the sum of " : ""}${choices[phase.choice]}, the node v${sweep.of} that reverse mode has made.`,
    });
    phase.tables.again.push(...derivativeRows(model, values, sweep, phase.steps.length - 1, (_, a) => a && v(a)));
  };
  phase.build();
  return phase;
}

// What is compiled: the optimised graph, and the kernels it is cut into.
const programPhase = ({ says, program, kernels }) => {
  const rows = (table, step) => table.map((cells) => ({ step, cells: () => cells }));
  return { id: "program", steps: says.map((text) => ({ text })), tables: { program: rows(program, 1), kernels: rows(kernels, 2) } };
};
