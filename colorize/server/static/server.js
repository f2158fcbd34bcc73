// Requests to the server.

const ATTEMPTS = 8; // while the server has too many requests (status 429)
const PREVIEW_SIDE = 1600; // pixels, longer side of the copy on screen

export const server = { max_bytes: Infinity, max_pixels: Infinity, parameters: [], defaults: {} }; // GET /healthz
export const options = {}; // parameter name -> OpenAPI parameter object

export class ServerError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export async function connect() {
  const getJson = async (path) => (await fetch(path)).json();
  const [health, openapi] = await Promise.all([getJson("healthz"), getJson("openapi.json")]);
  Object.assign(server, health);
  for (const option of openapi.paths["/colorize"].post.parameters) options[option.name] = option;
}

export const supports = (name) => name in options && server.parameters.includes(name);

// Returns the picture that the server makes of {blob} or {token}.
export async function colorize(source, parameters, signal) {
  return (await post("colorize", makeForm(source, parameters), signal)).blob();
}

function makeForm(source, parameters) {
  const form = new FormData();
  if (source.token) form.append("token", source.token);
  else form.append("photo", source.blob, "photograph");
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") form.append(name, value);
  }
  return form;
}

// Returns the result at full size.
export const colorizeWhole = async (item, parameters, signal) =>
  (await postWhole("colorize", item, parameters, signal)).blob();

// Adds the result at full size to a ZIP file.
export const colorizeIntoZip = (token, item, parameters, signal) =>
  postWhole(`zip/${token}?name=${encodeURIComponent(item.name)}`, item, parameters, signal);

export const createZip = async () => (await (await post("zip")).json()).token;

export const endZip = (token) => post(`zip/${token}/end`).catch(() => {}); // it may have ended

// The file is sent only if the server does not keep it.
async function postWhole(path, item, parameters, signal) {
  if (item.token) {
    try {
      return await post(path, makeForm({ token: item.token }, parameters), signal);
    } catch (error) {
      if (error.status !== 404) throw error;
      item.token = null;
    }
  }
  return post(path, makeForm({ blob: item.file }, parameters), signal);
}

// Sends a file that the browser cannot decode; the server keeps it under the token.
export async function requestPreview(file, signal) {
  const response = await post(`preview?side=${PREVIEW_SIDE}`, file, signal);
  const [width, height] = response.headers.get("Colorize-Size").split("x").map(Number);
  return { blob: await response.blob(), token: response.headers.get("Colorize-Token"), width, height };
}

export function forget(token) {
  if (token) fetch(`preview/${token}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

async function post(path, body, signal) {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(path, { method: "POST", body, signal });
    if (response.ok) return response;
    if (response.status === 429 && attempt < ATTEMPTS) {
      await pause(1000 * Number(response.headers.get("Retry-After") || 1), signal);
      continue;
    }
    const { error } = await response.json().catch(() => ({}));
    throw new ServerError(error || `the server answered with status ${response.status}`, response.status);
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

export const megabytes = (bytes) => `${Math.round(bytes / 1e5) / 10} MB`;

export function explain(error) {
  return error instanceof ServerError ? error.message : "cannot reach the server";
}
