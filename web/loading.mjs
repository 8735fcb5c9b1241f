// What is seen until the window is there: how much of the program and of the example model has come. Afterwards the same
// place says why something broke off.

const element = (id) => document.getElementById(id);
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

export function broken(why) {
  element("loading").hidden = true;
  element("broken").hidden = false;
  const text = `${why}\n\n${navigator.userAgent}`;
  element("why").textContent = text;
  element("copy").onclick = () => {
    // Where there is no clipboard the text is at least chosen.
    getSelection().selectAllChildren(element("why"));
    navigator.clipboard?.writeText(text);
  };
  element("again").onclick = () => location.reload();
}

async function fetchExample(progress) {
  const answer = await fetch("stories/model.safetensors");
  if (!answer.ok) {
    throw new Error(`the host answers ${answer.status} for the example model`);
  }
  const all = Number(answer.headers.get("Content-Length")) || 0;
  const parts = [];
  let current = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    current += value.byteLength;
    // A compressed answer is longer than its header says.
    progress({ current, total: Math.max(all, current) });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

// For tests, and for pages that embed this one; see web/README.md.
const hook = (program) => ({
  state: () => JSON.parse(program.state()),
  do: (order) => {
    const { error } = JSON.parse(program.order(JSON.stringify(order)));
    if (error) throw new Error(error);
  },
  find: (label) => JSON.parse(program.find(label)),
  open: (files) => program.open(Array.from(files)),
});

export default function () {
  const come = { program: { current: 0, total: 0 }, example: { current: 0, total: 0 } };
  const show = () => {
    const current = come.program.current + come.example.current;
    const total = come.program.total + come.example.total;
    element("bar").value = total ? current / total : 0;
    element("bytes").textContent = `${megabytes(current)} of ${megabytes(total)} MB`;
  };
  let example;
  return {
    onStart: () => {
      example = fetchExample((progress) => {
        come.example = progress;
        show();
      }).catch((error) => String(error.message ?? error));
    },
    onProgress: (progress) => {
      come.program = progress;
      show();
    },
    onSuccess: () => {
      // Trunk tells when the program's functions have their place.
      const start = async () => {
        element("bytes").textContent = "Starting…";
        try {
          await globalThis.dsfProgram.start(element("window"), await example, broken);
          element("loading").hidden = true;
          element("window").focus();
          globalThis.dsf = hook(globalThis.dsfProgram);
          // Another link in the same tab.
          addEventListener("hashchange", () => location.reload());
        } catch (error) {
          broken(error?.message ?? error);
        }
      };
      addEventListener("TrunkApplicationStarted", start, { once: true });
    },
    onFailure: (error) => broken(error?.message ?? error),
  };
}
