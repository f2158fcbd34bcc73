// The photograph on screen: the divider between before and after, zoom and pan.

import { find, session } from "./state.js";

const frame = find("frame"), split = find("split"), before = find("before"), after = find("after");
const NEAR = 28; // pixels around the divider in which a drag moves it, while zoomed in
const view = { zoom: 1, x: 0, y: 0 }; // x and y: left top corner of the photograph, in frame sizes

export const zoom = () => view.zoom;

export function setAspectRatio(width, height) {
  frame.style.setProperty("--ratio", width / height);
  setView(view.zoom, view.x, view.y);
}

export function setImage(image, blob) {
  return new Promise((done) => {
    const old = image.src;
    image.onload = image.onerror = () => {
      if (old.startsWith("blob:")) URL.revokeObjectURL(old);
      done();
    };
    image.src = URL.createObjectURL(blob);
  });
}

export function clearImage(image) {
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  image.removeAttribute("src");
}

// ---- divider

export function setSplit(percent) {
  split.value = percent;
  frame.style.setProperty("--split", `${percent}%`);
  split.setAttribute("aria-valuetext", `${Math.round(percent)} percent before, ${Math.round(100 - percent)} after`);
}

// The color comes in from the right.
export function reveal() {
  setSplit(100);
  frame.classList.remove("waiting");
  frame.offsetWidth; // makes the browser draw this state before the animation starts
  frame.classList.add("wipe");
  setSplit(50);
  setTimeout(() => frame.classList.remove("wipe"), 1000);
}

// ---- zoom

// The zoom at which a pixel of the photograph is a pixel of the screen.
function fullZoom() {
  const width = session.current?.opened?.width || before.naturalWidth || 1;
  return Math.max(1, width / (frame.clientWidth * devicePixelRatio));
}

const maxZoom = () => Math.max(4, 2 * fullZoom());

function setView(zoom, x, y) {
  view.zoom = Math.min(maxZoom(), Math.max(1, zoom));
  const least = 1 - view.zoom;
  view.x = Math.min(0, Math.max(least, x));
  view.y = Math.min(0, Math.max(least, y));
  frame.style.setProperty("--zoom", view.zoom);
  frame.style.setProperty("--pan-x", `${100 * view.x}%`);
  frame.style.setProperty("--pan-y", `${100 * view.y}%`);
  frame.classList.toggle("zoomed", view.zoom > 1);
  find("zoom-out").disabled = find("zoom-fit").disabled = view.zoom === 1;
  find("zoom-in").disabled = view.zoom >= maxZoom();
  find("zoom-full").disabled = fullZoom() === 1;
  frame.dispatchEvent(new CustomEvent("zoomed"));
}

// Zooms by a factor; the point (x, y) of the frame, as fractions, stays where it is.
export function zoomBy(factor, x = 0.5, y = 0.5) {
  const target = Math.min(maxZoom(), Math.max(1, view.zoom * factor));
  const change = target / view.zoom;
  setView(target, x - (x - view.x) * change, y - (y - view.y) * change);
}

export const resetZoom = () => setView(1, 0, 0);
const panBy = (x, y) => setView(view.zoom, view.x + x, view.y + y);

// Position of an event in the photograph, as fractions.
export function position(event) {
  const { x, y } = inFrame(event);
  const clamp = (value) => Math.min(1, Math.max(0, value));
  return { x: clamp((x - view.x) / view.zoom), y: clamp((y - view.y) / view.zoom) };
}

function inFrame({ clientX, clientY }) {
  const box = frame.getBoundingClientRect();
  return { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height };
}

function wheel(event) {
  const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015));
  if (view.zoom === 1 && factor < 1) return; // the page scrolls
  event.preventDefault();
  const { x, y } = inFrame(event);
  zoomBy(factor, x, y);
}

// ---- pinch, and drags while zoomed in

let moved = false; // whether the pointer that is down, or was last, has panned

export const wasDrag = () => moved;

function drag(event) {
  moved = false;
  if (view.zoom === 1 || event.button !== 0 || !event.isPrimary || event.target.closest(".hint, button")) return;
  const start = inFrame(event), corner = { ...view };
  const compares = !frame.classList.contains("color");
  const distance = Math.abs(start.x - split.value / 100) * frame.clientWidth;
  const movesDivider = compares && distance < NEAR;
  if (compares) event.preventDefault();
  const move = (event) => {
    const now = inFrame(event);
    if (movesDivider) return setSplit(Math.min(100, Math.max(0, 100 * now.x)));
    const far = Math.hypot((now.x - start.x) * frame.clientWidth, (now.y - start.y) * frame.clientHeight);
    if (!moved && far < 5) return;
    moved = true;
    setView(view.zoom, corner.x + now.x - start.x, corner.y + now.y - start.y);
  };
  const end = () => {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
    removeEventListener("pointercancel", end);
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end);
  addEventListener("pointercancel", end);
}

let pinch = null; // {distance, x, y} of two fingers

function touch(event) {
  if (event.touches.length !== 2) {
    pinch = null;
    return;
  }
  event.preventDefault();
  const [a, b] = [...event.touches].map(inFrame);
  const distance = Math.hypot((a.x - b.x) * frame.clientWidth, (a.y - b.y) * frame.clientHeight);
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  if (pinch) {
    panBy(middle.x - pinch.x, middle.y - pinch.y);
    zoomBy(distance / pinch.distance, middle.x, middle.y);
    moved = true;
  }
  pinch = { distance, ...middle };
}

const PANS = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };

// + and - zoom, 0 shows the whole photograph, Alt and an arrow key move the view.
function key(event) {
  if (event.ctrlKey || event.metaKey) return;
  if (event.key === "+" || event.key === "=") zoomBy(1.5);
  else if (event.key === "-") zoomBy(1 / 1.5);
  else if (event.key === "0") resetZoom();
  else if (event.altKey && event.key in PANS && view.zoom > 1) panBy(...PANS[event.key]);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

export function listenToStage() {
  split.addEventListener("input", () => setSplit(split.value));
  frame.addEventListener("pointerdown", () => frame.classList.remove("wipe"), true);
  frame.addEventListener("pointerdown", drag);
  frame.addEventListener("wheel", wheel, { passive: false });
  for (const name of ["touchstart", "touchmove", "touchend", "touchcancel"]) {
    frame.addEventListener(name, touch, { passive: false });
  }
  frame.addEventListener("keydown", key, true);
  find("zoom-in").addEventListener("click", () => zoomBy(1.5));
  find("zoom-out").addEventListener("click", () => zoomBy(1 / 1.5));
  find("zoom-fit").addEventListener("click", resetZoom);
  find("zoom-full").addEventListener("click", () => zoomBy(fullZoom() / view.zoom));
  resetZoom();
  setSplit(50);
}

export { after, before, frame };
