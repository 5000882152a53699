// The page: listens to the machine, and shows what it hears.

import { $, count, make, number, say } from "./dom.js";
import { leftOut, listen, send, sorted } from "./drop.js";
import { Machine } from "./machine.js";
import { Uploads, Viewer, good, pathOf, small } from "./uploads.js";

const takes = document.body.dataset.takes === "yes";
const machine = new Machine($("#machine"));
const viewer = takes ? new Viewer() : null;
const uploads = takes ? new Uploads(machine.variants, (...what) => viewer.open(...what)) : null;
const own = new Map(); // pictures that this page has sent, by key
const known = new Map(); // uploads, by key, as they were last told of
let greeted = false;

function hear(news) {
  if (news.state) {
    machine.counts(news.state.variants);
    $("#problems").hidden = !news.state.problems.length;
    $("#problems").replaceChildren(...news.state.problems.map((problem) => make("p", {}, problem)));
  }
  if (news.uploads) hearOfUploads(news);
  greeted = true;
}

function hearOfUploads(news) {
  say($("#uploaded"), number(news.uploaded));
  machine.told(news.variants);
  say($("#results"), number(Object.values(news.variants).reduce((sum, { made = 0 }) => sum + made, 0)));
  uploads.update(news.uploads, news.uploaded, own);
  const landed = [];
  for (const upload of news.uploads) {
    const before = known.get(upload.key);
    known.set(upload.key, upload);
    const same = before?.number === upload.number ? before : null;
    // What had happened before the page was opened does not move.
    if (greeted) animate(upload, same);
    for (const [variant, told] of Object.entries(upload.told)) {
      if (good(told) && !good(same?.told[variant])) landed.push([upload.key, small(upload, variant, 0)]);
    }
  }
  machine.lands(landed);
  while (known.size > 500) known.delete(known.keys().next().value);
  const outside = news.outside;
  $("#outside").hidden = !outside.length;
  if (outside.length) {
    say($("#outside"), `Not seen by the machine, for it lies outside the prefix: ${outside.slice(0, 3).join(", ")}${outside.length > 3 ? ` and ${count(outside.length - 3, "other")}` : ""}.`);
  }
}

function animate(upload, before) {
  const look = { picture: own.get(upload.key) ?? `uploads/${upload.number}/small` };
  if (!before) machine.enters(upload.key, look);
  for (const [variant, told] of Object.entries(upload.told)) {
    if (before?.told[variant]?.outcome !== told.outcome) machine.leaves(upload.key, variant, told.outcome, look);
  }
  const all = Object.values(upload.told);
  if (all.length === machine.variants.length && Object.keys(before?.told ?? {}).length < all.length) {
    const made = all.filter(good).length;
    say($("#announce"), `${pathOf(upload)}: ${made} of ${count(all.length, "variant")} made.`);
  }
}

function state(name, text) {
  $("#state").dataset.state = name;
  say($("#state"), text);
}

const events = new EventSource("events");
events.onopen = () => state("live", takes ? "running" : "seen live");
events.onmessage = (event) => hear(JSON.parse(event.data));
events.onerror = () => state("lost", "not there; looking for it");

if (takes) {
  const extensions = new Set($("#files").accept.split(","));
  const parts = { zone: $("#source"), choose: $("#choose"), chooseFolder: $("#choose-folder"), files: $("#files"), folder: $("#folder") };
  const prefix = $("#source code").textContent.split("/").slice(3).join("/");
  listen(parts, async (found) => {
    const { taken, others } = sorted(found, extensions);
    for (const { path, file } of taken) {
      if (/^image\/(avif|gif|jpeg|png|webp)$/.test(file.type)) remember(prefix + path, URL.createObjectURL(file));
    }
    const tell = (text) => {
      $("#dropped").hidden = !text;
      say($("#dropped"), text);
    };
    const without = leftOut(others);
    await send(taken, (done, refused) => {
      const way = done < taken.length ? `${number(done)} of ${count(taken.length, "file")} uploaded.` : "";
      tell([way, ...refused, without].filter(Boolean).join(" "));
    });
    if (!taken.length) tell(without || "There is no picture in it.");
  });
}

function remember(key, address) {
  if (own.has(key)) URL.revokeObjectURL(own.get(key));
  own.set(key, address);
  if (own.size > 200) {
    const [oldest, gone] = own.entries().next().value;
    own.delete(oldest);
    URL.revokeObjectURL(gone);
  }
}
