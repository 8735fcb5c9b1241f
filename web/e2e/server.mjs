// A static host: the page under a sub-path without any special header, and beside it the files of a folder. Answers
// requests for parts, and tells how many bytes of each file it has sent.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const kinds = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

export async function serve(dist, folder, base = "/some/where/") {
  const sent = {};
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://host").pathname);
    const name = path.startsWith(base) ? normalize(path.slice(base.length) || "index.html") : "..";
    if (name === "fetched") return response.end(JSON.stringify(sent));
    const file = join(name.startsWith("files/") ? folder : dist, name);
    try {
      if (name.startsWith("..")) throw new Error("outside");
      const bytes = await readFile(file);
      const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "");
      const part = range ? bytes.subarray(Number(range[1]), Number(range[2]) + 1) : bytes;
      sent[name] = (sent[name] ?? 0) + part.length;
      response.setHeader("Content-Type", kinds[extname(name)] ?? "application/octet-stream");
      response.setHeader("Content-Length", part.length);
      if (range) {
        response.statusCode = 206;
        response.setHeader("Content-Range", `bytes ${range[1]}-${Number(range[1]) + part.length - 1}/${bytes.length}`);
      }
      response.end(part);
    } catch {
      response.statusCode = 404;
      response.end("not found");
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { address: `http://127.0.0.1:${server.address().port}${base}`, close: () => server.close() };
}
