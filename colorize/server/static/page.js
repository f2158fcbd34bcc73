// The page of colorize-serve. While a photograph is on screen, the server gets a small copy, so
// that every change shows at once; for the download it gets the file itself.

import { downloadAll, downloadOne, makeDownloadOptions } from "./download.js";
import { drawHints, listenToHints, select as selectHint, setMode } from "./hints.js";
import { looksLikePhoto } from "./photo.js";
import { isCurrent, parameters, render, updateIcon, workThroughQueue } from "./results.js";
import { colorizeWhole, connect, forget, megabytes, server } from "./server.js";
import { listenToSettings, showHistory, showSettings } from "./settings.js";
import { after, before, clearImage, frame, listenToStage, resetZoom, reveal, setAspectRatio, setImage, zoom } from "./stage.js";
import { clearItems, deleteItem, listenToTabs, loadItems, openStorage, saveItem } from "./storage.js";
import { find, newItem, on, select, session, setState } from "./state.js";
import { drawItem, drawStrip, scrollToCurrent } from "./strip.js";
import { markVersion, refreshVersions, showVersions } from "./versions.js";

const SAVE_DELAY = 500; // ms after the last change
const SHARPEN_DELAY = 600;

// ---- messages

function showStatus(text, isError = false) {
  find("status").textContent = text;
  find("status").classList.toggle("error", isError);
}

const showNotice = (text) => (find("notice").textContent = text);

let tasks = 0;
async function busy(work) {
  document.body.setAttribute("aria-busy", String(++tasks > 0));
  try {
    return await work;
  } finally {
    document.body.setAttribute("aria-busy", String(--tasks > 0));
  }
}

// ---- the list of photographs

function addFiles(files) {
  const added = files.map((file) => newItem(file));
  if (!added.length) return;
  showNotice("");
  session.items.push(...added);
  drawStrip();
  if (!session.current || added.length === 1) select(added[0]);
  busy(workThroughQueue());
}

function removeItem(item) {
  forget(item.token);
  deleteItem(item);
  dropItem(item);
}

function dropItem(item) {
  const index = session.items.indexOf(item);
  if (index < 0) return;
  item.rendering?.controller.abort();
  if (item.icon) URL.revokeObjectURL(item.icon);
  session.items.splice(index, 1);
  drawStrip();
  if (session.current === item) select(session.items[Math.min(index, session.items.length - 1)] ?? null);
}

function removeAll() {
  if (!confirm("Remove all photographs and their colors from this page?")) return;
  for (const item of session.items) forget(item.token);
  clearItems();
  dropAll();
}

function dropAll() {
  for (const item of session.items) item.rendering?.controller.abort();
  session.items = [];
  drawStrip();
  select(null);
}

// ---- the photograph on screen

let shown = null; // the photograph on screen

async function showSelected(item) {
  shown = item;
  session.items.forEach(drawItem);
  find("start").hidden = Boolean(item);
  for (const id of ["studio", "another", "clear-session"]) find(id).hidden = !item;
  for (const image of [before, after]) clearImage(image);
  before.classList.remove("gray");
  frame.classList.add("waiting");
  find("download").disabled = true;
  resetZoom();
  setMode("compare");
  selectHint(null);
  drawHints();
  showSettings();
  showVersions();
  markVersion();
  if (!item) return;
  scrollToCurrent();
  showStatus(item.opened ? "Coloring…" : "Reading the photograph…");
  if (item.opened) showOriginal(item);
  if (isCurrent(item)) await busy(showResult(item));
  else if (item.state === "failed") showFailure(item);
  else await refresh(item);
}

function showOriginal(item) {
  if (item !== shown) return;
  setAspectRatio(item.opened.width, item.opened.height);
  setImage(before, item.opened.preview.blob);
  showStatus("Coloring…");
}

async function showResult(item) {
  if (item !== shown) return;
  const first = frame.classList.contains("waiting");
  await setImage(after, item.result);
  if (item !== shown) return;
  sharpened = null;
  if (first) reveal();
  find("download").disabled = false;
  showStatus(`${item.opened.width} × ${item.opened.height} pixels`);
  if (document.activeElement === document.body) find("split").focus({ preventScroll: true });
  sharpenSoon();
  await refreshVersions();
}

// Nothing is left to show of a photograph that cannot be read, if it is the only one.
function showFailure(item) {
  const text = `${item.name}: ${item.reason}.`;
  if (session.items.length === 1 && !item.opened) {
    removeItem(item);
    showNotice(text);
  } else if (item === shown) {
    showStatus(text, true);
  }
}

async function refresh(item) {
  frame.classList.add("working");
  const done = await busy(render(item));
  if (item !== shown || item.rendering) return;
  frame.classList.remove("working");
  const error = find("reference-error");
  if (error) error.textContent = !done && item.reason.startsWith("reference") ? item.reason : "";
  if (!done && item.reason) showFailure(item);
}

let later = { timer: 0, end() {} };
function refreshSoon(item) {
  clearTimeout(later.timer);
  later.end();
  const wait = {};
  busy(new Promise((end) => (wait.end = end)));
  wait.timer = setTimeout(() => {
    busy(isCurrent(item) ? showResult(item) : refresh(item));
    wait.end();
  }, 120);
  later = wait;
}

// While zoomed in beyond the copy's pixels, shows the photograph itself.
let sharpened = null, sharpenTimer = 0;

function sharpenSoon() {
  clearTimeout(sharpenTimer);
  const item = shown;
  const needed = item?.opened && zoom() * frame.clientWidth * devicePixelRatio > 1.1 * item.opened.preview.width;
  const hasMore = item?.opened && item.opened.width > item.opened.preview.width;
  if (needed && hasMore && isCurrent(item) && sharpened !== item.resultKey) {
    sharpenTimer = setTimeout(() => sharpen(item), SHARPEN_DELAY);
  }
}

async function sharpen(item) {
  const key = (sharpened = item.resultKey);
  showStatus("Loading the full size…");
  try {
    const blob = await busy(colorizeWhole(item, parameters(item, item.opened, { format: "jpeg", quality: 92 })));
    if (item !== shown || item.resultKey !== key) return;
    await setImage(after, blob);
    before.classList.toggle("gray", !item.opened.shown);
    setImage(before, item.opened.shown ? item.file : blob);
    showStatus(`${item.opened.width} × ${item.opened.height} pixels`);
  } catch {
    sharpened = null;
  }
}

// ---- the session in this browser

const unsaved = new Set();
let saveTimer = 0;

function saveSoon(item) {
  unsaved.add(item);
  clearTimeout(saveTimer);
  saveTimer = setTimeout(async () => {
    for (const item of unsaved) {
      unsaved.delete(item);
      if (!session.items.includes(item) || (await saveItem(item))) continue;
      showNotice(`${item.name} cannot be kept in this browser; a reload would lose it.`);
    }
  }, SAVE_DELAY);
}

async function restore() {
  await openStorage();
  listenToTabs({ saved: takeOver, removed: removedElsewhere, cleared: dropAll });
  for (const saved of await loadItems()) {
    const item = newItem(saved.file, { ...saved, state: saved.result ? "done" : "waiting" });
    if (item.result) await updateIcon(item, item.result).catch(() => null);
    session.items.push(item);
  }
  if (!session.items.length) return;
  drawStrip();
  select(session.items[0]);
  busy(workThroughQueue());
}

// Shows what another tab of this browser has done to a photograph; unfinished ones are left to it.
async function takeOver(saved) {
  if (!saved.result) return;
  let item = session.items.find(({ id }) => id === saved.id);
  if (!item) session.items.push((item = newItem(saved.file, saved)));
  item.rendering?.controller.abort();
  unsaved.delete(item);
  Object.assign(item, saved);
  await updateIcon(item, item.result).catch(() => null);
  setState(item, "done");
  drawStrip();
  if (!session.current) return select(item);
  if (item !== shown) return;
  drawHints();
  showSettings();
  markVersion();
  await busy(showResult(item));
}

const removedElsewhere = (id) => session.items.filter((item) => item.id === id).forEach(dropItem);

// ---- start

function listenToSession() {
  on("select", showSelected);
  on("state", drawItem);
  on("opened", (item) => {
    showOriginal(item);
    saveSoon(item);
  });
  on("rendered", (item) => {
    saveSoon(item);
    busy(showResult(item));
  });
  on("retry", (item) => {
    item.state = "waiting";
    busy(workThroughQueue());
  });
  on("edit", (item) => {
    drawHints();
    markVersion();
    showHistory();
    saveSoon(item);
    refreshSoon(item);
  });
  frame.addEventListener("zoomed", sharpenSoon);
  addEventListener("pagehide", () => unsaved.forEach(saveItem));
}

function listenToButtons() {
  for (const id of ["file", "folder"]) {
    find(id).addEventListener("change", ({ target }) => {
      addFiles([...target.files].filter((file) => id === "file" || looksLikePhoto(file)));
      target.value = ""; // else choosing the same file again would be no change
    });
  }
  find("choose-folder").hidden = matchMedia("(pointer: coarse)").matches;
  find("choose-folder").addEventListener("click", () => find("folder").click());
  find("another").addEventListener("click", () => find("file").click());
  find("sample-photo").addEventListener("click", async () => {
    const blob = await (await fetch("static/sample.jpg")).blob();
    addFiles([new File([blob], "sample.jpg", { type: "image/jpeg" })]);
  });
  find("download").addEventListener("click", () => busy(downloadOne(showStatus)));
  find("download-all").addEventListener("click", () => busy(downloadAll()));
  find("remove-item").addEventListener("click", () => removeItem(session.current));
  find("clear-session").addEventListener("click", removeAll);
  find("theme").addEventListener("click", switchTheme);
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
  addEventListener("drop", async (event) => {
    event.preventDefault();
    over(-inside);
    addFiles(await droppedFiles(event.dataTransfer));
  });
  addEventListener("paste", (event) => addFiles([...event.clipboardData.files]));
}

// Returns the files that were dropped, and the photographs in folders that were.
async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.filter(Boolean).map(filesIn))).flat();
}

async function filesIn(entry) {
  const promised = (act) => new Promise((resolve, reject) => act(resolve, reject));
  if (entry.isFile) {
    const file = await promised((...done) => entry.file(...done));
    return looksLikePhoto(file) ? [file] : [];
  }
  const reader = entry.createReader(), found = [];
  for (let part; (part = await promised((...done) => reader.readEntries(...done))).length; ) found.push(...part);
  found.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return (await Promise.all(found.map(filesIn))).flat();
}

function switchTheme() {
  const dark = getComputedStyle(document.documentElement).colorScheme;
  const isDark = dark === "dark" || (dark !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
}

async function start() {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  listenToStage();
  listenToHints();
  listenToSettings();
  listenToSession();
  listenToButtons();
  listenForDrops();
  try {
    await connect();
  } catch {
    showNotice("Cannot reach the server.");
    return;
  }
  const megapixels = Math.round(server.max_pixels / 1e6);
  document.querySelector("[name=mode][value=color]").closest("label").hidden = !server.parameters.includes("hints");
  makeDownloadOptions();
  showSettings();
  await restore();
  find("limits").textContent = `up to ${megabytes(server.max_bytes)} and ${megapixels} megapixels each`;
}

start();
