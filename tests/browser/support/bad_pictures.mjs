// Hostile pictures: bytes of each format, whole and broken, made here and stored nowhere.
import { deflateSync, gzipSync } from "node:zlib";

/// Random numbers from 0 to 1 that are the same in every run with the same seed (mulberry32).
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const CRC = Int32Array.from({ length: 256 }, (_, n) => Array.from({ length: 8 }).reduce((c) => (c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1), n));
const crc32 = (bytes) => (bytes.reduce((crc, byte) => CRC[(crc ^ byte) & 255] ^ (crc >>> 8), -1) ^ -1) >>> 0;
const u32 = (...values) => Buffer.concat(values.map((value) => { const word = Buffer.alloc(4); word.writeUInt32BE(value); return word; }));
const u16 = (value) => Buffer.from([value >> 8, value & 255]);
/// Little-endian, of so many bytes.
const le = (value, bytes) => { const word = Buffer.alloc(bytes); word.writeUIntLE(value, 0, bytes); return word; };

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  return Buffer.concat([u32(data.length), body, u32(crc32(body))]);
}
const header = (width, height, depth = 8, colours = 2) => chunk("IHDR", Buffer.concat([u32(width, height), Buffer.from([depth, colours, 0, 0, 0])]));
const END = chunk("IEND", Buffer.alloc(0));

/// A few colours in stripes, `turn` stripes along.
const STRIPES = [[200, 40, 30], [240, 220, 90], [20, 90, 180], [10, 160, 70]];
const stripe = (x, side, turn = 0) => (Math.floor((4 * x) / side) + turn) % 4;
function rows(side, turn = 0) {
  const row = Buffer.from([0, ...Array.from({ length: side }, (_, x) => STRIPES[stripe(x, side, turn)]).flat()]);
  return deflateSync(Buffer.concat(Array(side).fill(row)));
}

/// A PNG of stripes, with more chunks before its pixels.
export const png = (side, ...before) => Buffer.concat([PNG, header(side, side), ...before, chunk("IDAT", rows(side)), END]);

/// A PNG of one bit a pixel, all white and whole, however large it is.
function whitePng(width, height) {
  const row = Buffer.alloc(1 + Math.ceil(width / 8), 255);
  row[0] = 0;
  const pixels = Buffer.alloc(row.length * height);
  for (let y = 0; y < height; y += 1) row.copy(pixels, y * row.length);
  return Buffer.concat([PNG, header(width, height, 1, 0), chunk("IDAT", deflateSync(pixels)), END]);
}

/// An animated PNG: the first frame, and `count - 1` others of other stripes.
function apng(side, count) {
  const control = (number) => chunk("fcTL", Buffer.concat([u32(number, side, side, 0, 0), u16(1), u16(100), Buffer.from([0, 0])]));
  const other = rows(side, 1);
  const frames = Array.from({ length: count - 1 }, (_, i) => [control(1 + 2 * i), chunk("fdAT", Buffer.concat([u32(2 + 2 * i), other]))]).flat();
  return Buffer.concat([PNG, header(side, side), chunk("acTL", u32(count, 0)), control(0), chunk("IDAT", rows(side)), ...frames, END]);
}

/// A GIF of so many frames; all but the first are of other stripes. Its codes are written plainly: the table is cleared before it grows.
export function gif(side, count = 1) {
  const pixels = (turn) => {
    const codes = Array.from({ length: side * side }, (_, i) => [...(i % 2 ? [] : [4]), stripe(i % side, side, turn)]).flat();
    const bytes = Buffer.alloc(Math.ceil((3 * (codes.length + 1)) / 8));
    [...codes, 5].forEach((code, i) => [0, 1, 2].forEach((bit) => { if (code >> bit & 1) bytes[(3 * i + bit) >> 3] |= 1 << ((3 * i + bit) & 7); }));
    const blocks = Array.from({ length: Math.ceil(bytes.length / 255) }, (_, i) => bytes.subarray(255 * i, 255 * (i + 1)));
    return Buffer.concat([Buffer.from([2]), ...blocks.flatMap((block) => [Buffer.from([block.length]), block]), Buffer.from([0])]);
  };
  const frame = (turn) => Buffer.concat([
    Buffer.from([0x21, 0xf9, 4, 0, 1, 0, 0, 0, 0x2c, 0, 0, 0, 0]), le(side, 2), le(side, 2), Buffer.from([0]), pixels(turn),
  ]);
  return Buffer.concat([
    Buffer.from("GIF89a"), le(side, 2), le(side, 2), Buffer.from([0x91, 0, 0, ...STRIPES.flat()]), frame(0),
    ...Array(count - 1).fill(frame(1)), Buffer.from([0x3b]),
  ]);
}

export function bmp(side) {
  const row = Buffer.alloc(Math.ceil((3 * side) / 4) * 4);
  for (let x = 0; x < side; x += 1) row.set([...STRIPES[stripe(x, side)]].reverse(), 3 * x);
  return Buffer.concat([bmpHeader(side, side, row.length * side), ...Array(side).fill(row)]);
}
const bmpHeader = (width, height, bytes) => Buffer.concat([
  Buffer.from("BM"), ...[54 + bytes, 0, 54, 40, width, height].map((value) => le(value, 4)), le(1, 2), le(24, 2),
  ...[0, bytes, 2835, 2835, 0, 0].map((value) => le(value, 4)),
]);

const segment = (marker, body) => Buffer.concat([Buffer.from([0xff, marker]), u16(body.length + 2), body]);
/// A grey JPEG, whole however large it is: two bits a block of 8 × 8.
function greyJpeg(width, height) {
  const table = (kind) => segment(0xc4, Buffer.from([kind, 1, ...Array(15).fill(0), 0]));
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]), segment(0xdb, Buffer.from([0, ...Array(64).fill(1)])),
    segment(0xc0, Buffer.concat([Buffer.from([8]), u16(height), u16(width), Buffer.from([1, 1, 0x11, 0])])), table(0x00), table(0x10),
    segment(0xda, Buffer.from([1, 1, 0, 0, 63, 0])), Buffer.alloc(Math.ceil((Math.ceil(width / 8) * Math.ceil(height / 8)) / 4)), Buffer.from([0xff, 0xd9]),
  ]);
}
const comment = (text) => segment(0xfe, Buffer.from(text));
const behindSignature = (bytes, more) => Buffer.concat([bytes.subarray(0, 2), more, bytes.subarray(2)]);

function riff(...parts) {
  const body = Buffer.concat([Buffer.from("WEBP"), ...parts.map(([type, data]) => Buffer.concat([Buffer.from(type), le(data.length, 4), data, Buffer.alloc(data.length % 2)]))]);
  return Buffer.concat([Buffer.from("RIFF"), le(body.length, 4), body]);
}
const webpHeader = (width, height, flags) => ["VP8X", Buffer.concat([Buffer.from([flags, 0, 0, 0]), le(width - 1, 3), le(height - 1, 3)])];
/// The pixels of a still WebP, whatever else Chromium wrote ahead of them.
function pixels(webp) {
  for (let at = 12; at < webp.length;) {
    const length = webp.readUInt32LE(at + 4);
    if (/^VP8[ L]$/.test(webp.toString("latin1", at, at + 4))) return webp.subarray(at, at + 8 + length + (length % 2));
    at += 8 + length + (length % 2);
  }
  throw new Error("this WebP has no pixels");
}
/// An animated WebP that shows `first`, and then `other` again and again; both are whole still WebPs of that side.
function awebp(side, first, other, count) {
  const frame = (still) => ["ANMF", Buffer.concat([le(0, 3), le(0, 3), le(side - 1, 3), le(side - 1, 3), le(10, 3), Buffer.from([0]), pixels(still)])];
  return riff(webpHeader(side, side, 2), ["ANIM", Buffer.alloc(6)], frame(first), ...Array(count - 1).fill(frame(other)));
}

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><script>globalThis.hit = 1; fetch("https://stranger.example/")</script>'
  + '<image href="https://stranger.example/a.png" width="64" height="64"/><rect width="64" height="64" onclick="hit = 1"/></svg>';
const SCRIPT = "<!doctype html><script>globalThis.hit = 1</script><img src=x onerror='globalThis.hit = 1'>";

/// What the page answers.
export const SAYS = {
  empty: /This file is empty\. Choose a JPEG, PNG, WebP, GIF or BMP picture\.$/,
  none: /This is no picture that can be read here\. Choose a JPEG, PNG, WebP, GIF or BMP\.$/,
  svg: /This is an SVG drawing, which has no pixels of its own\. Export it as PNG and choose that\.$/,
  damaged: /This picture is damaged or cut off: the browser cannot decode it\. Save it again, or choose another\.$/,
  bytes: /This file is \d+ MB large; at most 20 MB are read\. Choose a smaller one\.$/,
  pixels: /This picture is \d+ × \d+ pixels; at most 50 million pixels are decoded\. Make it smaller first\.$/,
};
/// A picture that is to be read, and one that may be read or be refused.
export const READ = "read";
export const EITHER = "either";

/// Names, bytes, and what is to come of them: a sentence (any where it is left open), or the picture. Given are a JPEG, and WebPs of side 64.
export function cases({ jpeg, webp, webpTurned }) {
  const bomb = (megabytes) => deflateSync(Buffer.alloc(megabytes * 1_000_000));
  const text = (type, name, bytes) => chunk(type, Buffer.concat([Buffer.from(`${name}\0\0`), bytes]));
  const aMegabyte = Buffer.concat(Array.from({ length: 17 }, () => segment(0xe1, Buffer.alloc(65_000))));
  return {
    size: [
      ["claims.png", Buffer.concat([PNG, header(60_000, 60_000), chunk("IDAT", rows(8)), END]), SAYS.pixels],
      ["over.png", Buffer.concat([PNG, header(7_072, 7_072), END]), SAYS.pixels],
      ["over.jpg", greyJpeg(7_072, 7_072), SAYS.pixels],
      ["over-behind-a-megabyte.jpg", behindSignature(greyJpeg(20_000, 20_000), aMegabyte), SAYS.pixels],
      ["over.gif", Buffer.concat([Buffer.from("GIF89a"), le(7_072, 2), le(7_072, 2), gif(16).subarray(10)]), SAYS.pixels],
      ["over.webp", riff(webpHeader(7_072, 7_072, 0), ["VP8 ", pixels(webp).subarray(8)]), SAYS.pixels],
      ["over.bmp", bmpHeader(7_072, 7_072, 3 * 7_072 ** 2), SAYS.pixels],
      ["most.bmp", bmpHeader(2 ** 31 - 1, 2 ** 31 - 1, 0), SAYS.pixels],
      ["most.gif", Buffer.concat([Buffer.from("GIF89a"), le(65_535, 2), le(65_535, 2), gif(16).subarray(10)]), SAYS.pixels],
      ["nothing.png", Buffer.concat([PNG, header(0, 64), chunk("IDAT", rows(8)), END]), SAYS.none],
      ["heavy.png", Buffer.concat([png(64), Buffer.alloc(20_000_001 - png(64).length)]), SAYS.bytes],
      ["just-light-enough.png", Buffer.concat([png(64), Buffer.alloc(20_000_000 - png(64).length)]), READ],
    ],
    most: [
      ["just-small-enough.png", whitePng(7_071, 7_071), READ],
      ["just-small-enough.jpg", greyJpeg(7_071, 7_071), READ],
    ],
    many: [
      ["still.gif", gif(64), READ], ["frames.gif", gif(64, 4_000), READ],
      ["still.png", png(64), READ], ["frames.png", apng(64, 5_000), READ],
      ["still.webp", webp, READ], ["frames.webp", awebp(64, webp, webpTurned, 5_000), READ],
    ],
    metadata: [
      ["texts.png", png(64, ...Array.from({ length: 8 }, (_, i) => text("zTXt", `text ${i}`, bomb(32)))), READ],
      ["profile.png", png(64, text("iCCP", "profile", bomb(64))), READ],
      ["international.png", png(64, chunk("iTXt", Buffer.concat([Buffer.from("text\0\x01\0\0\0"), bomb(64)]))), READ],
      ["long.jpg", behindSignature(jpeg, aMegabyte), READ],
    ],
    polyglots: [
      ["paper.jpg", Buffer.concat([Buffer.from("%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n"), jpeg]), SAYS.none],
      ["paper-inside.jpg", behindSignature(jpeg, comment("%PDF-1.7\n1 0 obj\n<</OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>\nendobj\n")), READ],
      ["page.html", png(64, chunk("tEXt", Buffer.from(`Comment\0${SCRIPT}`))), READ],
      ["page.jpg", behindSignature(jpeg, comment(SCRIPT)), READ],
      ["page-first.png", Buffer.concat([Buffer.from(SCRIPT), png(64)]), SAYS.none],
      ["page-in-a-head.jpg", Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from(SCRIPT)]), SAYS.damaged],
      ["script.gif", Buffer.from("GIF89a\x01\x00\x01\x00=1;globalThis.hit=1;//"), SAYS.damaged],
      ["drawing.svg", Buffer.from(SVG), SAYS.svg],
      ["drawing.png", Buffer.from(`\ufeff<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>${SVG}`), SAYS.svg],
      ["drawing-far-down.png", Buffer.from(`<!-- ${"-".repeat(70_000)} -->${SVG}`), SAYS.none],
      ["drawing-wide.png", Buffer.from(`\ufeff${SVG}`, "utf16le"), SAYS.none],
      ["drawing-packed.png", gzipSync(SVG), SAYS.none],
      ["archive.png", Buffer.concat([png(64), Buffer.from("PK\x03\x04\x14\0\0\0\0\0"), Buffer.from(SCRIPT), Buffer.from("PK\x05\x06"), Buffer.alloc(18)]), READ],
      ["icon.png", Buffer.concat([le(0, 2), le(1, 2), le(1, 2), Buffer.from([16, 16, 0, 0]), le(1, 2), le(32, 2), le(60, 4), le(22, 4), header(20_000, 20_000)]), SAYS.damaged],
    ],
    nothing: [
      ["empty.png", Buffer.alloc(0), SAYS.empty],
      ["text.png", Buffer.from("Not a picture at all."), SAYS.none],
      ["zeros.png", Buffer.alloc(100_000), SAYS.none],
      ["program.png", Buffer.from("\x7fELF\x02\x01\x01"), SAYS.none],
      ["<img src=x onerror='globalThis.hit = 1'>.png", Buffer.from("no"), SAYS.none],
      ["\u202egnp.exe", Buffer.from("no"), SAYS.none],
      [`${"long".repeat(60)}.png`, Buffer.from("no"), SAYS.none],
    ],
    cut: Object.entries({ png: png(64), jpeg, gif: gif(64), webp, bmp: bmp(64) }).flatMap(([format, bytes]) => [
      [`4.${format}`, bytes.subarray(0, 4), undefined],
      [`20.${format}`, bytes.subarray(0, 20), undefined],
      ...[0.25, 0.5, 0.9].map((share) => [`${100 * share}-percent.${format}`, bytes.subarray(0, share * bytes.length), EITHER]),
      [`all-but-one.${format}`, bytes.subarray(0, -1), EITHER],
    ]),
  };
}
