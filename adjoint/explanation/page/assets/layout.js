// Where the boxes of a graph go: a layered layout after Sugiyama, as the library's own pictures have.
//
// An edge that passes a column gets a bend there, which takes part like a small box; columns are
// sorted by the mean place of their neighbours; then each box moves as near to the mean height of its
// neighbours as its column allows.

const ROUNDS = 16;
const MANY_BENDS = 3000;

const mean = (values, otherwise) => (values.length ? sumOf(...values) / values.length : otherwise);

// Give every box {column, width, height} its x and y, centred around 0, and every edge {from, to} its bends.
function place(boxes, edges, gap, columnGap) {
  const passed = ({ from, to }) => Math.max(0, Math.abs(to.column - from.column) - 1);
  const bent = sumOf(0, ...edges.map(passed)) <= MANY_BENDS;
  for (const edge of edges) {
    const { from, to } = edge, way = Math.sign(to.column - from.column);
    edge.bends = Array.from({ length: bent ? passed(edge) : 0 }, (_, k) => ({ column: from.column + way * (k + 1), width: 0, height: 6 }));
  }
  const all = [...boxes, ...edges.flatMap((edge) => edge.bends)], columns = [], near = new Map(all.map((box) => [box, []]));
  for (const box of all) (columns[box.column] ||= []).push(box);
  const filled = columns.filter(Boolean);
  for (const { from, bends, to } of edges) {
    const chain = [from, ...bends, to];
    chain.slice(1).forEach((box, k) => {
      near.get(box).push(chain[k]);
      near.get(chain[k]).push(box);
    });
  }
  const rounds = (visit) => {
    for (let round = 0; round < ROUNDS; round++) (round % 2 ? [...filled].reverse() : filled).forEach(visit);
  };
  const order = new Map(filled.flatMap((column) => column.map((box, k) => [box, k])));
  rounds((column) => {
    const wish = new Map(column.map((box) => [box, mean(near.get(box).map((n) => order.get(n)), order.get(box))]));
    column.sort((a, b) => wish.get(a) - wish.get(b));
    column.forEach((box, k) => order.set(box, k - (column.length - 1) / 2));
  });
  filled.forEach((column) => stack(column, () => 0, gap));
  rounds((column) => stack(column, (box) => mean(near.get(box).map((n) => n.y), box.y), gap));
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
  let offset = 0;
  const blocks = [];
  column.forEach((box, k) => {
    if (k) offset += (column[k - 1].height + box.height) / 2 + gap;
    let block = { at: wish(box) - offset, boxes: [[box, offset]] };
    while (blocks.length && blocks[blocks.length - 1].at > block.at) {
      const { at, boxes } = blocks.pop(), both = [...boxes, ...block.boxes];
      block = { at: (at * boxes.length + block.at * block.boxes.length) / both.length, boxes: both };
    }
    blocks.push(block);
  });
  for (const { at, boxes } of blocks) for (const [box, distance] of boxes) box.y = at + distance;
}

// A curve from box to box through the bends, level where it meets them; and its middle.
function curve({ from, to, bends }) {
  if (from.x === to.x) {
    const down = Math.sign(to.y - from.y), [y0, y1] = [from.y + (down * from.height) / 2, to.y - (down * (to.height + 4)) / 2];
    return { d: `M${from.x} ${y0}L${to.x} ${y1}`, x: from.x, y: (y0 + y1) / 2 };
  }
  const way = Math.sign(to.x - from.x), points = [{ x: from.x + (way * from.width) / 2, y: from.y }, ...bends, { x: to.x - way * (to.width / 2 + 3), y: to.y }];
  const pair = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  let d = `M${pair(points[0].x, points[0].y)}`;
  points.slice(1).forEach((q, k) => {
    const p = points[k], middle = (p.x + q.x) / 2;
    d += `C${pair(middle, p.y)} ${pair(middle, q.y)} ${pair(q.x, q.y)}`;
  });
  const [p, q] = points.slice((points.length - 1) / 2);
  return { d, x: (p.x + q.x) / 2, y: (p.y + q.y) / 2 };
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
