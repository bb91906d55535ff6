// Exercises: predict and reveal, and the topological order as a game. Then the page starts.

// Numbers as people type them: 0.693, -1/4, 5e-3.
function readNumber(text) {
  const match = /^\s*([-+−]?[0-9.]+(?:e[-+]?[0-9]+)?)\s*(?:\/\s*([0-9.]+))?\s*$/i.exec(text.replace("−", "-").replace(",", "."));
  return match ? parseFloat(match[1]) / (match[2] ? parseFloat(match[2]) : 1) : NaN;
}

// Right to two digits.
function agrees(given, truth) {
  if (!Number.isFinite(truth)) return given === truth || (given !== given && truth !== truth);
  return Math.abs(given - truth) <= Math.max(5.1e-4, 1.5e-2 * Math.abs(truth));
}

// Ask for what the step shows, check the answer, and say which rule was missed.
function ask(page, step) {
  const { target, truth, hint, slips } = step.ask;
  const answer = h("input", { id: "answer", autocomplete: "off", inputmode: "text", size: 9 });
  const verdict = h("p", { class: "verdict", role: "status" });
  const show = () => { step.known = true; page.render(); };
  const check = (event) => {
    event.preventDefault();
    const given = readNumber(answer.value);
    if (given !== given) verdict.textContent = "Write a number, such as -0.96 or 1/2.";
    else if (agrees(given, truth())) {
      show();
      page.why.prepend(h("strong", { class: "right" }, "Right. "));
    } else {
      const slip = slips().find(([value]) => value !== undefined && agrees(given, value) && !agrees(value, truth()));
      verdict.replaceChildren(h("strong", {}, "Not yet. "), slip ? slip[1] : "The rule: ", ...(slip ? [] : line(hint().filter(Boolean))));
    }
  };
  page.say.replaceChildren("What is ", math(...target), "?");
  page.why.replaceChildren(h("form", { class: "ask", onsubmit: check }, h("label", { for: "answer" }, "Your answer"), answer,
    h("button", { type: "submit" }, "Check"), h("button", { type: "button", onclick: show }, "Reveal")), verdict);
}

function playPhases(page) {
  return page.model.count <= FOLDED_FROM ? [orderGame(page)] : [];
}

// Any valid order is accepted; a wrong choice is explained by the edge it breaks.
function orderGame(page) {
  const { model } = page;
  const chosen = [];
  const text = (node) => JSON.stringify(node.t); // not in the order of their numbers, which would do
  const nodes = model.nodes.slice(0, model.count).sort((a, b) => (text(a) < text(b) ? -1 : 1));
  const list = h("p", { class: "chosen", role: "status" });
  const verdict = h("p", { class: "verdict", role: "status" });
  const buttons = nodes.map((node) => h("button", { type: "button", "data-n": node.i, onclick: () => choose(node) }, math(v(node.i))));
  const again = () => { chosen.length = 0; verdict.textContent = "Choose a node all of whose inputs are chosen already."; show(); };
  const show = () => {
    list.replaceChildren("Order: ", ...chosen.flatMap((i, k) => [...(k ? [", "] : []), math(v(i))]));
    buttons.forEach((button, k) => { button.disabled = chosen.includes(nodes[k].i); });
    for (const node of nodes) page.cards?.get(node.i)?.element.classList.toggle("chosen", chosen.includes(node.i));
  };
  const choose = (node) => {
    const missing = node.d.find((x) => !chosen.includes(x) && x <= model.count);
    if (missing !== undefined) {
      verdict.replaceChildren("Not yet: ", math(v(node.i)), " uses ", math(v(missing)), ", which must come before it. The edge from ", math(v(missing)), " to ", math(v(node.i)), " would point backwards.");
      return;
    }
    chosen.push(node.i);
    verdict.textContent = chosen.length < nodes.length ? "Good." : "Done: this is a topological order. Others are valid too.";
    show();
  };
  again();
  return {
    id: "order", name: "Order game", stage: "forward", tables: [], steps: [{ say: () => ["Put the nodes in a topological order: click them, inputs before users."] }],
    lead: "Every node must come after those it is computed from. Usually there are several such orders.",
    panel: () => {
      page.graph.onclick = (event) => {
        const card = event.target.closest(".card");
        const node = card && nodes.find((n) => `${n.i}` === card.dataset.n);
        if (node && !chosen.includes(node.i)) choose(node);
      };
      setTimeout(show);
      return h("div", { class: "panel game" }, list, h("div", { class: "choices" }, buttons), verdict, h("button", { type: "button", onclick: again }, "Start again"));
    },
  };
}

const root = document.getElementById("page");
root.hidden = false;
document.documentElement.classList.add("scripted");
// What tests and curious visitors may use from the console.
window.adjointPage = Object.assign(new Page(root, JSON.parse(document.getElementById("model").textContent)), {
  read: (formula, values) => modelOf(formula, values),
  spoken: (element) => spoken(element).replace(/\s+/g, " ").trim().normalize("NFC"),
});
