// Adds to each example a button that runs it in the page, and lets it be edited.
// The examples of a page are one session: running one runs those above it first, once.
"use strict";

(() => {
  const blocks = [...document.querySelectorAll("div.example")];
  const pending = new Map();
  let worker = null;
  let count = 0;

  // The code of a block of doctest, without prompts and without what it printed.
  function codeOf(text) {
    const lines = [];
    for (const line of text.split("\n")) {
      const prompt = /^(>>>|\.\.\.)( |$)/.exec(line);
      if (prompt) lines.push(line.slice(prompt[0].length));
    }
    return lines.join("\n");
  }

  function start() {
    for (const block of blocks) block.dataset.done = "";
    worker = new Worker(new URL(adjointExamples.root + "/runnable-worker.js", document.baseURI), {
      type: "module",
    });
    worker.onmessage = ({ data }) => {
      const done = pending.get(data.id);
      pending.delete(data.id);
      done(data);
    };
    worker.onerror = (event) => {
      for (const done of pending.values()) done({ text: String(event.message), failed: true });
      pending.clear();
      worker = null;
    };
    worker.postMessage({ packages: adjointExamples.packages });
  }

  function ask(code) {
    if (worker === null) start();
    return new Promise((done) => {
      count += 1;
      pending.set(count, done);
      worker.postMessage({ id: count, code });
    });
  }

  function restart() {
    if (worker !== null) worker.terminate();
    worker = null;
    for (const done of pending.values()) done({ text: "stopped", failed: true });
    pending.clear();
  }

  function parts(block) {
    return {
      editor: block.querySelector("textarea"),
      output: block.querySelector("output"),
      buttons: block.querySelectorAll("button"),
    };
  }

  function show(block, { text, pictures = [], failed = false }) {
    const { output } = parts(block);
    output.textContent = text || (pictures.length ? "" : "(no output)");
    output.classList.toggle("failed", failed);
    for (const picture of pictures) {
      const image = document.createElement("img");
      image.src = "data:image/svg+xml;base64," + picture;
      image.alt = "the figure that the example draws";
      output.append(image);
    }
  }

  async function run(block) {
    const { editor, output, buttons } = parts(block);
    output.textContent = worker === null ? "Starting Python …" : "Running …";
    buttons[0].disabled = true;
    buttons[1].hidden = false;
    try {
      if (worker === null) start();
      for (const earlier of blocks.slice(0, blocks.indexOf(block))) {
        if (earlier.dataset.done !== "yes") {
          const answer = await ask(parts(earlier).editor.value);
          if (answer.text === "stopped") return show(block, answer);
          earlier.dataset.done = "yes";
        }
      }
      const answer = await ask(editor.value);
      block.dataset.done = "yes";
      show(block, answer);
    } finally {
      buttons[0].disabled = false;
      buttons[1].hidden = true;
    }
  }

  function button(label, title, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.title = title;
    made.addEventListener("click", action);
    return made;
  }

  for (const block of blocks) {
    const code = codeOf(block.querySelector("pre").textContent);
    const editor = document.createElement("textarea");
    editor.value = code;
    editor.rows = code.split("\n").length;
    editor.spellcheck = false;
    editor.setAttribute("aria-label", "The code of this example; Ctrl-Enter runs it");
    editor.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        run(block);
      }
    });
    const output = document.createElement("output");
    output.setAttribute("aria-live", "polite");
    const bar = document.createElement("div");
    bar.className = "example-bar";
    const stop = button("Stop", "End the computation; variables are forgotten", restart);
    stop.hidden = true;
    const open = () => {
      block.classList.add("open");
      editor.rows = editor.value.split("\n").length;
    };
    bar.append(
      button("Run", "Run this example here, in the browser", () => {
        open();
        run(block);
      }),
      stop,
      button("Edit", "Edit this example", () => {
        open();
        editor.focus();
      }),
    );
    editor.addEventListener("input", () => {
      editor.rows = editor.value.split("\n").length;
      block.dataset.done = "";
    });
    block.append(editor, output, bar);
  }
})();
