// Colors that the user sets at spots of the photograph.

import { supports } from "./server.js";
import { frame, position, wasDrag } from "./stage.js";
import { change, find, session } from "./state.js";

const board = find("board");
const SWATCHES = [
  ["Light skin", "#dca98a"], ["Dark skin", "#8c5a3c"], ["Sky", "#7db3e6"], ["Sea", "#3d7ea6"],
  ["Grass", "#6f9c48"], ["Leaves", "#3f6d3c"], ["Sand", "#d9bd8f"],
  ["Brick", "#a85a43"], ["Red", "#b9303a"], ["Gold", "#e0b53a"], ["Violet", "#7d5aa8"],
  ["Gray", "#8c8c8c"],
];
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let color = SWATCHES[2][1];
let radius = 0.01; // of the photograph's longer side
let chosen = null; // the selected hint
const cross = { x: 0.5, y: 0.5 };

const hints = () => session.current?.edit.hints ?? [];

export function setMode(mode) {
  find("scope").hidden = !supports("hint_scope");
  document.querySelector(`[name=mode][value=${mode}]`).checked = true;
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
  showColor(value);
  if (chosen && chosen.color !== value) update("color", () => (chosen.color = value));
}

function showColor(value) {
  color = value;
  find("custom").value = value;
  for (const button of find("swatches").children) {
    button.setAttribute("aria-pressed", String(button.dataset.color === value));
  }
}

function setRadius(value) {
  showRadius(value);
  if (chosen) update("radius", () => (chosen.radius = value));
}

function showRadius(value) {
  radius = value;
  const percent = Number((100 * value).toFixed(1));
  find("radius").value = percent;
  find("radius-text").textContent = `${percent} %`;
  find("radius").setAttribute("aria-valuetext", `${percent} percent of the photograph`);
}

// Changes the selected hint. Undo replaces hints by copies, so it is found again by its number.
function update(key, act) {
  const index = hints().indexOf(chosen);
  change((edit) => {
    chosen = edit.hints[index];
    act();
  }, `${key} ${index}`);
}

function addHint(x, y) {
  chosen = null; // the next color picked is for the next spot
  change((edit) => edit.hints.push({ x, y, color, radius }));
}

function removeHints(which) {
  change((edit) => (edit.hints = edit.hints.filter((hint) => !which.includes(hint))));
}

const buttons = new Map(); // hint -> its button

export function drawHints() {
  const focused = [...buttons.values()].indexOf(document.activeElement);
  const number = [...buttons.keys()].indexOf(chosen);
  const all = hints();
  if (!all.includes(chosen)) chosen = number >= 0 && all.length === buttons.size ? all[number] : null;
  buttons.forEach((button) => button.remove());
  buttons.clear();
  all.forEach((hint, index) => {
    buttons.set(hint, hintButton(hint, index));
    board.append(buttons.get(hint));
  });
  [...buttons.values()][focused]?.focus();
  find("remove").disabled = !chosen;
  find("clear").disabled = !all.length;
  const scope = session.current?.edit.settings.hint_scope ?? "global";
  document.querySelector(`[name=scope][value=${scope}]`).checked = true;
}

function hintButton(hint, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "hint";
  const colorName = SWATCHES.find(([, value]) => value === hint.color)?.[0] ?? hint.color;
  button.setAttribute("aria-label", `Color ${index + 1}, ${colorName}; arrow keys move it, Delete removes it`);
  button.setAttribute("aria-pressed", String(hint === chosen));
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

export function select(hint) {
  chosen = hint;
  for (const [spot, button] of buttons) button.setAttribute("aria-pressed", String(spot === hint));
  find("remove").disabled = !hint;
  if (!hint) return;
  showColor(hint.color);
  showRadius(hint.radius);
}

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
    if (target) update("drag", () => Object.assign(chosen, target));
  };
}

function step(event, { x, y }) {
  const [right, down] = STEPS[event.key];
  const far = event.shiftKey ? 0.05 : 0.01;
  const clamp = (value) => Math.min(1, Math.max(0, value));
  event.preventDefault();
  event.stopPropagation();
  return { x: clamp(x + far * right), y: clamp(y + far * down) };
}

function hintKey(event, hint) {
  if (event.key in STEPS) {
    const target = step(event, hint);
    select(hint);
    update("move", () => Object.assign(chosen, target));
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    removeHints([hint]);
    board.focus();
  } else if (event.key === "Escape") {
    select(null);
  }
}

function boardKey(event) {
  if (event.key === "[" || event.key === "]") {
    const factor = event.key === "]" ? 1.25 : 0.8;
    setRadius(Math.min(0.04, Math.max(0.003, radius * factor)));
  }
  if (event.target !== board) return;
  if (event.key in STEPS && !event.altKey) {
    Object.assign(cross, step(event, cross));
    moveTo(board.querySelector(".cross"), cross);
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    addHint(cross.x, cross.y);
  }
}

export function listenToHints() {
  makeSwatches();
  showColor(color);
  showRadius(radius);
  find("remove").addEventListener("click", () => chosen && removeHints([chosen]));
  find("clear").addEventListener("click", () => removeHints(hints()));
  find("custom").addEventListener("input", (event) => setColor(event.target.value));
  find("radius").addEventListener("input", (event) => setRadius(event.target.value / 100));
  find("scope").addEventListener("change", ({ target }) => change(({ settings }) => {
    if (target.value === "global") delete settings.hint_scope; // the default
    else settings.hint_scope = target.value;
  }));
  find("modes").addEventListener("change", (event) => setMode(event.target.value));
  board.addEventListener("click", (event) => {
    if (wasDrag()) return;
    const { x, y } = position(event);
    addHint(x, y);
  });
  board.addEventListener("keydown", boardKey);
}
