// The page of colorize-serve. While the photograph is on screen, the server gets a small copy, so
// that every change shows at once; for the download it gets the file itself.

const PREVIEW_SIDE = 1600; // pixels, longer side of the copy on screen
const THUMB_SIDE = 320;
const VERSIONS = 6;
const ATTEMPTS = 8; // while the server has too many requests (status 429)
const SWATCHES = [
  ["Light skin", "#dca98a"], ["Dark skin", "#8c5a3c"], ["Sky", "#7db3e6"], ["Sea", "#3d7ea6"],
  ["Grass", "#6f9c48"], ["Leaves", "#3f6d3c"], ["Sand", "#d9bd8f"],
  ["Brick", "#a85a43"], ["Red", "#b9303a"], ["Gold", "#e0b53a"], ["Violet", "#7d5aa8"],
  ["No color", "#8c8c8c"],
];
// The useful part of each range; the rest is in the server's OpenAPI document.
const SLIDERS = {
  saturation: { label: "Saturation", max: 2, step: 0.05 },
  rare_color_boost: { label: "Rare colors", max: 0.6, step: 0.02 },
  temperature: { label: "Mixing", min: 0.05, max: 2, step: 0.05 },
};
const SUFFIXES = {
  "image/jpeg": "jpg", "image/png": "png", "image/tiff": "tif", "image/webp": "webp",
  "image/avif": "avif", "image/bmp": "bmp", "image/gif": "gif", "image/jp2": "jp2",
  "image/x-portable-anymap": "ppm", "image/heic": "heic",
};

const find = (id) => document.getElementById(id);
const frame = find("frame"), board = find("board"), split = find("split");

const server = { max_bytes: Infinity, max_pixels: Infinity, parameters: [], defaults: {} }; // GET /healthz
const options = {}; // parameter name -> OpenAPI parameter object
let latest = null; // the file chosen last
let photo = null; // {file, shown, preview, thumb, whole, width, height}
let hints = []; // {x, y, color}: x and y as fractions of width and height, #rrggbb
let chosen = null; // the selected hint
let color = SWATCHES[2][1];
let sample = null; // number of the selected version; null: the most likely colors
const settings = {}; // values of the sliders that were moved
const cross = { x: 0.5, y: 0.5 };

// ---- the server

class ServerError extends Error {}

async function colorize(picture, extra, signal) {
  const form = new FormData();
  form.append("photo", picture.blob, "photograph");
  for (const [name, value] of Object.entries({ ...settings, ...extra })) {
    if (value !== null && value !== undefined) form.append(name, value);
  }
  if (hints.length) form.append("hints", hintLines(picture));
  for (let attempt = 1; ; attempt++) {
    const response = await fetch("colorize", { method: "POST", body: form, signal });
    if (response.ok) return response.blob();
    if (response.status === 429 && attempt < ATTEMPTS) {
      await pause(1000 * Number(response.headers.get("Retry-After") || 1), signal);
      continue;
    }
    const { error } = await response.json().catch(() => ({}));
    throw new ServerError(error || `the server answered with status ${response.status}`);
  }
}

function hintLines(picture) {
  const pixel = (fraction, size) => Math.min(size - 1, Math.floor(fraction * size));
  return hints
    .map((hint) => `${pixel(hint.x, picture.width)},${pixel(hint.y, picture.height)},${hint.color}`)
    .join("\n");
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

// ---- status line

function showStatus(text, isError = false) {
  const status = find("status");
  status.textContent = text;
  status.classList.toggle("error", isError);
}

function showError(error) {
  if (error.name === "AbortError") return;
  if (error instanceof ServerError) showStatus(`${photo.file.name}: ${error.message}.`, true);
  else showStatus("Cannot reach the server.", true);
}

// ---- the photograph

async function choose(file) {
  if (!file) return;
  if (file.size > server.max_bytes) {
    const limit = megabytes(server.max_bytes);
    showStatus(`This file has ${megabytes(file.size)}; the server's limit is ${limit}.`, true);
    return;
  }
  latest = file;
  reset();
  showStatus("Reading the photograph…");
  const opened = await readPhoto(file);
  if (latest !== file) return;
  photo = opened;
  if (photo.width * photo.height > server.max_pixels) {
    const limit = Math.round(server.max_pixels / 1e6);
    photo = null;
    showStudio(false);
    showStatus(`This photograph is too large: the server's limit is ${limit} megapixels.`, true);
    return;
  }
  busy(1);
  showStudio(true);
  if (photo.shown) showImage(find("before"), photo.preview.blob);
  setAspectRatio(photo.width, photo.height);
  frame.classList.add("waiting");
  if (await refresh()) {
    reveal();
    await versions();
  } else if (photo === opened) {
    showStudio(false);
  }
  busy(-1);
}

function showStudio(shown) {
  find("start").hidden = shown;
  find("studio").hidden = find("another").hidden = !shown;
}

function reset() {
  pendingResult?.abort();
  pendingVersions?.abort();
  hints = [];
  chosen = sample = null;
  for (const name of Object.keys(settings)) delete settings[name];
  for (const id of ["before", "after"]) find(id).removeAttribute("src");
  find("before").classList.remove("gray");
  find("thumbs").replaceChildren();
  find("samples").hidden = true;
  find("download").disabled = true;
  document.querySelector("[name=mode][value=compare]").checked = true;
  setMode("compare");
  makeSliders();
  drawHints();
}

// Files that the browser cannot decode, such as TIFF, go to the server unchanged.
async function readPhoto(file) {
  const whole = { blob: file, file, width: 0, height: 0 };
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return { ...whole, shown: false, preview: whole, thumb: whole, whole };
  }
  const { width, height } = bitmap;
  Object.assign(whole, { width, height });
  const result = { file, width, height, shown: true, whole };
  result.preview = await resize(bitmap, PREVIEW_SIDE, file.type);
  result.thumb = await resize(bitmap, THUMB_SIDE, file.type);
  bitmap.close();
  return result;
}

async function resize(bitmap, side, type) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const target = type === "image/jpeg" ? "image/jpeg" : "image/png"; // PNG keeps transparency
  const blob = await new Promise((done) => canvas.toBlob(done, target, 0.95));
  return { blob, width: canvas.width, height: canvas.height };
}

function previewFormat() {
  return photo.shown && photo.preview.blob.type === "image/png" ? "png" : "jpeg";
}

function setAspectRatio(width, height) {
  if (width && height) frame.style.setProperty("--ratio", width / height);
}

function showImage(image, blob) {
  return new Promise((done) => {
    const old = image.src;
    image.onload = image.onerror = () => {
      if (old.startsWith("blob:")) URL.revokeObjectURL(old);
      done();
    };
    image.src = URL.createObjectURL(blob);
  });
}

// ---- the result

let pendingResult = null; // AbortController of the request for the picture on screen

async function refresh() {
  pendingResult?.abort();
  const controller = (pendingResult = new AbortController());
  frame.classList.add("working");
  if (!find("after").src) showStatus("Coloring…");
  try {
    const blob = await colorize(photo.preview, { format: previewFormat(), quality: 92, sample }, controller.signal);
    if (controller.signal.aborted) return false;
    await showImage(find("after"), blob);
    if (!photo.shown) await showWithoutOriginal(blob);
    find("download").disabled = false;
    showStatus(photo.shown ? size() : `${size()}; this browser cannot show the original, so Before is the result in gray.`);
    return true;
  } catch (error) {
    showError(error);
    return false;
  } finally {
    if (controller === pendingResult) frame.classList.remove("working");
  }
}

async function showWithoutOriginal(blob) {
  const { naturalWidth: width, naturalHeight: height } = find("after");
  Object.assign(photo, { width, height });
  Object.assign(photo.whole, { width, height });
  setAspectRatio(width, height);
  find("before").classList.add("gray");
  await showImage(find("before"), blob);
}

const size = () => `${photo.width} × ${photo.height} pixels`;
const megabytes = (bytes) => `${Math.round(bytes / 1e5) / 10} MB`;

let later = 0;
function refreshSoon() {
  if (later) clearTimeout(later);
  else busy(1);
  later = setTimeout(async () => {
    later = 0;
    if (await refresh()) await refreshVersions();
    busy(-1);
  }, 120);
}

let tasks = 0;
function busy(change) {
  tasks += change;
  document.body.setAttribute("aria-busy", String(tasks > 0));
}

function setSplit(percent) {
  split.value = percent;
  frame.style.setProperty("--split", `${percent}%`);
}

// The color comes in from the right.
function reveal() {
  setSplit(100);
  frame.classList.remove("waiting");
  frame.offsetWidth; // makes the browser draw this state before the animation starts
  frame.classList.add("wipe");
  setSplit(50);
  setTimeout(() => frame.classList.remove("wipe"), 1000);
}

// ---- versions

let pendingVersions = null; // AbortController of the requests for the thumbnails

async function versions() {
  if (!server.parameters.includes("sample")) return;
  find("samples").hidden = false;
  find("thumbs").replaceChildren(...Array.from({ length: VERSIONS }, (_, number) => thumb(number)));
  await refreshVersions();
}

async function refreshVersions() {
  pendingVersions?.abort();
  pendingVersions = new AbortController();
  await fillThumbs(pendingVersions.signal);
}

function thumb(number) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "thumb";
  button.append(document.createElement("img"), document.createElement("span"));
  button.firstChild.alt = "";
  button.lastChild.textContent = number ? `Version ${number}` : "Most likely";
  button.setAttribute("aria-pressed", String((number || null) === sample));
  button.addEventListener("click", () => {
    sample = number || null;
    for (const thumb of find("thumbs").children) thumb.setAttribute("aria-pressed", String(thumb === button));
    busy(1);
    refresh().then(() => busy(-1));
  });
  return button;
}

// All at the same time: the server runs them through the network as one batch.
async function fillThumbs(signal) {
  const extra = { format: "jpeg", quality: 85 };
  const fill = async (button, number) => {
    try {
      const blob = await colorize(photo.thumb, { ...extra, sample: number || null }, signal);
      if (!signal.aborted) await showImage(button.firstChild, blob);
    } catch (error) {
      button.classList.toggle("failed", !signal.aborted);
    }
  };
  await Promise.all([...find("thumbs").children].map(fill));
}

// ---- colors

function setMode(mode) {
  frame.classList.toggle("color", mode === "color");
  board.hidden = find("palette").hidden = mode !== "color";
}

function makeSwatches() {
  for (const [name, value] of SWATCHES) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "swatch";
    button.title = name;
    button.setAttribute("aria-label", name);
    button.dataset.color = value;
    button.style.setProperty("--color", value);
    button.addEventListener("click", () => setColor(value));
    find("swatches").append(button);
  }
}

function setColor(value) {
  color = value;
  find("custom").value = value;
  for (const button of find("swatches").children) {
    button.setAttribute("aria-pressed", String(button.dataset.color === value));
  }
  if (chosen && chosen.color !== value) {
    chosen.color = value;
    drawHints();
    refreshSoon();
  }
}

function addHint(x, y) {
  chosen = null; // the next color picked is for the next spot
  hints.push({ x, y, color });
  drawHints();
  refreshSoon();
}

function removeHints(which) {
  hints = hints.filter((hint) => !which.includes(hint));
  if (!hints.includes(chosen)) chosen = null;
  drawHints();
  refreshSoon();
}

function drawHints() {
  const focused = hints.find((hint) => hint.button && hint.button === document.activeElement);
  board.querySelectorAll(".hint").forEach((button) => button.remove());
  hints.forEach((hint, index) => {
    hint.button = hintButton(hint, index);
    board.append(hint.button);
  });
  (focused?.button)?.focus();
  find("remove").disabled = !chosen;
  find("clear").disabled = !hints.length;
}

function hintButton(hint, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "hint";
  button.setAttribute("aria-label", `Color ${index + 1}, ${hint.color}; arrow keys move it, Delete removes it`);
  button.setAttribute("aria-pressed", String(hint === chosen));
  button.style.setProperty("--color", hint.color);
  moveTo(button, hint);
  button.addEventListener("pointerdown", (event) => drag(event, hint));
  button.addEventListener("click", (event) => {
    event.stopPropagation();
    select(hint);
  });
  button.addEventListener("keydown", (event) => hintKey(event, hint));
  return button;
}

function moveTo(element, { x, y }) {
  element.style.setProperty("--x", `${(100 * x).toFixed(2)}%`);
  element.style.setProperty("--y", `${(100 * y).toFixed(2)}%`);
}

function select(hint) {
  chosen = hint;
  for (const spot of hints) spot.button.setAttribute("aria-pressed", String(spot === hint));
  find("remove").disabled = !hint;
  if (hint) setColor(hint.color);
}

function drag(event, hint) {
  event.preventDefault();
  event.stopPropagation();
  const { button } = hint;
  button.focus({ preventScroll: true });
  select(hint);
  button.setPointerCapture(event.pointerId);
  let moved = false;
  button.onpointermove = (move) => {
    moved = true;
    Object.assign(hint, position(move));
    moveTo(button, hint);
  };
  button.onpointerup = button.onpointercancel = () => {
    button.onpointermove = button.onpointerup = button.onpointercancel = null;
    if (moved) refreshSoon();
  };
}

function position(event) {
  const box = board.getBoundingClientRect();
  const clamp = (value) => Math.min(1, Math.max(0, value));
  return { x: clamp((event.clientX - box.left) / box.width), y: clamp((event.clientY - box.top) / box.height) };
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function step(event, spot) {
  const [x, y] = STEPS[event.key];
  const far = event.shiftKey ? 0.05 : 0.01;
  spot.x = Math.min(1, Math.max(0, spot.x + far * x));
  spot.y = Math.min(1, Math.max(0, spot.y + far * y));
  event.preventDefault();
  event.stopPropagation();
}

function hintKey(event, hint) {
  if (event.key in STEPS) {
    step(event, hint);
    moveTo(hint.button, hint);
    refreshSoon();
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    removeHints([hint]);
    board.focus();
  } else if (event.key === "Escape") {
    select(null);
  }
}

function boardKey(event) {
  if (event.target !== board) return;
  if (event.key in STEPS) {
    step(event, cross);
    moveTo(board.querySelector(".cross"), cross);
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    addHint(cross.x, cross.y);
  }
}

// ---- settings

function makeSliders() {
  const supported = Object.keys(SLIDERS).filter((name) => server.parameters.includes(name));
  find("adjust").hidden = !supported.length;
  find("sliders").replaceChildren(...supported.map(slider));
}

function slider(name) {
  const { description, schema } = options[name];
  const { label, step: stride, min = schema.minimum, max = schema.maximum } = SLIDERS[name];
  const row = document.createElement("label");
  row.className = "slider";
  const output = document.createElement("span");
  const input = Object.assign(document.createElement("input"), { type: "range", min, max, step: stride });
  input.title = description;
  input.value = server.defaults[name];
  output.textContent = Number(input.value).toFixed(2);
  input.addEventListener("input", () => {
    settings[name] = input.value;
    output.textContent = Number(input.value).toFixed(2);
    refreshSoon();
  });
  input.setAttribute("aria-label", label);
  row.append(document.createTextNode(label), output, input);
  return row;
}

// ---- download

async function download() {
  const button = find("download"), current = photo;
  button.disabled = true;
  showStatus("Coloring it at full size…");
  try {
    const blob = await colorize(current.whole, { sample });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = resultName(current.file, blob.type);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    if (photo === current) showStatus(`${size()}, ${megabytes(blob.size)}`);
  } catch (error) {
    if (photo === current) showError(error);
  } finally {
    if (photo === current) button.disabled = false;
  }
}

function resultName(file, type) {
  const [, stem, suffix] = /^(.*?)(?:\.([^.]*))?$/.exec(file.name || "photograph");
  const same = file.type === type && suffix;
  return `${stem}.colorized.${same ? suffix : SUFFIXES[type] || "jpg"}`;
}

// ---- start

function listen() {
  find("file").addEventListener("change", (event) => {
    choose(event.target.files[0]);
    event.target.value = ""; // else choosing the same file again would be no change
  });
  find("another").addEventListener("click", () => find("file").click());
  find("download").addEventListener("click", download);
  find("remove").addEventListener("click", () => chosen && removeHints([chosen]));
  find("clear").addEventListener("click", () => removeHints(hints));
  find("custom").addEventListener("input", (event) => setColor(event.target.value));
  find("modes").addEventListener("change", (event) => setMode(event.target.value));
  find("theme").addEventListener("click", switchTheme);
  split.addEventListener("input", () => setSplit(split.value));
  split.addEventListener("pointerdown", () => frame.classList.remove("wipe"));
  board.addEventListener("click", (event) => {
    const { x, y } = position(event);
    addHint(x, y);
  });
  board.addEventListener("keydown", boardKey);
  listenForDrops();
}

function listenForDrops() {
  let inside = 0;
  const over = (change) => {
    inside = Math.max(0, inside + change);
    document.body.classList.toggle("over", inside > 0);
  };
  addEventListener("dragenter", () => over(1));
  addEventListener("dragleave", () => over(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    over(-inside);
    choose(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => choose(event.clipboardData.files[0]));
}

function switchTheme() {
  const dark = getComputedStyle(document.documentElement).colorScheme;
  const isDark = dark === "dark" || (dark !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
}

async function getJson(path) {
  return (await fetch(path)).json();
}

async function start() {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  makeSwatches();
  setColor(color);
  listen();
  try {
    const [health, openapi] = await Promise.all([getJson("healthz"), getJson("openapi.json")]);
    Object.assign(server, health);
    for (const option of openapi.paths["/colorize"].post.parameters) options[option.name] = option;
  } catch (error) {
    showError(error);
    return;
  }
  const megapixels = Math.round(server.max_pixels / 1e6);
  find("limits").textContent = `up to ${megabytes(server.max_bytes)} and ${megapixels} megapixels`;
  document.querySelector("[name=mode][value=color]").closest("label").hidden = !server.parameters.includes("hints");
  makeSliders();
}

start();
