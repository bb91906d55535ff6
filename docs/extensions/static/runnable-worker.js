// Python beside the page: runs what it is sent, and answers with what was printed and drawn.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const RUNNER = `
import ast, base64, contextlib, io, os, sys, traceback
os.environ["MPLBACKEND"] = "svg"
names = {"__name__": "__main__"}

def run(code):
    """What the code prints, statement by statement as at a prompt; its figures; whether it failed."""
    out, failed = io.StringIO(), False
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            for statement in ast.parse(code).body:
                exec(compile(ast.Interactive([statement]), "example", "single"), names)
        except ModuleNotFoundError as error:
            failed = True
            print(f"This example needs {(error.name or 'a package').partition('.')[0]}, which these "
                  "pages were built without; it runs where Python is installed.")
        except BaseException as error:
            failed = True
            frames = error.__traceback__ and error.__traceback__.tb_next
            print("".join(traceback.format_exception(type(error), error, frames)), end="")
    return out.getvalue().rstrip(), figures(), failed

def figures():
    if "matplotlib.pyplot" not in sys.modules:
        return []
    from matplotlib import pyplot
    found = []
    for number in pyplot.get_fignums():
        file = io.BytesIO()
        pyplot.figure(number).savefig(file, format="svg", transparent=True)
        found.append(base64.b64encode(file.getvalue()).decode())
    pyplot.close("all")
    return found
`;

let ready = null;

async function start(packages) {
  const here = new URL("./", import.meta.url);
  const python = await loadPyodide({ indexURL: new URL("pyodide/", here).href });
  await python.loadPackage(packages, { messageCallback: () => {} });
  const library = await (await fetch(new URL("library.zip", here))).arrayBuffer();
  python.unpackArchive(library, "zip", { extractDir: "/adjoint" });
  python.runPython("import sys; sys.path.insert(0, '/adjoint')");
  python.runPython(RUNNER);
  return python.globals.get("run");
}

onmessage = async ({ data }) => {
  if (data.packages) {
    ready = start(data.packages);
    return;
  }
  try {
    const run = await ready;
    const [text, pictures, failed] = run(data.code).toJs();
    postMessage({ id: data.id, text, pictures, failed });
  } catch (error) {
    postMessage({ id: data.id, text: String(error), failed: true });
  }
};
