// Colorizes the photographs one after another; the selected one comes first.

import { PhotoError, makeIcon, readPhoto } from "./photo.js";
import { colorize, explain } from "./server.js";
import { editKey, emit, session, setState } from "./state.js";

export const isCurrent = (item) => item.result !== null && item.resultKey === editKey(item.edit);

// Returns the request's parameters for a copy of the photograph of a size in pixels.
export function parameters(item, { width, height }, extra = {}) {
  const { settings, sample, reference, hints } = item.edit;
  return { ...settings, sample, reference, hints: hintLines(hints, width, height), ...extra };
}

// Lines of x,y,…,#rrggbb,radius,scope, as in docs/control.md.
function hintLines(hints, width, height) {
  const pixel = (fraction, size) => Math.min(size - 1, Math.floor(fraction * size));
  const line = ({ x, y, path = [], color, radius, scope = "" }) => [
    ...[{ x, y }, ...path].flatMap((point) => [pixel(point.x, width), pixel(point.y, height)]),
    color,
    Math.max(1, Math.round(radius * Math.max(width, height))),
    scope,
  ];
  return hints.map((hint) => line(hint).join(",")).join("\n");
}

// Colorizes the copy on screen; returns whether it did, and false if a later call replaced this one.
export function render(item) {
  const key = editKey(item.edit);
  if (item.rendering?.key === key) return item.rendering.done;
  item.rendering?.controller.abort();
  const controller = new AbortController();
  const rendering = (item.rendering = { key, controller });
  rendering.done = run(item, key, controller.signal).finally(() => {
    if (item.rendering === rendering) item.rendering = null;
  });
  return rendering.done;
}

async function run(item, key, signal) {
  setState(item, item.result ? "done" : "working");
  try {
    if (!item.opened) {
      const opened = await readPhoto(item, signal);
      if (signal.aborted) return false;
      item.opened = opened;
      emit("opened", item);
    }
    const { preview } = item.opened;
    const format = preview.blob.type === "image/png" ? "png" : "jpeg";
    const extra = { format, quality: 92 };
    const blob = await colorize(preview, parameters(item, preview, extra), signal);
    if (signal.aborted) return false;
    Object.assign(item, { result: blob, resultKey: key });
    await updateIcon(item, blob);
    setState(item, "done");
    emit("rendered", item);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    const reason = error instanceof PhotoError ? error.message : explain(error);
    setState(item, item.result ? "done" : "failed", reason);
    return false;
  }
}

export async function updateIcon(item, blob) {
  const old = item.icon;
  item.icon = await makeIcon(blob);
  if (old) URL.revokeObjectURL(old);
}

let working = false;

export async function workThroughQueue() {
  if (working) return;
  working = true;
  for (let item; (item = next()); ) await render(item);
  working = false;
  emit("idle");
}

function next() {
  const waiting = session.items.filter((item) => item.state === "waiting");
  return waiting.includes(session.current) ? session.current : waiting[0];
}
