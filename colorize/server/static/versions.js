// Small pictures of the photograph's other plausible colorizations.

import { colorize, supports } from "./server.js";
import { parameters } from "./results.js";
import { setImage } from "./stage.js";
import { change, find, session } from "./state.js";

const VERSIONS = 6;
let pending = null; // AbortController of the requests for the pictures

export function showVersions() {
  pending?.abort();
  find("samples").hidden = !supports("sample");
  if (supports("sample")) find("thumbs").replaceChildren(...Array.from({ length: VERSIONS }, (_, number) => thumb(number)));
}

function thumb(number) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "thumb";
  button.append(document.createElement("img"), document.createElement("span"));
  button.firstChild.alt = "";
  button.lastChild.textContent = number ? `Version ${number}` : "Most likely";
  button.title = number ? "Another plausible colorization" : "The most probable colors";
  button.addEventListener("click", () => change((edit) => (edit.sample = number || null)));
  return button;
}

export function markVersion() {
  const sample = session.current?.edit.sample ?? 0;
  [...find("thumbs").children].forEach((button, number) => {
    button.setAttribute("aria-pressed", String(number === sample));
  });
}

// All at the same time: the server runs them through the network as one batch.
export async function refreshVersions() {
  pending?.abort();
  const { signal } = (pending = new AbortController());
  const item = session.current;
  if (!item?.opened) return;
  const { thumb } = item.opened;
  const fill = async (button, number) => {
    const extra = { sample: number || null, format: "jpeg", quality: 85 };
    try {
      const blob = await colorize(thumb, parameters(item, thumb, extra), signal);
      if (!signal.aborted) await setImage(button.firstChild, blob);
    } catch {
      button.classList.toggle("failed", !signal.aborted);
    }
  };
  await Promise.all([...find("thumbs").children].map(fill));
}
