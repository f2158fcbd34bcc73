// The color, size, scope and tool with which the next spot or stroke is made.

import { supports } from "./server.js";
import { find } from "./state.js";

export const SWATCHES = [
  ["Light skin", "#dca98a"], ["Dark skin", "#8c5a3c"], ["Sky", "#7db3e6"], ["Sea", "#3d7ea6"],
  ["Grass", "#6f9c48"], ["Leaves", "#3f6d3c"], ["Sand", "#d9bd8f"],
  ["Brick", "#a85a43"], ["Red", "#b9303a"], ["Gold", "#e0b53a"], ["Violet", "#7d5aa8"],
  ["Gray", "#8c8c8c"],
];

export const brush = {
  color: SWATCHES[2][1],
  radius: 0.01, // of the photograph's longer side
  scope: "object",
  tool: "spot", // or "brush"
};

const check = (name, value) => (document.querySelector(`[name=${name}][value=${value}]`).checked = true);

// Shows the color, size and scope of a hint, or of the next one.
export function showBrush(values = {}) {
  Object.assign(brush, values);
  find("custom").value = brush.color;
  for (const button of find("swatches").children) {
    button.setAttribute("aria-pressed", String(button.dataset.color === brush.color));
  }
  const percent = Number((100 * brush.radius).toFixed(1));
  find("radius").value = percent;
  find("radius-text").textContent = `${percent} %`;
  find("radius").setAttribute("aria-valuetext", `${percent} percent of the photograph`);
  find("scope").hidden = !supports("hint_scope");
  check("scope", brush.scope);
  check("tool", brush.tool);
}

export const colorName = (color) => SWATCHES.find(([, value]) => value === color)?.[0] ?? color;

// Calls `changed` with {color}, {radius} or {scope} when the user chooses another one.
export function listenToPalette(changed) {
  const choose = (values) => {
    showBrush(values);
    changed(values);
  };
  for (const [name, value] of SWATCHES) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "swatch";
    button.title = name;
    button.setAttribute("aria-label", name);
    button.dataset.color = value;
    button.style.setProperty("--color", value);
    button.addEventListener("click", () => choose({ color: value }));
    find("swatches").append(button);
  }
  find("custom").addEventListener("input", ({ target }) => choose({ color: target.value }));
  find("radius").addEventListener("input", ({ target }) => choose({ radius: target.value / 100 }));
  find("scope").addEventListener("change", ({ target }) => choose({ scope: target.value }));
  find("board").addEventListener("keydown", ({ key }) => {
    if (key !== "[" && key !== "]") return;
    choose({ radius: Math.min(0.04, Math.max(0.003, brush.radius * (key === "]" ? 1.25 : 0.8))) });
  });
  showBrush();
}
