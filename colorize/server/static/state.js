// The photographs of the session, what was changed in each, and events about them.
//
// Events: "list" (photographs added or removed), "state" (of one), "select", "edit" (settings or
// spots of the selected one changed).

export const session = { items: [], current: null };

const target = new EventTarget();
export const emit = (name, detail) => target.dispatchEvent(new CustomEvent(name, { detail }));
export const on = (name, listener) => target.addEventListener(name, (event) => listener(event.detail));

export const find = (id) => document.getElementById(id);

export const emptyEdit = () => ({ hints: [], sample: null, settings: {}, reference: null });

// hints: {x, y, path, color, radius, scope}: x and y as fractions of width and height, radius of the
// longer side; path has the further points {x, y} of a stroke; scope is "object" or "cast"
const copyEdit = (edit) => ({
  ...edit,
  hints: edit.hints.map((hint) => ({ ...hint })),
  settings: { ...edit.settings },
});

// Ids sort by time, and differ between the tabs that share a browser's storage.
const tab = crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
let made = 0;
const newId = () => [Date.now().toString(36).padStart(9, "0"), String(++made).padStart(6, "0"), tab].join("-");

export function newItem(file, saved = {}) {
  return {
    id: saved.id ?? newId(),
    file,
    name: saved.name ?? (file.name || "photograph"),
    state: "waiting", // "waiting", "working", "done", "failed"
    reason: "",
    opened: null, // {preview, thumb, width, height, shown}, see photo.js
    token: null, // of the file on the server
    edit: emptyEdit(),
    past: [],
    future: [],
    result: null, // Blob at preview size, of the edit `resultKey`
    resultKey: "",
    icon: null, // address of the picture in the strip
    ...saved,
  };
}

export const editKey = ({ hints, sample, settings, reference }) =>
  JSON.stringify([hints, sample, settings, reference && [reference.name, reference.size]]);

export function setState(item, state, reason = "") {
  Object.assign(item, { state, reason });
  emit("state", item);
}

// Applies an update to the selected photograph's edit. Updates with the same key one after
// another, such as those of a slider that is dragged, are undone together.
let mergeKey = null;

export function change(update, key = null) {
  const item = session.current;
  if (!item) return;
  if (key === null || key !== mergeKey) {
    item.past.push(copyEdit(item.edit));
    item.future = [];
  }
  mergeKey = key;
  update(item.edit);
  emit("edit", item);
}

export function undo() {
  travel("past", "future");
}

export function redo() {
  travel("future", "past");
}

function travel(from, to) {
  const item = session.current;
  if (!item?.[from].length) return;
  item[to].push(item.edit);
  item.edit = item[from].pop();
  mergeKey = null;
  emit("edit", item);
}

export function select(item) {
  session.current = item;
  mergeKey = null;
  emit("select", item);
}
