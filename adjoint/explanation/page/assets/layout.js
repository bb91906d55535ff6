// Where the boxes of a graph go: a layered layout after Sugiyama, as the library's own pictures have.
//
// An edge that passes a column gets a bend there, which takes part like a small box; columns are
// sorted by the mean place of their neighbours; then each box moves as near to the mean height of its
// neighbours as its column allows.

const ROUNDS = 16;
const MANY_BENDS = 3000;

const mean = (values, otherwise) => (values.length ? values.reduce((a, b) => a + b) / values.length : otherwise);

// Give every box {column, width, height} its x and y, centred around 0, and every edge {from, to} its bends.
function place(boxes, edges, gap, columnGap) {
  const passed = (e) => Math.max(0, Math.abs(e.to.column - e.from.column) - 1);
  const bent = edges.reduce((sum, e) => sum + passed(e), 0) <= MANY_BENDS;
  const all = [...boxes];
  for (const edge of edges) {
    edge.bends = [];
    const way = edge.to.column > edge.from.column ? 1 : -1;
    for (let c = edge.from.column + way; bent && edge.from.column !== edge.to.column && c !== edge.to.column; c += way) {
      edge.bends.push({ column: c, width: 0, height: 6 });
    }
    all.push(...edge.bends);
  }
  const columns = [];
  for (const box of all) (columns[box.column] ||= []).push(box);
  const filled = columns.filter(Boolean);
  const near = new Map(all.map((box) => [box, []]));
  for (const edge of edges) {
    const chain = [edge.from, ...edge.bends, edge.to];
    for (let k = 1; k < chain.length; k++) {
      near.get(chain[k]).push(chain[k - 1]);
      near.get(chain[k - 1]).push(chain[k]);
    }
  }
  const order = new Map();
  filled.forEach((column) => column.forEach((box, k) => order.set(box, k)));
  for (let round = 0; round < ROUNDS; round++) {
    for (const column of round % 2 ? [...filled].reverse() : filled) {
      const wish = new Map(column.map((box) => [box, mean(near.get(box).map((n) => order.get(n)), order.get(box))]));
      column.sort((a, b) => wish.get(a) - wish.get(b));
      column.forEach((box, k) => order.set(box, k - (column.length - 1) / 2));
    }
  }
  filled.forEach((column) => stack(column, () => 0, gap));
  for (let round = 0; round < ROUNDS; round++) {
    for (const column of round % 2 ? [...filled].reverse() : filled) {
      const wish = new Map(column.map((box) => [box, mean(near.get(box).map((n) => n.y), box.y)]));
      stack(column, (box) => wish.get(box), gap);
    }
  }
  let left = 0;
  for (const column of filled) {
    const width = Math.max(...column.map((box) => box.width));
    for (const box of column) box.x = left + width / 2;
    left += width + columnGap;
  }
}

// Put the boxes of a column in order, as near as possible to where they wish to be: with the
// distances to keep subtracted, neighbours in the wrong order are merged into blocks at their mean.
function stack(column, wish, gap) {
  const offsets = [0];
  for (let k = 1; k < column.length; k++) {
    offsets.push(offsets[k - 1] + (column[k - 1].height + column[k].height) / 2 + gap);
  }
  const blocks = [];
  column.forEach((box, k) => {
    let [at, size] = [wish(box) - offsets[k], 1];
    while (blocks.length && blocks[blocks.length - 1][0] > at) {
      const [other, count] = blocks.pop();
      [at, size] = [(at * size + other * count) / (size + count), size + count];
    }
    blocks.push([at, size]);
  });
  let k = 0;
  for (const [at, size] of blocks) for (let j = 0; j < size; j++, k++) column[k].y = at + offsets[k];
}

// A curve from box to box through the bends, level where it meets them.
function curve(edge) {
  const way = edge.to.x >= edge.from.x ? 1 : -1;
  if (edge.from.x === edge.to.x) {
    const down = edge.to.y > edge.from.y ? 1 : -1;
    const [y0, y1] = [edge.from.y + (down * edge.from.height) / 2, edge.to.y - (down * (edge.to.height + 4)) / 2];
    return { d: `M${edge.from.x} ${y0}L${edge.to.x} ${y1}`, x: edge.from.x, y: (y0 + y1) / 2 };
  }
  const points = [[edge.from.x + (way * edge.from.width) / 2, edge.from.y], ...edge.bends.map((b) => [b.x, b.y])];
  points.push([edge.to.x - way * (edge.to.width / 2 + 3), edge.to.y]);
  let d = `M${points[0].map((p) => p.toFixed(1)).join(" ")}`;
  for (let k = 1; k < points.length; k++) {
    const [[x0, y0], [x1, y1]] = [points[k - 1], points[k]];
    const half = (x1 - x0) / 2;
    d += `C${[x0 + half, y0, x1 - half, y1, x1, y1].map((p) => p.toFixed(1)).join(" ")}`;
  }
  const k = Math.floor((points.length - 1) / 2);
  return { d, x: (points[k][0] + points[k + 1][0]) / 2, y: (points[k][1] + points[k + 1][1]) / 2 };
}

// For each node its level: one more than the highest of those it is computed from.
function levelsOf(nodes) {
  const level = new Map();
  for (const node of nodes) {
    const below = node.d.filter((x) => level.has(x)).map((x) => level.get(x));
    level.set(node.i, below.length ? 1 + Math.max(...below) : 0);
  }
  return level;
}

// The columns of a graph and its adjoints: each adjoint below the node it belongs to, the partial
// adjoints and what they need between it and where they come from.
function extendedColumns(model, sweep, nodes) {
  const level = levelsOf(model.nodes.slice(0, model.count));
  const column = new Map(nodes.filter((n) => level.has(n.i)).map((n) => [n.i, 3 * level.get(n.i)]));
  for (const step of sweep.steps) {
    const own = 3 * (level.get(step.i) ?? 0);
    step.new.forEach((i) => column.set(i, own));
    for (const sent of step.sent) {
      const target = 3 * (level.get(sent.to) ?? 0);
      const alone = sweep.steps.find((s) => s.i === sent.to)?.got.length === 1;
      sent.new.forEach((i) => column.set(i, i === sent.node ? target + (alone ? 0 : 1) : target + 2));
    }
  }
  return column;
}

function closeRanks(column) {
  const used = [...new Set(column.values())].sort((a, b) => a - b);
  return new Map([...column].map(([i, c]) => [i, used.indexOf(c)]));
}
