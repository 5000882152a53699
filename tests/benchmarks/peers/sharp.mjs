// sharp, its resize and its quarter turns, behind the line protocol that child.py describes.

import { createInterface } from "node:readline";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

// Where the benchmark has installed it, which is not beside this file.
const sharp = createRequire(`${process.env.BENCH_HOME}/sharp/`)("sharp");
sharp.cache(false);
sharp.concurrency(1);

const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");

const pages = async (data) => (await sharp(data, { animated: true }).metadata()).pages ?? 1;

// AVIF and HEIC are one format to sharp; who uploads a HEIC gets a JPEG, as from the machine.
const formatOf = async (data) => {
  const { format, compression } = await sharp(data).metadata();
  return format === "heif" ? (compression === "av1" ? "avif" : "jpeg") : format;
};

const encoded = (image, format, quality) => {
  const options = { jpeg: { quality }, webp: { quality }, avif: { quality } };
  return image.toFormat(format, options[format] ?? {}).toBuffer();
};

const resized = (image, format, { width, height, cover = false, quality = 80, formats = ["keep"] }) => {
  const made = image.resize(width, height, { fit: cover ? "cover" : "inside", withoutEnlargement: true });
  const names = formats.map((name) => (name === "keep" ? format : name));
  if (names.length === 1) {
    return encoded(made, names[0], quality);
  }
  return Promise.all(names.map((name) => encoded(made.clone(), name, quality))).then(Buffer.concat);
};

const contender = async (data, format, task) => {
  const { degrees = 0, quality = 80 } = task;
  if (degrees) {
    return encoded(sharp(data).autoOrient().rotate(degrees), format, quality);
  }
  const image = sharp(data, { animated: format === "gif" || format === "webp" }).autoOrient();
  return resized(image, format, task);
};

say({ sharp: sharp.versions.sharp, "sharp's libvips": sharp.versions.vips, Node: process.versions.node });

let path, data, format, count;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.picture !== path) {
    path = request.picture;
    data = readFileSync(path);
    format = await formatOf(data);
    count = await pages(data);
  }
  if (request.task.degrees && count > 1) {
    say({ unable: "sharp cannot turn an animation" });
    continue;
  }
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  let result;
  try {
    result = await contender(data, format, request.task);
  } catch (error) {
    say({ unable: String(error.message) });
    continue;
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  if (request.save) writeFileSync(request.save, result);
  const peak = process.resourceUsage().maxRSS * 1024;
  say({ seconds, cpu: (user + system) / 1e6, bytes: result.length, peak });
}
