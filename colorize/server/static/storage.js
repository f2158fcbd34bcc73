// Keeps the session's photographs in this browser (IndexedDB), so that a reload loses nothing. The
// tabs of a browser share them, and tell each other what they change.

const STORE = "photographs";

let database = null;
const tabs = new BroadcastChannel("colorize");

// Calls the functions for what other tabs do: `saved` with a photograph, `removed` with an id.
export function listenToTabs({ saved, removed, cleared }) {
  tabs.onmessage = async ({ data }) => {
    if (data.saved) {
      const item = await run("readonly", (store) => store.get(data.saved)).catch(() => null);
      if (item) saved(item);
    } else if (data.removed) {
      removed(data.removed);
    } else {
      cleared();
    }
  };
}

export async function openStorage() {
  database = await new Promise((resolve) => {
    const request = indexedDB.open("colorize", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onblocked = () => resolve(null); // as in some private windows
  });
}

function run(mode, act) {
  if (!database) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode);
    const request = act(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const loadItems = async () => (await run("readonly", (store) => store.getAll())) || [];

// Returns whether the browser had room for it.
export async function saveItem(item) {
  const { id, name, file, opened, edit, past, future, result, resultKey, token } = item;
  const saved = { id, name, file, opened, edit, past, future, result, resultKey, token };
  try {
    await run("readwrite", (store) => store.put(saved));
    tabs.postMessage({ saved: id });
    return true;
  } catch {
    return false;
  }
}

export async function deleteItem({ id }) {
  await run("readwrite", (store) => store.delete(id)).catch(() => {});
  tabs.postMessage({ removed: id });
}

export async function clearItems() {
  await run("readwrite", (store) => store.clear()).catch(() => {});
  tabs.postMessage({});
}
