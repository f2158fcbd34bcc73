// Makes a ZIP file of blobs, which stay where the browser keeps them: on disk, if they are large.
// The files are stored as they are, since pictures are compressed already (APPNOTE.TXT 6.3, PKWARE).

const MAX_BYTES = 2 ** 32 - 1; // of a ZIP file without the extension ZIP64
const UTF8_NAMES = 0x0800;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

export async function crc32(blob) {
  let crc = ~0;
  const reader = blob.stream().getReader();
  for (let part; !(part = await reader.read()).done; ) {
    for (const byte of part.value) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

// Returns the bytes of [value, size in bytes] pairs, little-endian.
function bytes(...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, size]) => sum + size, 0)));
  let offset = 0;
  for (const [value, size] of fields) {
    if (size === 2) view.setUint16(offset, value, true);
    else view.setUint32(offset, value, true);
    offset += size;
  }
  return view.buffer;
}

export class Zip {
  parts = [];
  directory = [];
  names = new Set();
  size = 0;

  async add(name, blob) {
    const encoded = new TextEncoder().encode(this.unused(name));
    const now = new Date();
    const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
    const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
    const common = [
      [20, 2], [UTF8_NAMES, 2], [0, 2], [time, 2], [date, 2],
      [await crc32(blob), 4], [blob.size, 4], [blob.size, 4], [encoded.length, 2], [0, 2],
    ];
    const header = bytes([0x04034b50, 4], ...common);
    this.directory.push(
      bytes([0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [this.size, 4]),
      encoded,
    );
    this.parts.push(header, encoded, blob);
    this.size += header.byteLength + encoded.length + blob.size;
    if (this.size > MAX_BYTES) throw new RangeError("more than 4 GB together: download them in parts");
  }

  unused(name) {
    const [, stem, suffix] = /^(.*?)(\.[^.]*)?$/.exec(name);
    let result = name;
    for (let number = 2; this.names.has(result.toLowerCase()); number++) result = `${stem} (${number})${suffix ?? ""}`;
    this.names.add(result.toLowerCase());
    return result;
  }

  finish() {
    const count = this.directory.length / 2;
    const length = this.directory.reduce((sum, part) => sum + part.byteLength, 0);
    const end = bytes(
      [0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [length, 4], [this.size, 4], [0, 2],
    );
    return new Blob([...this.parts, ...this.directory, end], { type: "application/zip" });
  }
}
