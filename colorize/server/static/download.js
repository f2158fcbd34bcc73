// Downloads at full size: of one photograph, or of all as a ZIP file.

import { parameters } from "./results.js";
import { colorizeIntoZip, colorizeWhole, createZip, endZip, explain, megabytes, options, supports } from "./server.js";
import { find, session } from "./state.js";

const SUFFIXES = {
  "image/jpeg": "jpg", "image/png": "png", "image/tiff": "tif", "image/webp": "webp",
  "image/avif": "avif", "image/bmp": "bmp", "image/gif": "gif", "image/jp2": "jp2",
  "image/x-portable-anymap": "ppm", "image/heic": "heic",
};
const FORMATS = { "": "That of the photograph", jpeg: "JPEG", png: "PNG", tiff: "TIFF", webp: "WebP", avif: "AVIF" };
const LOSSY = ["", "jpeg", "webp", "avif"];
const VIEWS = { "": "The photograph in color", "side-by-side": "Before and after, side by side", split: "Before and after, a half of each" };
const QUALITY = 95;

export function makeDownloadOptions() {
  const { schema } = options.quality;
  Object.assign(find("quality"), { min: schema.minimum, max: schema.maximum, value: QUALITY });
  const known = options.format.schema.enum ?? Object.keys(FORMATS);
  fill("format", Object.entries(FORMATS).filter(([name]) => !name || known.includes(name)));
  fill("compare", Object.entries(VIEWS));
  find("compare").closest("label").hidden = !supports("compare");
  find("quality").addEventListener("input", showQuality);
  find("format").addEventListener("change", showQuality);
  showQuality();
}

function fill(id, entries) {
  find(id).replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
}

function showQuality() {
  find("quality-row").hidden = !LOSSY.includes(find("format").value);
  find("quality-text").textContent = find("quality").value;
  find("quality").setAttribute("aria-valuetext", find("quality").value);
}

function downloadOptions() {
  const quality = Number(find("quality").value);
  return {
    format: find("format").value,
    compare: find("compare").value,
    quality: find("quality-row").hidden || quality === QUALITY ? null : quality, // else the format's
  };
}

const wholeResult = (item, signal) =>
  colorizeWhole(item, parameters(item, item.opened, downloadOptions()), signal);

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function resultName({ name, file }, type) {
  const [, stem, suffix] = /^(.*?)(?:\.([^.]*))?$/.exec(name);
  const same = file.type === type && suffix;
  return `${stem}.colorized.${same ? suffix : SUFFIXES[type] || "jpg"}`;
}

export async function downloadOne(showStatus) {
  const button = find("download"), item = session.current;
  button.disabled = true;
  showStatus("Coloring it at full size…");
  try {
    const blob = await wholeResult(item);
    save(blob, resultName(item, blob.type));
    if (session.current === item) showStatus(`${item.opened.width} × ${item.opened.height} pixels, ${megabytes(blob.size)}`);
  } catch (error) {
    if (session.current === item) showStatus(`${item.name}: ${explain(error)}.`, true);
  } finally {
    if (session.current === item) button.disabled = false;
  }
}

let pending = null; // AbortController of the download of all

// The server sends the ZIP file while it is made, so it passes through no one's memory.
export async function downloadAll() {
  const button = find("download-all"), progress = find("progress");
  if (pending) return pending.abort();
  const { signal } = (pending = new AbortController());
  const items = session.items.filter(({ state }) => state === "done");
  const failures = [];
  let done = 0, token = null;
  button.textContent = "Stop";
  try {
    token = await createZip();
    const link = document.createElement("a");
    link.href = `zip/${token}`;
    link.download = "colorized.zip";
    link.click();
    for (const item of items) {
      progress.textContent = `Coloring at full size: ${done + failures.length + 1} of ${items.length}`;
      try {
        await colorizeIntoZip(token, item, parameters(item, item.opened, downloadOptions()), signal);
        done++;
      } catch (error) {
        if (signal.aborted || error.status === 410) throw error;
        failures.push(`${item.name}: ${explain(error)}`);
      }
    }
    const missing = failures.length ? `; not in it: ${failures.join("; ")}` : "";
    progress.textContent = `${done} of ${items.length} downloaded${missing}`;
  } catch (error) {
    const stopped = signal.aborted || error.status === 410;
    progress.textContent = stopped ? `Stopped: ${done} of ${items.length} are in the ZIP file` : `ZIP file: ${explain(error)}`;
  } finally {
    if (token) endZip(token);
    button.textContent = "Download all (ZIP)";
    pending = null;
  }
}
