// The controls under "Adjust": style, sliders, contrast, reference photograph.

import { options, server, supports } from "./server.js";
import { change, editKey, emptyEdit, find, redo, session, undo } from "./state.js";

// The useful part of each range; the rest is in the server's OpenAPI document.
const SLIDERS = {
  saturation: { label: "Saturation", help: "How strong the colors are; 0 is gray.", max: 2, step: 0.05 },
  warmth: { label: "Warmth", help: "Cooler and bluer, or warmer and yellower.", min: -20, max: 20, step: 1 },
  rare_color_boost: { label: "Rare colors", help: "Brings out unusual colors, such as a red dress.", max: 0.2, step: 0.01 },
  temperature: { label: "Mixing", help: "Low: clear colors. High: softer, blended ones.", min: 0.05, max: 2, step: 0.05 },
};
const STYLES = { vivid: "Vivid", faithful: "Faithful" };

const setting = (name) => session.current?.edit.settings[name];

function set(name, value) {
  change(({ settings }) => {
    if (value === undefined) delete settings[name];
    else settings[name] = value;
  }, name);
}

function element(tag, properties = {}, ...children) {
  const created = Object.assign(document.createElement(tag), properties);
  created.append(...children);
  return created;
}

// Makes the controls, with the values of the selected photograph.
export function showSettings() {
  const focused = document.activeElement?.id;
  const rows = [];
  if (supports("style")) rows.push(styleRow());
  for (const name of Object.keys(SLIDERS)) if (supports(name)) rows.push(sliderRow(name));
  if (supports("autocontrast")) rows.push(contrastRow());
  if (supports("reference") || server.parameters.includes("reference")) rows.push(referenceRow());
  find("adjust").hidden = !rows.length;
  find("controls").replaceChildren(...rows);
  if (focused) find(focused)?.focus();
  showHistory();
}

export function showHistory() {
  const item = session.current;
  find("undo").disabled = !item?.past.length;
  find("redo").disabled = !item?.future.length;
  find("reset").disabled = !item || editKey(item.edit) === editKey(emptyEdit());
}

function styleRow() {
  const value = setting("style") ?? "vivid";
  const radio = ([name, label]) => {
    const input = element("input", { type: "radio", name: "style", value: name, id: `style-${name}`, checked: name === value });
    input.addEventListener("change", () => {
      set("style", name === "vivid" ? undefined : name);
      showSettings();
    });
    return element("label", {}, input, element("span", { textContent: label }));
  };
  const legend = element("legend", { className: "hidden", textContent: "Style" });
  const fields = element("fieldset", { className: "segments" }, legend, ...Object.entries(STYLES).map(radio));
  return element("div", {}, fields, help("Vivid has strong colors; Faithful is calmer and errs less."));
}

function help(text, id = "") {
  return element("small", { className: "hint-text", textContent: text, id });
}

function sliderRow(name) {
  const { schema } = options[name];
  const { label, help: text, step, min = schema.minimum, max = schema.maximum } = SLIDERS[name];
  const output = element("output");
  const input = element("input", { type: "range", min, max, step, id: `slider-${name}` });
  const reset = element("button", { type: "button", className: "quiet reset", textContent: "Reset" });
  const show = () => {
    const style = server.styles?.[setting("style") ?? "vivid"];
    const value = setting(name) ?? style?.[name] ?? server.defaults[name] ?? schema.default ?? 0;
    input.value = value;
    output.textContent = Number(input.value).toFixed(step < 1 ? 2 : 0);
    input.setAttribute("aria-valuetext", output.textContent);
    reset.disabled = setting(name) === undefined;
  };
  input.addEventListener("input", () => {
    set(name, input.value);
    show();
  });
  reset.setAttribute("aria-label", `Reset ${label}`);
  reset.addEventListener("click", () => {
    set(name, undefined);
    show();
    input.focus();
  });
  input.setAttribute("aria-label", label);
  input.setAttribute("aria-describedby", `help-${name}`);
  show();
  const caption = element("span", { className: "caption", textContent: label });
  return element("div", { className: "slider" }, caption, output, reset, input, help(text, `help-${name}`));
}

function contrastRow() {
  const input = element("input", { type: "checkbox", id: "autocontrast", checked: setting("autocontrast") === "true" });
  input.addEventListener("change", () => set("autocontrast", input.checked ? "true" : undefined));
  const label = element("label", { className: "choice" }, input, "More contrast");
  return element("div", {}, label, help("For faded photographs."));
}

function referenceRow() {
  const { reference } = session.current?.edit ?? {};
  const input = element("input", { type: "file", accept: "image/*,.tif,.tiff", hidden: true });
  const choose = element("button", { type: "button", className: "quiet outlined", id: "reference" });
  choose.textContent = reference ? reference.name : "Use the colors of another photograph";
  choose.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    if (file) change((edit) => (edit.reference = file));
    showSettings();
  });
  const remove = element("button", { type: "button", className: "quiet", id: "remove-reference", textContent: "Remove", hidden: !reference });
  remove.addEventListener("click", () => {
    change((edit) => (edit.reference = null));
    showSettings();
  });
  const message = element("p", { className: "error", id: "reference-error" });
  const row = element("div", { className: "row" }, choose, remove, input);
  return element("div", {}, row, help("A color photograph of a similar scene; its palette is followed."), message);
}

function key(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const name = event.key.toLowerCase();
  if (name === "z" && !event.shiftKey) travel(undo);
  else if (name === "y" || (name === "z" && event.shiftKey)) travel(redo);
  else return;
  event.preventDefault();
}

function travel(direction) {
  direction();
  showSettings();
}

export function listenToSettings() {
  find("undo").addEventListener("click", () => travel(undo));
  find("redo").addEventListener("click", () => travel(redo));
  find("reset").addEventListener("click", () => {
    change((edit) => Object.assign(edit, emptyEdit()));
    showSettings();
  });
  addEventListener("keydown", key);
}
