// Colors that the user sets in the photograph: spots, and strokes of a brush.

import { brush, colorName, listenToPalette, showBrush } from "./palette.js";
import { frame, position, wasDrag } from "./stage.js";
import { change, find, session } from "./state.js";

const board = find("board"), strokes = find("strokes");
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SVG = "http://www.w3.org/2000/svg";

let chosen = null; // the selected hint
let stroke = null; // {points, line} while the brush is down
const cross = { x: 0.5, y: 0.5 };

const hints = () => session.current?.edit.hints ?? [];
const clamp = (value) => Math.min(1, Math.max(0, value));

export function setMode(mode) {
  showBrush();
  document.querySelector(`[name=mode][value=${mode}]`).checked = true;
  frame.classList.toggle("color", mode === "color");
  board.hidden = find("palette").hidden = mode !== "color";
}

// ---- changes

// Changes the selected hint. Undo replaces hints by copies, so it is found again by its number.
function update(key, act) {
  const index = hints().indexOf(chosen);
  change((edit) => {
    chosen = edit.hints[index];
    act(chosen);
  }, `${key} ${index}`);
}

function addHint([{ x, y }, ...path]) {
  chosen = null; // the next color picked is for the next spot
  const { color, radius, scope } = brush;
  change((edit) => edit.hints.push({ x, y, path, color, radius, scope }));
}

function removeHints(which) {
  change((edit) => (edit.hints = edit.hints.filter((hint) => !which.includes(hint))));
}

// Moves a hint, with all of its stroke, so that it begins at another point.
function place(hint, { x, y }) {
  const path = (hint.path ?? []).map((point) => ({ x: clamp(point.x + x - hint.x), y: clamp(point.y + y - hint.y) }));
  Object.assign(hint, { x, y, path });
}

// ---- what is shown

const buttons = new Map(); // hint -> its button

export function drawHints() {
  const focused = [...buttons.values()].indexOf(document.activeElement);
  const number = [...buttons.keys()].indexOf(chosen);
  const all = hints();
  if (!all.includes(chosen)) chosen = number >= 0 && all.length === buttons.size ? all[number] : null;
  buttons.forEach((button) => button.remove());
  buttons.clear();
  endStroke();
  const { width = 1, height = 1 } = session.current?.opened ?? {};
  strokes.setAttribute("viewBox", `0 0 ${width} ${height}`);
  strokes.replaceChildren(...all.map((hint) => strokeLine(hint)));
  all.forEach((hint, index) => {
    buttons.set(hint, hintButton(hint, index));
    board.append(buttons.get(hint));
  });
  [...buttons.values()][focused]?.focus();
  select(chosen);
  find("clear").disabled = !all.length;
}

function strokeLine({ x, y, path = [], color, radius }) {
  const { width = 1, height = 1 } = session.current?.opened ?? {};
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("points", [{ x, y }, ...path].map((point) => `${point.x * width},${point.y * height}`).join(" "));
  line.setAttribute("stroke", color);
  line.setAttribute("stroke-width", 2 * radius * Math.max(width, height));
  return line;
}

function hintButton(hint, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "hint";
  const kind = hint.path?.length ? "Stroke" : "Color";
  button.setAttribute("aria-label", `${kind} ${index + 1}, ${colorName(hint.color)}; arrow keys move it, Delete removes it`);
  button.style.setProperty("--color", hint.color);
  const { width = 1, height = 1 } = session.current.opened ?? {};
  button.style.setProperty("--size", (2 * hint.radius * Math.max(width, height)) / width);
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

function showChosen() {
  const index = hints().indexOf(chosen);
  for (const [hint, button] of buttons) button.setAttribute("aria-pressed", String(hint === chosen));
  [...strokes.children].forEach((line, number) => line.classList.toggle("chosen", number === index));
  find("remove").disabled = !chosen;
}

export function select(hint) {
  chosen = hint;
  showChosen();
  if (hint) showBrush({ color: hint.color, radius: hint.radius, scope: hint.scope ?? "object" });
}

// ---- brush

function startStroke(point) {
  const { color, radius } = brush;
  stroke = { points: [point], line: null };
  drawStroke({ ...point, color, radius });
}

function extendStroke(point) {
  const last = stroke.points.at(-1);
  const { width = 1, height = 1 } = session.current?.opened ?? {};
  const far = Math.hypot((point.x - last.x) * width, (point.y - last.y) * height);
  if (far < (brush.radius * Math.max(width, height)) / 3) return;
  stroke.points.push(point);
  const [{ x, y }, ...path] = stroke.points;
  drawStroke({ x, y, path, color: brush.color, radius: brush.radius });
}

function drawStroke(hint) {
  stroke.line?.remove();
  stroke.line = strokeLine(hint);
  stroke.line.classList.add("chosen");
  strokes.append(stroke.line);
}

function endStroke() {
  const ended = stroke;
  ended?.line.remove();
  stroke = null;
  return ended?.points;
}

function paint(event) {
  if (brush.tool !== "brush" || event.button !== 0 || event.target.closest(".hint")) return;
  if (!event.isPrimary) return void endStroke(); // a second finger zooms
  event.preventDefault();
  event.stopPropagation(); // else a drag moves the photograph, while zoomed in
  board.focus({ preventScroll: true });
  select(null);
  startStroke(position(event));
  board.setPointerCapture(event.pointerId);
  board.onpointermove = (move) => stroke && extendStroke(position(move));
  board.onpointerup = board.onpointercancel = ({ type }) => {
    board.onpointermove = board.onpointerup = board.onpointercancel = null;
    const points = endStroke();
    if (points && type === "pointerup") addHint(points);
  };
}

// ---- pointer and keys

function drag(event, hint) {
  event.preventDefault();
  event.stopPropagation();
  const button = buttons.get(hint);
  button.focus({ preventScroll: true });
  select(hint);
  button.setPointerCapture(event.pointerId);
  let target = null;
  button.onpointermove = (move) => {
    target = position(move);
    moveTo(button, target);
  };
  button.onpointerup = button.onpointercancel = () => {
    button.onpointermove = button.onpointerup = button.onpointercancel = null;
    if (target) update("drag", (moved) => place(moved, target));
  };
}

function step(event, { x, y }) {
  const [right, down] = STEPS[event.key];
  const far = event.shiftKey ? 0.05 : 0.01;
  event.preventDefault();
  event.stopPropagation();
  return { x: clamp(x + far * right), y: clamp(y + far * down) };
}

function hintKey(event, hint) {
  if (event.key in STEPS && !event.altKey) {
    const target = step(event, hint);
    select(hint);
    update("move", (moved) => place(moved, target));
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
  if (event.key in STEPS && !event.altKey) {
    Object.assign(cross, step(event, cross));
    moveTo(board.querySelector(".cross"), cross);
    if (stroke) extendStroke({ ...cross });
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (stroke) addHint(endStroke());
    else if (brush.tool === "brush") startStroke({ ...cross });
    else addHint([cross]);
  } else if (event.key === "Escape") {
    endStroke();
  }
}

function setTool({ target }) {
  const brushes = target.value === "brush";
  endStroke();
  showBrush({ tool: target.value });
  board.classList.toggle("brushes", brushes);
  const enter = brushes ? "Enter puts the brush down, and lifts it" : "Enter adds the color";
  board.setAttribute("aria-label", `Photograph. Arrow keys move the cross, ${enter}.`);
}

export function listenToHints() {
  listenToPalette((values) => {
    if (chosen) update(Object.keys(values)[0], (hint) => Object.assign(hint, values));
  });
  find("remove").addEventListener("click", () => chosen && removeHints([chosen]));
  find("clear").addEventListener("click", () => removeHints(hints()));
  find("tools").addEventListener("change", setTool);
  find("modes").addEventListener("change", (event) => setMode(event.target.value));
  board.addEventListener("pointerdown", paint);
  board.addEventListener("click", (event) => {
    if (!wasDrag() && brush.tool === "spot") addHint([position(event)]);
  });
  board.addEventListener("keydown", boardKey);
}
