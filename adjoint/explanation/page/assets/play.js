// Exercises: predict and reveal, and the topological order as a game. Then the page starts.

// Numbers as people type them: 0.693, -1/4, 5e-3, 0,5.
const readNumber = (text) => text.replaceAll("−", "-").replace(",", ".").split("/")
  .map((part) => (part.trim() ? Number(part) : NaN)).reduce((a, b) => a / b);

// Right to two digits.
function agrees(given, truth) {
  if (!Number.isFinite(truth)) return Object.is(given, truth);
  return Math.abs(given - truth) <= Math.max(5.1e-4, 1.5e-2 * Math.abs(truth));
}

// Ask for what the step shows, check the answer, and say which rule was missed. The focus comes here
// unless a visitor has put it somewhere else.
function ask(page, step) {
  const { verdict, answer } = page;
  page.reveal.onclick = () => {
    step.known = true;
    // Else WebKit leaves the focus, and the arrow keys, in what is hidden now.
    document.activeElement.blur();
    page.render();
  };
  page.question.onsubmit = (event) => {
    event.preventDefault();
    const given = readNumber(answer.value), truth = step.value();
    if (given !== given) return fill(verdict, "Write a number, such as -0.96 or 1/2.");
    if (agrees(given, truth)) {
      page.reveal.onclick();
      return page.why.prepend(h("strong.right", "Right. "));
    }
    const slips = [[-truth, "The sign is the other one."], ...step.slips()];
    const slip = slips.find(([value]) => value !== undefined && agrees(given, value) && !agrees(value, truth));
    const rule = partsOfLine(step).slice(0, -1).filter(Boolean);
    fill(verdict, h("strong", "Not yet. "), slip ? slip[1] : rule.length > 1 ? ["The rule: ", line(rule)] : step.why);
  };
  answer.value = "";
  fill(verdict);
  fill(page.say, "What is ", math(step.name), "?");
  fill(page.why);
  if (document.activeElement === document.body) answer.focus({ preventScroll: true });
}

// Any valid order is accepted; a wrong choice is explained by the edge it breaks.
function orderGame(page) {
  const { model } = page, name = (i) => math(v(i));
  // Not in the order of their numbers, which would do.
  const nodes = model.nodes.slice(0, model.count).sort((a, b) => (`${a.t}` < `${b.t}` ? -1 : 1));
  const buttons = nodes.map(({ i, d }) => button(() => choose(i, d), { "data-n": i }, name(i)));
  let chosen = [];
  const show = (...ruling) => {
    fill(page.order, "Order: ", chosen.map((i, k) => [k ? ", " : "", name(i)]));
    fill(page.ruling, ruling);
    // Not `disabled`, which would take the focus from who has no mouse.
    buttons.forEach((element, k) => add(element, { "aria-disabled": `${chosen.includes(nodes[k].i)}` }));
    for (const [i, card] of page.cards) card.element.classList.toggle("chosen", chosen.includes(i));
  };
  const choose = (i, d) => {
    if (chosen.includes(i)) return;
    const missing = d.find((x) => !chosen.includes(x));
    if (missing !== undefined) {
      return show("Not yet: ", name(i), " uses ", name(missing), ", which must come before it: the edge between them would point backwards.");
    }
    chosen = [...chosen, i];
    show(chosen.length < nodes.length ? "Good." : "Done: this is a topological order. Others are valid too.");
  };
  const start = () => {
    chosen = [];
    show("Choose a node all of whose inputs are chosen already.");
  };
  return {
    id: "order", stage: "forward", tables: {}, steps: [{ text: "Put the nodes in a topological order: click them, inputs before users." }],
    open: () => {
      page.restart.onclick = start;
      page.graph.onclick = (event) => {
        const node = model.nodes[event.target.closest(".card")?.dataset.n - 1];
        if (node) choose(node.i, node.d);
      };
      fill(page.nodes, buttons);
      start();
    },
  };
}

const root = document.getElementById("page");
root.hidden = false;
document.documentElement.classList.add("scripted");
// What tests and curious visitors may use from the console.
window.adjointPage = Object.assign(new Page(root, DATA), {
  read: (formula, values) => modelOf(formula, values),
  spoken: (element) => spoken(element).replace(/\s+/g, " ").trim().normalize("NFC"),
});
