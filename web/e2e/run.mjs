// Drives the page in Chromium, as people do: node run.mjs DIST PROGRAM PYTHON [ONLY], after npm install in this folder.
//
// DIST is the built page, PROGRAM the native one that its numbers are compared with, PYTHON one with numpy and safetensors.
// ONLY runs the tests whose names hold it. Pictures of what was seen are left in the folder DSF_SHOTS, if that is set.

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { serve } from "./server.mjs";

const [dist, program, python, only = ""] = process.argv.slice(2);
const shots = process.env.DSF_SHOTS;
const folder = mkdtempSync(join(tmpdir(), "dsf-e2e-"));
const { address, close } = await serve(dist, folder);

const flags = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"];
const launch = (...more) =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...flags, ...more] });
const browser = await launch();
// One that has WebGPU too, in software.
const gpuBrowser = await launch("--enable-unsafe-webgpu", "--enable-features=Vulkan", "--use-webgpu-adapter=swiftshader");

// A page of its own for each test; what it complains about in the console fails the test. `inWorkers` is a script that its
// Workers begin with.
async function open(query = "", options = {}, before = () => {}, { within = browser, inWorkers = "" } = {}) {
  const context = await within.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true, ...options });
  const page = await context.newPage();
  await page.route("**/worker_loader.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: inWorkers + await response.text() });
  });
  page.complaints = [];
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  await page.addInitScript(before);
  // What keeps the page from answering, from the first moment on.
  await page.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) longTasks.push({ start: entry.startTime, duration: entry.duration });
    }).observe({ type: "longtask", buffered: true });
  });
  await page.goto(address + query);
  await page.waitForFunction(() => globalThis.dsf, null, { timeout: 60_000 });
  return page;
}

const state = (page) => page.evaluate(() => dsf.state());
const order = (page, order) => page.evaluate((order) => dsf.do(order), order);
// The first question only begins the gathering of labels.
const find = async (page, label) => {
  await page.evaluate(() => dsf.find(""));
  await page.waitForTimeout(60);
  return page.evaluate((label) => dsf.find(label), label);
};

async function until(page, what, done, seconds = 90) {
  const end = Date.now() + 1000 * seconds;
  for (;;) {
    const seen = await state(page);
    if (seen && (await done(seen))) return seen;
    if (Date.now() > end) {
      throw new Error(`waited in vain for ${what}: ${JSON.stringify({ ...seen, settings: undefined })}`);
    }
    await page.waitForTimeout(50);
  }
}

// What `take` takes from the state once it has been the same for a while: what was on its way when something was ordered is
// then here, even on a slow machine.
async function settled(page, take, quiet = 1000) {
  let [value, since] = [take(await state(page)), Date.now()];
  await until(page, "nothing to change any more", (seen) => {
    if (take(seen) !== value) [value, since] = [take(seen), Date.now()];
    return Date.now() - since > quiet;
  });
  return value;
}

const last = (seen) => seen.runs.at(-1);
const stepOf = (seen) => last(seen).step;
const over = (seen) => last(seen)?.state === "finished";
const ready = (page) => until(page, "the first run", (seen) => over(seen) && seen.pictures);

// The middle of what has this label, for a real pointer.
async function place(page, label, role) {
  const end = Date.now() + 20_000;
  for (;;) {
    const found = (await find(page, label)).filter((one) => one.label === label && (!role || one.role === role));
    if (found.length) return { x: found[0].x + found[0].width / 2, y: found[0].y + found[0].height / 2 };
    if (Date.now() > end) throw new Error(`there is no ${label} on screen`);
    await page.waitForTimeout(50);
  }
}

async function click(page, label, role = "Button") {
  const { x, y } = await place(page, label, role);
  await page.mouse.move(x, y);
  await page.waitForTimeout(60);
  await page.mouse.down();
  await page.waitForTimeout(30);
  await page.mouse.up();
  await page.waitForTimeout(60);
}

async function drop(page, files) {
  const data = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const { name, bytes } of files) {
      transfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
    }
    return transfer;
  }, files.map(({ name, bytes }) => ({ name, bytes: bytes.toString("base64") })));
  await page.dispatchEvent("canvas", "dragover", { dataTransfer: data });
  await page.dispatchEvent("canvas", "drop", { dataTransfer: data });
}

async function shot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
}

// The same on the desktop.
const native = (...options) => JSON.parse(execFileSync(program, ["factorize", ...options, "--json"], { encoding: "utf8" }));

const pythonSays = (code, ...options) =>
  execFileSync(python, ["-c", code, ...options], { encoding: "utf8" }).trim();

// A layer of 48×64 with a structure, as a safetensors file.
function layer(name, rows = 48, cols = 64) {
  const header = JSON.stringify({ [`${name}.weight`]: { dtype: "F32", shape: [rows, cols], data_offsets: [0, 4 * rows * cols] } });
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  const bytes = Buffer.alloc(8 + padded.length + 4 * rows * cols);
  bytes.writeBigUInt64LE(BigInt(padded.length));
  bytes.write(padded, 8);
  for (let at = 0; at < rows * cols; at++) {
    const [i, j] = [Math.floor(at / cols), at % cols];
    bytes.writeFloatLE(Math.sin(0.7 * i + 1.3 * j) + 0.5 * Math.cos(0.11 * i * j) + ((i * 31 + j * 17) % 13) / 13, 8 + padded.length + 4 * at);
  }
  return bytes;
}

const tests = {
  async "the page loads from a sub-path and shows the window"() {
    const page = await open();
    await ready(page);
    assert.equal(await page.locator("#loading").isVisible(), false);
    for (const label of ["Open…", "Example", "Start", "Density", "Curves"]) await place(page, label === "Start" ? "▶ Start" : label, null);
    const pictures = (await find(page, "Picture of")).map((one) => one.label);
    assert.equal(pictures.length, 5, pictures.join(", "));
    // Many colours where W is drawn: the canvas is not blank.
    const { x, y, width, height } = (await find(page, "Picture of W"))[0];
    const colors = await page.evaluate(async ([png]) => {
      const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      const data = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
      return new Set(data).size;
    }, [(await page.screenshot({ clip: { x, y, width, height } })).toString("base64")]);
    assert(colors > 50, `${colors} colours`);
    await shot(page, "first");
    return page;
  },

  async "the example's run ends as the native one does"() {
    const page = await open();
    const seen = await ready(page);
    writeFileSync(join(folder, "stories.safetensors"), readFileSync(join(dist, "stories", "model.safetensors")));
    const own = native(join(folder, "stories.safetensors"), "--tensor", seen.layer.name, "--preset", "fast", "--density", String(seen.settings.density));
    const { error, nnz, seconds } = last(seen);
    assert.equal(nnz, own.nnz);
    assert(Math.abs(error / own.relative_error - 1) < 0.01, `${error} in the page, ${own.relative_error} natively`);
    console.log(`    error ${error.toFixed(5)}, natively ${own.relative_error.toFixed(5)}; ${seconds.toFixed(2)} s in the page`);
    // And what it does to the model.
    const { language } = await until(page, "the perplexity", (seen) => seen.language.dense && seen.language.alone_is_current, 120);
    assert(language.dense > language.floor && language.alone >= language.dense * 0.999, JSON.stringify(language));
    console.log(`    perplexity ${language.alone.toFixed(4)}, dense ${language.dense.toFixed(4)}, floor ${language.floor.toFixed(4)}`);
    return page;
  },

  async "a run of 512×512, and how long the page does not answer meanwhile"() {
    const page = await open();
    await ready(page);
    await page.evaluate(([bytes]) => dsf.open([new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "large.safetensors")]),
      [layer("large", 512, 512).toString("base64")]);
    await until(page, "the layer", (seen) => seen.layer?.rows === 512);
    await page.waitForTimeout(1500);
    await order(page, { preset: "fast" });
    await page.evaluate(() => { longTasks.length = 0; });
    await order(page, { act: "Start" });
    const began = Date.now();
    await until(page, "the end", (seen) => last(seen).number > 1 && over(seen) && !last(seen).live, 300);
    const seconds = (Date.now() - began) / 1000;
    const long = await page.evaluate(() => longTasks.map((task) => Math.round(task.duration)));
    console.log(`    ${seconds.toFixed(1)} s; tasks over 50 ms: ${long.length}${long.length ? `, the longest ${Math.max(...long)} ms` : ""}`);
    return page;
  },

  async "a dropped file is factorized, and its export opens in Python"() {
    const page = await open();
    await ready(page);
    await drop(page, [{ name: "dropped.safetensors", bytes: layer("dropped") }]);
    const seen = await until(page, "its run", (seen) => seen.layer?.name === "dropped.weight" && over(seen));
    assert.equal(last(seen).title, "dropped.weight");
    const coming = page.waitForEvent("download");
    await order(page, { export: { what: "Factors (safetensors)", layout: "dense", name: "factors.safetensors" } });
    const file = join(folder, "factors.safetensors");
    await (await coming).saveAs(file);
    writeFileSync(join(folder, "w.safetensors"), layer("dropped"));
    const said = pythonSays(`
import sys, json, numpy as np
from safetensors import safe_open
f = safe_open(sys.argv[1], "np"); w = safe_open(sys.argv[2], "np").get_tensor("dropped.weight").astype(np.float64)
a, b = (f.get_tensor(f"dropped.{x}.weight").astype(np.float64) for x in "AB")
report = json.loads(f.metadata()["dsf.report"])
print(np.linalg.norm(w - a @ b) / np.linalg.norm(w), report["relative_error"], np.count_nonzero(a) + np.count_nonzero(b))`,
      file, join(folder, "w.safetensors"));
    const [error, reported, nnz] = said.split(" ").map(Number);
    assert(Math.abs(error - reported) < 1e-6 * reported + 1e-9, said);
    assert.equal(nnz, last(seen).nnz);
    // Every other export comes too.
    for (const what of ["All pictures (PNG)", "Picture of W as shown (PNG)", "Curves (SVG)", "Curves (CSV)", "Run (JSON)", "Report (HTML)"]) {
      const coming = page.waitForEvent("download");
      await order(page, { export: { what } });
      const download = await coming;
      const path = join(folder, download.suggestedFilename());
      await download.saveAs(path);
      assert(readFileSync(path).length > 100, what);
    }
    // What was exported opens again.
    await drop(page, [{ name: "factors.safetensors", bytes: readFileSync(file) }]);
    await until(page, "the factors", (seen) => last(seen).state === "opened");
    return page;
  },

  async "shards are opened together, and a model's files make a language model"() {
    const page = await open();
    await ready(page);
    const shards = { "model.safetensors.index.json": Buffer.from(JSON.stringify({ metadata: {}, weight_map: { "one.weight": "a.safetensors", "two.weight": "b.safetensors" } })),
      "a.safetensors": layer("one"), "b.safetensors": layer("two") };
    await drop(page, Object.entries(shards).map(([name, bytes]) => ({ name, bytes })));
    await until(page, "the shards", (seen) => seen.layer?.name === "one.weight");
    await order(page, { layer: "two.weight" });
    await until(page, "the other shard", (seen) => seen.layer?.name === "two.weight");
    const small = join(import.meta.dirname, "../../tests/llama/llama3");
    await drop(page, ["config.json", "tokenizer.json", "model.safetensors"].map((name) => ({ name, bytes: readFileSync(join(small, name)) })));
    const blocks = JSON.parse(readFileSync(join(small, "config.json"), "utf8")).num_hidden_layers;
    await until(page, "the other model", (seen) => seen.language.layers === 7 * blocks && seen.checkpoint === "model.safetensors");
    return page;
  },

  async "a corrupted file gives a message and leaves the work"() {
    const page = await open();
    const before = await ready(page);
    const bytes = layer("broken");
    await drop(page, [{ name: "broken.safetensors", bytes: bytes.subarray(0, bytes.length - 100) }]);
    const after = await until(page, "the message", (seen) => seen.messages.some((text) => text.includes("broken.safetensors")));
    assert.equal(after.layer.name, before.layer.name);
    assert.equal(after.runs.length, before.runs.length);
    console.log(`    ${after.messages.find((text) => text.includes("broken.safetensors"))}`);
    await drop(page, [{ name: "notes.txt", bytes: Buffer.from("no weights") }]);
    await until(page, "the other message", (seen) => seen.messages.some((text) => text.includes("notes.txt")));
    return page;
  },

  async "only what is needed is fetched from an address"() {
    const page = await open("?load=files/far.safetensors&tensor=far.1.weight");
    await until(page, "the layer", (seen) => seen.layer?.name === "far.1.weight" && over(seen));
    const fetched = await (await fetch(address + "fetched")).json();
    const bytes = fetched["files/far.safetensors"];
    assert(bytes < 60_000, `${bytes} bytes of ${readFileSync(join(folder, "files", "far.safetensors")).length}`);
    return page;
  },

  async "a layer's speed is measured in a Worker, with the browser's vectors"() {
    const page = await open();
    await ready(page);
    await order(page, { show: "Speed" });
    const { speed } = await until(page, "the speed", (seen) => seen.speed?.speeds.length === 3);
    const [dense, one, two] = speed.speeds;
    assert.deepEqual([speed.instructions, speed.values, dense.kind, one.kind, two.kind], ["simd128", "f16", "dense", "one", "two"]);
    assert.equal(dense.bytes, 2 * 256 * 256);
    assert(one.bytes < dense.bytes && two.bytes < dense.bytes, JSON.stringify(speed));
    for (const { kind, formats, seconds } of speed.speeds) {
      const times = seconds.map((time, at) => `${(1e6 * time).toFixed(0)} µs (${(dense.seconds[at] / time).toFixed(2)} times as fast)`);
      console.log(`    ${kind}, ${formats.join(" · ")}: ${times.join(", ")}`);
    }
    await shot(page, "speed");
    return page;
  },

  async "cancel works mid-run, by the real button"() {
    const page = await open();
    await ready(page);
    await order(page, { settings: { outer: 400, inner: 20 } });
    await order(page, { act: "Start" });
    await until(page, "some steps", (seen) => !last(seen).live && last(seen).step > 4);
    const began = Date.now();
    await click(page, "⏹ Cancel");
    const seen = await until(page, "the end", (seen) => last(seen).state === "cancelled");
    console.log(`    cancelled after ${Date.now() - began} ms, at step ${last(seen).step} of ${last(seen).steps}`);
    assert(last(seen).error > 0 && last(seen).error < 1);
    return page;
  },

  async "pause, step and resume"() {
    const page = await open();
    await ready(page);
    await order(page, { settings: { outer: 100 } });
    await order(page, { act: "Start" });
    await until(page, "some steps", (seen) => !last(seen).live && last(seen).step > 4);
    await order(page, { act: "Pause or resume" });
    const step = await settled(page, stepOf);
    await order(page, { act: "One half-step" });
    await until(page, "one step", (seen) => stepOf(seen) > step);
    assert.equal(await settled(page, stepOf), step + 1);
    await order(page, { act: "Pause or resume" });
    await until(page, "the end", over);
    return page;
  },

  async "a permalink reproduces layer, settings, view, iteration and result"() {
    const page = await open();
    await ready(page);
    await order(page, { layer: "model.layers.2.mlp.up_proj.weight" });
    await until(page, "the layer", (seen) => seen.layer?.name === "model.layers.2.mlp.up_proj.weight" && over(seen));
    await order(page, { settings: { density: 0.31, seed: 5 } });
    const before = await until(page, "the run", (seen) => over(seen) && seen.settings.density === 0.31 && last(seen).nnz === Math.floor(0.31 * 688 * 256));
    await order(page, { go_to: 8 });
    const { link } = await until(page, "the iteration", (seen) => seen.step === 8);
    const other = await open(link);
    const after = await until(other, "the same", (seen) => over(seen) && seen.step === 8, 120);
    assert.equal(after.layer.name, before.layer.name);
    assert.equal(last(after).error, last(before).error);
    assert.deepEqual(after.settings, before.settings);
    await other.context().close();
    const broken = await open("#link=nonsense");
    await until(broken, "the message", (seen) => seen.messages.some((text) => text.includes("link cannot be read")));
    await broken.context().close();
    return page;
  },

  async "the tour walks through to its end"() {
    const page = await open();
    await ready(page);
    await click(page, "Tour");
    for (let card = 1; card <= 10; card++) {
      await until(page, `card ${card}`, (seen) => seen.tour?.card === card);
      // Each card sets its scene: runs, panels.
      if (card === 1) await until(page, "the scene", (seen) => seen.settings.density === 0.5);
      if (card === 4) await until(page, "the scene", (seen) => last(seen).state === "paused");
      if (card === 5) await until(page, "the scene", (seen) => seen.runs.some((run) => run.name === "no annealing" && run.state === "finished"));
      if (card === 8) await place(page, "Compress all", "Button");
      if (card === 9) await place(page, "Tune", "Button");
      if (card === 10) {
        await until(page, "the network", (seen) => seen.tour.is_set && seen.vision.dense, 60);
        await place(page, "Compress all", "Button");
      }
      await page.waitForTimeout(500);
      await shot(page, `tour-${card}`);
      await page.keyboard.press(card % 2 ? "Space" : "ArrowRight");
    }
    await until(page, "the end of the tour", (seen) => seen.tour === null);
    return page;
  },

  async "the lesson shows its numbers"() {
    const page = await open();
    await ready(page);
    await order(page, { show: "Lesson" });
    await place(page, "Next half-step", "Button");
    const numbers = async () => (await find(page, "Numbers of A:"))[0].label;
    const before = await numbers();
    await click(page, "Next half-step");
    await until(page, "other numbers", async () => await numbers() !== before, 20);
    await shot(page, "lesson");
    return page;
  },

  async "the language model is compressed, its story changes, and it is tuned in a Worker"() {
    const page = await open();
    await ready(page);
    await order(page, { show: "Model" });
    await order(page, { show: "Story" });
    await until(page, "the perplexity", (seen) => seen.language.dense);
    await order(page, { language: { compress: 0.12 } });
    const began = Date.now();
    const current = (seen) => !seen.language.working && seen.language.compressed_is_current;
    const before = await until(page, "all layers", (seen) => current(seen) && seen.language.replaced === seen.language.layers, 400);
    const compressed = before.language.compressed;
    console.log(`    ${((Date.now() - began) / 1000).toFixed(0)} s; perplexity ${compressed.toFixed(3)}, dense ${before.language.dense.toFixed(3)}`);
    assert(compressed > before.language.dense);
    await until(page, "the other story", (seen) => seen.language.changed_story && seen.language.changed_story !== seen.language.story, 60);
    await shot(page, "model");

    // Paused, resumed, cancelled, and taken back.
    await order(page, { language: { tune: { steps: 500, batch: 2, context: 64, every: 5, train: "values+norms" } } });
    await until(page, "better values", (seen) => seen.language.tuned && seen.language.held_out.length > 1, 300);
    await shot(page, "tuning");
    await order(page, { language: "pause tuning" });
    const step = await settled(page, (seen) => seen.language.tuning_step);
    assert.equal((await state(page)).language.tuning, "paused");
    await order(page, { language: "resume tuning" });
    await until(page, "the next step", (seen) => seen.language.tuning_step > step, 120);
    await order(page, { language: "cancel tuning" });
    const after = (await until(page, "the perplexity", current, 120)).language;
    assert(after.compressed < compressed, `${after.compressed} against ${compressed}`);
    console.log(`    after ${after.tuning_step} small steps ${after.compressed.toFixed(3)}`);
    await order(page, { language: "undo tuning" });
    const undone = await until(page, "the perplexity", (seen) => !seen.language.tuned && current(seen), 120);
    assert.equal(undone.language.compressed, compressed);
    return page;
  },

  async "the vision model is measured live, and compressed"() {
    const page = await open();
    await ready(page);
    await order(page, { vision: "example" });
    const { vision } = await until(page, "its accuracy", (seen) => seen.vision.dense && seen.vision.alone_is_current, 120);
    assert(vision.dense > 0.9 && vision.dense < 0.98 && vision.images === 1000, JSON.stringify(vision));
    let began = Date.now();
    await order(page, { settings: { density: 0.05 } });
    const times = [];
    const passed = async (what, done) => {
      const seen = await until(page, what, (seen) => last(seen).number > 2 && done(seen), 60);
      times.push(`${what} ${((Date.now() - began) / 1000).toFixed(1)} s`);
      return seen;
    };
    await passed("another accuracy", (seen) => seen.vision.alone !== vision.alone);
    await passed("the run's end", over);
    const one = await passed("that of its factors on all images", (seen) => over(seen) && seen.vision.alone_is_current && seen.vision.alone !== vision.alone);
    console.log(`    one layer: ${times.join(", ")}: ${one.vision.alone} after ${vision.alone}`);
    assert(one.vision.alone < vision.alone, JSON.stringify(one.vision));
    began = Date.now();
    await order(page, { vision: { compress: 0.2 } });
    const seen = await until(page, "the inner layers", (seen) => !seen.vision.working && seen.vision.replaced === seen.vision.layers - 2 && seen.vision.compressed_is_current && seen.vision.estimated, 400);
    console.log(`    ${((Date.now() - began) / 1000).toFixed(0)} s; accuracy ${seen.vision.compressed}, with norms re-estimated ${seen.vision.estimated}, dense ${seen.vision.dense}`);
    assert(seen.vision.compressed < seen.vision.dense && seen.vision.compressed > 0.5, JSON.stringify(seen.vision));
    began = Date.now();
    await order(page, { vision: { tune: { steps: 6, batch: 32, every: 3 } } });
    const tuned = await until(page, "six steps of tuning", (seen) => !seen.vision.tuning && seen.vision.tuned && seen.vision.compressed_is_current, 200);
    console.log(`    ${((Date.now() - began) / 1000).toFixed(0)} s; held-out losses ${JSON.stringify(tuned.vision.held_out)}, accuracy ${tuned.vision.compressed}`);
    assert(tuned.vision.tuning_step === 6 && tuned.vision.held_out.at(-1)[1] < tuned.vision.held_out[0][1], JSON.stringify(tuned.vision));
    await find(page, "Image ");
    await shot(page, "vision");
    return page;
  },

  async "methods are compared beside each other, and cancelled"() {
    const page = await open();
    await ready(page);
    await order(page, { show: "Methods" });
    await order(page, { compare: ["dsf", "magnitude", "svd", "palm4msa", "hierarchical"] });
    const row = (seen, method) => seen.comparison.find((row) => row.method === method);
    await until(page, "three methods", (seen) => ["dsf", "magnitude", "svd"].every((method) => row(seen, method).state === "done"), 120);
    await shot(page, "methods");
    // A Worker in the middle of its work is ended; the page goes on.
    const before = Date.now();
    await order(page, { compare: "cancel" });
    const seen = await state(page);
    assert(Date.now() - before < 2000, "at once");
    assert.equal(row(seen, "palm4msa").state, "cancelled");
    assert(row(seen, "dsf").error < row(seen, "magnitude").error, JSON.stringify(seen.comparison));
    assert(Math.abs(row(seen, "magnitude").error - seen.baselines.magnitude) < 1e-6);
    await order(page, { compare: { show: "magnitude" } });
    const shown = await until(page, "its pictures", (seen) => seen.pictures && seen.runs.at(-1).method === "magnitude");
    assert.equal(shown.runs.at(-1).error, row(shown, "magnitude").error);
    // The next comparison gets new Workers.
    await order(page, { compare: ["monarch"] });
    await until(page, "Monarch", (seen) => row(seen, "monarch")?.state === "done", 120);
    return page;
  },

  async "the model's table is measured, and paused"() {
    const page = await open();
    await ready(page);
    await until(page, "the dense model", (seen) => seen.language.dense !== null, 120);
    await order(page, { show: "Table" });
    await order(page, { language: "table" });
    await until(page, "a cell", (seen) => seen.language.table > 0, 240);
    await order(page, { language: "pause table" });
    const table = await settled(page, (seen) => seen.language.table);
    assert.equal((await state(page)).language.table_is_going, false);
    assert(table >= 1 && table < 40, `${table} cells`);
    await shot(page, "table");
    return page;
  },

  async "a figure is swept, paused and gone on with"() {
    const page = await open();
    await ready(page);
    await order(page, { show: "Sweeps" });
    await order(page, { settings: { outer: 8 } });
    await until(page, "the run", (seen) => over(seen) && seen.settings.outer === 8);
    await order(page, { sweep: "starts" });
    await until(page, "a point", (seen) => seen.sweep.done > 0, 120);
    await order(page, { sweep: "pause" });
    const done = await settled(page, (seen) => seen.sweep.done);
    const { points, going } = (await state(page)).sweep;
    assert.equal(going, false);
    assert(done < points, `${done} of ${points}`);
    await order(page, { sweep: "go on" });
    const { sweep } = await until(page, "all points", (seen) => seen.sweep.done === seen.sweep.points, 120);
    // Three starts on squares of 64, 128 and 256.
    assert.deepEqual(sweep, { figure: "starts", done: 9, points: 9, going: false });
    await shot(page, "sweep");
    return page;
  },

  async "settings are kept across visits"() {
    const page = await open();
    await ready(page);
    await order(page, { settings: { density: 0.37 } });
    await until(page, "the run", (seen) => over(seen) && seen.settings.density === 0.37);
    // eframe saves every 30 s, and when the page is left.
    await page.evaluate(() => dispatchEvent(new Event("beforeunload")));
    await page.waitForTimeout(300);
    await page.goto(address);
    await page.waitForFunction(() => globalThis.dsf);
    assert.equal((await ready(page)).settings.density, 0.37);
    return page;
  },

  async "on a phone it can be used"() {
    const page = await open("", { viewport: { width: 390, height: 760 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
    await ready(page);
    await place(page, "▶ Start", "Button");
    await shot(page, "phone");
    return page;
  },

  async "a lost Worker is replaced, and the person told"() {
    const page = await open();
    await ready(page);
    await order(page, { settings: { outer: 400, inner: 20 } });
    await order(page, { act: "Start" });
    await until(page, "some steps", (seen) => !last(seen).live && last(seen).step > 2);
    for (const worker of page.workers()) {
      await worker.evaluate(() => { setTimeout(() => { throw new Error("lost for a test"); }); }).catch(() => {});
    }
    const seen = await until(page, "the word of it", (seen) => last(seen).state === "failed" && seen.messages.some((text) => text.includes("was lost")));
    console.log(`    ${seen.messages.find((text) => text.includes("was lost"))}`);
    await order(page, { settings: { outer: 4, inner: 2 } });
    await order(page, { act: "Start" });
    await until(page, "another run", (seen) => over(seen) && last(seen).steps === 8);
    await until(page, "its pictures", (seen) => seen.pictures);
    page.complaints.length = 0; // what was thrown
    return page;
  },

  async "what breaks off says why, with a button to copy it"() {
    const page = await open("", { permissions: ["clipboard-read", "clipboard-write"] });
    await ready(page);
    await page.evaluate(() => { try { dsf.do({ panic: "broken for a test" }); } catch { /* as it should */ } });
    await page.waitForSelector("#broken:not([hidden])");
    assert.match(await page.locator("#why").textContent(), /broken for a test/);
    await page.click("#copy");
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /broken for a test/);
    await shot(page, "broken");
    page.complaints.length = 0; // the panic itself
    return page;
  },

  async "the solver's speed beside the native one's"() {
    const page = await open();
    await ready(page);
    await order(page, { bench: 256 });
    const { bench } = await until(page, "the measurement", (seen) => seen.bench, 120);
    const here = JSON.parse(bench.Ok);
    const there = JSON.parse(execFileSync(program, ["bench", "solver", "--sizes", "256", "--threads", "1", "--presets", "published", "--json"], { encoding: "utf8" }));
    const own = Array.isArray(there) ? there[0] : there;
    assert(here.relative_error > 0 && Math.abs(here.relative_error / own.relative_error - 1) < 0.01, JSON.stringify(here));
    console.log(`    256×256, 40×5: ${here.seconds.toFixed(2)} s, natively on one thread ${own.seconds.toFixed(2)} s, ratio ${(here.seconds / own.seconds).toFixed(1)}`);
    console.log(`    products: ${here.gemm_gflops.toFixed(0)} GFLOP/s, natively ${own.gemm_gflops.toFixed(0)}`);
    return page;
  },

  async "without WebGPU it says so"() {
    // As in a browser that does not have it; Workers included.
    const page = await open("", {}, () => Object.defineProperty(Navigator.prototype, "gpu", { value: undefined }), {
      inWorkers: 'Object.defineProperty(WorkerNavigator.prototype, "gpu", { value: undefined });',
    });
    const seen = await ready(page);
    assert.equal(seen.instead_of_gpu, "this browser has no WebGPU");
    await order(page, { backend: "gpu" });
    const run = last(await until(page, "the run and the word of it", (seen) =>
      over(seen) && seen.messages.some((text) => text.includes("(this browser has no WebGPU)"))));
    const { messages, backend, adapter } = await state(page);
    console.log(`    ${messages.find((text) => text.includes("WebGPU"))}`);
    assert.deepEqual([backend, adapter], ["gpu", null]);
    assert.equal(run.nnz, last(seen).nnz);
    assert.equal(run.error, last(seen).error);
    assert.equal((await exported(page)).backend, "cpu");
    return page;
  },

  async "on WebGPU runs end as on the processor"() {
    const page = await open("", {}, () => {}, { within: gpuBrowser });
    await ready(page);
    // In software a half-step takes seconds: small ones, and few.
    for (const [rows, cols] of [[64, 64], [40, 96]]) {
      await order(page, { backend: "cpu" });
      await order(page, { settings: { outer: 3 } });
      await openLayer(page, `w${rows}x${cols}`, rows, cols);
      const own = await runOf(page, { act: "Start" });
      const run = await runOf(page, { backend: "gpu" });
      const { adapter } = await until(page, "the adapter's name", (seen) => seen.adapter);
      assert.match(adapter, /swiftshader, in software/);
      const again = await runOf(page, { act: "Start" });
      assert.equal(run.nnz, own.nnz);
      assert(Math.abs(run.error / own.error - 1) < 0.015, `${run.error} on WebGPU, ${own.error} on the processor`);
      assert.equal(again.error, run.error);
      const report = await exported(page);
      assert.equal(report.backend, "gpu");
      assert.match(report.adapter, /swiftshader/);
      console.log(`    ${rows}×${cols}: error ${run.error.toFixed(5)} in ${again.seconds.toFixed(2)} s (the first time ${run.seconds.toFixed(2)} s), on the processor ${own.error.toFixed(5)} in ${own.seconds.toFixed(2)} s`);
    }
    // One in software is never taken on its own.
    await runOf(page, { backend: "auto" });
    assert.equal((await exported(page)).backend, "cpu");
    await shot(page, "webgpu");
    return page;
  },

  async "on WebGPU a layer-wise run ends as on the processor"() {
    const page = await open("", {}, () => {}, { within: gpuBrowser, inWorkers: `
      globalThis.submitted = 0;
      const submit = GPUQueue.prototype.submit;
      GPUQueue.prototype.submit = function (all) {
        globalThis.submitted += all.length;
        return submit.call(this, all);
      };` });
    const submitted = async () => {
      const counts = await Promise.all(page.workers().map((worker) => worker.evaluate(() => globalThis.submitted)));
      return counts.reduce((all, one) => all + one, 0);
    };
    await ready(page);
    await until(page, "the model", (seen) => seen.language.dense !== null, 120);
    // What differs is the finalisation: one short iteration before it.
    await runOf(page, { settings: { outer: 1, inner: 1, density: 0.5, finalize: false, objective: "norms" } });
    await runOf(page, { calibrate: true });
    await runOf(page, { backend: "gpu" });
    const before = await submitted();
    await runOf(page, { act: "Start" });
    const unfinalized = await submitted() - before;
    const run = await runOf(page, { settings: { finalize: true } });
    const finalized = await submitted() - before - unfinalized;
    assert(unfinalized > 0 && finalized > unfinalized, `${finalized} submissions, without finalisation ${unfinalized}`);
    assert.equal((await exported(page)).backend, "gpu");
    const own = await runOf(page, { backend: "cpu" });
    assert.equal(run.nnz, own.nnz);
    assert(Math.abs(run.layer_error / own.layer_error - 1) < 1e-3, `${run.layer_error} on WebGPU, ${own.layer_error} on the processor`);
    console.log(`    layer-wise error ${run.layer_error.toFixed(6)} in ${run.seconds.toFixed(1)} s, on the processor ${own.layer_error.toFixed(6)} in ${own.seconds.toFixed(2)} s`);
    // Masks that see the inputs: from the second iteration on.
    const here = await runOf(page, { settings: { outer: 2, inner: 2, finalize: false, objective: "outputs" } });
    const there = await runOf(page, { backend: "gpu" });
    assert.equal((await exported(page)).backend, "gpu");
    assert.notEqual(here.layer_error, own.layer_error);
    assert(Math.abs(there.layer_error / here.layer_error - 1) < 1e-2, `${there.layer_error} on WebGPU, ${here.layer_error} on the processor`);
    console.log(`    masks that see the inputs: ${there.layer_error.toFixed(6)} in ${there.seconds.toFixed(1)} s, on the processor ${here.layer_error.toFixed(6)} in ${here.seconds.toFixed(2)} s`);
    return page;
  },

  async "on WebGPU a run is paused, stepped and cancelled"() {
    const page = await open("", {}, () => {}, { within: gpuBrowser });
    await ready(page);
    await openLayer(page, "paused", 64, 64);
    await order(page, { backend: "gpu" });
    await order(page, { settings: { outer: 400 } });
    await order(page, { act: "Start" });
    await until(page, "some steps", (seen) => !last(seen).live && last(seen).step > 4);
    await order(page, { act: "Pause or resume" });
    const step = await settled(page, stepOf, 2000);
    assert.equal(last(await state(page)).state, "paused");
    await order(page, { act: "One half-step" });
    await until(page, "one step", (seen) => stepOf(seen) > step);
    assert.equal(await settled(page, stepOf, 2000), step + 1);
    await until(page, "its pictures", (seen) => seen.pictures);
    await order(page, { act: "Pause or resume" });
    await until(page, "more steps", (seen) => last(seen).step > step + 4);
    const began = Date.now();
    await order(page, { act: "Cancel" });
    await until(page, "the end", (seen) => last(seen).state === "cancelled");
    console.log(`    cancelled after ${Date.now() - began} ms`);
    assert.equal((await exported(page)).backend, "gpu");
    return page;
  },

  async "a graphics processor lost in the middle of a run costs nothing but time"() {
    const page = await open("", {}, () => {}, { within: gpuBrowser, inWorkers: `
      const request = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...all) {
        return globalThis.device = await request.apply(this, all);
      };
      // On a busy machine the word of the loss comes long after the first failure.
      const lost = Object.getOwnPropertyDescriptor(GPUDevice.prototype, "lost").get;
      Object.defineProperty(GPUDevice.prototype, "lost", {
        get() { return lost.call(this).then((why) => new Promise((told) => setTimeout(told, 30_000, why))); },
      });` });
    await ready(page);
    await openLayer(page, "lost", 64, 64);
    await order(page, { backend: "gpu" });
    await order(page, { settings: { outer: 100, density: 0.25 } });
    await order(page, { act: "Start" });
    await until(page, "some steps", (seen) => !last(seen).live && last(seen).step > 4);
    for (const worker of page.workers()) await worker.evaluate(() => globalThis.device?.destroy());
    const seen = await until(page, "the end, and the word of it", (seen) =>
      over(seen) && seen.messages.some((text) => text.includes("goes on on the processor")));
    console.log(`    ${seen.messages.find((text) => text.includes("goes on on the processor"))}`);
    assert.equal(last(seen).nnz, 64 * 64 / 4);
    assert.equal((await exported(page)).backend, "cpu");
    // The next run opens it again.
    await runOf(page, { settings: { outer: 2 } });
    assert.equal((await exported(page)).backend, "gpu");
    return page;
  },
};

// A layer of its own, on screen, with nothing going on.
async function openLayer(page, name, rows, cols) {
  await page.evaluate(([name, bytes]) => dsf.open([new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], `${name}.safetensors`)]),
    [name, layer(name, rows, cols).toString("base64")]);
  await until(page, "the layer", (seen) => seen.layer?.name === `${name}.weight`);
}

// The run that begins with this order, when it is over.
async function runOf(page, what) {
  const { number } = last(await state(page));
  await order(page, what);
  return last(await until(page, "the run", (seen) => last(seen).number > number && over(seen) && seen.pictures, 120));
}

// What the report inside of the factors' file says.
async function exported(page) {
  const coming = page.waitForEvent("download");
  await order(page, { export: { what: "Factors (safetensors)", name: "factors.safetensors" } });
  const file = join(folder, "run.safetensors");
  await (await coming).saveAs(file);
  const bytes = readFileSync(file);
  return JSON.parse(JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE()))).__metadata__["dsf.report"]);
}

// Two layers, of which one is wanted.
function far() {
  const [one, two] = [layer("far.0", 200, 200), layer("far.1")];
  const part = (bytes) => bytes.subarray(8 + Number(bytes.readBigUInt64LE()));
  const [first, second] = [part(one), part(two)];
  const header = JSON.stringify({
    "far.0.weight": { dtype: "F32", shape: [200, 200], data_offsets: [0, first.length] },
    "far.1.weight": { dtype: "F32", shape: [48, 64], data_offsets: [first.length, first.length + second.length] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), first, second]);
}
execFileSync("mkdir", ["-p", join(folder, "files")]);
writeFileSync(join(folder, "files", "far.safetensors"), far());

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  if (!name.includes(only)) continue;
  const began = Date.now();
  try {
    const page = await test();
    assert.deepEqual(page.complaints, [], "the console");
    await page.context().close();
    console.log(`ok   ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.stack ?? error}`);
    for (const context of [...browser.contexts(), ...gpuBrowser.contexts()]) {
      for (const page of context.pages()) {
        if (page.complaints?.length) console.log(`    console: ${page.complaints.join("\n    ")}`);
        await shot(page, `failed-${failed}`).catch(() => {});
      }
      await context.close();
    }
  }
}
await browser.close();
await gpuBrowser.close();
close();
rmSync(folder, { recursive: true });
console.log(failed ? `${failed} failed` : "all passed");
process.exit(failed ? 1 : 0);
