// Reads a file: a copy for the screen, a small one for the versions, and its size in pixels.

import { requestPreview, server, megabytes } from "./server.js";

const PREVIEW_SIDE = 1600; // pixels, longer side of the copy on screen
const THUMB_SIDE = 320;
const ICON_SIDE = 160;
const NAMES = /\.(jpe?g|jpe|jfif|png|apng|tiff?|webp|avif|bmp|dib|gif|jp2|j2k|jpx|p[pgbn]m|hei[cf]|hif)$/i;

export class PhotoError extends Error {}

export const looksLikePhoto = (file) => file.type.startsWith("image/") || NAMES.test(file.name);

export async function readPhoto(item, signal) {
  if (item.file.size > server.max_bytes) {
    const limit = megabytes(server.max_bytes);
    throw new PhotoError(`this file has ${megabytes(item.file.size)}; the server's limit is ${limit}`);
  }
  const bitmap = await decode(item.file);
  const opened = bitmap ? await fromBitmap(bitmap, item.file.type) : await fromServer(item, signal);
  if (opened.width * opened.height > server.max_pixels) {
    const limit = Math.round(server.max_pixels / 1e6);
    throw new PhotoError(`this photograph is too large: the server's limit is ${limit} megapixels`);
  }
  return opened;
}

async function decode(blob) {
  try {
    return await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    return null;
  }
}

async function fromBitmap(bitmap, type) {
  const { width, height } = bitmap;
  const preview = await resize(bitmap, PREVIEW_SIDE, type);
  const thumb = await resize(bitmap, THUMB_SIDE, type);
  bitmap.close();
  return { width, height, preview, thumb, shown: true };
}

// For files that the browser cannot decode, such as TIFF.
async function fromServer(item, signal) {
  const { blob, token, width, height } = await requestPreview(item.file, signal);
  item.token = token;
  const bitmap = await decode(blob);
  const preview = { blob, width: bitmap.width, height: bitmap.height };
  const thumb = await resize(bitmap, THUMB_SIDE, blob.type);
  bitmap.close();
  return { width, height, preview, thumb, shown: false };
}

async function resize(bitmap, side, type, quality = 0.95) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const target = type === "image/jpeg" ? "image/jpeg" : "image/png"; // PNG keeps transparency
  const blob = await new Promise((done) => canvas.toBlob(done, target, quality));
  return { blob, width: canvas.width, height: canvas.height };
}

// Returns the address of a small copy for the strip.
export async function makeIcon(blob) {
  const bitmap = await createImageBitmap(blob);
  const icon = await resize(bitmap, ICON_SIDE, blob.type, 0.85);
  bitmap.close();
  return URL.createObjectURL(icon.blob);
}
