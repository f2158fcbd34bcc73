// The strip of all photographs, with the state of each.

import { emit, find, select, session } from "./state.js";

const STATES = { waiting: "Waiting", working: "Coloring…", done: "Done", failed: "Failed" };

export function drawStrip() {
  const { items } = session;
  find("strip").hidden = items.length < 2 && !items.some(({ state }) => state === "failed");
  const known = new Map([...find("items").children].map((entry) => [entry.dataset.id, entry]));
  find("items").replaceChildren(...items.map((item) => known.get(String(item.id)) ?? makeEntry(item)));
  items.forEach(drawItem);
}

function makeEntry(item) {
  const entry = document.createElement("li");
  entry.dataset.id = item.id;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "item";
  const image = document.createElement("img");
  image.alt = "";
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = item.name;
  const state = document.createElement("span");
  state.className = "state";
  button.append(image, name, state);
  button.addEventListener("click", () => {
    if (item.state === "failed") emit("retry", item);
    select(item);
  });
  entry.append(button);
  return entry;
}

export function drawItem(item) {
  const entry = find("items").querySelector(`[data-id="${item.id}"]`);
  if (entry) {
    const button = entry.firstChild;
    button.className = `item ${item.state}`;
    button.title = item.reason ? `${item.name}: ${item.reason}` : item.name;
    button.setAttribute("aria-current", String(item === session.current));
    if (item.icon) button.querySelector("img").src = item.icon;
    const reason = item.state === "failed" ? `: ${item.reason}` : "";
    button.querySelector(".state").textContent = STATES[item.state] + reason;
  }
  drawProgress();
}

function drawProgress() {
  const count = (wanted) => session.items.filter(({ state }) => state === wanted).length;
  const done = count("done"), failed = count("failed");
  const failures = failed ? `, ${failed} failed` : "";
  find("progress").textContent = `${done} of ${session.items.length} done${failures}`;
  find("download-all").hidden = done < 2;
}

export function scrollToCurrent() {
  const entry = find("items").querySelector(`[data-id="${session.current?.id}"]`);
  entry?.scrollIntoView({ block: "nearest", inline: "nearest" });
}
